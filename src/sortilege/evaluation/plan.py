"""What is compared: methods, the budget each is tuned with, prompts, runs, and who judges."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sortilege._checks import whole, within
from sortilege.evaluation.intervals import MINIMUM
from sortilege.evaluation.prompts import Prompt
from sortilege.tuning.space import read_method

_LABEL = re.compile(r"\s*([^~():]+?)\s*:\s+(.+)", re.DOTALL)
_RUN_SEEDS = 1_000_000
"""Between the first seeds of two runs, so that no text of one has a seed of the other."""


@dataclass(frozen=True)
class Method:
    """A method and what of it may be tuned.

    label: what tables call it. text: as ``sortilege.tuning.read_method`` reads it, ``SPEC [~ KNOB, ...]``.
    """

    label: str
    text: str


def read_methods(texts: Iterable[str]) -> tuple[Method, ...]:
    """Methods written as ``METHOD`` or ``LABEL: METHOD``; one without a label is called by its sampler.

    Where several without a label have one sampler, what varies is part of their names.

    Raises ValueError where two have one label.

    >>> read_methods(["min-p", "fixed rate: adaptive-dirichlet(a=0, b=0)"])[1].label
    'fixed rate'
    """
    split = [found.groups() if (found := _LABEL.fullmatch(text)) else (None, text) for text in texts]
    samplers = [_sampler(method) for label, method in split if label is None]
    found = [
        Method(label or _named(method, alone=samplers.count(_sampler(method)) == 1), method.strip())
        for label, method in split
    ]
    labels = [method.label for method in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ValueError(f"methods must have labels of their own, got {twice!r} twice")
    return tuple(found)


def _sampler(text: str) -> str:
    """What stands before ``~``."""
    return " ".join(text.partition("~")[0].split())


def _named(text: str, *, alone: bool) -> str:
    """What a method without a label is called."""
    varying = " ".join(text.partition("~")[2].split())
    return _sampler(text) if alone or varying.lower() in ("", "none") else f"{_sampler(text)} ~ {varying}"


@dataclass(frozen=True)
class Plan:
    """A comparison of methods on one model.

    methods: what is compared. prompts: what is written on. tune_prompts: what settings are chosen on; none of them may
        be among ``prompts``. None: every second prompt is kept for tuning, and not written on. Not used where no method
        has anything to tune.
    model, judge: names; a judge is a second model, or None. judge_passes: as ``load_judge``'s ``passes``.
    budget: trials of each method that has something to tune; the same for all.
    levels: how varied the chosen settings are to be: at least so many times the distinct-3 of the reference, which are
        the prompts' own references, or samples of the unmodified model where there are none.
    seeds: runs of each setting. num_samples: texts of each prompt in a run. max_new_tokens: the most tokens of a text.
    full_length: let no token end a text, so that all are equally long.
    baselines: labels of what the others are held against; None: every method without an adaptive Dirichlet sampler.
    ablate: labels of methods whose chosen settings are also run with parts of them switched off.
    keep_texts: write the texts and their token ids into the file. batch_size: texts at a time.
    seed: of tuning; run i begins at the seed ``seed`` + (i + 1) 1,000,000.
    """

    methods: tuple[Method, ...]
    prompts: tuple[Prompt, ...]
    tune_prompts: tuple[Prompt, ...] | None = None
    model: str = "tiny-ar"
    judge: str | None = None
    judge_passes: int | None = 8
    budget: int = 20
    levels: tuple[float, ...] = (0.97, 1.0)
    seeds: int = 3
    num_samples: int = 1
    max_new_tokens: int = 128
    full_length: bool = False
    baselines: tuple[str, ...] | None = None
    ablate: tuple[str, ...] = ()
    keep_texts: bool = True
    batch_size: int = 64
    seed: int = 0

    def checked(self) -> "Plan":
        """The plan, its prompts divided where none were given for tuning and something is to be tuned.

        Raises ValueError for a method that cannot be read, and naming the argument for one out of range, a label that
        no method has, fewer prompts than an interval needs, and a prompt that is both tuned and written on.
        """
        if not self.methods:
            raise ValueError("methods must be one or more, got none")
        for name, low in (("budget", 1), ("seeds", 1), ("num_samples", 1), ("max_new_tokens", 1), ("batch_size", 1)):
            whole(name, getattr(self, name), low)
        whole("seed", self.seed, 0)
        if self.judge_passes is not None:
            whole("judge_passes", self.judge_passes, 1)
        if not self.levels:
            raise ValueError("levels must be one or more numbers, got none")
        for level in self.levels:
            within("levels", level, 0, 10, open_low=True)
        labels = [method.label for method in self.methods]
        for name, given in (("baselines", self.baselines or ()), ("ablate", self.ablate)):
            unknown = next((label for label in given if label not in labels), None)
            if unknown is not None:
                raise ValueError(f"{name} must be labels of methods ({', '.join(labels)}), got {unknown!r}")
        tuned = any(read_method(method.text).dimensions for method in self.methods)
        halved, plan = "", self
        if self.tune_prompts is None and tuned:
            halved = ", half of those given: the others are for tuning"
            plan = replace(self, prompts=tuple(self.prompts[::2]), tune_prompts=tuple(self.prompts[1::2]))
        elif not tuned:
            plan = replace(self, tune_prompts=())
        if len(plan.prompts) < MINIMUM:
            raise ValueError(
                f"too few samples for an interval: prompts must be at least {MINIMUM}, got {len(plan.prompts)}{halved}"
            )
        both = {one.given for one in plan.prompts} & {one.given for one in plan.tune_prompts or ()}
        if both:
            raise ValueError(f"tune_prompts must not be among prompts, got {min(map(str, both))[:60]!r} in both")
        if tuned and not plan.tune_prompts:
            raise ValueError("tune_prompts must be one or more, got none")
        return plan

    def first_seed(self, run: int) -> int:
        """The seed of the first text of run number ``run``."""
        return self.seed + (run + 1) * _RUN_SEEDS

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return {
            "methods": [{"label": method.label, "text": method.text} for method in self.methods],
            "model": self.model,
            "judge": self.judge,
            "judge_passes": self.judge_passes if self.judge is not None else None,
            "budget": self.budget,
            "levels": list(self.levels),
            "seeds": self.seeds,
            "num_samples": self.num_samples,
            "max_new_tokens": self.max_new_tokens,
            "full_length": self.full_length,
            "baselines": None if self.baselines is None else list(self.baselines),
            "ablate": list(self.ablate),
            "keep_texts": self.keep_texts,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "prompts": _as_json(self.prompts),
            "tune_prompts": _as_json(self.tune_prompts or ()),
        }


FREE = ("baselines", "keep_texts", "batch_size")
"""What may change from run to run of one file: it does not say what its numbers are."""


def digest(plan: dict[str, Any]) -> str:
    """A short name of what a plan's numbers are."""
    kept = {name: value for name, value in plan.items() if name not in FREE}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def _as_json(prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    def plain(value: Any) -> Any:
        return list(value) if isinstance(value, tuple) else value

    return [{"given": plain(one.given), "reference": plain(one.reference)} for one in prompts]
