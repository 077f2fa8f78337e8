"""Repetition penalty: tokens that have occurred become less likely."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, max_along_last, one_hot, working
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import restore


@dataclass(frozen=True)
class RepetitionPenalty(Sampler):
    """Divide the positive logits of tokens that have occurred by ``penalty``, multiply their negative ones by it.

    The prompt counts (``read``), as in transformers. The penalty depends on where the logits' zero is, so it belongs
    before samplers that move it.

    Source: Keskar, McCann, Varshney, Xiong and Socher (2019), "CTRL: a conditional transformer language model for
    controllable generation", section 4.1 (where the penalty is 1.2 and logits are taken to be positive).
    """

    source: ClassVar[str] = "Keskar et al. 2019, arXiv:1909.05858, section 4.1"

    penalty: float = knob(1.2, 0, open_low=True, neutral=1.0, doc="divisor of the logits of past tokens", tune=(1, 1.5))

    def init(self, logits: Array) -> Array:
        """(B, V) booleans, true at tokens that have occurred."""
        xp = array_namespace(logits)
        return xp.zeros_like(logits, dtype=xp.bool)

    def read(self, tokens: Array, valid: Array, state: Array) -> Array:
        xp = array_namespace(state)
        return state | (max_along_last(tokens, xp.astype(valid, xp.int32), state.shape[-1]) > 0)

    def adjust(self, logits: Array, state: Array, key: Key) -> tuple[Array, Array]:
        xp = array_namespace(logits)
        x = working(logits)
        penalised = xp.where(x < 0, x * self.penalty, x / self.penalty)
        return restore(xp.where(state, penalised, x), logits), state

    def observe(self, tokens: Array, state: Array) -> Array:
        return state | one_hot(tokens, state.shape[-1])
