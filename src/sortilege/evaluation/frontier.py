"""The quality-diversity frontier: how far a setting lies from what the baselines reach at the same diversity.

Two settings that differ in both numbers cannot be told apart by either. The frontier of some settings is the lowest nll
at which they, or mixtures of two of them (each text drawn under one or the other, at random), are as varied as asked.
A setting's *gap* is its nll less that of the frontier at its own distinct-3: below 0 it gives what they do not.
"""

import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from sortilege._extras import require
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.intervals import MINIMUM, Interval


def lowest(quality: np.ndarray, diversity: np.ndarray, wanted: float) -> float:
    """The lowest quality, a number that is better low, of points and mixtures of two, at a diversity of ``wanted``.

    quality, diversity: (n,). NaN where no point is as varied.

    >>> round(lowest(np.array([2.0, 3.0]), np.array([0.8, 0.9]), 0.85), 6)
    2.5
    """
    enough = diversity >= wanted
    if not enough.any():
        return math.nan
    best = float(quality[enough].min())
    if enough.all():
        return best
    q1, d1 = quality[~enough][:, None], diversity[~enough][:, None]
    q2, d2 = quality[enough][None], diversity[enough][None]
    share = (wanted - d1) / (d2 - d1)
    return min(best, float(((1 - share) * q1 + share * q2).min()))


def gap(
    comparison: Comparison,
    setting: str,
    among: Iterable[str],
    *,
    quality: str = "nll",
    diversity: str = "distinct_3",
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """A setting's quality less that of the frontier of the settings ``among``, at its own diversity.

    The interval is a percentile bootstrap over prompts in which the frontier is drawn anew each time. As the frontier
    is the best of several noisy settings, it is better than any of them would be on other prompts: a gap below 0 is the
    harder to have. No interval for fewer than ``MINIMUM`` prompts. No value outside what is known of the frontier:
    where none of the others is as varied, and where all of them are more varied (one that is less so might well be
    more fluent too).
    """
    others = [one for one in dict.fromkeys(among) if one != setting and comparison.runs(one)]
    columns = [
        (comparison.by_prompt(comparison.runs(one), name))
        for one in [setting, *others]
        for name in (quality, diversity)
    ]
    table = np.asarray(columns)
    table = table[:, np.isfinite(table).all(axis=0)]
    prompts = table.shape[1]

    def of(index: Any) -> float:
        means = table[:, np.asarray(index, dtype=int)].mean(axis=1)
        if means[1] < means[3::2].min():
            return math.nan
        return means[0] - lowest(means[2::2], means[3::2], means[1])

    if not others or not prompts:
        return Interval(math.nan, None, None, prompts, "nothing to compare with")
    value = float(of(np.arange(prompts)))
    if math.isnan(value):
        means = table.mean(axis=1)
        others_are = "all of the others are more varied" if means[1] < means[3] else "none of the others is as varied"
        return Interval(value, None, None, prompts, others_are)
    if prompts < MINIMUM:
        return Interval(value, None, None, prompts, f"too few samples for an interval: {prompts} prompts")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = require("scipy.stats", "evaluation").bootstrap(
            (np.arange(prompts),), of, vectorized=False, n_resamples=resamples, method="percentile",
            rng=np.random.default_rng(seed),
        )  # fmt: skip
    # A draw of prompts that leaves the setting beyond either end of the frontier says nothing.
    known = found.bootstrap_distribution[np.isfinite(found.bootstrap_distribution)]
    if len(known) < 0.9 * resamples:
        return Interval(value, None, None, prompts, "too near an end of what is known of the frontier")
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high), prompts)
