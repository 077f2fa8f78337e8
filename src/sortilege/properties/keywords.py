"""Keywords: how many of some words a text has."""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Span, Text
from sortilege.properties.expression import compiled


@dataclass(frozen=True)
class Keywords(Property):
    """How many of the given words occur, an integer from 0 (also for an empty text) to their number.

    words: separated by commas; whole words, case ignored, and phrases whatever the spaces between their words. A word
    counts once however often it occurs. A lower bound of 1 asks for any of them, an upper bound of 0 for none.

    Raises ValueError where no word is given.
    """

    unit: ClassVar[str] = "words"
    low: ClassVar[float] = 0.0
    source: ClassVar[str] = "whole words, by regex"

    words: str = knob(MISSING, kind="text", doc="words and phrases, separated by commas")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._expressions():
            raise ValueError(f"Keywords.words must hold at least one word, got {self.words!r}")

    def measure(self, texts: Sequence[Text]) -> list[float]:
        expressions = self._expressions()
        return [float(sum(one.search(text.text) is not None for one in expressions)) for text in texts]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        """Every occurrence of every word."""
        expressions = self._expressions()
        return [
            sorted(Span(match.start(), match.end(), 1.0) for one in expressions for match in one.finditer(text.text))
            for text in texts
        ]

    def _expressions(self) -> list[Any]:
        escape, spaces = require("regex", "properties").escape, r"\s+"
        phrases = {tuple(phrase.casefold().split()) for phrase in self.words.split(",")} - {()}
        return [compiled(rf"(?if)(?<!\w){spaces.join(map(escape, phrase))}(?!\w)") for phrase in sorted(phrases)]
