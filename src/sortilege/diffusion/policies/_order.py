"""Which slots come first."""

import numpy as np


def first(score: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """Booleans (L,), true at the ``count`` slots with the highest scores among those allowed; ties go from the left."""
    order = np.argsort(np.where(allowed, -score, np.inf), kind="stable")
    picked = np.zeros(len(score), dtype=bool)
    picked[order[: min(count, int(allowed.sum()))]] = True
    return picked
