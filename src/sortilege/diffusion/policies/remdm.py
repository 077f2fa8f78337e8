"""ReMDM: reverse processes that mask revealed slots again, so that early mistakes are not for ever."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sortilege._knobs import knob
from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.numerics.random import Stream


@dataclass(frozen=True)
class ReMDM(Policy):
    """Base of the ReMDM processes. From time t to s, each slot by itself:

        a revealed one is masked again with probability sigma,
        a masked one is revealed with probability (alpha(s) - (1 - sigma) alpha(t)) / (1 - alpha(t)),

    which for one sigma, of 0 <= sigma <= sigma_max = min(1, (1 - alpha(s)) / alpha(t)), leaves every slot masked with
    probability 1 - alpha at every time, as in the process without it. What was given is never masked, nor is an end
    token that ended the text.

    The authors' values of eta belong to 1,024 steps: the fewer the steps, the larger it has to be for a slot to be
    masked again as often.

    Source: Wang, Schiff, Sahoo and Kuleshov 2025, "Remasking discrete diffusion models with inference-time scaling",
    arXiv:2503.00307.
    """

    source: ClassVar[str] = "Wang et al. 2025, arXiv:2503.00307"

    @property
    def default_steps(self) -> int | None:
        return 128

    @property
    def remasks(self) -> bool:
        return True

    def at(self, look: Look, t: float) -> float:
        """The time of the schedule that the process is at when ``t``, from 1 to 0, of its steps are left."""
        return t

    def sigma(self, look: Look, most: float) -> Any:
        """The probability of being masked again, a number or one for each slot (L,), at most ``most``."""
        raise NotImplementedError

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        time = self.at(look, look.next_time)
        alpha_t = look.schedule.alpha(self.at(look, _steps_left(look)))
        alpha_s = look.schedule.alpha(time)
        most = min(1.0, (1 - alpha_s) / alpha_t) if alpha_t > 0 else 1.0
        sigma = self.sigma(look, most)
        reveal = look.uniform(Stream.REVEAL) * (1 - alpha_t) < alpha_s - (1 - sigma) * alpha_t
        remask = look.uniform(Stream.REMASK) < sigma
        return Choice(look.masked & reveal, look.free & remask, time), state


@dataclass(frozen=True)
class ReMDMCap(ReMDM):
    """ReMDM with sigma = min(eta, sigma_max); see ``ReMDM`` for the process.

    Source: Wang et al. 2025, arXiv:2503.00307, "max-capped schedule".
    """

    eta: float = knob(0.008, 0, 1, neutral=0.0, doc="largest probability of masking a revealed slot again in a step")

    def sigma(self, look: Look, most: float) -> Any:
        return min(self.eta, most)


@dataclass(frozen=True)
class ReMDMRescale(ReMDM):
    """ReMDM with sigma = eta sigma_max; see ``ReMDM`` for the process.

    Source: Wang et al. 2025, arXiv:2503.00307, "rescaled schedule".
    """

    eta: float = knob(0.015, 0, 1, neutral=0.0, doc="share of the largest possible probability of masking again")

    def sigma(self, look: Look, most: float) -> Any:
        return self.eta * most


@dataclass(frozen=True)
class ReMDMConf(ReMDM):
    """ReMDM with sigma = sigma_max softmax(-p) over the revealed slots; see ``ReMDM`` for the process.

    p is the probability that the model gave a slot's token when it was revealed: unlikely tokens are masked again more
    often. On average sigma_max slots are in a step, whatever their number; the masked ones are revealed at the rate of
    sigma = 0, so that a little less is revealed at a time than alpha says, and the last step makes up for it.

    Source: Wang et al. 2025, arXiv:2503.00307, "confidence-based schedule", and the authors' code.
    """

    def sigma(self, look: Look, most: float) -> Any:
        weight = np.where(look.free, np.exp(-look.revealed_probability), 0.0)
        return most * weight / max(weight.sum(), 1e-300)


@dataclass(frozen=True)
class ReMDMLoop(ReMDM):
    """Ancestral down to ``t_on``; then, until ``t_off``, mask again and reveal at a constant alpha; then ancestral.

    The process runs through the schedule from 1 to the time of ``alpha_on`` while t, the share of steps left, goes from
    1 to ``t_on``, stays there with sigma = min(eta, sigma_max) until ``t_off``, and then runs on to 0.

    Source: Wang et al. 2025, arXiv:2503.00307, and the authors' code; see ``ReMDM`` for the process.
    """

    eta: float = knob(0.02, 0, 1, neutral=0.0, doc="largest probability of masking a revealed slot again in a step")
    t_on: float = knob(0.55, 0, 1, open_low=True, open_high=True, doc="share of steps left when masking again begins")
    t_off: float = knob(0.05, 0, 1, open_low=True, open_high=True, doc="share of steps left when it ends, below t_on")
    alpha_on: float = knob(0.9, 0, 1, open_low=True, open_high=True, doc="alpha at which it is done")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.t_off >= self.t_on:
            raise ValueError(f"ReMDMLoop.t_off must be below t_on = {self.t_on:g}, got {self.t_off!r}")

    def at(self, look: Look, t: float) -> float:
        stay = look.schedule.time(self.alpha_on)
        if t > self.t_on:
            return stay + (1 - stay) * (t - self.t_on) / (1 - self.t_on)
        return stay * min(1.0, t / self.t_off)

    def sigma(self, look: Look, most: float) -> Any:
        return min(self.eta, most) if self.t_off < _steps_left(look) <= self.t_on else 0.0


def _steps_left(look: Look) -> float:
    """The share of the steps that is left, this one included."""
    assert look.steps is not None
    return (look.steps - look.step) / look.steps
