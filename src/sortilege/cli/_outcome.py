"""What people see of finished texts: the texts in their order, a bar meanwhile, and a table at the end."""

import math
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sortilege._journal import line_of
from sortilege.cli._color import PROMPT, harmless, literal
from sortilege.cli._records import Record
from sortilege.properties._base import Bound


class Page:
    """Standard output: records or texts, in the order of their indices whatever the order in which they are finished.

    expected: the indices to come. console: the terminal to show them on; None for a pipe, which gets texts and nothing
    else. A terminal, where a bar is shown meanwhile, gets them when all are done.
    """

    def __init__(self, expected: Sequence[int], *, json: bool, console: Console | None, bare: bool) -> None:
        self._coming, self._json, self._console, self._bare = list(expected), json, console, bare
        self._several = len(expected) > 1
        self._held: dict[int, tuple[Record, Sequence[tuple[str, bool]]]] = {}
        self._shown = 0

    def add(self, record: Record, pieces: Sequence[tuple[str, bool]]) -> None:
        """A finished text. pieces: the canvas as text, each piece with whether it was given."""
        self._held[record["index"]] = record, pieces
        while self._console is None and self._coming and self._coming[0] in self._held:
            self._show(self._coming.pop(0))

    def close(self) -> None:
        """Show what is left."""
        for index in sorted(self._held):
            self._show(index)

    def _show(self, index: int) -> None:
        record, pieces = self._held.pop(index)
        if self._json:
            sys.stdout.write(line_of(record))
        elif "error" in record:
            return
        elif self._console is None:
            sys.stdout.write(f"{chr(10) if self._shown else ''}{record['text']}\n")
        else:
            self._print(self._console, record, pieces)
        sys.stdout.flush()
        self._shown += 1

    def _print(self, console: Console, record: Record, pieces: Sequence[tuple[str, bool]]) -> None:
        parts: list[Text] = [Text("\n")] if self._shown else []
        if self._several and not self._bare:
            parts.append(Text(f"text {record['index'] + 1}, seed {record['seed']}\n", PROMPT))
        if self._bare:
            parts.append(literal(record["text"]))
        else:
            parts += [literal(text, PROMPT) if given else literal(text) for text, given in pieces]
        console.print(Text.assemble(*parts, "\n"), end="", soft_wrap=True)


@contextmanager
def bar(total: int, done: int, *, searching: bool, watched: bool) -> Generator[Callable[[Record], None]]:
    """A bar on standard error that leaves no trace; what it gives is called with every finished record."""
    if not watched:
        yield lambda record: None
        return
    shown = "{task.completed:.0f} of {task.total:.0f} texts"
    if searching:
        shown = "{task.fields[satisfied]} satisfied of " + shown + ", {task.fields[calls]} scorer calls"
    columns = TextColumn(shown), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        satisfied = calls = 0
        task = progress.add_task("", total=total, completed=done, satisfied=0, calls=0)

        def advance(record: Record) -> None:
            nonlocal satisfied, calls
            satisfied += bool(record.get("satisfied"))
            calls += record.get("scorer_calls", 0)
            progress.update(task, advance=1, satisfied=satisfied, calls=calls)

        yield advance


def table(records: Sequence[Record], bounds: Sequence[Bound]) -> Table:
    """A row a property: its bounds, its mean over the texts (those it could measure), and how many are within."""
    found = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("property", "lower", "upper", "mean", "within"):
        found.add_column(title, justify="left" if title == "property" else "right")
    for bound in bounds:
        values = [value for record in records if (value := record["values"][bound.name]) is not None]
        values = [value for value in values if math.isfinite(value)]
        within = sum(record["distances"].get(bound.name) == 0 for record in records)
        found.add_row(
            harmless(bound.name),
            "" if bound.lower is None else f"{bound.lower:g}",
            "" if bound.upper is None else f"{bound.upper:g}",
            f"{fmean(values):.4g}" if values else "none",
            f"{within} of {len(records)}" if bound.bounded else "",
        )
    return found


def summary(records: Sequence[Record], *, seed: int, seconds: float) -> str:
    """One line: how much, what it took, and the seed to draw it again. ``seconds`` are those of this run."""
    written = sum(sum(not given for given in record["fixed"]) for record in records)
    calls = sum(record["denoiser_calls"] + record.get("search_denoiser_calls", 0) for record in records)
    parts = [f"{len(records)} texts", f"{written} tokens", f"{calls} denoiser calls"]
    if any("scorer_calls" in record for record in records):
        parts.insert(1, f"{sum(record['satisfied'] for record in records)} satisfied")
        parts.append(f"{sum(record['scorer_calls'] for record in records)} scorer calls")
    return " · ".join([*parts, f"{seconds:.1f} s", f"--seed {seed}"])
