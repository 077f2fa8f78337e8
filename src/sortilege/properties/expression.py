"""Matches of a regular expression."""

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Span, Text

SECONDS = 10.0
"""The longest that an expression may take over one text."""


@dataclass(frozen=True)
class Expression(Property):
    r"""How often a regular expression matches, without overlaps; 0 for a text it does not match.

    share = false: the number of matches, an integer >= 0. share = true: matched characters / characters, in [0, 1], NaN
    for an empty text.

    The expression is one of the ``regex`` package, which knows all of Python's ``re`` and Unicode's properties such as
    ``\p{Lu}``; flags are written within, as in ``(?i)sea``.

    Raises ValueError for a pattern that is none. An expression that backtracks for more than 10 seconds over a text is
    an error and not a value, as values must not depend on how fast a machine is.
    """

    unit: ClassVar[str] = "matches, or share of characters"
    low: ClassVar[float] = 0.0
    source: ClassVar[str] = "Python's regular expressions, by regex"

    pattern: str = knob(MISSING, kind="text", doc="the regular expression")
    share: bool = knob(False, doc="whether to give matched characters / characters rather than the number of matches")

    def __post_init__(self) -> None:
        super().__post_init__()
        compiled(self.pattern)

    def measure(self, texts: Sequence[Text]) -> list[float]:
        return [self._value(text.text) for text in texts]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        """The matches, weighted by their length where that is what counts."""
        return [
            [Span(a, b, float(b - a if self.share else 1)) for a, b in self._matches(text.text) if a < b]
            for text in texts
        ]

    def _value(self, text: str) -> float:
        if not self.share:
            return float(len(self._matches(text)))
        return sum(end - start for start, end in self._matches(text)) / len(text) if text else math.nan

    def _matches(self, text: str) -> list[tuple[int, int]]:
        try:
            return [match.span() for match in compiled(self.pattern).finditer(text, timeout=SECONDS)]
        except TimeoutError as error:
            raise ValueError(
                f"the expression {self.pattern!r} takes more than {SECONDS:g} seconds over a text of {len(text)} "
                "characters; write it so that it backtracks less"
            ) from error


@cache
def compiled(pattern: str) -> Any:
    """The compiled expression. Raises ValueError for a pattern that is none."""
    regex = require("regex", "properties")
    try:
        return regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"Expression.pattern must be a regular expression, got {pattern!r}: {error}") from error
