"""The reverse process in continuous time, from one reveal to the next."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.numerics.random import Stream


@dataclass(frozen=True)
class FirstHitting(Policy):
    """Go straight to the time at which the next slot is revealed, which is any of those masked with equal chances.

    From time t, the masked slots are revealed at independent times with P(time < s) = (1 - alpha(s)) / (1 - alpha(t)).
    The latest of m such times is the next: 1 - alpha(s) = (1 - alpha(t)) max(u_1, ..., u_m), which for the loglinear
    schedule is distributed as s = t u^(1/m). No grid of times, and no two slots at a time: with an exact denoiser the
    text is drawn exactly. A network that is told the time is told that of the reveal before.

    Source: Zheng et al. 2024, "Masked diffusion models are secretly time-agnostic masked models and exploit inaccurate
    categorical sampling", arXiv:2409.02908.
    """

    source: ClassVar[str] = "Zheng et al. 2024, arXiv:2409.02908"

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        u = np.where(look.masked, look.uniform(Stream.REVEAL), 0.0)
        slot = int(np.argmax(u))
        masked_share = (1 - look.schedule.alpha(look.time)) * u[slot]
        reveal = np.zeros_like(look.masked)
        reveal[slot] = True
        return Choice(reveal, time=look.schedule.time(1 - masked_share)), state
