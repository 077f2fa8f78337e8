"""Bounds on properties, written ``sentiment >= 0.3`` or as a property with a lower and an upper bound beside it."""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from sortilege.properties._base import Bound, Property
from sortilege.properties.registry import format_property, parse_property

SIDES = ("lower", "upper", "tolerance")
_PARTS = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(<=|>=)""")
_NUMBER = re.compile(r"\s*[-+]?(\.?\d\S*|inf|nan)\s*", re.IGNORECASE)


@dataclass
class _Held:
    """A property and what it is held to."""

    property: Property
    lower: float | None = None
    upper: float | None = None
    tolerance: float | None = None


def read_bounds(
    properties: Sequence[str],
    bounds: Sequence[str],
    lower: Sequence[str],
    upper: Sequence[str],
    tolerance: Sequence[str],
) -> list[Bound]:
    """The bounds in the order of ``--property``, then of ``--bound``, each named by its property as it is written out.

    Raises ValueError for what cannot be read, a property named twice, a side given twice, a lower bound, upper bound
    or tolerance of no property, a tolerance without a bound, and a lower bound above the upper one.
    """
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # where a function of the user's own is looked for last
    held: dict[str, _Held] = {}
    for text in properties:
        found = parse_property(text)
        name = format_property(found)
        if name in held:
            raise ValueError(f"--property {name} was given twice")
        held[name] = _Held(found)
    for text in bounds:
        found, sides = _chain(text)
        name = format_property(found)
        one = held.setdefault(name, _Held(found))
        for side, value in sides.items():
            _set(one, name, side, value)
    for side, values in zip(SIDES, (lower, upper, tolerance), strict=True):
        _spread(held, side, values)
    for name, one in held.items():
        if one.tolerance is not None and one.lower is None and one.upper is None:
            raise ValueError(f"--tolerance of {name} is not read: it has no bound")
    return [Bound(name, one.property, one.lower, one.upper, one.tolerance) for name, one in held.items()]


def _chain(text: str) -> tuple[Property, dict[str, float]]:
    """The property and the sides of ``20 <= length <= 40``, ``40 >= length >= 20`` or half of it, either way round."""
    parts, signs = [""], list[str]()
    at = 0
    for match in _PARTS.finditer(text):
        if match[2]:
            parts[-1] += text[at : match.start()]
            parts.append("")
            signs.append(match[2])
            at = match.end()
    parts[-1] += text[at:]
    numbers = [_NUMBER.fullmatch(part) is not None for part in parts]
    right = numbers in ([True, False], [False, True]) or (numbers == [True, False, True] and signs[0] == signs[1])
    if not right:
        raise ValueError(
            "--bound must be written 'sentiment >= 0.3' or '20 <= length <= 40' (--property only reports), "
            f"got {text!r}"
        )
    where = numbers.index(False)
    sides: dict[str, float] = {}
    for i, sign in enumerate(signs):
        value = parts[i] if i < where else parts[i + 1]
        below = (sign == "<=") == (i < where)  # the number is the smaller one
        sides["lower" if below else "upper"] = _number("--bound", value)
    return parse_property(parts[where]), sides


def _spread(held: dict[str, _Held], side: str, values: Sequence[str]) -> None:
    """Give the properties the values of one option: ``name=value``, or plain values in the properties' order."""
    if values and not held:
        raise ValueError(f"bounds without property: --{side} {values[0]} needs a --property")
    named = [value for value in values if "=" in value]
    if named and len(named) < len(values):
        raise ValueError(f"--{side} must be given by name or in order, not both, got {', '.join(values)}")
    if len(values) > len(held):
        raise ValueError(
            f"bounds without property: {len(values)} times --{side} for {len(held)} "
            f"propert{'y' if len(held) == 1 else 'ies'} ({', '.join(held)})"
        )
    names = [_named(value.rpartition("=")[0], held, side) for value in named] or list(held)
    for name, value in zip(names, values, strict=False):
        number = value.rpartition("=")[2]
        if number.strip().lower() != "none":
            _set(held[name], name, side, _number(f"--{side} of {name}", number))


def _named(text: str, held: dict[str, _Held], side: str) -> str:
    """The property that is meant: written out, or by its name where only one has it."""
    like = [name for name in held if name.partition("(")[0] == text.strip().replace("_", "-")]
    name = like[0] if len(like) == 1 else format_property(parse_property(text))
    if name not in held:
        raise ValueError(f"bounds without property: --{side} of {name}, among {', '.join(held)}")
    return name


def _set(one: _Held, name: str, side: str, value: float) -> None:
    if getattr(one, side) is not None:
        raise ValueError(f"{side}{'' if side == 'tolerance' else ' bound'} of {name} was given twice")
    setattr(one, side, value)


def _number(where: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where} must be a number, got {text.strip()!r}") from None
