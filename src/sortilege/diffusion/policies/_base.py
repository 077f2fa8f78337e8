"""What a reveal policy is: it scores the slots of one canvas and says which to reveal, and which to mask again."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from sortilege._knobs import check_knobs
from sortilege.diffusion.schedule import Schedule
from sortilege.numerics.random import Stream


class Look(Protocol):
    """One canvas as a policy sees it. Arrays are (L,) NumPy arrays; scores are float64 and 0 at slots not masked.

    Scores are of the model's own prediction, before any filter: filters and searches change which tokens are revealed,
    never how many or, for the same tokens, where.
    """

    @property
    def masked(self) -> np.ndarray:
        """Which slots may be revealed."""
        ...

    @property
    def free(self) -> np.ndarray:
        """Which slots are revealed and may be masked again."""
        ...

    @property
    def step(self) -> int:
        """How many steps were taken before this one."""
        ...

    @property
    def steps(self) -> int | None:
        """How many there will be; None where the policy goes on until nothing is masked."""
        ...

    @property
    def time(self) -> float:
        """Where the canvas stands, from 1 (nothing revealed) to 0."""
        ...

    @property
    def next_time(self) -> float:
        """Where the step leads on an even grid, 1 - (step + 1) / steps; only where ``steps`` is a number."""
        ...

    @property
    def schedule(self) -> Schedule: ...

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the token that would be revealed."""
        ...

    @property
    def top(self) -> np.ndarray:
        """The largest probability."""
        ...

    @property
    def margin(self) -> np.ndarray:
        """The largest probability less the second largest."""
        ...

    @property
    def entropy(self) -> np.ndarray:
        """In nats."""
        ...

    @property
    def divergence(self) -> np.ndarray:
        """KL(p || p before) in nats from the prediction before the last change; infinite where there was none."""
        ...

    @property
    def revealed_probability(self) -> np.ndarray:
        """At free slots, the probability of the token there when it was revealed."""
        ...

    def uniform(self, stream: Stream) -> np.ndarray:
        """Uniform numbers in (0, 1), a function of the row's seed, the step, the stream and the slot."""
        ...

    def restricted(self, slots: np.ndarray, *, step: int, steps: int | None, time: float) -> "Look":
        """The same canvas with only ``slots`` (L,) to reveal or mask again, and a time of its own."""
        ...


@dataclass(frozen=True)
class Choice:
    """What a policy chose.

    reveal: (L,) true at masked slots to reveal. remask: (L,) true at free slots to mask again, or None.
    time: the time the canvas has then come down to; None for the time at which as much would be masked on average.
    """

    reveal: np.ndarray
    remask: np.ndarray | None = None
    time: float | None = None


class Policy:
    """Base of every reveal policy: a frozen dataclass of knobs with two pure functions on a state that is a value."""

    source: ClassVar[str] = ""
    """Where the rule was published, in one line."""

    def __post_init__(self) -> None:
        check_knobs(self)

    @property
    def default_steps(self) -> int | None:
        """How many steps where the caller does not say; None for a policy that goes on until nothing is masked.

        A policy without a number of steps reveals at least one slot a step. Where there is a number, whatever the last
        step leaves is revealed with it.
        """
        return None

    @property
    def weighs_tokens(self) -> bool:
        """Whether ``confidence`` is asked for, so that a search has to propose its tokens before the choice."""
        return False

    @property
    def looks_back(self) -> bool:
        """Whether ``divergence`` is asked for: the prediction before the last change is then kept."""
        return False

    @property
    def remasks(self) -> bool:
        """Whether slots may be masked again: the canvas is then worked on until the last step, masked slots or not."""
        return False

    def init(self, look: Look) -> Any:
        """The state before the first step."""
        return ()

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        """What to reveal, and the state with it.

        An end token shortens the canvas: what a state holds of slots may then reach beyond it.
        """
        raise NotImplementedError
