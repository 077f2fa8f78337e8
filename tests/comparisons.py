"""A small comparison of random models, and records of comparisons that were never run."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tiny import byte_tokenizer, llama

from sortilege.evaluation.comparison import SCHEMA, Comparison
from sortilege.evaluation.plan import Plan, read_methods
from sortilege.evaluation.prompts import Prompt
from sortilege.evaluation.reading import of_records
from sortilege.models import Model

METHODS = (
    "min-p",
    "cold: temperature(0.5) ~ none",
    "steady: adaptive-dirichlet(truncation=min-p(0.02)) ~ probs_ent_offset=1:4",
)
TEST = tuple(Prompt(text) for text in ("ab", "cde", "hello", "xyz", "one two", "so it was"))
TUNE = tuple(Prompt(text) for text in ("fg", "hij", "world"))
UNTIMED = ("tokens_per_second", "seconds")


@cache
def judge_model() -> Model:
    """Another random model than ``tiny.byte_model``."""
    tokenizer = byte_tokenizer()
    return Model(llama(len(tokenizer), seed=5), tokenizer, "other")


def small_plan(**settings: Any) -> Plan:
    """Two methods to be tuned, one of them taken apart, and one that is not."""
    chosen: dict[str, Any] = {
        "methods": read_methods(METHODS),
        "prompts": TEST,
        "tune_prompts": TUNE,
        "budget": 3,
        "levels": (0.5, 1.0),
        "seeds": 2,
        "max_new_tokens": 8,
        "ablate": ("steady",),
    }
    return Plan(**{**chosen, **settings})


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file, every line of which must be whole."""
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def told(path: Path) -> list[Any]:
    """What a file says, but for what took how long and what depends on the process that wrote it."""

    def untimed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: untimed(inner) for key, inner in value.items() if key not in UNTIMED}
        return value

    records = [untimed(record) for record in lines(path)]
    for name in ("command", "versions", "machine"):
        records[0].pop(name)
    return records


def written(
    values: dict[str, dict[str, list[float]]],
    *,
    levels: tuple[float, ...] = (1.0,),
    baselines: list[str] | None = None,
    missed: tuple[str, ...] = (),
    methods: tuple[str, ...] | None = None,
    **more: Any,
) -> Comparison:
    """A comparison of which only the values of each text are known: {method: {metric: [a value a prompt]}}.

    missed: methods that tuning found no setting for that is varied enough. A setting is called by its method.
    """
    number = len(next(iter(next(iter(values.values())).values())))
    prompts = [{"given": f"prompt {i}", "reference": None} for i in range(number)]
    plan = {
        "methods": [{"label": label, "text": label} for label in values],
        "model": "a", "judge": None, "levels": list(levels), "seeds": 1, "baselines": baselines,
        "prompts": prompts, "tune_prompts": prompts, "budget": 1, "num_samples": 1, "max_new_tokens": 1,
    }  # fmt: skip
    header = {
        "schema": SCHEMA,
        "kind": "plan",
        "plan": plan,
        "methods": [
            {"label": label, "space": f"{label} ~ x", "dimensions": ["x"], "trials": 1, "adaptive": "adaptive" in label}
            for label in values
        ],
        "model": "a",
        "judge": None,
        "command": "made up",
        "versions": {},
        "machine": {},
        "contexts": [one["given"] for one in prompts],
        **more,
    }
    records: list[dict[str, Any]] = [header]
    for label in values:
        said = {"kind": "chosen", "method": label, "variant": "", "setting": label, "trial": 0}
        records += [{**said, "level": level, "reached": label not in missed} for level in levels]
    for label, metrics in values.items():
        cell = {"kind": "cell", "setting": label, "run": 0, "seed": 0, "prompts": list(range(number))}
        texts = [f"{label} text {i}" for i in range(number)]
        records.append({**cell, "values": metrics, "whole": {}, "reasons": {}, "texts": texts})
    return of_records(records)


NOISE = np.random.default_rng(0).normal(0, 0.05, size=20)
COMMON = np.random.default_rng(1).normal(0, 1.0, size=20)


def values(
    nll: float, distinct: float, repeated: float = 0.1, judge: float = 3.0, spread: float = 1.0
) -> dict[str, list[float]]:
    """A value a prompt, with noise that a difference does not cancel and more that it does."""
    return {
        "nll": list(nll + COMMON + NOISE),
        "judge_nll": list(judge + COMMON + NOISE[::-1]),
        "distinct_3": list(distinct + NOISE / 10),
        "repeated_4": list(repeated + NOISE[::-1] / 10),
        "entropy": list(2 + spread * COMMON + NOISE),
    }


BASE = values(3.0, 0.9)
