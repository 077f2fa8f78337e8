"""Readability formulas, computed by textstat."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Text
from sortilege.properties._words import words

_FUNCTIONS = {
    "flesch-kincaid": "flesch_kincaid_grade",
    "flesch-reading-ease": "flesch_reading_ease",
    "gunning-fog": "gunning_fog",
    "smog": "smog_index",
    "automated-readability": "automated_readability_index",
}


@dataclass(frozen=True)
class Readability(Property):
    """How hard an English text is to read, by a formula; NaN for a text without a word.

    "flesch-kincaid": 0.39 words / sentences + 11.8 syllables / words - 15.59. It and all others but one give a school
    grade of the United States, mostly 0 to 18 and higher for harder texts, with no end on either side;
    "flesch-reading-ease" is 206.835 - 1.015 words / sentences - 84.6 syllables / words, mostly 0 to 100 and higher for
    easier texts. Syllables are those of the CMU pronouncing dictionary, and in words that it lacks the places where
    to hyphenate; sentences of one or two words are not counted. The formulas are for texts of 100 words and more.

    Source: Kincaid, Fishburne, Rogers and Chissom (1975), "Derivation of new readability formulas for Navy enlisted
    personnel"; computed by ``textstat``.
    """

    unit: ClassVar[str] = "grade, or points of reading ease"
    tolerance: ClassVar[float] = 0.1
    source: ClassVar[str] = "Kincaid et al. 1975 and others, by textstat"

    formula: str = knob("flesch-kincaid", choices=tuple(_FUNCTIONS), doc="which formula")

    def load(self) -> None:
        self.measure([Text("word")])

    def measure(self, texts: Sequence[Text]) -> list[float]:
        function = getattr(_textstat(), _FUNCTIONS[self.formula])
        return [function(text.text) if words(text.text) else math.nan for text in texts]


@cache
def _textstat() -> Any:
    # An instance of our own: the language and rounding of the shared one may have been set by others.
    return require("textstat.textstat", "properties").textstatistics()
