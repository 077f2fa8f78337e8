"""What ``sortilege tune`` shows: the best so far in a line, and the study in a table."""

import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortilege.samplers.spec import format_sampler
from sortilege.tuning import Tuned
from sortilege.tuning.summary import band, notes_of, number, table_of


def standing(tuned: Tuned) -> str:
    """The best so far, its guards beside their bands, and how many trials were given up."""
    parts: list[str] = []
    best = tuned.nearest
    first, *others = tuned.goal.terms
    if others:
        parts.append(f"{len(tuned.front)} on the front")
    elif best is not None:
        parts.append(f"best {first.metric} {number(best.metrics[first.metric])}")
        for guard in tuned.goal.guards:
            low, high = guard.limits(tuned.reference)
            within = "" if guard.distance(best.metrics, tuned.reference) == 0 else " (outside)"
            parts.append(f"{guard.metric} {number(best.metrics[guard.metric])} in {band(low, high)}{within}")
    for state in ("pruned", "infeasible", "failed"):
        count = sum(one.state == state for one in tuned.trials)
        parts += [f"{count} {state}"] if count else []
    return " · ".join(parts)


def show(tuned: Tuned, preset: Path | None) -> None:
    """Print the best trials, or the front, with what they are held to, and how to use what was found."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    console.print(_table(tuned))
    console.print(Text(" · ".join(notes_of(tuned)), "dim"), soft_wrap=True)
    if tuned.best is not None and tuned.best.sampler is not None:
        console.print(f"--sampler {shlex.quote(format_sampler(tuned.best.sampler))}", markup=False, soft_wrap=True)
        if preset is not None:
            name = str(preset) if "/" in str(preset) or preset.suffix == ".json" else f"./{preset}"
            console.print(f"--sampler {shlex.quote('@' + name)}", markup=False, soft_wrap=True)


def _table(tuned: Tuned) -> Table:
    names, lines = table_of(tuned)
    made = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        made.add_column(name, justify="right" if name else "left")
    for line in lines:
        style = "" if line.trial or line.name in tuned.baselines else "dim"
        cells = [
            Text(f"{cell} outside", "red") if i in line.outside else Text(cell, style)
            for i, cell in enumerate(line.cells)
        ]
        made.add_row(Text(line.name, "" if line.trial else "dim"), *cells)
    return made
