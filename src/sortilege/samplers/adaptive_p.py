"""Adaptive-p: prefer tokens near a target probability, and keep the average there."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, working
from sortilege.numerics.information import log_softmax
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import looked_up, restore

PEAK, SHARPNESS, WIDTH = 5.0, 10.0, 0.3
"""The constants of the source: logit at the target, steepness, and the unit of distance from it."""


class AdaptivePState(NamedTuple):
    """weighted_sum, total_weight: (B,), their quotient is the average. prob: (B, V), the last step's probabilities."""

    weighted_sum: Array
    total_weight: Array
    prob: Array


@dataclass(frozen=True)
class AdaptiveP(Sampler):
    """Replace each logit by one that is largest for tokens whose probability is near a target t.

        logit(v) = 5 - 10 d^2 / (1 + d),  d = |p(v) - t| / 0.3,  t = clip(2 target - average, 0, 1)

    where the average is that of the emitted tokens' probabilities p (before this step), the one n tokens ago with
    weight decay^n, and starts at the target. Distance from t is all that counts, and the whole tail is at nearly the
    same: truncate first, for instance ``chain(MinP(0.05), AdaptiveP())``, and let this be the last stage. Unlike in
    llama.cpp, forced tokens count in the average too; unknown ones (negative) do not.

    Source: adaptive-p by MrJackSpade and ddh0, llama.cpp pull request 17927 (2025), whose constants these are.
    """

    source: ClassVar[str] = "MrJackSpade & ddh0 2025, llama.cpp pull request 17927"

    target: float = knob(0.5, 0, 1, doc="probability aimed at", tune=(0.1, 0.9))
    decay: float = knob(
        0.9, 0, 0.99, doc="weight of the past; the history is about 1 / (1 - decay) tokens", tune=(0, 0.99)
    )

    def init(self, logits: Array) -> AdaptivePState:
        xp = array_namespace(logits)
        x = working(logits)
        one = xp.ones_like(x[:, 0]) / (1 - self.decay)
        return AdaptivePState(self.target * one, one, xp.zeros_like(x))

    def adjust(self, logits: Array, state: AdaptivePState, key: Key) -> tuple[Array, AdaptivePState]:
        xp = array_namespace(logits)
        log_prob = log_softmax(logits)
        p = xp.exp(log_prob)
        d = xp.abs(p - self._adapted(state)[:, None]) / WIDTH
        shaped = restore(PEAK - SHARPNESS * d * d / (1 + d), logits)
        return xp.where(xp.isfinite(logits), shaped, logits), state._replace(prob=p)

    def observe(self, tokens: Array, state: AdaptivePState) -> AdaptivePState:
        xp = array_namespace(state.prob)
        p, known = looked_up(state.prob, tokens)
        return AdaptivePState(
            xp.where(known, p + self.decay * state.weighted_sum, state.weighted_sum),
            xp.where(known, 1 + self.decay * state.total_weight, state.total_weight),
            state.prob,
        )

    def report(self, state: AdaptivePState) -> dict[str, Array]:
        """``adapted_target``, the probability the next step aims at, and ``average_prob``."""
        return {"adapted_target": self._adapted(state), "average_prob": state.weighted_sum / state.total_weight}

    def _adapted(self, state: AdaptivePState) -> Array:
        xp = array_namespace(state.prob)
        return xp.clip(2 * self.target - state.weighted_sum / state.total_weight, 0.0, 1.0)
