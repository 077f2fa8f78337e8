"""Search in the reverse process: a clean sequence within bounds, or nearer to them, to take each step's tokens from."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from sortilege.diffusion._rows import Found, Row, changes
from sortilege.diffusion.process import Process
from sortilege.diffusion.step import Step, without
from sortilege.numerics._arrays import Array, array_namespace, host
from sortilege.numerics.information import log_softmax
from sortilege.numerics.typicality import additive_distance, scaled_distance, typical_window
from sortilege.properties._base import Bound
from sortilege.properties.scoring import measured
from sortilege.search.ask import ask
from sortilege.search.judge import Account, Candidate, Judge, Predict, Request, Searching, account_of
from sortilege.search.local import Neighbours, climb, exhaustive
from sortilege.search.settings import Search

Draws = Callable[[int], dict[int, np.ndarray]]
"""The draws of a number, by row, for the rows that are searched at a step."""


@dataclass(frozen=True)
class Report:
    """What search says of a finished text.

    values: every property's value, by name, those not bounded included; NaN where it could not be measured.
    distances: how far outside its bounds each bounded property is, in its unit. satisfied: whether all are 0.
    scorer_calls: texts measured for the search, each property counted; what is only reported is not counted.
    denoiser_calls: canvases the search had predicted, beyond those of the reverse process.
    sweeps, moves: passes over neighbours, and substitutions accepted.
    """

    values: dict[str, float]
    distances: dict[str, float]
    satisfied: bool
    scorer_calls: int
    denoiser_calls: int
    sweeps: int
    moves: int


class Searcher:
    """A ``Proposer`` that searches by the settings; one of these serves any number of rows."""

    def __init__(self, bounds: Sequence[Bound], settings: Search, ends: Sequence[int] = ()) -> None:
        # What is only reported comes last, so that a bound has one number everywhere.
        self.bounds = sorted(bounds, key=lambda bound: not bound.bounded)
        self.settings, self.ends = settings, list(ends)
        self.deciding = [bound for bound in self.bounds if bound.bounded]

    def propose(
        self, process: Process, step: Step, rows: Sequence[int], final: Sequence[bool]
    ) -> list[np.ndarray | None]:
        due = [r for r, last in zip(rows, final, strict=True) if len(step.slots[r]) and self._due(step, r, last)]
        draws = cache(partial(step.samples, due))
        searches = {r: self._turn(process, step, r, draws) for r in due}
        searches |= {r: self._ended(process, step.rows[r]) for r in rows if len(step.slots[r]) == 0}
        found = dict(zip(searches, ask(list(searches.values()), process, self.bounds), strict=True))
        return [found.get(r) for r in rows]

    def _due(self, step: Step, r: int, final: bool) -> bool:
        """Whether row r is searched at this step."""
        row, settings = step.rows[r], self.settings
        account = account_of(row)
        account.turns += 1
        row.found = Found()
        if settings.method == "none" or not self.deciding:
            return False
        masked = len(step.slots[r]) / int((~row.fixed).sum())
        return final or (masked <= settings.last and (account.turns - 1) % settings.every == 0)

    def last(self, row: Row) -> bool:
        account = account_of(row)
        account.closing = bool(self.deciding) and self.settings.edits
        return account.closing and not account.closed

    def reports(self, process: Process, rows: Sequence[Row]) -> list[Report]:
        """Values that the search has not measured, those that are only reported among them, are measured now."""
        accounts = [account_of(row) for row in rows]
        texts = [self.judge(process, row).texts([row.canvas])[0] for row in rows]
        for b, bound in enumerate(self.bounds):
            missing = [i for i, text in enumerate(texts) if (b, text.text) not in accounts[i].known]
            for i, value in zip(missing, measured(bound, [texts[i] for i in missing]), strict=True):
                accounts[i].known[b, texts[i].text] = value
        return [self._report(account, text.text) for account, text in zip(accounts, texts, strict=True)]

    def _report(self, account: Account, text: str) -> Report:
        values = {bound.name: account.known[b, text] for b, bound in enumerate(self.bounds)}
        distances = {bound.name: bound.distance(values[bound.name]) for bound in self.deciding}
        return Report(
            values,
            distances,
            not any(distances.values()),
            account.scorer_calls,
            account.denoiser_calls,
            account.sweeps,
            account.moves,
        )

    def judge(self, process: Process, row: Row) -> Judge:
        settings, account = self.settings, account_of(row)
        step = None if settings.step_budget is None else account.scorer_calls + settings.step_budget
        return Judge(
            self.deciding,
            process.denoiser,
            self.ends,
            row,
            (settings.budget, step),
            every=settings.best_sequence_rank > 1 or settings.method == "exhaustive",
        )

    def _ended(self, process: Process, row: Row) -> Searching:
        """The sequence of a row with nothing masked: once, when it is about to be done, it may be edited."""
        account, row.found = account_of(row), Found()
        if not account.closing or account.closed:
            return row.canvas
        account.closed = True
        return (yield from self._edited(process, row))

    def _turn(self, process: Process, step: Step, r: int, draws: Draws) -> Searching:
        """The sequence to take tokens of a row from."""
        judge = self.judge(process, step.rows[r])
        best, chosen = yield from self._searched(step, r, judge, draws)
        self._keep(step.rows[r], judge, best, chosen)
        return chosen.tokens

    def _keep(self, row: Row, judge: Judge, best: Candidate, chosen: Candidate) -> None:
        """Remember the sequence that is gone on with, made of the ``best`` there was."""
        judge.account.incumbent = chosen.tokens
        values = self._known(judge, chosen.tokens)
        same = np.array_equal(best.tokens, chosen.tokens)
        before = {} if same else self._known(judge, best.tokens)
        substituted = changes(best.tokens, chosen.tokens, row.canvas == judge.denoiser.mask_id)
        distances = {bound.name: bound.distance(values[bound.name]) for bound in self.deciding if bound.name in values}
        row.found = Found(values, distances, substituted, before)

    def _known(self, judge: Judge, tokens: np.ndarray) -> dict[str, float]:
        """The values of a sequence, of the bounded properties, that have been measured."""
        (text,) = judge.texts([tokens])
        known = judge.account.known
        return {b.name: known[i, text.text] for i, b in enumerate(self.deciding) if (i, text.text) in known}

    def _searched(
        self, step: Step, r: int, judge: Judge, draws: Draws
    ) -> Generator[Request, Any, tuple[Candidate, Candidate]]:
        """The best of draws and incumbent, and the sequence to go on with: what substitutions make of that."""
        settings, slots, span = self.settings, step.slots[r], step.span(r)
        raw = step.raw[span]

        def candidate(tokens: np.ndarray) -> Candidate:
            return Candidate(tokens, float(step.at(raw, tokens[slots]).sum()))

        starts = [candidate(step.clean(r, draws(i)[r])) for i in range(settings.num_x_theta_samples)]
        ranked = yield from judge.ranked(starts)
        incumbent = judge.account.incumbent
        if incumbent is not None:
            # positions revealed meanwhile overrule it, and an end token may have shortened the canvas
            found = yield from judge.ranked([candidate(step.clean(r, incumbent[slots]))])
            if settings.start == "best":
                ranked = sorted([*ranked, *found], key=lambda candidate: candidate.rank)
        unsure = slots[np.argsort(step.at(raw, ranked[0].tokens[slots]), kind="stable")]
        if settings.method == "exhaustive":
            yield from exhaustive(judge, ranked[0], unsure, self._around(step, r))
        elif settings.method == "local-search" and not ranked[0].holds:
            around = self._around(step, r)
            yield from climb(judge, ranked[0], unsure, around, chunk=settings.chunk, sweeps=settings.sweeps)
        return ranked[0], judge.best(settings.best_sequence_rank)

    def _around(self, step: Step, r: int) -> Any:
        """The neighbours at masked slots: candidates come from x_theta."""
        slots, span = step.slots[r], step.span(r)
        found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

        def around(tokens: np.ndarray, asked: np.ndarray) -> Generator[Request, Any, Neighbours]:
            if not found:
                found.append(self.candidates(step.x_theta[span], step.raw[span]))
            places = np.searchsorted(slots, asked)
            ids, valid, log_prob = (x[places] for x in found[0])
            there = step.at(step.raw[span], tokens[slots])[places]
            return Neighbours(asked, ids, valid, log_prob, there)
            yield  # a generator that has nothing to ask

        return around

    def candidates(self, x_theta: Array, raw: Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The k candidates of each slot: ids, valid and log-probabilities under the model, each (m, K).

        x_theta: (m, V) log-probabilities that the rule reads. raw: (m, V) the model's own.
        """
        settings = self.settings
        if settings.sampling_method == "locally_typical":
            distance = additive_distance(x_theta, settings.alpha)
        else:
            tau = settings.tau if settings.sampling_method == "locally_typical_distance" else 0.0
            distance = scaled_distance(x_theta, tau)
        window = typical_window(x_theta, distance, settings.k)
        log_prob = array_namespace(raw).take_along_axis(raw, window.ids, axis=-1)
        return host(window.ids), host(window.valid), host(log_prob).astype(np.float64)

    def _edited(self, process: Process, row: Row) -> Searching:
        """A finished canvas after substitutions at revealed slots.

        Candidates of a slot come from p(token | all others): the canvas is predicted with that slot masked again.
        """
        settings, judge, denoiser = self.settings, self.judge(process, row), process.denoiser
        forbidden = [*denoiser.forbidden, *denoiser.end_ids]

        def around(tokens: np.ndarray, asked: np.ndarray) -> Generator[Request, Any, Neighbours]:
            canvases = [tokens.copy() for _ in asked]
            for canvas, slot in zip(canvases, asked, strict=True):
                canvas[slot] = denoiser.mask_id
            judge.account.denoiser_calls += len(asked)
            logits = yield Predict(tuple(canvases))
            xp = array_namespace(logits[0])
            at = xp.stack([values[int(slot)] for values, slot in zip(logits, asked, strict=True)])
            raw = log_softmax(without(at, forbidden))
            ids, valid, log_prob = self.candidates(raw, raw)
            return Neighbours(asked, ids, valid, log_prob, Step.at(raw, tokens[asked]))

        free = np.flatnonzero(~row.fixed & ~np.isin(row.canvas, denoiser.end_ids))
        unsure = free[np.argsort(row.revealed_log_prob[free], kind="stable")]
        ranked = yield from judge.ranked([Candidate(row.canvas, 0.0)])
        chosen = yield from climb(
            judge, ranked[0], unsure, around, chunk=settings.chunk, sweeps=settings.sweeps, at_once=16
        )
        self._keep(row, judge, ranked[0], chosen)
        return chosen.tokens
