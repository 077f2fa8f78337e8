"""MAUVE: how near a set of texts is to what people wrote, as distributions of vectors."""

import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sortilege._extras import require

MINIMUM = 50
"""The fewest texts on either side. The authors advise 1,000 and more: with fewer the numbers only rank."""


@dataclass(frozen=True)
class Mauve:
    """value: in (0, 1], higher is nearer; NaN where there is a ``reason`` why it was not computed."""

    value: float
    buckets: int
    reason: str = ""


def mauve(written: np.ndarray, generated: np.ndarray, *, buckets: int | None = None, seed: int = 25) -> Mauve:
    """MAUVE of vectors (N, D) of generated texts against those (M, D) of written ones, by ``mauve-text``.

    buckets: clusters of the k-means; by default min(N, M) / 10, the package's own choice. seed: of k-means and PCA; the
    package's default. A number of a whole set: it has no value for a text, and grows with fewer texts and fewer
    buckets; compare equal sizes only.

    Source: Pillutla et al. (2021), "MAUVE: measuring the gap between neural text and human text using divergence
    frontiers", arXiv:2102.01454.
    """
    least = min(len(written), len(generated))
    if least < MINIMUM:
        return Mauve(float("nan"), 0, f"MAUVE needs at least {MINIMUM} texts on either side, got {least}")
    chosen = max(2, round(least / 10)) if buckets is None else buckets
    with warnings.catch_warnings(), _silent():
        warnings.simplefilter("ignore")
        found = require("mauve", "evaluation").compute_mauve(
            p_features=np.asarray(written, dtype=np.float32),
            q_features=np.asarray(generated, dtype=np.float32),
            num_buckets=chosen,
            seed=seed,
            verbose=False,
        )
    return Mauve(float(found.mauve), chosen)


@contextmanager
def _silent() -> Generator[None]:
    """Keep what compiled code writes on standard error off it: faiss warns of few points a cluster, whatever it is."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
