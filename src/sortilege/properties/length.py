"""Length in words, characters, sentences or tokens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Text
from sortilege.properties._words import words


@dataclass(frozen=True)
class Length(Property):
    """How long a text is, an integer >= 0; 0 for an empty text.

    of = "words": by Unicode's rules; "characters": code points, spaces included; "sentences": as textstat counts them,
    which takes no more than two words for no sentence of their own (a text with any character has at least one);
    "tokens": of the model that wrote the text, NaN for a text that came without them.

    Source: Unicode Standard Annex #29, section 4 (words), by the ``regex`` package; sentences by ``textstat``.
    """

    unit: ClassVar[str] = "count"
    low: ClassVar[float] = 0.0
    source: ClassVar[str] = "UAX #29 (words), by regex; textstat (sentences)"

    of: str = knob("words", choices=("words", "characters", "sentences", "tokens"), doc="what is counted")

    def load(self) -> None:
        self.measure([Text("")])

    def measure(self, texts: Sequence[Text]) -> list[float]:
        if self.of == "tokens":
            return [math.nan if text.tokens is None else float(len(text.tokens)) for text in texts]
        if self.of == "characters":
            return [float(len(text.text)) for text in texts]
        if self.of == "words":
            return [float(len(words(text.text))) for text in texts]
        sentences = require("textstat", "properties").sentence_count
        return [float(sentences(text.text)) for text in texts]
