"""Cheap properties that keep a record of what they were asked, and a search run by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from diffusion.oracles import Oracle

from sortilege.diffusion._requests import row_of
from sortilege.diffusion._rows import Row
from sortilege.properties import Bound, Property, Span, Text
from sortilege.search.judge import Blame, Judge, Measure, Predict, Searching


@dataclass(frozen=True)
class Recording(Property):
    """Base: ``value`` is that of a text. asked: the texts measured. blames: the texts whose spans were asked for."""

    asked: list[str] = field(default_factory=list[str], kw_only=True)
    blames: list[str] = field(default_factory=list[str], kw_only=True)

    def value(self, text: str) -> float:
        raise NotImplementedError

    def measure(self, texts: Sequence[Text]) -> Sequence[float]:
        assert all(isinstance(text, Text) for text in texts)
        self.asked.extend(text.text for text in texts)
        return [self.value(text.text) for text in texts]


@dataclass(frozen=True)
class Letters(Recording):
    """How often any of some letters occurs."""

    letters: str

    def value(self, text: str) -> float:
        return float(sum(map(text.count, self.letters)))


@dataclass(frozen=True)
class Blaming(Letters):
    """The same, which blames every one of them."""

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        self.blames.extend(text.text for text in texts)
        return [[Span(i, i + 1, 1.0) for i, one in enumerate(text.text) if one in self.letters] for text in texts]


@dataclass(frozen=True)
class Arbitrary(Recording):
    """A whole number from 0 to levels - 1 that has nothing to do with what the text says, or NaN for the highest."""

    levels: int
    seed: int = 0
    nan: bool = False

    def value(self, text: str) -> float:
        value = crc32(f"{self.seed}/{text}".encode()) % self.levels
        return np.nan if self.nan and value == self.levels - 1 else float(value)


def row(oracle: Oracle, template: str) -> Row:
    """A row at its beginning, from a template with "_" at slots to write."""
    canvas = np.asarray(oracle.encode(template))
    prefix = int(np.flatnonzero(canvas == oracle.mask_id)[0])
    return row_of(0, 0, None, (canvas, prefix), oracle, None)


def judge_of(
    oracle: Oracle,
    bounds: Sequence[Bound],
    template: str = "____",
    *,
    budgets: Sequence[int | None] = (),
    every: bool = False,
    ends: Sequence[int] = (),
) -> Judge:
    return Judge(bounds, oracle, ends, row(oracle, template), budgets, every=every)


def answered(searching: Searching, judge: Judge) -> Any:
    """What a search that asks for nothing but values and blame comes to, and nothing is asked for in vain."""
    answer: Any = None
    while True:
        try:
            request = searching.send(answer)
        except StopIteration as end:
            return end.value
        assert not isinstance(request, Predict)
        scorer = judge.bounds[request.bound].property
        if isinstance(request, Measure):
            assert request.texts
            answer = list(scorer.measure(request.texts))
        else:
            assert isinstance(request, Blame)
            spans = scorer.blame([request.text])
            answer = [] if spans is None else spans[0]


def bands(bounds: Sequence[Bound], text: str) -> tuple[float, ...]:
    """The tolerance bands of a text, worked out anew."""
    values = [bound.property.value(text) for bound in bounds if isinstance(bound.property, Recording)]
    return tuple(bound.band(bound.distance(value)) for bound, value in zip(bounds, values, strict=True))
