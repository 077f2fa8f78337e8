"""Denoisers that are exact: they know the distribution of the text, and give every masked slot its true conditional.

Tokens are written as letters: a, b, c, ... for 0, 1, 2, ...; the mask is "_". The last two ids are mask and padding.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sortilege.diffusion import Denoiser


class Oracle(Denoiser):
    """Base: ``conditional`` gives the distributions at all slots of a canvas; those asked for before are remembered."""

    def __init__(self, tokens: int, ends: Sequence[int] = ()) -> None:
        self.name, self.tokens = type(self).__name__, tokens
        self.vocabulary, self.mask_id, self.pad_id = tokens + 2, tokens, tokens + 1
        self.forbidden, self.end_ids = (self.mask_id, self.pad_id), tuple(ends)
        self.seen: list[np.ndarray] = []
        self.told: list[float] = []
        self._known: dict[bytes, np.ndarray] = {}

    def conditional(self, canvas: np.ndarray) -> np.ndarray:
        """p(token at slot | the revealed slots), (L, tokens), for a canvas (L,)."""
        raise NotImplementedError

    def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
        assert tokens.dtype == np.int64
        assert (tokens[~valid] == self.pad_id).all()
        logits = np.full((*tokens.shape, self.vocabulary), np.nan)  # at padding, for good
        for row, (canvas, real) in enumerate(zip(tokens, valid, strict=True)):
            canvas = canvas[real]
            self.seen.append(canvas)
            self.told.append(float(time[row]))
            if canvas.tobytes() not in self._known:
                p = self.conditional(canvas)
                logp = np.log(np.where(p > 0, p, 1.0))
                # Logits are known up to a constant, and what the mask and padding have there must not matter.
                full = np.full((len(canvas), self.vocabulary), 9.0)
                full[:, : self.tokens] = np.where(p > 0, logp + 1.5, -np.inf)
                self._known[canvas.tobytes()] = full
            logits[row, : len(canvas)] = self._known[canvas.tobytes()]
        return logits

    def encode(self, text: str) -> list[int]:
        return [self.mask_id if letter == "_" else ord(letter) - ord("a") for letter in text]

    def decode(self, tokens: Sequence[int]) -> str:
        for token in tokens:
            if not 0 <= token < self.tokens:
                raise ValueError(f"{token} is no token")
        return "".join(chr(ord("a") + token) for token in tokens)


class Independent(Oracle):
    """Slots that have nothing to do with each other: probabilities (L, tokens) for the longest canvas."""

    def __init__(self, probability: np.ndarray, ends: Sequence[int] = ()) -> None:
        super().__init__(probability.shape[1], ends)
        self.probability, self.max_length = probability, len(probability)

    def conditional(self, canvas: np.ndarray) -> np.ndarray:
        return self.probability[: len(canvas)]


class Joint(Oracle):
    """Any distribution over a few slots: a table with one axis a slot. Shorter canvases have its marginals."""

    def __init__(self, table: np.ndarray, ends: Sequence[int] = ()) -> None:
        super().__init__(table.shape[0], ends)
        self.table, self.max_length = table / table.sum(), table.ndim

    def conditional(self, canvas: np.ndarray) -> np.ndarray:
        table = self.table.sum(axis=tuple(range(len(canvas), self.table.ndim)))
        for slot in np.flatnonzero(canvas != self.mask_id):
            table = np.take(table, canvas[slot : slot + 1], axis=slot)
        marginals = np.zeros((len(canvas), self.tokens))
        for slot in np.flatnonzero(canvas == self.mask_id):
            one = table.sum(axis=tuple(i for i in range(table.ndim) if i != slot))
            marginals[slot] = one / one.sum()
        marginals[canvas != self.mask_id, 0] = 1.0
        return marginals


class Chain(Oracle):
    """A Markov chain over any number of slots: first (tokens,), step (tokens, tokens); forward and backward sums."""

    def __init__(self, first: np.ndarray, step: np.ndarray, ends: Sequence[int] = ()) -> None:
        super().__init__(len(first), ends)
        self.first, self.transition = first, step

    def conditional(self, canvas: np.ndarray) -> np.ndarray:
        known = canvas != self.mask_id
        seen = np.where(known[:, None], np.eye(self.tokens)[np.where(known, canvas, 0)], 1.0)
        ahead, behind = np.empty_like(seen), np.ones_like(seen)
        for slot in range(len(canvas)):
            ahead[slot] = seen[slot] * (self.first if slot == 0 else ahead[slot - 1] @ self.transition)
            ahead[slot] /= ahead[slot].sum()
        for slot in range(len(canvas) - 2, -1, -1):
            behind[slot] = self.transition @ (seen[slot + 1] * behind[slot + 1])
            behind[slot] /= behind[slot].sum()
        p = ahead * behind
        return p / p.sum(axis=1, keepdims=True)

    def table(self, length: int) -> np.ndarray:
        """The joint distribution of ``length`` slots, one axis a slot."""
        table = self.first
        for _ in range(length - 1):
            table = table[..., None] * self.transition
        return table


class TorchChain(Chain):
    """The same in PyTorch."""

    def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
        return torch.from_numpy(super().predict(tokens, valid, time))


class Timed(Chain):
    """A chain whose network is told the time, and has no use for it."""

    time = "t"


def chain(tokens: int = 4, ends: Sequence[int] = (), kind: type[Chain] = Chain) -> Chain:
    """A chain that mostly goes on to the next letter."""
    first = np.arange(1.0, tokens + 1)
    step = np.eye(tokens)[:, ::-1] * 0.3 + np.roll(np.eye(tokens), 1, axis=1) * 2 + 0.25
    return kind(first / first.sum(), step / step.sum(axis=1, keepdims=True), ends)


def lumpy(tokens: int, slots: int, seed: int = 0) -> np.ndarray:
    """A table of strongly dependent slots, some combinations impossible."""
    rng = np.random.default_rng(seed)
    table = rng.gamma(0.5, size=(tokens,) * slots)
    table[rng.random(table.shape) < 0.2] = 0.0
    return table / table.sum()
