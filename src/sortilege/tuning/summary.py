"""A study in the cells of a table and in a line, for whoever draws them."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from sortilege.tuning.results import Trial, Tuned

_ROWS = 5
_WIDEST = 4  # so many knobs have columns of their own
_ALWAYS = ("nll", "distinct_3", "repeated_4")


class Line(NamedTuple):
    """A trial, or what trials are held to: what it is called, and its numbers.

    outside: the places of cells that are outside a guard's band.
    """

    name: str
    trial: bool
    cells: list[str]
    outside: frozenset[int] = frozenset()


def table_of(tuned: Tuned) -> tuple[list[str], list[Line]]:
    """The names of the columns; the best trials, or the front, and what they are held to."""
    goal = tuned.goal
    metrics = list(dict.fromkeys([*goal.metrics, *_ALWAYS]))
    knobs = [one.path for one in tuned.space.dimensions]
    knobs = knobs if len(knobs) <= _WIDEST else []
    blank = [""] * len(knobs)

    def line(name: str, values: Mapping[str, float], trial: Trial | None = None) -> Line:
        own = blank if trial is None else [_shown(trial.values[path]) for path in knobs]
        outside = frozenset(
            metrics.index(guard.metric) for guard in goal.guards if guard.distance(values, tuned.reference) > 0
        )
        return Line(name, trial is not None, [*(number(values[metric]) for metric in metrics), *own], outside)

    lines = [line(f"trial {one.number}", one.metrics, one) for one in _best(tuned)]
    lines += [line(name, baseline) for name, baseline in tuned.baselines.items()]
    lines.append(Line("reference", False, [*(number(tuned.reference[metric]) for metric in metrics), *blank]))
    if goal.guards:
        bands = {guard.metric: band(*guard.limits(tuned.reference)) for guard in goal.guards}
        lines.append(Line("band", False, [*(bands.get(metric, "") for metric in metrics), *blank]))
    return ["", *metrics, *knobs], lines


def notes_of(tuned: Tuned) -> list[str]:
    """How many trials there are and where, and what they are held to."""
    notes = [f"{tuned.finished} trials in {tuned.storage or 'memory'}, study {tuned.study}"]
    notes += [f"{tuned.running} still running elsewhere"] if tuned.running else []
    pruned = sum(one.state == "pruned" for one in tuned.trials)
    notes += [f"{pruned} pruned"] if pruned else []
    return [*notes, f"reference: {tuned.reference_kind.partition(': ')[2] or tuned.reference_kind}"]


def number(value: float) -> str:
    """Three decimals; nothing for what has no value."""
    return f"{value:.3f}" if math.isfinite(value) else ""


def band(low: float, high: float) -> str:
    """``0.912:1.008``; an end that is open is left out."""
    return f"{'' if math.isinf(low) else f'{low:.3f}'}:{'' if math.isinf(high) else f'{high:.3f}'}"


def _best(tuned: Tuned) -> list[Trial]:
    if len(tuned.goal.terms) > 1:
        return sorted(tuned.front, key=lambda one: one.score[0])
    sign = -1 if tuned.goal.directions[0] == "maximize" else 1
    return sorted((one for one in tuned.trials if one.state == "complete"), key=lambda one: sign * one.score[0])[:_ROWS]


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower()
