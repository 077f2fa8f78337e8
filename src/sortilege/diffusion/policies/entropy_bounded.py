"""As many slots at a step as a bound on what they may know of each other allows."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sortilege._knobs import knob
from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.diffusion.policies._order import first


@dataclass(frozen=True)
class EntropyBounded(Policy):
    """Reveal the slots of least entropy, H(1) <= H(2) <= ..., as many as have H(1) + ... + H(n) - max H <= gamma.

    The left side bounds the information that the n tokens share, so the error of drawing them independently; it is 0
    for n = 1. gamma is in nats: 0.001, the default, is that of d2Cache, 0.1 that of diffusers, 0.15 that of SGLang.

    Source: Ben-Hamu et al. 2025, "Accelerated sampling from masked diffusion models via entropy bounded unmasking",
    arXiv:2505.24857.
    """

    source: ClassVar[str] = "Ben-Hamu et al. 2025, arXiv:2505.24857"

    gamma: float = knob(0.001, 0, doc="bound on the shared information of the slots of one step, in nats")

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        ascending = np.sort(look.entropy[look.masked])
        # In ascending order the largest is the last, so what counts is the sum of those before it.
        before = np.cumsum(ascending) - ascending
        return Choice(first(-look.entropy, look.masked, int((before <= self.gamma).sum()))), state
