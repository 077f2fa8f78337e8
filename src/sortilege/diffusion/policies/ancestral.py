"""The reverse process itself, step by step on a grid of times."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.numerics.random import Stream


@dataclass(frozen=True)
class Ancestral(Policy):
    """Reveal each masked slot by itself with probability (alpha(s) - alpha(t)) / (1 - alpha(t)) from time t to s.

    The law of the reverse process with T steps; the number revealed in a step is binomial.

    Source: Austin et al. 2021, arXiv:2107.03006; Sahoo et al. 2024, arXiv:2406.07524, equation 7.
    """

    source: ClassVar[str] = "Sahoo et al. 2024, arXiv:2406.07524, equation 7"

    @property
    def default_steps(self) -> int | None:
        return 128

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        probability = look.schedule.reveal_probability(look.time, look.next_time)
        return Choice(look.masked & (look.uniform(Stream.REVEAL) < probability), time=look.next_time), state
