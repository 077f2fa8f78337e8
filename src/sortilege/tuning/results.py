"""What a study found: its trials, the best of them, and what they were held to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sortilege._extras import require
from sortilege.samplers._base import Sampler
from sortilege.samplers.spec import format_sampler
from sortilege.tuning.ledger import ATTEMPTS, counts, slots_of
from sortilege.tuning.measuring import numbers
from sortilege.tuning.objectives import Objective
from sortilege.tuning.space import Space


@dataclass(frozen=True)
class Trial:
    """A finished trial.

    number: in the storage. values: of the dimensions, by path. sampler: what they make; None where that is infeasible.
    metrics: all cheap ones, means over its texts; of a pruned trial, over the texts it came to.
    score: what the optimizer saw; with guards, 1000 and more outside the band. Empty where there is none.
    distance: how far outside the band; 0 within, and without guards. NaN of a trial that is not complete.
    state: "complete", "pruned" (it fell behind), "infeasible" (no text was drawn) or "failed".
    reason: why it is not complete. seconds: the time it took.
    """

    number: int
    values: dict[str, Any]
    sampler: Sampler | None
    metrics: dict[str, float]
    score: tuple[float, ...]
    distance: float
    state: str
    reason: str
    seconds: float


@dataclass(frozen=True, repr=False)
class Tuned:
    """A study as it stands.

    space, objective: what varied, and what was looked for; ``goal`` has its terms and guards.
    trials: all that finished, in the order they were begun; infeasible draws are among them.
    best: of those that are complete and within the band, the one with the best score; None if there is none, and for
        several objectives. nearest: the same, whether within the band or not.
    front: of several objectives, the trials that no other is better than in all of them.
    reference: the metrics that guards are relative to; ``reference_kind`` says of what texts.
    baselines: the metrics of samplers to compare with: "greedy", where the objective is the source's.
    wanted: how many trials were asked for; ``finished`` of them are, ``running`` are being run by others.
    settings: all that decides what the trials are. versions: those of the libraries, when the study was made.
    study, storage: its name, and where it is kept, None for nowhere.
    """

    space: Space
    objective: str
    goal: Objective
    trials: tuple[Trial, ...]
    best: Trial | None
    nearest: Trial | None
    front: tuple[Trial, ...]
    reference: dict[str, float]
    reference_kind: str
    baselines: dict[str, dict[str, float]]
    wanted: int
    finished: int
    running: int
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    study: str
    storage: str | None

    def __repr__(self) -> str:
        best = None if self.best is None or self.best.sampler is None else format_sampler(self.best.sampler)
        return f"Tuned({self.space.text!r}, {self.finished} of {self.wanted} trials, best={best!r})"

    def _repr_html_(self) -> str:
        from sortilege._notebook import table_html
        from sortilege.tuning.summary import notes_of, table_of

        head, lines = table_of(self)
        rows = [
            [line.name, *(f"{cell} outside" if i in line.outside else cell for i, cell in enumerate(line.cells))]
            for line in lines
        ]
        found = [] if self.best is None or self.best.sampler is None else [f"best: {format_sampler(self.best.sampler)}"]
        return table_html(head, rows, found, notes_of(self))


def trial_of(frozen: Any, space: Space, goal: Objective, reference: Mapping[str, float]) -> Trial:
    """What is said of a finished trial."""
    state, said = require("optuna", "tuning").trial.TrialState, frozen.user_attrs
    metrics = numbers(said.get("metrics") or {})
    values = {one.path: one.rounded(frozen.params[one.path]) for one in space.dimensions if one.path in frozen.params}
    try:
        sampler = space.sampler(values)
    except ValueError:  # infeasible, or lost before all values were drawn
        sampler = None
    if "infeasible" in said:
        word, reason = "infeasible", said["infeasible"]
    elif frozen.state == state.FAIL:
        word, reason = "failed", said.get("error", f"its process ended {ATTEMPTS} times")
    elif frozen.state == state.PRUNED:
        word, reason = "pruned", f"fell behind after {said.get('texts', 0)} texts"
    else:
        word, reason = "complete", ""
    return Trial(
        number=frozen.number,
        values=values,
        sampler=sampler,
        metrics=metrics,
        score=tuple(frozen.values or ()) if word in ("complete", "pruned") else (),
        distance=goal.distance(metrics, reference) if word == "complete" else math.nan,
        state=word,
        reason=reason,
        seconds=frozen.duration.total_seconds() if frozen.duration else 0.0,
    )


def finished(trials: Sequence[Any], space: Space, goal: Objective, reference: Mapping[str, float]) -> list[Trial]:
    """All that finished, infeasible ones too, in the order of their slots."""
    done = [one for one in trials if counts(one, trials) or ("infeasible" in one.user_attrs)]
    slots = slots_of(trials)
    done.sort(key=lambda one: (slots[one.number], one.number))
    return [trial_of(one, space, goal, reference) for one in done]
