"""What the benchmarks run on: logits that look like a language model's, drifting from step to step."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.special as sp

Array = np.ndarray

ZIPF, CONTEXT, MEMORY = 1.3, 3.0, 0.1
FRAMES = 12


@dataclass(frozen=True)
class Inputs:
    """A closed walk of FRAMES steps through logits (B, V), float32, the same for every contender.

    Logits are a word-frequency part, the same at every step, and a context part: -ZIPF log(rank + 2.7) over a random
    ranking, plus CONTEXT times a Gaussian field. The field turns from one random vector to another and back on a
    circle, cos(t) u + sin(t) v, so that it keeps its variance, neighbouring steps are correlated by
    cos(2 pi / FRAMES) = 0.87, and repeating the walk has no seam. At V = 128,256 entropies are 1.9 to 5.1 nats.
    """

    vocabulary: int
    rows: int = 1

    @cached_property
    def logits(self) -> list[Array]:
        """FRAMES arrays (B, V)."""
        rng = np.random.default_rng(0)
        words = -ZIPF * np.log(rng.permutation(self.vocabulary) + 2.7)
        u, v = rng.normal(size=(2, self.rows, self.vocabulary))
        turns = 2 * np.pi * np.arange(FRAMES) / FRAMES
        return [(words + CONTEXT * (np.cos(t) * u + np.sin(t) * v)).astype(np.float32) for t in turns]

    @cached_property
    def mean_log_probs(self) -> list[Array]:
        """FRAMES arrays (B, V): log-probabilities averaged with weight MEMORY for the newest, as a state does."""
        log_probs = [sp.log_softmax(logits.astype(np.float64), axis=-1) for logits in self.logits]
        mean, laps = log_probs[0], []
        for log_prob in log_probs * 5:  # four laps first: the start then weighs below 0.01
            mean = MEMORY * log_prob + (1 - MEMORY) * mean
            laps.append(mean.astype(np.float32))
        return laps[-FRAMES:]

    @cached_property
    def target_entropies(self) -> list[Array]:
        """FRAMES arrays (B,): four fifths of each step's entropy, in nats."""
        log_probs = (sp.log_softmax(logits.astype(np.float64), axis=-1) for logits in self.logits)
        return [(-0.8 * np.sum(np.exp(x) * x, axis=-1)).astype(np.float32) for x in log_probs]

    @cached_property
    def positive(self) -> list[Array]:
        """FRAMES arrays (B, V) of Dirichlet parameters, log-uniform on [1e-3, 1e3]."""
        rng = np.random.default_rng(1)
        size = (FRAMES, self.rows, self.vocabulary)
        return list(np.exp(rng.uniform(np.log(1e-3), np.log(1e3), size=size)).astype(np.float32))
