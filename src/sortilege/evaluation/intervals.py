"""Intervals by resampling prompts, and the t-interval of numbers that only a whole run has.

The unit is the prompt: texts after one prompt are alike, and more samples of it are not more evidence. What two methods
wrote after the same prompts with the same seeds is compared prompt by prompt.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sortilege._checks import one_of, whole, within
from sortilege._extras import require

MINIMUM = 5
"""The fewest prompts that an interval is made of."""
Statistic = Literal["mean", "spread"]


@dataclass(frozen=True)
class Interval:
    """A value and where it lies with the stated confidence.

    low, high: None where there is no interval, for the ``reason`` given. n: of how many prompts, or runs.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    reason: str = ""

    @property
    def half(self) -> float | None:
        """Half its width, for a table."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def sign(self) -> int:
        """1 or -1 where all of the interval is above or below 0; 0 otherwise."""
        if self.low is None or self.high is None:
            return 0
        return int(self.low > 0) - int(self.high < 0)


def bootstrap(
    values: Any,
    other: Any = None,
    *,
    statistic: Statistic = "mean",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The interval of a statistic of one value a prompt, or of the difference of it between two methods.

    values, other: (P,) of the same prompts in the same order; prompts with NaN in either are left out. With ``other``
        the statistic of ``values`` less that of ``other``, whose prompts are drawn together.
    statistic: "mean", or "spread", the standard deviation between prompts.

    The bias-corrected and accelerated interval (BCa) of ``scipy.stats.bootstrap``; where all values are equal it is
    that value. The same ``seed`` draws the same prompts, whatever the values.

    Raises ValueError for fewer than ``MINIMUM`` prompts and for unequal lengths.

    Source: Efron (1987), "Better bootstrap confidence intervals".
    """
    one_of("statistic", statistic, ("mean", "spread"))
    within("confidence", confidence, 0, 1, open_low=True, open_high=True)
    whole("resamples", resamples, 1)
    data = [np.asarray(one, dtype=float) for one in ((values,) if other is None else (values, other))]
    if len({one.shape for one in data}) > 1 or data[0].ndim != 1:
        raise ValueError(f"values and other must be of one length, got shapes {[one.shape for one in data]}")
    kept = np.all(np.isfinite(data), axis=0)
    data = [one[kept] for one in data]
    if len(data[0]) < MINIMUM:
        raise ValueError(f"too few samples for an interval: at least {MINIMUM} prompts, got {len(data[0])}")
    if statistic == "mean" and other is not None:
        data = [data[0] - data[1]]  # the same, and quicker

    def of(*parts: Any, axis: int = -1) -> Any:
        found = [np.mean(p, axis=axis) if statistic == "mean" else np.std(p, axis=axis, ddof=1) for p in parts]
        return found[0] if len(found) == 1 else found[0] - found[1]

    value = float(of(*data))
    if all(np.ptp(one) == 0 for one in data):
        return Interval(value, value, value, len(data[0]))
    stats = require("scipy.stats", "evaluation")
    settings: dict[str, Any] = {
        "paired": True, "vectorized": True, "n_resamples": resamples, "confidence_level": confidence,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.bootstrap(tuple(data), of, **settings, method="BCa", rng=np.random.default_rng(seed))
        low, high = map(float, found.confidence_interval)
        if not np.isfinite([low, high]).all():  # nearly all resamples are alike: the acceleration is 0 / 0
            found = stats.bootstrap(tuple(data), of, **settings, method="percentile", rng=np.random.default_rng(seed))
            low, high = map(float, found.confidence_interval)
    return Interval(value, low, high, len(data[0]))


def over_runs(values: Any, *, confidence: float = 0.95) -> Interval:
    """Student's t-interval of the mean of a number that a whole run has, one value a seed.

    It speaks of other seeds on the same prompts, and not of other prompts. No interval for a single run.
    """
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    if not len(data):
        return Interval(float("nan"), None, None, 0, "no run has a value")
    value = float(np.mean(data))
    if len(data) < 2:
        return Interval(value, None, None, 1, "an interval over seeds needs at least 2 seeds, got 1")
    error = float(np.std(data, ddof=1)) / len(data) ** 0.5
    half = error * float(require("scipy.stats", "evaluation").t.ppf(0.5 + confidence / 2, len(data) - 1))
    return Interval(value, value - half, value + half, len(data))
