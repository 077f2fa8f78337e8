"""Distinct n-grams: how varied a text is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.properties._base import Property, Span, Text
from sortilege.properties._ngrams import LEVELS, cover, places, repeated, spans, units


@dataclass(frozen=True)
class Distinct(Property):
    """distinct n-grams / n-grams of a text, in (0, 1]: 1 where none occurs twice, as in texts shorter than n.

    Case is ignored. NaN for a text without a word (or character, where these are counted). The source divides by the
    number of words; n-grams, which are usual since, make 1 the most. Long texts repeat more than short ones: compare
    texts of like length.

    Source: Li, Galley, Brockett, Gao and Dolan (2016), "A diversity-promoting objective function for neural
    conversation models", section 5.2 (distinct-1 and distinct-2).
    """

    unit: ClassVar[str] = "share of n-grams"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.005
    source: ClassVar[str] = "Li et al. 2016, arXiv:1510.03055"

    n: int = knob(2, 1, doc="words or characters in an n-gram")
    level: str = knob("word", choices=LEVELS, doc="what n-grams are made of")

    def load(self) -> None:
        units("", self.level)

    def measure(self, texts: Sequence[Text]) -> list[float]:
        return [self._value(text.text) for text in texts]

    def _value(self, text: str) -> float:
        found = units(text, self.level)
        if not found:
            return math.nan
        return len(places(found, self.n)) / (len(found) - self.n + 1) if len(found) >= self.n else 1.0

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        """The words or characters in n-grams that occur more than once."""
        found = [units(text.text, self.level) for text in texts]
        return [spans(one, cover(len(one), repeated(one, self.n), self.n)) for one in found]
