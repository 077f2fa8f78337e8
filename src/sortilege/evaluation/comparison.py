"""A comparison that was made: its cells, settings and trials, and what follows from them, with intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from sortilege.evaluation.intervals import MINIMUM, Interval, Statistic, bootstrap, over_runs
from sortilege.evaluation.measures import MEASURES

SCHEMA = "sortilege-comparison/1"


@dataclass(frozen=True)
class Trial:
    """One setting that tuning tried.

    setting: the sampler; None where the values make none. metrics: means over the texts of the tuning prompts.
    state: "complete", or as ``sortilege.tuning.Trial`` has it.
    """

    method: str
    number: int
    setting: str | None
    metrics: Mapping[str, float]
    state: str
    seconds: float


@dataclass(frozen=True)
class Chosen:
    """A setting that was run, and why.

    level: how varied it was to be; None for a method with nothing to tune. variant: "" or the part switched off.
    trial: its number. reached: whether tuning found one as varied as that.
    """

    method: str
    level: float | None
    variant: str
    setting: str
    trial: int | None
    reached: bool

    @property
    def name(self) -> str:
        """What a table calls it."""
        level = "" if self.level is None else f" @ {self.level:g}"
        return f"{self.method}{level}{', ' + self.variant if self.variant else ''}"


@dataclass(frozen=True)
class Cell:
    """One run of a setting, or what it is held against; n texts.

    prompts: (n,) which prompt each continues. values: (n,) of each metric. whole: numbers of the run. reasons: why a
    number is missing. texts, tokens: empty where they were not kept.
    """

    setting: str
    run: int
    prompts: np.ndarray
    values: Mapping[str, np.ndarray]
    whole: Mapping[str, float]
    reasons: Mapping[str, str]
    texts: Sequence[str]
    tokens: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Row:
    """A chosen setting and its numbers with intervals, by name."""

    chosen: Chosen
    metrics: Mapping[str, Interval]


@dataclass(frozen=True, repr=False)
class Comparison:
    """header: the plan and what it was run with. references: of the prompts, and of those for tuning, by "prompts" and
    "tune_prompts". cells: in the order they were run.
    """

    header: Mapping[str, Any]
    references: Mapping[str, Cell]
    trials: Sequence[Trial]
    chosen: Sequence[Chosen]
    cells: Sequence[Cell]
    _intervals: dict[Any, Interval] = field(default_factory=dict[Any, Interval], compare=False)

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan, as JSON has it."""
        return self.header["plan"]

    @property
    def labels(self) -> list[str]:
        """The methods, as the plan has them."""
        return [method["label"] for method in self.plan["methods"]]

    @cached_property
    def baselines(self) -> list[str]:
        """The labels of what the others are held against."""
        listed = self.plan["baselines"]
        if listed is not None:
            return listed
        plain = [one["label"] for one in self.header["methods"] if not one["adaptive"]]
        return plain or self.labels[:1]

    def with_baselines(self, labels: Sequence[str]) -> "Comparison":
        """The same, held against other methods. Raises ValueError for a label that no method has."""
        unknown = next((label for label in labels if label not in self.labels), None)
        if unknown is not None:
            raise ValueError(f"baselines must be labels of methods ({', '.join(self.labels)}), got {unknown!r}")
        header = {**self.header, "plan": {**self.plan, "baselines": list(labels)}}
        return Comparison(header, self.references, self.trials, self.chosen, self.cells)

    @cached_property
    def _runs(self) -> dict[str, dict[int, Cell]]:
        runs: dict[str, dict[int, Cell]] = {}
        for cell in self.cells:
            runs.setdefault(cell.setting, {})[cell.run] = cell
        return runs

    @property
    def complete(self) -> bool:
        """Whether every chosen setting has all its runs."""
        return bool(self.chosen) and all(
            len(self._runs.get(one.setting, {})) == self.plan["seeds"] for one in self.chosen
        )

    def runs(self, setting: str) -> list[Cell]:
        """The runs of a setting, in their order."""
        return [cell for _, cell in sorted(self._runs.get(setting, {}).items())]

    def by_prompt(self, cells: Sequence[Cell], metric: str) -> np.ndarray:
        """(P,) the mean of a metric over the texts of each prompt and over the runs; NaN where none has it."""
        total, count = np.zeros(len(self.plan["prompts"])), np.zeros(len(self.plan["prompts"]))
        for cell in cells:
            values = cell.values.get(metric)
            if values is not None:
                known = np.isfinite(values)
                np.add.at(total, cell.prompts[known], values[known])
                np.add.at(count, cell.prompts[known], 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return total / count

    def interval(self, setting: str, metric: str) -> Interval:
        """A number of a setting. Raises ValueError for a metric that there is not."""
        _known(metric)
        key = setting, metric
        if key not in self._intervals:
            self._intervals[key] = self._interval(self.runs(setting), metric)
        return self._intervals[key]

    def difference(self, setting: str, other: str, metric: str) -> Interval:
        """A number of a setting less that of another, prompt by prompt over the runs that both have."""
        _known(metric)
        key = setting, other, metric
        if key not in self._intervals:
            both = sorted(self._runs.get(setting, {}).keys() & self._runs.get(other, {}).keys())
            left, right = ([self._runs[one][run] for run in both] for one in (setting, other))
            if MEASURES[metric].of == "run":
                found = over_runs([_of_run(a, metric) - _of_run(b, metric) for a, b in zip(left, right, strict=True)])
            else:
                name, statistic = _statistic(metric)
                found = _bootstrapped(self.by_prompt(left, name), self.by_prompt(right, name), statistic)
            self._intervals[key] = found
        return self._intervals[key]

    def _interval(self, cells: Sequence[Cell], metric: str) -> Interval:
        if MEASURES[metric].of == "run":
            found = over_runs([_of_run(cell, metric) for cell in cells])
            why = next((cell.reasons[metric] for cell in cells if metric in cell.reasons), "")
            return Interval(found.value, None, None, found.n, why) if why else found
        if metric == "target_correlation":
            return self._correlation(cells)
        name, statistic = _statistic(metric)
        found = _bootstrapped(self.by_prompt(cells, name), None, statistic)
        # What a text contributes to a share of all texts may be more than 1; the share may not.
        share = metric.startswith("distinct") and found.high is not None
        return replace(found, high=min(found.high or 1.0, 1.0)) if share else found

    def _correlation(self, cells: Sequence[Cell]) -> Interval:
        target, realised = self.by_prompt(cells, "target_entropy"), self.by_prompt(cells, "entropy")
        known = np.isfinite(target) & np.isfinite(realised)
        n = int(known.sum())
        if n < MINIMUM or np.ptp(target[known]) == 0 or np.ptp(realised[known]) == 0:
            return Interval(math.nan, None, None, n, "no target entropy that varies over prompts")
        return Interval(float(np.corrcoef(target[known], realised[known])[0, 1]), None, None, n, "given without one")

    def rows(self, *, variants: bool = True) -> list[Row]:
        """Every chosen setting with all its numbers, in the order of the methods, levels and variants.

        variants: ablations too.
        """
        return [
            Row(one, {metric: self.interval(one.setting, metric) for metric in MEASURES})
            for one in self.chosen
            if self.runs(one.setting) and (variants or not one.variant)
        ]

    def _repr_html_(self) -> str:
        from sortilege._notebook import table_html
        from sortilege.evaluation.summary import TITLE, sentences_of, settings_of, table_of

        plan, (head, lines) = self.plan, table_of(self)
        rows = [[line.name.replace("  ", "\u2003"), *line.cells] for line in lines]  # HTML folds spaces
        about = [f"model {plan['model']}", f"prompts {len(plan['prompts'])}", f"seeds {plan['seeds']}"]
        about += [f"trials a method {plan['budget']}", TITLE]
        return table_html(head, rows, [*settings_of(self), *sentences_of(self)], about)

    def __repr__(self) -> str:
        return f"Comparison({len(self.labels)} methods, {len(self.cells)} cells, model={self.plan['model']!r})"


def _of_run(cell: Cell, metric: str) -> float:
    """A number of a run: its own, or the mean of what its texts have."""
    values = cell.values.get(metric)
    return cell.whole.get(metric, math.nan) if values is None else float(np.mean(values))


def _known(metric: str) -> None:
    if metric not in MEASURES:
        raise ValueError(f"metric must be one of {', '.join(MEASURES)}, got {metric!r}")


def _statistic(metric: str) -> tuple[str, Statistic]:
    return ("entropy", "spread") if metric == "between_prompts" else (metric, "mean")


def _bootstrapped(values: np.ndarray, other: np.ndarray | None, statistic: Statistic) -> Interval:
    """The interval, or why there is none."""
    try:
        return bootstrap(values, other, statistic=statistic)
    except ValueError as error:
        known = np.isfinite(values) if other is None else np.isfinite(values) & np.isfinite(other)
        reason = str(error) if known.any() else "no text has a value"
        return Interval(math.nan, None, None, int(known.sum()), reason)
