"""A comparison on the terminal: a table of its settings, sorted, with intervals, and the verdicts in words."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortilege.cli._color import harmless
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.summary import TITLE, sentences_of, settings_of, table_of


def show(comparison: Comparison, console: Console) -> None:
    """Table, settings and verdicts."""
    console.print(_table(comparison))
    for line in settings_of(comparison):
        console.print(Text(harmless(line), "dim"), soft_wrap=True)
    for line in sentences_of(comparison):
        console.print(Text(harmless(line)), soft_wrap=True)


def _table(comparison: Comparison) -> Table:
    (first, *names), lines = table_of(comparison)
    made = Table(title=TITLE)
    made.add_column(first)
    for name in names:
        made.add_column(name, justify="right", no_wrap=True)
    before = lines[0].level if lines else None
    for line in lines:
        if line.level != before:
            made.add_section()
            before = line.level
        made.add_row(Text(harmless(line.name)), *line.cells)
    return made
