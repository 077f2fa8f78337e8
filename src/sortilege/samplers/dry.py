"""DRY, "don't repeat yourself": penalise tokens that would extend a repetition."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, arange_like, array_namespace, max_along_last, working
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import restore


class DryState(NamedTuple):
    """tokens: (B, last_n) int32, newest first, -1 where there is none yet.

    repeats: (B, last_n) int32; at j, how many of the newest tokens are the same j + 1 places further back, counted
    since the last sequence breaker.
    """

    tokens: Array
    repeats: Array


@dataclass(frozen=True)
class Dry(Sampler):
    """Lower the logit of each token that would extend a sequence already in the window of the last tokens.

    If the last m >= allowed_length tokens occur earlier, followed by v, then v's logit falls by
    multiplier base^(m - allowed_length), for the largest such m. A match does not reach over a sequence breaker, and a
    breaker is never penalised. The prompt counts (``read``); the window is the last ``last_n`` tokens, prompt included.

    llama.cpp gives the same penalties for single-token breakers. The window is of fixed size here, so that a batch can
    be one array; ours is 1024 tokens by default. One update costs time in proportion to it.

    Source: P. E. Weidmann (2024), text-generation-webui pull request 5677; multiplier, base and length are its defaults
    or suggestions.
    """

    source: ClassVar[str] = "Weidmann 2024, text-generation-webui pull request 5677"

    multiplier: float = knob(0.8, 0, neutral=0.0, doc="penalty at the allowed length, nats", tune=(0, 2))
    base: float = knob(1.75, 1, doc="growth of the penalty with each further token", tune=(1, 3))
    allowed_length: int = knob(2, 1, doc="repeated tokens before the penalty sets in", tune=(1, 8))
    last_n: int = knob(1024, 2, doc="tokens of the past to look at")
    sequence_breakers: tuple[int, ...] = knob((), 0, kind="tokens", doc="tokens that end a match")

    def init(self, logits: Array) -> DryState:
        xp = array_namespace(logits)
        rows = xp.astype(xp.zeros_like(working(logits)[:, :1]), xp.int32)
        repeats = rows + xp.zeros_like(arange_like(self.last_n, logits, xp.int32))[None, :]
        return DryState(repeats - 1, repeats)

    def read(self, tokens: Array, valid: Array, state: DryState) -> DryState:
        xp = array_namespace(tokens)
        # Padding goes first and the order of the rest stays: then the last columns are the last tokens.
        order = xp.argsort(xp.astype(valid, xp.int32), axis=-1, stable=True)
        tokens = xp.take_along_axis(xp.where(valid, tokens, xp.full_like(tokens, -1)), order, axis=-1)
        for column in range(max(0, tokens.shape[-1] - self.last_n), tokens.shape[-1]):
            state = self.observe(tokens[:, column], state)
        return state

    def adjust(self, logits: Array, state: DryState, key: Key) -> tuple[Array, DryState]:
        xp = array_namespace(logits)
        x = working(logits)
        places = arange_like(self.last_n, state.repeats, xp.int32)[None, :]
        # A match of m tokens, j + 1 places back, ends m + j + 1 places back: within the window.
        m = xp.minimum(state.repeats, self.last_n - 1 - places)
        beyond = xp.astype(m - self.allowed_length, x.dtype)
        # Where the power reaches e^80 it has long decided, and soon overflows float32.
        longest = 80.0 / math.log(self.base) if self.base > 1 else 0.0
        penalty = self.multiplier * self.base ** xp.clip(beyond, 0.0, longest)
        acts = (beyond >= 0) & ~self._breaks(state.tokens)
        worst = max_along_last(state.tokens, xp.where(acts, penalty, xp.zeros_like(penalty)), x.shape[-1])
        return restore(x - worst, logits), state

    def observe(self, tokens: Array, state: DryState) -> DryState:
        """Push tokens (B,); a negative one is no token and changes nothing."""
        xp = array_namespace(state.tokens)
        new = xp.astype(tokens, xp.int32)[:, None]
        same = (state.tokens == new) & ~self._breaks(new)
        repeats = xp.where(same, state.repeats + 1, xp.zeros_like(state.repeats))
        pushed = xp.concat([new, state.tokens[:, :-1]], axis=-1)
        return DryState(xp.where(new < 0, state.tokens, pushed), xp.where(new < 0, state.repeats, repeats))

    def _breaks(self, tokens: Array) -> Array:
        hit = tokens < 0
        for breaker in self.sequence_breakers:
            hit = hit | (tokens == breaker)
        return hit
