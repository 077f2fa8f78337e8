"""A comparison on the terminal: a table of its settings, sorted, with intervals, and the verdicts in words."""

import math
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortilege.cli._color import harmless
from sortilege.evaluation.comparison import Comparison, Row
from sortilege.evaluation.intervals import Interval
from sortilege.evaluation.report.words import name_of
from sortilege.evaluation.verdicts import Verdict, verdicts_of

COLUMNS = (
    "nll",
    "judge_nll",
    "distinct_3",
    "repeated_4",
    "self_bleu",
    "mauve",
    "entropy",
    "between_prompts",
    "tokens_per_second",
)
"""What the table shows, where there is any of it."""


def table(comparison: Comparison) -> Table:
    """The settings by level, the lowest nll first, ablations under theirs."""
    rows = sorted(comparison.rows(), key=_order(comparison))
    shown = [name for name in COLUMNS if any(math.isfinite(row.metrics[name].value) for row in rows)]
    made = Table(title="95 % intervals over prompts; of MAUVE over seeds")
    made.add_column("method")
    for name in shown:
        made.add_column(name_of(name), justify="right", no_wrap=True)
    before: float | None = rows[0].chosen.level if rows else None
    for row in rows:
        if row.chosen.level != before:
            made.add_section()
            before = row.chosen.level
        indent = "  " if row.chosen.variant else ""
        missed = "" if row.chosen.reached else " (less varied)"
        name = row.chosen.variant or f"{row.chosen.name}{missed}"
        made.add_row(Text(harmless(indent + name)), *(number(row.metrics[metric], metric) for metric in shown))
    return made


def number(interval: Interval, metric: str = "") -> str:
    """``2.851 ±.012``; a dash for what has no value."""
    if not math.isfinite(interval.value):
        return "-"
    if metric == "tokens_per_second":
        return f"{interval.value:.0f}"
    half = "" if interval.half is None else f" ±{interval.half:.3f}".replace("±0.", "±.")
    return f"{interval.value:.3f}{half}"


def show(comparison: Comparison, console: Console) -> None:
    """Table, settings and verdicts."""
    console.print(table(comparison))
    for chosen in dict.fromkeys((one.name, one.setting) for one in comparison.chosen if not one.variant):
        console.print(Text(harmless(f"{chosen[0]}: {chosen[1]}"), "dim"), soft_wrap=True)
    for verdict in verdicts_of(comparison):
        console.print(Text(harmless(sentence(verdict))), soft_wrap=True)


def sentence(verdict: Verdict) -> str:
    """A verdict in words."""
    level = "" if verdict.level is None else f" at level {verdict.level:g}"
    parts = [f"better: {_listed(verdict, verdict.better)}"] if verdict.better else []
    parts += [f"worse: {_listed(verdict, verdict.worse)}"] if verdict.worse else []
    why = f" ({'; '.join(parts)})" if parts else ""
    own, other = ("" if varied else " (less varied)" for varied in (verdict.varied, verdict.baseline_varied))
    return (
        f"{verdict.chosen.method}{own} {verdict.verdict} against {verdict.baseline.method}{other}{level}{why}; "
        f"its rate is {verdict.rate} over prompts"
    )


def _listed(verdict: Verdict, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {verdict.differences[name].value:+.3g}" for name in names)


def _order(comparison: Comparison) -> Callable[[Row], tuple[float, float, str, bool]]:
    lowest = {
        (one.method, one.level): comparison.interval(one.setting, "nll").value
        for one in comparison.chosen
        if not one.variant
    }

    def key(row: Row) -> tuple[float, float, str, bool]:
        one = row.chosen
        return (-1.0 if one.level is None else one.level), lowest[one.method, one.level], one.method, bool(one.variant)

    return key
