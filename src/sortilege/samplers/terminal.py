"""Draw inside the sampler, so that an engine that goes on to change the logits cannot change the token."""

from dataclasses import dataclass
from typing import Any

from sortilege.numerics._arrays import Array, array_namespace, one_hot
from sortilege.numerics.random import Key, draw, drawable
from sortilege.samplers._base import Sampler, State


@dataclass(frozen=True)
class Terminal(Sampler):
    """A sampler that draws the token itself: see ``terminal``."""

    sampler: Sampler

    def init(self, logits: Array) -> State:
        return self.sampler.init(logits)

    def read(self, tokens: Array, valid: Array, state: State) -> State:
        return self.sampler.read(tokens, valid, state)

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        xp = array_namespace(logits)
        shaped, state = self.sampler.adjust(logits, state, key)
        row = only(draw(shaped, key), shaped)
        # A row that nothing can be drawn from stays as it is, for whoever looks at it to see.
        return xp.where(drawable(shaped)[:, None], row, shaped), state

    def observe(self, tokens: Array, state: State) -> State:
        return self.sampler.observe(tokens, state)

    def report(self, state: State) -> dict[str, Any]:
        return self.sampler.report(state)


def only(tokens: Array, like: Array) -> Array:
    """Logits of the shape (B, V) and dtype of ``like`` that are 0 at ``tokens`` (B,) and -inf elsewhere."""
    xp = array_namespace(like)
    return xp.where(one_hot(tokens, like.shape[-1]), xp.zeros_like(like), xp.full_like(like, -xp.inf))


def terminal(sampler: Sampler) -> Terminal:
    """``sampler``, drawing its own token: ``adjust`` returns 0 at that token and -inf at all others, (B, V).

    The token is the one that ``draw`` gives for the logits of ``sampler`` and the same key. Temperature, truncation and
    greedy choice by an engine leave such a row as it is. Its log-probabilities are 0, whatever the sampler's were.
    Rows that cannot be drawn from (see ``drawable``) are returned as ``sampler`` returned them.

    >>> import numpy as np
    >>> from sortilege import Key, TopK, terminal
    >>> logits = np.array([[0.0, 2.0, 1.0]], dtype=np.float32)
    >>> sampler = terminal(TopK(1))
    >>> sampler.adjust(logits, sampler.init(logits), Key.of([7], [0], like=logits))[0]
    array([[-inf,   0., -inf]], dtype=float32)
    """
    return Terminal(sampler)
