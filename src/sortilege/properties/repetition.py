"""Repetition: how much of a text is made of n-grams that occur more than once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.properties._base import Property, Span, Text
from sortilege.properties._ngrams import LEVELS, Unit, cover, places, repeated, spans, units


@dataclass(frozen=True)
class Repetition(Property):
    """The share of a text that n-grams of words or characters repeat, in [0, 1]; NaN for a text without any.

    share = "characters": of the characters, those in any n-gram that occurs more than once, each counted once;
    "top": those in the most frequent of these n-grams (of several, in the one that covers most);
    "ngrams": 1 - distinct n-grams / n-grams, known as seq-rep-n.

    Case is ignored. Among words, punctuation and spaces count on neither side. A text shorter than n has none: 0.

    Values beyond which Gopher's training data leaves a page out: "top" 0.20, 0.18, 0.16 for n = 2, 3, 4 words, and
    "characters" 0.15, 0.14, 0.13, 0.12, 0.11, 0.10 for n = 5 to 10 words.

    Source: Rae et al. (2021), "Scaling language models: methods, analysis & insights from training Gopher", table A1;
    Welleck et al. (2020), "Neural text generation with unlikelihood training", section 6 (seq-rep-n).
    """

    unit: ClassVar[str] = "share"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.005
    source: ClassVar[str] = "Rae et al. 2021, arXiv:2112.11446, table A1; Welleck et al. 2020, arXiv:1908.04319"

    level: str = knob("word", choices=LEVELS, doc="what n-grams are made of")
    n: int = knob(5, 1, doc="words or characters in an n-gram")
    share: str = knob("characters", choices=("characters", "top", "ngrams"), doc="what is counted")

    def load(self) -> None:
        units("", self.level)

    def measure(self, texts: Sequence[Text]) -> list[float]:
        return [self._value(units(text.text, self.level)) for text in texts]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        found = [units(text.text, self.level) for text in texts]
        return [spans(one, self._cover(one)) for one in found]

    def _value(self, found: list[Unit]) -> float:
        if not found:
            return math.nan
        if self.share == "ngrams":
            return 1 - len(places(found, self.n)) / max(len(found) - self.n + 1, 1) if len(found) >= self.n else 0.0
        covered = sum(_length(unit) for unit, count in zip(found, self._cover(found), strict=True) if count)
        return covered / sum(map(_length, found))

    def _cover(self, found: list[Unit]) -> list[int]:
        """How many of the n-grams that count each unit is part of."""
        again = repeated(found, self.n)
        if self.share == "top" and again:
            most = max(map(len, again))
            tied = [cover(len(found), [starts], self.n) for starts in again if len(starts) == most]
            return max(tied, key=lambda counts: sum(_length(u) for u, c in zip(found, counts, strict=True) if c))
        return cover(len(found), again, self.n)


def _length(unit: Unit) -> int:
    return unit.end - unit.start
