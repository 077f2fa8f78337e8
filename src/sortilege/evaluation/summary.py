"""A comparison in the cells of a table and in sentences, for whoever draws them."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

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
TITLE = "95 % intervals over prompts; of MAUVE over seeds"


class Line(NamedTuple):
    """A setting: the level it was chosen for, what it is called, and its numbers."""

    level: float | None
    name: str
    cells: list[str]


def table_of(comparison: Comparison) -> tuple[list[str], list[Line]]:
    """The names of the columns, and the settings by level, the lowest nll first, ablations under theirs."""
    rows = sorted(comparison.rows(), key=_order(comparison))
    shown = [name for name in COLUMNS if any(math.isfinite(row.metrics[name].value) for row in rows)]
    return ["method", *map(name_of, shown)], [_line(row, shown) for row in rows]


def _line(row: Row, shown: Sequence[str]) -> Line:
    chosen = row.chosen
    missed = "" if chosen.reached else " (less varied)"
    name = f"  {chosen.variant}" if chosen.variant else f"{chosen.name}{missed}"
    return Line(chosen.level, name, [number(row.metrics[metric], metric) for metric in shown])


def settings_of(comparison: Comparison) -> list[str]:
    """Each setting that was chosen, with its name before it."""
    return list(dict.fromkeys(f"{one.name}: {one.setting}" for one in comparison.chosen if not one.variant))


def sentences_of(comparison: Comparison) -> list[str]:
    """The verdicts in words."""
    return [sentence(verdict) for verdict in verdicts_of(comparison)]


def number(interval: Interval, metric: str = "") -> str:
    """``2.851 ±.012``; a dash for what has no value."""
    if not math.isfinite(interval.value):
        return "-"
    if metric == "tokens_per_second":
        return f"{interval.value:.0f}"
    half = "" if interval.half is None else f" ±{interval.half:.3f}".replace("±0.", "±.")
    return f"{interval.value:.3f}{half}"


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
