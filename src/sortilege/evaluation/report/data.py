"""What the page shows, as JSON: numbers are reckoned here, and only drawn there."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sortilege._journal import plain
from sortilege.evaluation.ablations import FULL
from sortilege.evaluation.comparison import Cell, Chosen, Comparison, Row
from sortilege.evaluation.intervals import Interval
from sortilege.evaluation.measures import MEASURES
from sortilege.evaluation.report.words import headlines, name_of, short
from sortilege.evaluation.verdicts import REPORTED, Verdict, against, verdicts_of

KEY = ("nll", "perplexity", "judge_nll", "distinct_3", "repeated_4", "self_bleu", "mauve", "entropy", "between_prompts")
"""The numbers that the table begins with; the others are shown on demand."""
_DERIVED = {
    "perplexity": ("nll", "exp of the mean surprisal under the model itself"),
    "judge_perplexity": ("judge_nll", "exp of the mean surprisal under the judge"),
}
_FROM_TRIALS = ("nll", "distinct_3")


def data_of(comparison: Comparison) -> dict[str, Any]:
    """Everything on the page; finite numbers, and null for what has no value."""
    rows = comparison.rows()
    shown = [name for name in _ordered() if any(math.isfinite(_metrics(row)[name].value) for row in rows)]
    return plain(
        {
            "title": f"Decoding methods on {comparison.plan['model']}",
            "complete": comparison.complete,
            "headlines": headlines(comparison),
            "methods": _methods(comparison),
            "levels": comparison.plan["levels"] if any(one.level is not None for one in comparison.chosen) else [],
            "metrics": {name: _about(name) for name in shown},
            "key": [name for name in KEY if name in shown],
            "points": [_point(comparison, row, shown) for row in rows],
            "verdicts": [_verdict(one) for one in verdicts_of(comparison)],
            "ablations": _ablations(comparison),
            "trials": [
                {
                    "method": one.method,
                    "setting": short(one.setting),
                    "metrics": {name: one.metrics.get(name, math.nan) for name in _FROM_TRIALS},
                    "chosen": any(c.method == one.method and c.trial == one.number for c in comparison.chosen),
                }
                for one in comparison.trials
                if one.state == "complete" and one.setting is not None
            ],
            "references": {name: _reference(cell, shown) for name, cell in comparison.references.items()},
            "prompts": comparison.header["contexts"],
            "texts": _texts(comparison),
            "made": _made(comparison),
        }
    )


def _ordered() -> list[str]:
    """The metrics in the order of the table."""
    names = [name for name in MEASURES if name != "nll"]
    return ["nll", "perplexity", "judge_nll", "judge_perplexity", *(n for n in names if n != "judge_nll")]


def _about(name: str) -> dict[str, Any]:
    if name in _DERIVED:
        return {"name": name_of(name), "doc": _DERIVED[name][1], "unit": "", "better": "lower", "of": "text"}
    about = MEASURES[name]
    return {"name": name_of(name), "doc": about.doc, "unit": about.unit, "better": about.better, "of": about.of}


def _metrics(row: Row) -> dict[str, Interval]:
    """A row's numbers, perplexities among them."""
    found = dict(row.metrics)
    for name, (of, _) in _DERIVED.items():
        one = row.metrics[of]
        low, high = (None if end is None else math.exp(end) for end in (one.low, one.high))
        found[name] = Interval(math.exp(one.value) if math.isfinite(one.value) else math.nan, low, high, one.n)
    return found


def _three(interval: Interval) -> list[float | None]:
    return [interval.value, interval.low, interval.high]


def _methods(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "label": one["label"],
            "space": short(one["space"]),
            "dimensions": len(one["dimensions"]),
            "trials": one["trials"],
            "baseline": one["label"] in comparison.baselines,
        }
        for one in comparison.header["methods"]
    ]


def _point(comparison: Comparison, row: Row, shown: Sequence[str]) -> dict[str, Any]:
    chosen, metrics = row.chosen, _metrics(row)
    cells = comparison.runs(chosen.setting)
    return {
        **_named(chosen),
        "setting": chosen.setting,
        "short": short(chosen.setting),
        "reached": chosen.reached,
        "metrics": {name: _three(metrics[name]) for name in shown},
        "reasons": {name: metrics[name].reason for name in shown if metrics[name].reason},
        "entropy": comparison.by_prompt(cells, "entropy").tolist(),
        "target": comparison.by_prompt(cells, "target_entropy").tolist(),
    }


def _named(chosen: Chosen) -> dict[str, Any]:
    return {"method": chosen.method, "level": chosen.level, "variant": chosen.variant, "name": chosen.name}


def _verdict(one: Verdict) -> dict[str, Any]:
    return {
        "method": one.chosen.method,
        "variant": one.chosen.variant,
        "level": one.level,
        "varied": one.varied,
        "baseline": one.baseline.method,
        "baseline_varied": one.baseline_varied,
        "verdict": one.verdict,
        "rate": one.rate,
        "differences": {
            name: {"name": name_of(name), "better": MEASURES[name].better, "values": _three(one.differences[name])}
            for name in REPORTED
            if name in one.differences
        },
    }


def _ablations(comparison: Comparison) -> list[dict[str, Any]]:
    """Of each setting that was taken apart, every variant against the whole."""
    found: list[dict[str, Any]] = []
    for full in comparison.chosen:
        parts = [
            one
            for one in comparison.chosen
            if one.variant and (one.method, one.level) == (full.method, full.level) and comparison.runs(one.setting)
        ]
        if full.variant or not parts or not comparison.runs(full.setting):
            continue
        rows = [_verdict(against(comparison, one, full)) for one in parts]
        found.append({"of": full.name, "short": short(full.setting), "full": FULL, "rows": rows})
    return found


def _reference(cell: Cell, shown: Sequence[str]) -> dict[str, Any]:
    def mean(values: np.ndarray) -> float:
        return float(np.mean(values[np.isfinite(values)])) if np.isfinite(values).any() else math.nan

    means = {name: mean(values) for name, values in cell.values.items() if name in shown}
    return {"what": cell.setting, "metrics": means}


def _texts(comparison: Comparison) -> dict[str, Any]:
    """The texts of each setting and of the reference: of each prompt, in the order they were drawn."""
    number = len(comparison.plan["prompts"])

    def grouped(cells: Sequence[Cell]) -> list[list[str]]:
        found: list[list[str]] = [[] for _ in range(number)]
        for cell in cells:
            for prompt, text in zip(cell.prompts, cell.texts, strict=bool(cell.texts)):
                found[prompt].append(text)
        return found

    settings = {one.setting for one in comparison.chosen if comparison.runs(one.setting)}
    found = {setting: grouped(comparison.runs(setting)) for setting in sorted(settings)}
    reference = comparison.references.get("prompts")
    return {
        "of": {setting: texts for setting, texts in found.items() if any(texts)},
        "reference": grouped([reference]) if reference is not None and reference.texts else None,
    }


def _made(comparison: Comparison) -> dict[str, Any]:
    header, plan = comparison.header, comparison.plan
    kept: Mapping[str, Any] = {name: plan[name] for name in plan if name not in ("prompts", "tune_prompts", "methods")}
    return {
        "command": header.get("command"),
        "versions": header["versions"],
        "machine": header["machine"],
        "judge": header["judge"],
        "plan": {**kept, "prompts": len(plan["prompts"]), "tune_prompts": len(plan["tune_prompts"])},
    }
