"""A canvas as a policy sees it, made by hand."""

from dataclasses import dataclass, field, replace

import numpy as np

from sortilege.diffusion import SCHEDULES
from sortilege.diffusion.policies import Look
from sortilege.diffusion.schedule import Schedule
from sortilege.numerics.random import Stream


def zeros() -> np.ndarray:
    return np.zeros(0)


@dataclass
class Page:
    """A ``Look`` whose parts are what they are set to."""

    masked: np.ndarray
    free: np.ndarray = field(default_factory=zeros)
    step: int = 0
    steps: int | None = None
    time: float = 1.0
    schedule: Schedule = SCHEDULES["loglinear"]
    confidence: np.ndarray = field(default_factory=zeros)
    top: np.ndarray = field(default_factory=zeros)
    margin: np.ndarray = field(default_factory=zeros)
    entropy: np.ndarray = field(default_factory=zeros)
    divergence: np.ndarray = field(default_factory=zeros)
    revealed_probability: np.ndarray = field(default_factory=zeros)
    noise: np.ndarray = field(default_factory=zeros)

    @property
    def next_time(self) -> float:
        assert self.steps is not None
        return (self.steps - self.step - 1) / self.steps

    def uniform(self, stream: Stream) -> np.ndarray:
        return self.noise

    def restricted(self, slots: np.ndarray, *, step: int, steps: int | None, time: float) -> Look:
        return replace(self, masked=self.masked & slots, free=self.free & slots, step=step, steps=steps, time=time)


def masked(scores: np.ndarray) -> np.ndarray:
    """As many masked slots as there are scores."""
    return np.ones(len(scores), dtype=bool)
