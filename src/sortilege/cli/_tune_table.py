"""What ``sortilege tune`` shows: the best so far in a line, and the study in a table."""

import math
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortilege.samplers.spec import format_sampler
from sortilege.tuning import Trial, Tuned

_ROWS = 5
_WIDEST = 4  # so many knobs have columns of their own
_ALWAYS = ("nll", "distinct_3", "repeated_4")


def standing(tuned: Tuned) -> str:
    """The best so far, its guards beside their bands, and how many trials were given up."""
    parts: list[str] = []
    best = tuned.nearest
    first, *others = tuned.goal.terms
    if others:
        parts.append(f"{len(tuned.front)} on the front")
    elif best is not None:
        parts.append(f"best {first.metric} {_number(best.metrics[first.metric])}")
        for guard in tuned.goal.guards:
            low, high = guard.limits(tuned.reference)
            within = "" if guard.distance(best.metrics, tuned.reference) == 0 else " (outside)"
            parts.append(f"{guard.metric} {_number(best.metrics[guard.metric])} in {_band(low, high)}{within}")
    for state in ("pruned", "infeasible", "failed"):
        count = sum(one.state == state for one in tuned.trials)
        parts += [f"{count} {state}"] if count else []
    return " · ".join(parts)


def show(tuned: Tuned, preset: Path | None) -> None:
    """Print the best trials, or the front, with what they are held to, and how to use what was found."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    goal = tuned.goal
    metrics = list(dict.fromkeys([*goal.metrics, *_ALWAYS]))
    knobs = [one.path for one in tuned.space.dimensions]
    knobs = knobs if len(knobs) <= _WIDEST else []
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", *metrics, *knobs):
        table.add_column(name, justify="left" if not name else "right")
    several = len(goal.terms) > 1
    trials = sorted(tuned.front, key=lambda one: one.score[0]) if several else _ranked(tuned)[:_ROWS]
    for one in trials:
        values = [_shown(one.values[path]) for path in knobs]
        table.add_row(f"trial {one.number}", *(_cell(name, one.metrics, tuned) for name in metrics), *values)
    for name, baseline in tuned.baselines.items():
        table.add_row(Text(name, "dim"), *(_cell(metric, baseline, tuned) for metric in metrics))
    table.add_row(Text("reference", "dim"), *(Text(_number(tuned.reference[name]), "dim") for name in metrics))
    if goal.guards:
        bands = {guard.metric: _band(*guard.limits(tuned.reference)) for guard in goal.guards}
        table.add_row(Text("band", "dim"), *(Text(bands.get(name, ""), "dim") for name in metrics))
    console.print(table)
    notes = [f"{tuned.finished} trials in {tuned.storage or 'memory'}, study {tuned.study}"]
    notes += [f"{tuned.running} still running elsewhere"] if tuned.running else []
    pruned = sum(one.state == "pruned" for one in tuned.trials)
    notes += [f"{pruned} pruned"] if pruned else []
    notes.append(f"reference: {tuned.reference_kind.partition(': ')[2] or tuned.reference_kind}")
    console.print(Text(" · ".join(notes), "dim"), soft_wrap=True)
    if tuned.best is not None and tuned.best.sampler is not None:
        console.print(f"--sampler {shlex.quote(format_sampler(tuned.best.sampler))}", markup=False, soft_wrap=True)
        if preset is not None:
            name = str(preset) if "/" in str(preset) or preset.suffix == ".json" else f"./{preset}"
            console.print(f"--sampler {shlex.quote('@' + name)}", markup=False, soft_wrap=True)


def _ranked(tuned: Tuned) -> list[Trial]:
    sign = -1 if tuned.goal.directions[0] == "maximize" else 1
    return sorted((one for one in tuned.trials if one.state == "complete"), key=lambda one: sign * one.score[0])


def _cell(name: str, metrics: dict[str, float], tuned: Tuned) -> Text:
    """A metric; marked where it is outside its guard's band."""
    outside = any(guard.metric == name and guard.distance(metrics, tuned.reference) > 0 for guard in tuned.goal.guards)
    return Text(f"{_number(metrics[name])} outside" if outside else _number(metrics[name]), "red" if outside else "")


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else ""


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower()


def _band(low: float, high: float) -> str:
    return f"{'' if math.isinf(low) else f'{low:.3f}'}:{'' if math.isinf(high) else f'{high:.3f}'}"
