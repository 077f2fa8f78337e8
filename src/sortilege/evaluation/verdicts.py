"""Who wins: a rule that is stated before the numbers are known.

Each method's setting at a level is held against a baseline: of those that tuning found to be as varied as the level
asks, the one with the lowest nll. (Where none is, the most varied.) A baseline that is less varied than that, and more
fluent, is no easier rival: the method is held against each of these too.

Of four numbers, nll, judge_nll, distinct_3 and repeated_4, the paired difference has an interval. The method *wins* if
one or more of the intervals lie wholly on its better side of 0 and none on the worse; it *loses* in the opposite case;
it *trades* if some are better and some worse; otherwise it *ties*. Nothing corrects for there being four of them, and
several methods: of equals, one in five or so is called better or worse by chance. How evenly the rate is held between
prompts is another question, and said apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sortilege.evaluation.comparison import Chosen, Comparison
from sortilege.evaluation.intervals import Interval
from sortilege.evaluation.measures import MEASURES

JUDGED = ("nll", "judge_nll", "distinct_3", "repeated_4")
REPORTED = (*JUDGED, "between_prompts")


@dataclass(frozen=True)
class Verdict:
    """A setting against a baseline.

    level: the level of variety at which they meet; None where there is none. varied, baseline_varied: whether they are
        as varied as that.
    differences: of each number that both have, the setting's less the baseline's. better, worse: those of the four
    whose interval is wholly on that side. verdict: "wins", "loses", "trades" or "ties".
    rate: "steadier", "less steady" or "as steady": the deviation of the entropy rate between prompts.
    """

    chosen: Chosen
    baseline: Chosen
    level: float | None
    varied: bool
    baseline_varied: bool
    differences: Mapping[str, Interval]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    verdict: str
    rate: str


def is_varied(comparison: Comparison, one: Chosen, level: float | None) -> bool:
    """Whether a setting is as varied as a level asks: by tuning, or, where nothing was tuned, by its texts."""
    reference = comparison.references.get("prompts")
    if one.level is not None or level is None or reference is None:
        return one.reached
    wanted = level * float(np.mean(reference.values["distinct_3"]))
    return comparison.interval(one.setting, "distinct_3").value >= wanted


def rivals(comparison: Comparison, level: float | None) -> list[Chosen]:
    """The baselines' settings that others are held against at a level, the main one first; none where none was run."""
    there = [
        one
        for one in comparison.chosen
        if one.method in comparison.baselines
        and not one.variant
        and (one.level is None or one.level == level)
        and comparison.runs(one.setting)
    ]

    def value(one: Chosen, metric: str) -> float:
        return comparison.interval(one.setting, metric).value

    varied = [one for one in there if is_varied(comparison, one, level)]
    if varied:
        main = min(varied, key=lambda one: value(one, "nll"))
    elif there:
        main = max(there, key=lambda one: value(one, "distinct_3"))
    else:
        return []
    return [main, *(one for one in there if one not in varied and value(one, "nll") < value(main, "nll"))]


def verdicts_of(comparison: Comparison, *, variants: bool = False) -> list[Verdict]:
    """Every chosen setting against its rivals; a baseline against the main one only. Ablations if asked for."""
    found: list[Verdict] = []
    tuned = any(one.level is not None for one in comparison.chosen)
    levels = comparison.plan["levels"] if tuned else [None]
    for one in comparison.chosen:
        if (one.variant and not variants) or not comparison.runs(one.setting):
            continue
        for level in [one.level] if one.level is not None else levels:
            others = rivals(comparison, level)
            held = others[:1] if one.method in comparison.baselines else others
            found += [against(comparison, one, other, level) for other in held if other.setting != one.setting]
    return found


def against(comparison: Comparison, one: Chosen, other: Chosen, level: float | None = None) -> Verdict:
    """One setting against another, whichever they are."""
    differences = {name: comparison.difference(one.setting, other.setting, name) for name in REPORTED}
    known = {name: value for name, value in differences.items() if value.n}
    signs = {name: known[name].sign * (-1 if MEASURES[name].better == "lower" else 1) for name in known}
    better = tuple(name for name in JUDGED if signs.get(name, 0) > 0)
    worse = tuple(name for name in JUDGED if signs.get(name, 0) < 0)
    verdict = ("trades" if worse else "wins") if better else ("loses" if worse else "ties")
    rate = {1: "steadier", -1: "less steady", 0: "as steady"}[signs.get("between_prompts", 0)]
    varied, other_varied = (is_varied(comparison, each, level) for each in (one, other))
    return Verdict(one, other, level, varied, other_varied, known, better, worse, verdict, rate)
