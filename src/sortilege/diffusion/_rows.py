"""One text in the making: its canvas, where it stands, and what happened to it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sortilege.trace.tokens import Record

Change = tuple[int, int, int]
"""A slot, the token that was there, and the one that is there now."""


def changes(old: np.ndarray, new: np.ndarray, where: np.ndarray) -> tuple[Change, ...]:
    """What differs between two sequences (L,), at the slots where ``where`` (L,) is true."""
    slots = np.flatnonzero((old != new) & where)
    return tuple(zip(slots.tolist(), old[slots].tolist(), new[slots].tolist(), strict=True))


@dataclass(frozen=True)
class Found:
    """What a search knows of the clean sequence that a step takes its tokens from.

    values: its properties, by name, as far as they were measured. distances: how far they are outside their bounds.
    substituted: what the search put at masked slots in place of the best it had before substitutions. values_before:
    the values of that, where anything was substituted or edited.
    """

    values: dict[str, float] = field(default_factory=dict[str, float])
    distances: dict[str, float] = field(default_factory=dict[str, float])
    substituted: tuple[Change, ...] = ()
    values_before: dict[str, float] = field(default_factory=dict[str, float])


@dataclass
class Row:
    """A canvas of L slots between two steps.

    index: which of the texts asked for it is. seed: its seed.
    canvas: (L,) token ids, the mask where unknown. given: (L,) true at slots that were never to be written.
    fixed: (L,) true at slots that nothing ever changes: those given, and an end token that has ended the text.
    prefix: how many slots at the front are the prompt.
    step: how many steps it has taken, of at most ``steps`` (None: as many as it takes).
    time: the time it has come down to, from 1.
    revealed_log_prob: (L,) the log-probability under the model of the token revealed at each slot, when it was.
    logits: (L, V) the denoiser's prediction for the canvas as it is; None once the canvas has changed.
    before: (L, V) the prediction for the canvas before that, kept for policies that look back.
    policy, sampler, search: their states. found: what a search says of this step's clean sequence.
    trace: the trace's records of what happened to it, where a trace was asked for.
    """

    index: int
    seed: int
    prompt: str | None
    canvas: np.ndarray
    given: np.ndarray
    fixed: np.ndarray
    prefix: int
    steps: int | None
    revealed_log_prob: np.ndarray
    step: int = 0
    time: float = 1.0
    logits: Any = None
    before: Any = None
    policy: Any = None
    sampler: Any = None
    search: Any = None
    found: Found = field(default_factory=Found)
    denoiser_calls: int = 0
    seconds: float = 0.0
    history: list["StepRecord"] = field(default_factory=list["StepRecord"])
    trace: list[Record] = field(default_factory=list[Record])

    def took(self, seconds: float) -> None:
        """Note what the step it has just taken took."""
        self.seconds += seconds
        if self.trace and self.trace[-1]["seconds"] is None:
            self.trace[-1]["seconds"] = seconds


@dataclass(frozen=True)
class StepRecord:
    """A step that changed the canvas. Slots count from the start of the canvas, the prompt included.

    step: its number, from 0. time: the time it ended at.
    revealed: (slot, token) pairs. masked: the slots that were masked again.
    edited: (slot, old token, new token), changes that search made to slots revealed before.
    substituted: the same at slots that were masked: changes that search made to the sequence the tokens were taken
        from. Where such a slot is not among those revealed, it is masked still.
    values: property values of the sequence the tokens were taken from, where search measured them.
    values_before: those it had before it was substituted or edited.
    """

    step: int
    time: float
    revealed: tuple[tuple[int, int], ...] = ()
    masked: tuple[int, ...] = ()
    edited: tuple[Change, ...] = ()
    substituted: tuple[Change, ...] = ()
    values: dict[str, float] = field(default_factory=dict[str, float])
    values_before: dict[str, float] = field(default_factory=dict[str, float])
