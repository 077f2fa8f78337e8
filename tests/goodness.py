"""Goodness-of-fit tests, as p-values under the hypothesis that the draws follow the stated distribution.

Seeds are fixed, so a test passes always or never. When first written, a test of a correct sampler had the probability
``LEVEL`` of failing; a test that makes several comparisons divides it by their number (Bonferroni).
"""

from collections.abc import Callable

import numpy as np
from scipy import stats

LEVEL = 1e-4


def pearson(counts: np.ndarray, probability: np.ndarray, least: float = 10.0) -> float:
    """Pearson's chi-square test of ``counts`` (V,) against ``probability`` (V,).

    Cells that expect fewer than ``least`` are pooled, in ascending order, until they do. A count where the probability
    is 0 gives 0.
    """
    if counts[probability == 0].any():
        return 0.0
    expected = probability * (counts.sum() / probability.sum())
    pooled, seen = [0.0], [0]
    for i in np.argsort(expected, kind="stable"):
        if pooled[-1] >= least:
            pooled.append(0.0)
            seen.append(0)
        pooled[-1] += expected[i]
        seen[-1] += counts[i]
    # Ascending order leaves a small last cell only where there is no other.
    return float(stats.chisquare(seen, pooled).pvalue) if len(seen) > 1 else 1.0


def kolmogorov(draws: np.ndarray, cdf: Callable[[np.ndarray], np.ndarray]) -> float:
    """The Kolmogorov-Smirnov test of ``draws`` (N,) against a continuous distribution."""
    return float(stats.kstest(draws, cdf).pvalue)
