"""The reverse process, written to be read: canvases of masks go in, texts come out, a few slots a step.

A step looks (the denoiser predicts the canvases that have changed), chooses (the policy says which slots) and commits
(tokens drawn from x_theta, or those a search made of them).
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, Protocol

import numpy as np

from sortilege.diffusion._requests import Denoised, clip_at_end, result_of
from sortilege.diffusion._rows import Row, StepRecord, changes
from sortilege.diffusion._trace import canvas_record
from sortilege.diffusion.denoiser import Denoiser
from sortilege.diffusion.policies._base import Choice, Policy
from sortilege.diffusion.schedule import Schedule
from sortilege.diffusion.step import RowLook, Step, without
from sortilege.numerics._arrays import array_namespace
from sortilege.numerics.information import log_softmax
from sortilege.samplers._base import Sampler


class Proposer(Protocol):
    """What may take the place of plain draws from x_theta: it proposes the clean text that tokens are taken from."""

    def propose(
        self, process: "Process", step: Step, rows: Sequence[int], final: Sequence[bool]
    ) -> list[np.ndarray | None]:
        """Clean sequences (L_r,) for the rows of the step with these places; None for a plain draw from x_theta.

        Fixed slots stay as they are; revealed slots that differ from the canvas are edits.
        final: whether the row's last masked slots are revealed with this step, as far as is known.
        What is to last from step to step is kept in ``Row.search``; what is known of a sequence, in ``Row.found``.
        """
        ...

    def last(self, row: Row) -> bool:
        """Whether a row with nothing masked, which would be done, is to have another step, for edits alone."""
        ...

    def reports(self, process: "Process", rows: Sequence[Row]) -> list[Any]:
        """What to say of finished rows."""
        ...


class Process:
    """A reverse process: what stays the same from step to step and from row to row.

    traced: whether rows keep the records of a trace.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        policy: Policy,
        schedule: Schedule,
        sampler: Sampler | None,
        proposer: Proposer | None,
        ends: Sequence[int],
        traced: bool = False,
    ) -> None:
        self.denoiser, self.policy, self.schedule, self.sampler = denoiser, policy, schedule, sampler
        self.proposer, self.ends, self.traced = proposer, list(ends), traced

    def run(self, waiting: Sequence[Row], batch_size: int) -> Iterator[tuple[int, Denoised]]:
        """Work on ``batch_size`` rows at a time; a row that is done makes room for the next."""
        waiting = list(waiting)
        rows: list[Row] = []
        while waiting or rows:
            while waiting and len(rows) < batch_size:
                rows.append(waiting.pop(0))
            started = time.perf_counter()
            self.step(rows)
            share = (time.perf_counter() - started) / len(rows)
            for row in rows:
                row.took(share)
            done = [self.finished(row) for row in rows]
            ended = list(compress(rows, done))
            reports = [None] * len(ended) if self.proposer is None else self.proposer.reports(self, ended)
            for row, report in zip(ended, reports, strict=True):
                yield row.index, result_of(row, self.denoiser, report)
            rows = [row for row, is_done in zip(rows, done, strict=True) if not is_done]

    def finished(self, row: Row) -> bool:
        if (row.canvas == self.denoiser.mask_id).any():
            return False
        if self.policy.remasks and row.steps is not None and row.step < row.steps:
            return False
        return self.proposer is None or not self.proposer.last(row)

    def step(self, rows: Sequence[Row]) -> None:
        """Take one step with every row: look, choose, commit."""
        self.look(rows)
        step = self.at(rows)
        proposed: dict[int, np.ndarray] = {}
        writing = [r for r, slots in enumerate(step.slots) if len(slots)]
        if self.policy.weighs_tokens:
            self.propose(step, writing, [False] * len(rows), proposed)
        choices = [self.choose(step, r, proposed.get(r)) for r in range(len(rows))]
        drawn = self.drawn(step, choices, proposed)
        final = [self.closes(step, r, choice, drawn) for r, choice in enumerate(choices)]
        changing = [r for r in writing if (final[r] if self.policy.weighs_tokens else choices[r].reveal.any())]
        self.propose(step, changing, final, proposed)
        self.commit(step, choices, proposed, drawn)

    def look(self, rows: Sequence[Row]) -> None:
        """Run the denoiser on the canvases that have changed, or on all of them where the network is told the time."""
        timed = self.denoiser.time != "none"
        masked = [bool((row.canvas == self.denoiser.mask_id).any()) for row in rows]
        stale = [
            row for row, any_masked in zip(rows, masked, strict=True) if any_masked and (timed or row.logits is None)
        ]
        if not stale:
            return
        tokens, valid = padded([row.canvas for row in stale], self.denoiser.pad_id)
        logits = self.denoiser.predict(tokens, valid, np.asarray([self.told(row.time) for row in stale]))
        for place, row in enumerate(stale):
            row.logits = logits[place, : len(row.canvas)]
            row.denoiser_calls += 1
            if row.step == 0:
                self.begin(row)

    def told(self, t: float) -> float:
        """What the network is told of a time t."""
        if self.denoiser.time == "sigma":
            return float(-np.log(max(self.schedule.alpha(t), 1e-5)))  # finite at t = 1
        return t if self.denoiser.time == "t" else 0.0

    def begin(self, row: Row) -> None:
        """A stateful sampler begins with the leftmost slot to write, and reads what is given, as it would a prompt."""
        if self.sampler is None or self.sampler.stateless:
            return
        slot = int(np.flatnonzero(row.canvas == self.denoiser.mask_id)[0])
        first = log_softmax(without(row.logits[slot : slot + 1], self.denoiser.forbidden))
        row.sampler = self.sampler.init(first)
        if row.fixed.any():
            xp = array_namespace(first)
            given = xp.asarray(row.canvas[row.fixed][None, :], device=first.device)
            row.sampler = self.sampler.read(given, given == given, row.sampler)

    def at(self, rows: Sequence[Row]) -> Step:
        return Step(rows, self.denoiser.mask_id, self.denoiser.forbidden, self.schedule, self.sampler)

    def propose(self, step: Step, asked: Sequence[int], final: Sequence[bool], proposed: dict[int, np.ndarray]) -> None:
        """Add the proposer's clean sequences for the rows asked for, and once for those with nothing masked."""
        if self.proposer is None:
            return
        idle = (r for r, slots in enumerate(step.slots) if len(slots) == 0 and r not in proposed)
        turns = sorted({*asked, *idle})
        if turns:
            clean = self.proposer.propose(self, step, turns, [final[r] for r in turns])
            proposed.update((r, one) for r, one in zip(turns, clean, strict=True) if one is not None)

    def choose(self, step: Step, r: int, clean: np.ndarray | None) -> Choice:
        """What the policy chooses for row r, given the clean sequence proposed, if there is one."""
        row = step.rows[r]
        masked = row.canvas == self.denoiser.mask_id
        if not masked.any() and not self.policy.remasks:
            return Choice(masked)  # only a proposer still has business here
        if row.steps is not None and row.step + 1 >= row.steps:
            return Choice(masked, time=0.0)
        look = RowLook(step, r, clean, masked, ~masked & ~row.fixed, row.step, row.steps, row.time)
        if row.step == 0:
            row.policy = self.policy.init(look)
        choice, row.policy = self.policy.choose(look, row.policy)
        if row.steps is None and not choice.reveal.any():
            raise RuntimeError(f"{type(self.policy).__name__} revealed nothing, and no number of steps would end it")
        return choice

    def drawn(self, step: Step, choices: Sequence[Choice], proposed: Mapping[int, np.ndarray]) -> np.ndarray:
        """(M,) tokens: those to be revealed are drawn from x_theta, or taken from what is proposed."""
        drawn = np.zeros(sum(map(len, step.slots)), dtype=np.int64)
        plain = [
            np.zeros(len(slots), dtype=bool) if r in proposed else choice.reveal[slots]
            for r, (slots, choice) in enumerate(zip(step.slots, choices, strict=True))
        ]
        at = np.flatnonzero(np.concatenate(plain))
        if len(at):
            drawn[at] = step.draw(at)
        for r, clean in proposed.items():
            drawn[step.span(r)] = clean[step.slots[r]]
        return drawn

    def closes(self, step: Step, r: int, choice: Choice, drawn: np.ndarray) -> bool:
        """Whether a choice reveals all of row r that is still masked, up to the end token that it may reveal."""
        row, slots = step.rows[r], step.slots[r]
        if self.proposer is not None and self.ends and len(slots):
            shown = row.canvas.copy()
            shown[slots] = np.where(choice.reveal[slots], drawn[step.span(r)], self.denoiser.mask_id)
            ended = np.flatnonzero(np.isin(shown, self.ends) & ~row.fixed)
            slots = slots[slots < ended[0]] if len(ended) else slots
        return bool(choice.reveal[slots].all())

    def commit(
        self, step: Step, choices: Sequence[Choice], proposed: Mapping[int, np.ndarray], drawn: np.ndarray
    ) -> None:
        """Write what was chosen on the canvases. drawn: (M,) the tokens to reveal where nothing is proposed."""
        drawn = drawn.copy()
        for r, clean in proposed.items():
            drawn[step.span(r)] = clean[step.slots[r]]
        revealing = any(choice.reveal.any() for choice in choices)
        log_prob = step.at(step.raw, drawn) if revealing else np.zeros(len(drawn))
        for r, (row, choice) in enumerate(zip(step.rows, choices, strict=True)):
            self.write(step, r, choice, proposed.get(r), drawn, log_prob)
            row.step += 1

    def write(
        self,
        step: Step,
        r: int,
        choice: Choice,
        clean: np.ndarray | None,
        drawn: np.ndarray,
        log_prob: np.ndarray,
    ) -> None:
        """Write what was chosen for row r on its canvas: tokens (M,) that were drawn, edits of ``clean``, new masks."""
        row = step.rows[r]
        slots = np.flatnonzero(choice.reveal)
        masked = np.zeros(0, dtype=int) if choice.remask is None else np.flatnonzero(choice.remask)
        edited = () if clean is None else changes(row.canvas, clean, row.canvas != self.denoiser.mask_id)
        if choice.time is not None:
            row.time = choice.time
        if not (len(slots) or len(masked) or edited):
            return
        for slot, _, token in edited:
            row.canvas[slot] = token
        at = step.span(r).start + np.searchsorted(step.slots[r], slots)
        row.canvas[slots] = drawn[at]
        row.revealed_log_prob[slots] = log_prob[at]
        row.canvas[masked] = self.denoiser.mask_id
        self.observe(step, row, at, drawn)
        if choice.time is None:
            row.time = self.schedule.time(1 - np.mean((row.canvas == self.denoiser.mask_id)[~row.fixed]).item())
        revealed = tuple(zip(slots.tolist(), drawn[at].tolist(), strict=True))
        found = row.found
        row.history.append(
            StepRecord(
                row.step,
                row.time,
                revealed,
                tuple(masked.tolist()),
                edited,
                found.substituted,
                found.values,
                found.values_before,
            )
        )
        row.before = row.logits if self.policy.looks_back else None
        row.logits = None
        if self.ends:
            clip_at_end(row, self.ends)
        if self.traced:
            record = canvas_record(row, row.history[-1], log_prob[at], step.entropies_at(at), self.denoiser)
            row.trace.append(record)

    def observe(self, step: Step, row: Row, places: np.ndarray, drawn: np.ndarray) -> None:
        """Lead a stateful sampler through the tokens revealed in a row, from left to right."""
        if self.sampler is None or self.sampler.stateless:
            return
        for at in places.tolist():
            logits = step.raw[at : at + 1]
            _, state = self.sampler.adjust(logits, row.sampler, step.key(np.asarray([at])))
            token = array_namespace(logits).asarray(drawn[at : at + 1], device=logits.device)
            row.sampler = self.sampler.observe(token, state)


def padded(canvases: Sequence[np.ndarray], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Canvases of different lengths side by side, (B, L) padded on the right, and (B, L) false at padding."""
    longest = max(map(len, canvases))
    tokens = np.full((len(canvases), longest), pad_id, dtype=np.int64)
    valid = np.zeros(tokens.shape, dtype=bool)
    for place, canvas in enumerate(canvases):
        tokens[place, : len(canvas)] = canvas
        valid[place, : len(canvas)] = True
    return tokens, valid
