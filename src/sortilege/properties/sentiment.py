"""Sentiment, computed by VADER."""

import math
import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege.properties._base import Property, Span, Text

_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True)
class Sentiment(Property):
    """VADER's compound score of an English text, in [-1, 1]: negative to positive.

    x / sqrt(x^2 + 15), where x is the sum of the valences of the words in VADER's lexicon, after its rules for
    negation, degree, capitals, punctuation and emoji. By custom >= 0.05 is positive and <= -0.05 negative. NaN for a
    text of nothing but spaces.

    Source: Hutto and Gilbert (2014), "VADER: a parsimonious rule-based model for sentiment analysis of social media
    text"; computed by ``vaderSentiment``.
    """

    unit: ClassVar[str] = "compound score"
    low: ClassVar[float] = -1.0
    high: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.02
    source: ClassVar[str] = "Hutto and Gilbert 2014, ICWSM, by vaderSentiment"

    def load(self) -> None:
        _analyser()

    def measure(self, texts: Sequence[Text]) -> list[float]:
        scores = _analyser().polarity_scores
        return [scores(text.text)["compound"] if text.text.strip() else math.nan for text in texts]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        """The words and emoji in the lexicon, weighted by the size of their valence."""
        return [list(_valences(text.text)) for text in texts]


@cache
def _analyser() -> Any:
    return require("vaderSentiment.vaderSentiment", "properties").SentimentIntensityAnalyzer()


def _valences(text: str) -> Iterator[Span]:
    analyser = _analyser()
    for token in _TOKEN.finditer(text):
        # Punctuation around a word is not part of it, unless both are an emoticon.
        word = token[0].strip(string.punctuation)
        start = token.start() + token[0].find(word) if len(word) > 2 else token.start()
        word = word if len(word) > 2 else token[0]
        valence = abs(analyser.lexicon.get(word.lower(), 0.0))
        if valence:
            yield Span(start, start + len(word), valence)
            continue
        for at, character in enumerate(token[0], token.start()):
            described = analyser.emojis.get(character, "").split()
            valence = sum(abs(analyser.lexicon.get(part, 0.0)) for part in described)
            if valence:
                yield Span(at, at + 1, valence)
