"""What may vary in a decoding method: a sampler, and ranges of its knobs, read off its fields.

    method    = sampler ["~" dimension {"," dimension} | "~" "none"]
    dimension = knob ["=" low ":" high [":log" | ":linear"]] | knob "=" value "|" value {"|" value}

The sampler is written as ``parse_sampler`` reads it. ``truncation.min_p`` is a knob of a sampler within one, and
``min-p.min_p`` one of the stage ``min-p``, should several have it; of stages of one name, the second is ``min-p_2``.
A knob without a range has that of its field (``tune``), a choice all its choices. Without ``~``, every knob varies that
has such a range and is given no value in the sampler's text.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sortilege import _spec
from sortilege._checks import one_of
from sortilege._knobs import Knob, knobs
from sortilege.presets import expanded
from sortilege.samplers._base import Sampler
from sortilege.samplers._chain import chain, stages
from sortilege.samplers.registry import SAMPLERS
from sortilege.samplers.spec import format_sampler, parse_sampler

_SCALARS = ("float", "int", "bool", "choice")


class InfeasibleError(ValueError):
    """A combination of values, each in its range, that makes no sound sampler; the message says why."""


@dataclass(frozen=True)
class Dimension:
    """A knob that varies.

    path: its name, as short as it can be. knob: what its field says.
    low, high: the range, ends included; integers where the knob is one. log: whether its scale is logarithmic.
    choices: the values it is one of; empty where it has a range.
    place: where it is: the number of the stage and the knob, and so on inwards.
    """

    path: str
    knob: Knob
    low: float
    high: float
    log: bool
    choices: tuple[Any, ...]
    place: tuple[int | str, ...]

    @property
    def text(self) -> str:
        """As it is written after the ``~``."""
        if self.choices:
            return f"{self.path}={'|'.join(map(_shown, self.choices))}"
        return f"{self.path}={self.low!r}:{self.high!r}{':log' if self.log else ''}"

    def __contains__(self, value: Any) -> bool:
        return value in self.choices if self.choices else bool(self.low <= value <= self.high)

    def rounded(self, value: Any) -> Any:
        """A value as samplers get it: to five digits, as no result depends on more and people are to read it."""
        if self.choices or self.knob.kind == "int":
            return value
        return min(max(float(f"{value:.5g}"), self.low), self.high)

    def points(self, count: int) -> list[Any]:
        """``count`` values from end to end, evenly on its scale; fewer where integers coincide; all the choices."""
        if self.choices:
            return list(self.choices)
        shares = [i / (count - 1) for i in range(count)] if count > 1 else [0.5]
        if self.log:
            values = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            values = [self.low + (self.high - self.low) * share for share in shares]
        if self.knob.kind == "int":
            return sorted({round(value) for value in values})
        return [self.rounded(value) for value in values]


@dataclass(frozen=True)
class Space:
    """A sampler and what varies in it; nothing may."""

    base: Sampler
    dimensions: tuple[Dimension, ...]

    @property
    def text(self) -> str:
        """The method in full: ``read_method`` reads the same space from it."""
        return f"{format_sampler(self.base)} ~ {', '.join(one.text for one in self.dimensions) or 'none'}"

    def sampler(self, values: Mapping[str, Any]) -> Sampler:
        """The sampler with these values, one for each dimension by its path.

        Raises ValueError for a missing or unknown dimension and a value outside it, and InfeasibleError, a ValueError,
        where the sampler warns of the combination.
        """
        if set(values) != {one.path for one in self.dimensions}:
            known = ", ".join(one.path for one in self.dimensions) or "none"
            raise ValueError(f"values must be given for the dimensions {known}, got {', '.join(values) or 'none'}")
        for one in self.dimensions:
            if values[one.path] not in one:
                raise ValueError(f"{one.path} must be in {one.text.partition('=')[2]}, got {values[one.path]!r}")
        if not self.dimensions:
            return self.base
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                return _with(self.base, {one.place: values[one.path] for one in self.dimensions})
            except Warning as warning:
                raise InfeasibleError(str(warning)) from None


def read_method(text: str) -> Space:
    """The space that ``text`` describes.

    Raises ValueError for a sampler that cannot be read, a knob that is unknown, ambiguous, given twice, no number and
    no choice, or without a range, and for a range that is empty or not within the knob's.

    >>> read_method("min-p").text
    'min-p ~ min_p=0.001:0.3:log'
    >>> read_method("temperature(0.8), top-p ~ top_p=0.8:1").dimensions[0].high
    1.0
    """
    written, tilde, varying = text.partition("~")
    written = expanded(written)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that vary: ``Space.sampler`` looks at each combination
        base = parse_sampler(written)
    leaves = list(_leaves(base, _spec.given(written, SAMPLERS)))
    if not tilde:
        chosen = [_dimension(leaf, "", leaves) for leaf in leaves if leaf.knob.tune is not None and not leaf.given]
    elif varying.strip().lower() == "none":
        chosen = []
    else:
        parts = [part.partition("=") for part in varying.split(",")]
        chosen = [_dimension(_found(name.strip(), leaves), rest.strip(), leaves) for name, _, rest in parts]
    for number, one in enumerate(chosen):
        if one.place in {other.place for other in chosen[:number]}:
            raise ValueError(f"{one.path} was given twice after ~ in {text!r}")
    return Space(base, tuple(chosen))


@dataclass(frozen=True)
class _Leaf:
    """A knob somewhere in a sampler: ``fields`` are the knobs on the way to it, ``names`` those and the stages."""

    place: tuple[int | str, ...]
    fields: tuple[str, ...]
    names: tuple[str, ...]
    knob: Knob
    given: bool


def _leaves(sampler: Sampler, given: Sequence[Mapping[str, Any]]) -> Iterator[_Leaf]:
    """All knobs of a sampler and of those within it; ``given`` is what its text says of each stage."""
    met: dict[str, int] = {}
    for number, stage in enumerate(stages(sampler)):
        name = SAMPLERS.name_of(stage)
        met[name] = met.get(name, 0) + 1
        name = name if met[name] == 1 else f"{name}_{met[name]}"
        said = given[number] if number < len(given) else {}
        for field, knob in knobs(stage).items():
            value = getattr(stage, field)
            if isinstance(value, Sampler):
                for leaf in _leaves(value, said.get(field) or ()):
                    fields, names = (field, *leaf.fields), (name, field, *leaf.names)
                    yield _Leaf((number, field, *leaf.place), fields, names, leaf.knob, leaf.given)
            else:
                yield _Leaf((number, field), (field,), (name, field), knob, field in said)


def _matching(path: str, leaves: Sequence[_Leaf]) -> list[_Leaf]:
    """The leaves that a path means: all of a leaf's names, or some of them, in their order and with the last.

    Stages are written with hyphens and knobs with underscores; either may be written as the other.
    """
    wanted = path.replace("-", "_").split(".")
    exact: list[_Leaf] = []
    found: list[_Leaf] = []
    for leaf in leaves:
        names = [name.replace("-", "_") for name in leaf.names]
        if wanted in (names, [*leaf.fields]):
            exact.append(leaf)
        rest = iter(names)
        if names[-1] == wanted[-1] and all(name in rest for name in wanted):
            found.append(leaf)
    return exact if len(exact) == 1 else found


def _found(path: str, leaves: Sequence[_Leaf]) -> _Leaf:
    found = _matching(path, leaves)
    if not found:
        known = ", ".join(_short(leaf, leaves) for leaf in leaves if leaf.knob.kind in _SCALARS)
        raise ValueError(f"no knob {path!r} to vary; known: {known or 'none'}")
    if len(found) > 1:
        raise ValueError(f"{path} is ambiguous; write {' or '.join('.'.join(leaf.names) for leaf in found)}")
    return found[0]


def _short(leaf: _Leaf, leaves: Sequence[_Leaf]) -> str:
    short = ".".join(leaf.fields)
    return short if _matching(short, leaves) == [leaf] else ".".join(leaf.names)


def _dimension(leaf: _Leaf, written: str, leaves: Sequence[_Leaf]) -> Dimension:
    path, knob = _short(leaf, leaves), leaf.knob
    if knob.kind not in _SCALARS:
        raise ValueError(f"{path} cannot vary: it is neither a number nor a choice, but {knob.range}")
    if "|" in written or (knob.kind in ("bool", "choice") and not written):
        choices = [_value(path, knob, part.strip()) for part in written.split("|")] if written else _all(knob)
        if len(set(choices)) < len(choices) or len(choices) < 2:
            raise ValueError(f"{path} must have two or more choices, all different, got {written!r}")
        return Dimension(path, knob, 0, 0, False, tuple(choices), leaf.place)
    if written:
        low, high, log = _range(path, knob, written)
    elif knob.tune is not None:
        (low, high), log = knob.tune, knob.log
    else:
        raise ValueError(f"{path} has no range of its own to vary in; write {path}=LOW:HIGH, within {knob.range}")
    number = int if knob.kind == "int" else float
    return Dimension(path, knob, number(low), number(high), log, (), leaf.place)


def _range(path: str, knob: Knob, written: str) -> tuple[float, float, bool]:
    parts = [part.strip() for part in written.split(":")]
    if len(parts) not in (2, 3) or knob.kind not in ("int", "float"):
        shape = "LOW:HIGH or LOW:HIGH:log" if knob.kind in ("int", "float") else "CHOICE|CHOICE"
        raise ValueError(f"{path} must be written {path}={shape}, got {written!r}")
    low, high = (_value(path, knob, part) for part in parts[:2])
    scale = one_of(f"the scale of {path}", parts[2], ("log", "linear")) if len(parts) == 3 else None
    if low is None or high is None or not low < high:
        raise ValueError(f"{path} must have a lower end below its upper end, got {written!r}")
    if scale == "log" and low <= 0:
        raise ValueError(f"{path} must have a lower end > 0 on a logarithmic scale, got {written!r}")
    return low, high, low > 0 and (knob.log if scale is None else scale == "log")


def _value(path: str, knob: Knob, written: str) -> Any:
    """A value of the knob from its text, checked against its range."""
    value: Any = written
    if written.lower() == "none" and knob.optional:
        value = None
    elif knob.kind == "bool":
        value = {"true": True, "false": False}.get(written.lower(), written)
    elif knob.kind in ("int", "float"):
        try:
            value = int(written) if knob.kind == "int" else float(written)
        except ValueError:
            value = written
    knob.check(path, value)
    return value


def _all(knob: Knob) -> list[Any]:
    choices: list[Any] = [False, True] if knob.kind == "bool" else list(knob.choices)
    return [*choices, None] if knob.optional else choices


def _shown(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _with(sampler: Sampler, values: Mapping[tuple[int | str, ...], Any]) -> Sampler:
    """The sampler with the values at these places, each of its stages made once."""
    made: list[Sampler] = []
    for number, stage in enumerate(stages(sampler)):
        mine = {place[1:]: value for place, value in values.items() if place[0] == number}
        changes: dict[str, Any] = {}
        for field in {str(place[0]) for place in mine}:
            inner = {place[1:]: value for place, value in mine.items() if place[0] == field}
            changes[field] = inner[()] if () in inner else _with(getattr(stage, field), inner)
        made.append(stage.replace(**changes) if changes else stage)
    return chain(*made)
