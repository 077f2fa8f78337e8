"""Schedules of absorbing noise: how likely a token is still to be there at time t, from 0 (text) to 1 (masks)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sortilege._checks import one_of


@dataclass(frozen=True)
class Schedule:
    """alpha(t), the share of tokens not yet masked at time t in [0, 1], with alpha(0) = 1 and alpha(1) = 0.

    alpha: alpha(t). time: its inverse, the t at which alpha(t) is the share given.

    From t to an earlier s, a masked token is revealed with probability (alpha(s) - alpha(t)) / (1 - alpha(t)).
    """

    name: str
    alpha: Callable[[float], float]
    time: Callable[[float], float]

    def reveal_probability(self, t: float, s: float) -> float:
        """The probability that a token masked at ``t`` is revealed by ``s`` < ``t``."""
        alpha_t = self.alpha(t)
        return min(1.0, (self.alpha(s) - alpha_t) / (1 - alpha_t))


SCHEDULES = {
    # Sahoo et al. 2024, arXiv:2406.07524: a token is masked with probability t
    "loglinear": Schedule("loglinear", lambda t: 1 - t, lambda alpha: 1 - alpha),
    # Chang et al. 2022 (MaskGIT), Shi et al. 2024, arXiv:2406.04329: few tokens a step while the canvas is empty. (The
    # "cosine" of MDLM's code, alpha = cos(pi t / 2), is another one, which reveals most of them first.)
    "cosine": Schedule(
        "cosine", lambda t: 1 - math.sin(math.pi * t / 2), lambda alpha: 2 / math.pi * math.asin(min(1.0, 1 - alpha))
    ),
}


def as_schedule(schedule: Schedule | str) -> Schedule:
    """A schedule, or one by name. Raises ValueError for an unknown name."""
    if isinstance(schedule, Schedule):
        return schedule
    return SCHEDULES[one_of("schedule", schedule, SCHEDULES)]
