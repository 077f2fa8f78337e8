"""Eta: a probability threshold that falls with the entropy."""

import math
from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace
from sortilege.numerics.information import entropy, log_softmax
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class Eta(Truncation):
    """Keep tokens with p(v) >= min(epsilon, sqrt(epsilon) exp(-H)), H the entropy in nats, and always the likeliest.

    The paper's values of epsilon are 3e-4 to 4e-3.

    Source: Hewitt, Manning and Liang (2022), "Truncation sampling as language model desmoothing", Findings of EMNLP
    (its alpha is sqrt(epsilon), as there and in transformers).
    """

    source: ClassVar[str] = "Hewitt, Manning & Liang 2022, arXiv:2210.15191"

    epsilon: float = knob(
        2e-3, 0, 1, open_high=True, neutral=0.0, doc="largest threshold, a probability", tune=(1e-5, 1e-1), log=True
    )

    def keep(self, logits: Array) -> Array:
        log_prob = log_softmax(logits)
        xp = array_namespace(log_prob)
        if self.epsilon <= 0:
            return xp.isfinite(log_prob)
        bound = math.log(self.epsilon)
        eta = xp.clip(0.5 * bound - entropy(log_prob)[..., None], max=bound)
        return (log_prob >= xp.minimum(eta, xp.max(log_prob, axis=-1, keepdims=True))) & xp.isfinite(log_prob)
