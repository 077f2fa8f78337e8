"""Semi-autoregressive decoding: block after block, from left to right."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sortilege._knobs import knob
from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.diffusion.policies.quota import LowConfidence


class BlocksState(NamedTuple):
    """origin: the first slot of the first block. blocks: the numbers of the blocks to write. steps: how many for each.

    place: which of ``blocks`` is worked on. step, time, inner: where it stands, and the state of its policy.
    """

    origin: int
    blocks: tuple[int, ...]
    steps: tuple[int | None, ...]
    place: int
    step: int
    time: float
    inner: Any


@dataclass(frozen=True)
class Blocks(Policy):
    """Work on the leftmost unfinished block only, with another policy, which takes each block for a canvas of its own.

    Blocks are ``size`` slots long, counted from the first slot to write; one in which everything is given is passed
    over. A number of steps is split over the blocks as evenly as can be, the larger shares first, with at least one
    for each (with fewer steps than blocks, the last step reveals all that is left); a policy that is done with a block
    before its steps are used up goes on to the next. Within a block, time runs from 1 to 0.

    Source: Nie et al. 2025 (LLaDA), arXiv:2502.09992, and its code, where the block of the instruct model is 32.
    """

    source: ClassVar[str] = "Nie et al. 2025, arXiv:2502.09992"

    size: int = knob(32, 1, doc="slots of a block")
    policy: Policy = knob(LowConfidence(), kind="policy", doc="what is done within a block")

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.policy
        if not isinstance(given, Policy):
            raise ValueError(f"Blocks.policy must be a policy, got {given!r}")

    @property
    def default_steps(self) -> int | None:
        return self.policy.default_steps

    @property
    def weighs_tokens(self) -> bool:
        return self.policy.weighs_tokens

    @property
    def looks_back(self) -> bool:
        return self.policy.looks_back

    @property
    def remasks(self) -> bool:
        return self.policy.remasks

    def init(self, look: Look) -> BlocksState:
        slots = np.flatnonzero(look.masked)
        origin = int(slots[0])
        blocks = tuple(np.unique((slots - origin) // self.size).tolist())
        steps: tuple[int | None, ...] = (None,) * len(blocks)
        if look.steps is not None:
            share, rest = divmod(look.steps, len(blocks))
            steps = tuple(max(1, share + (place < rest)) for place in range(len(blocks)))
        return self._entered(look, BlocksState(origin, blocks, steps, 0, 0, 1.0, None))

    def choose(self, look: Look, state: BlocksState) -> tuple[Choice, BlocksState]:
        while self._finished(look, state):
            if state.place + 1 == len(state.blocks):
                return Choice(np.zeros_like(look.masked)), state
            state = self._entered(look, state._replace(place=state.place + 1))
        part = self._part(look, state)
        choice, inner = self.policy.choose(part, state.inner)
        if part.steps is not None and part.step + 1 >= part.steps:
            choice = Choice(part.masked, time=0.0)
        state = state._replace(step=state.step + 1, time=_time(part, choice), inner=inner)
        return Choice(choice.reveal, choice.remask), state

    def _part(self, look: Look, state: BlocksState) -> Look:
        """The block in hand, as a canvas of its own."""
        slots = (np.arange(len(look.masked)) - state.origin) // self.size == state.blocks[state.place]
        return look.restricted(slots, step=state.step, steps=state.steps[state.place], time=state.time)

    def _entered(self, look: Look, state: BlocksState) -> BlocksState:
        state = state._replace(step=0, time=1.0)
        return state._replace(inner=self.policy.init(self._part(look, state)))

    def _finished(self, look: Look, state: BlocksState) -> bool:
        part = self._part(look, state)
        if part.masked.any():
            return False
        done = not self.policy.remasks or part.steps is None or part.step >= part.steps
        return done or not part.free.any()


def _time(part: Look, choice: Choice) -> float:
    """The time a block comes down to with a choice."""
    if choice.time is not None:
        return choice.time
    masked = part.masked & ~choice.reveal
    if choice.remask is not None:
        masked = masked | choice.remask
    return part.schedule.time(1 - float(masked.sum() / (part.masked | part.free).sum()))
