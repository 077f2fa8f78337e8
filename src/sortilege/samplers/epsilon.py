"""Epsilon: tokens above a fixed probability."""

import math
from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace
from sortilege.numerics.information import log_softmax
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class Epsilon(Truncation):
    """Keep tokens with p(v) >= epsilon, and always the likeliest.

    The paper's values are 3e-4 to 9e-4.

    Source: Hewitt, Manning and Liang (2022), "Truncation sampling as language model desmoothing", Findings of EMNLP.
    """

    source: ClassVar[str] = "Hewitt, Manning & Liang 2022, arXiv:2210.15191"

    epsilon: float = knob(
        6e-4, 0, 1, open_high=True, neutral=0.0, doc="smallest probability kept", tune=(1e-5, 1e-2), log=True
    )

    def keep(self, logits: Array) -> Array:
        log_prob = log_softmax(logits)
        xp = array_namespace(log_prob)
        bound = math.log(self.epsilon) if self.epsilon > 0 else -math.inf
        top = xp.max(log_prob, axis=-1, keepdims=True)
        return (log_prob >= xp.clip(top, max=bound)) & xp.isfinite(log_prob)
