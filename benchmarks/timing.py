"""Times of several functions taken alternately, so that whatever slows the machine slows all of them."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Step = Callable[[int], Any]
"""One repetition of the thing measured: step(i) returns when repetition i is done, not merely queued."""

WARM_UP = 3
PAUSE = 0.003
"""Seconds of rest between calls: worker threads spin on for a while after a parallel region, in the next one's way."""


@dataclass(frozen=True)
class Timing:
    """Seconds. first: of the first call, compilation included; samples: of the repetitions after warm-up."""

    first: float
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.samples)


@dataclass(frozen=True)
class Ratio:
    """Ours over theirs: the ratio of the medians, and the quartiles of the ratios within each repetition."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Timing, theirs: Timing) -> "Ratio":
        pairs = [a / b for a, b in zip(ours.samples, theirs.samples, strict=True)]
        low, _, high = statistics.quantiles(pairs, n=4, method="inclusive")
        return cls(ours.median / theirs.median, low, high)


def interleave(
    steps: Sequence[Step],
    *,
    least: int,
    most: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    rest: Callable[[float], None] = time.sleep,
) -> list[Timing]:
    """Time the steps in turn, A B C A B C ..., after warming each up; every function sees the same repetition numbers.

    least, most: repetitions, least >= 2; between them it stops once ``seconds`` have passed.
    """

    def timed(step: Step, i: int) -> float:
        rest(PAUSE)
        begin = clock()
        step(i)
        return clock() - begin

    firsts = []
    for step in steps:
        firsts.append(timed(step, 0))
        # Twice more: an array library may compile again when it meets the state it returned itself.
        for i in range(1, WARM_UP):
            step(i)
    samples: list[list[float]] = [[] for _ in steps]
    begin = clock()
    gc.collect()
    gc.disable()
    try:
        for i in range(most):
            if i >= least and clock() - begin > seconds:
                break
            for step, taken in zip(steps, samples, strict=True):
                taken.append(timed(step, WARM_UP + i))
    finally:
        gc.enable()
    return [Timing(first, tuple(taken)) for first, taken in zip(firsts, samples, strict=True)]
