"""A knob is typed once: its default, range and meaning sit on the dataclass field, and everything reads them there."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from sortilege._checks import one_of, whole, within

_NESTED = {"sampler": "a stateless sampler", "policy": "a policy", "text": "text"}


@dataclass(frozen=True)
class Knob:
    """What a field says of itself.

    kind: "float", "int", "bool", "choice", "text", "sampler", "policy", "tokens" (a tuple of token ids) or "support" (a
    count, or ids).
    low, high: the range; open_low and open_high leave its ends out (infinite ends are always out).
    optional: whether None is allowed, meaning "off".
    neutral: the value at which the knob changes nothing, where there is one.
    doc: what it does and its unit, in one line.
    tune: the range a search should look at, (low, high), and ``log`` its scale; None keeps it out of searches.
    """

    kind: str
    low: float
    high: float
    open_low: bool
    open_high: bool
    optional: bool
    choices: tuple[str, ...]
    neutral: Any
    doc: str
    tune: tuple[float, float] | None
    log: bool

    @property
    def range(self) -> str:
        """The allowed values as text: ``[0, 1)``, ``'pre' | 'emwa'``, ``integer >= 1``."""
        if self.kind == "choice":
            text = " | ".join(self.choices)
        elif self.kind == "bool":
            text = "true | false"
        elif self.kind in _NESTED:
            text = _NESTED[self.kind]
        elif self.kind == "tokens":
            text = "token ids"
        elif self.kind == "support":
            text = f"integer >= {self.low:g}, or token ids"
        else:
            left = "(" if self.open_low or math.isinf(self.low) else "["
            right = ")" if self.open_high or math.isinf(self.high) else "]"
            text = f"{left}{self.low:g}, {self.high:g}{right}"
            text = f"integer in {text}" if self.kind == "int" else text
        return f"{text} or none" if self.optional else text

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError, naming ``name``, the range and the value, unless ``value`` is allowed."""
        if value is None and self.optional:
            return
        if self.kind == "float":
            within(name, value, self.low, self.high, open_low=self.open_low, open_high=self.open_high)
        elif self.kind == "int" or (self.kind == "support" and not isinstance(value, tuple)):
            whole(name, value, int(self.low), None if math.isinf(self.high) else int(self.high))
        elif self.kind == "choice":
            one_of(name, value, self.choices)
        elif self.kind == "text" and not isinstance(value, str):
            raise ValueError(f"{name} must be text, got {value!r}")
        elif self.kind == "bool" and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, got {value!r}")
        elif self.kind in ("tokens", "support"):
            if not isinstance(value, tuple):
                raise ValueError(f"{name} must be a tuple of token ids, got {value!r}")
            for token in value:
                whole(f"{name} (a token id)", token, 0)
            if len(set(value)) < max(len(value), self.low if self.kind == "support" else 0):
                raise ValueError(f"{name} must hold distinct token ids, {self.low:g} or more, got {value!r}")


def knob(
    default: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    doc: str,
    kind: str | None = None,
    open_low: bool = False,
    open_high: bool = False,
    optional: bool = False,
    choices: tuple[str, ...] = (),
    neutral: Any = None,
    tune: tuple[float, float] | None = None,
    log: bool = False,
) -> Any:
    """A dataclass field that is a knob. ``default=dataclasses.MISSING`` makes it required."""
    if kind is None:
        kinds = {bool: "bool", int: "int", float: "float", str: "choice"}
        kind = "choice" if choices else kinds[type(default)]
    described = Knob(kind, low, high, open_low, open_high, optional, choices, neutral, doc, tune, log)
    return dataclasses.field(default=default, metadata={"knob": described})


def knobs(owner: Any) -> dict[str, Knob]:
    """The knobs of an object or its class, by name, in the order of its fields."""
    return {field.name: field.metadata["knob"] for field in dataclasses.fields(owner) if "knob" in field.metadata}


def check_knobs(owner: Any) -> None:
    """Raise ValueError, naming class and knob, unless every knob of an object has an allowed value."""
    for name, described in knobs(owner).items():
        described.check(f"{type(owner).__name__}.{name}", getattr(owner, name))
