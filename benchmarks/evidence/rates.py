"""Set nats, get nats: the entropy that is asked for against the one that comes, across prompts, lengths and models.

Methods that take a target are given it. Temperature, min-p and top-p have none: on prompts of their own, each is set so
that its mean entropy over them is the target, on the first model, and then left alone. Mirostat asks for a surprisal,
not an entropy: its target is the same number of nats.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.evidence.texts import beginnings
from sortilege import AdaptiveDirichlet, MinP, Mirostat, Sampler, Temperature, TopP
from sortilege._journal import Journal
from sortilege.evaluation.intervals import Interval, bootstrap
from sortilege.evaluation.prompts import Prompt
from sortilege.evaluation.sampling import Sample, sample
from sortilege.models import Model, load
from sortilege.samplers.spec import format_sampler

SCHEMA = "sortilege-rates/1"
TARGETS = (1.5, 3.0)
LENGTHS = (64, 128, 320)
SEED = 7_000_000


def _adaptive(target: float, **knobs: Any) -> Sampler:
    return AdaptiveDirichlet(a=0.0, b=0.0, probs_ent_offset=target, perturb_exp_coeff=0.0, **knobs)


ASKED: dict[str, Callable[[float], Sampler]] = {
    "adaptive, integral": lambda h: _adaptive(h, softmax_temperature="integral", integral_gain=0.1),
    "min-p 0.02, integral": lambda h: _adaptive(
        h, softmax_temperature="integral", integral_gain=0.1, truncation=MinP(0.02)
    ),
    "adaptive, averaged temperature": _adaptive,
    "adaptive, solved at each step": lambda h: _adaptive(h, softmax_temperature="pre"),
    "adaptive, the default loop": lambda h: AdaptiveDirichlet(probs_ent_offset=0.6 * h),
    "mirostat": lambda h: Mirostat(tau=h / math.log(2)),
}
"""Methods that are asked for a rate."""

SET: dict[str, tuple[Callable[[float], Sampler], float, float]] = {
    "temperature": (lambda x: Temperature(math.exp(x)), math.log(0.3), math.log(1.5)),
    "top-p": (lambda x: TopP(x), 0.05, 0.999),
    "min-p": (lambda x: MinP(math.exp(x)), math.log(0.5), math.log(1e-4)),
}
"""Methods with a knob that is set beforehand: the sampler of a number, and the numbers of least and most entropy."""


@dataclass(frozen=True)
class Rate:
    """One method, asked for ``target`` nats on one model. entropy, surprisal: (L, P) the means over the first tokens of
    each text, a row for each of ``LENGTHS``."""

    model: str
    method: str
    target: float
    setting: str
    entropy: np.ndarray
    surprisal: np.ndarray

    def miss(self, length: int) -> Interval:
        """The mean over texts of |realised - asked|, of the quantity that the method is asked for."""
        asked = self.surprisal if self.method == "mirostat" else self.entropy
        return bootstrap(np.abs(asked[LENGTHS.index(length)] - self.target))

    def mean(self, length: int) -> float:
        return float(np.mean(self.entropy[LENGTHS.index(length)]))

    def spread(self, length: int) -> Interval:
        """The standard deviation of the entropy rate between texts."""
        return bootstrap(self.entropy[LENGTHS.index(length)], statistic="spread")


def sharper(model: Model, factor: float = 1.3) -> Model:
    """The model with its logits multiplied: another that is surer of itself, and as good at telling tokens apart."""
    changed = copy.deepcopy(model.model)
    with torch.no_grad():
        changed.model.norm.weight.mul_(factor)  # logits are linear in what the last norm lets through
    return replace(model, model=changed, name=f"{model.name}, logits x {factor:g}")


def rates(
    corpus: Path, models: Sequence[str], path: Path, *, quick: bool = False, tell: Callable[[str], None] = print
) -> list[Rate]:
    """All of them; what ``path`` has already is not run again."""
    lengths = (8, 12, 16) if quick else LENGTHS
    texts = beginnings(corpus, 5 if quick else 24, lengths[-1], part=0)
    own = beginnings(corpus, 5 if quick else 8, lengths[-1], part=1)
    with Journal(path, SCHEMA, ("model", "method", "target", "lengths")) as journal:
        done = {(r["model"], r["method"], r["target"]): r for r in journal.records if r["lengths"] == list(lengths)}
        loaded = [load(name) for name in models]
        loaded.insert(1, sharper(loaded[0]))
        for target in TARGETS[:1] if quick else TARGETS:
            for method, sampler in _samplers(target, loaded[0], own, quick, done):
                for model in loaded:
                    if (model.name, method, target) in done:
                        continue
                    tell(f"rates: {method}, {target:g} nats, {model.name}")
                    made = _run(model, texts, sampler, lengths[-1], SEED)
                    record = {
                        "schema": SCHEMA, "model": model.name, "method": method, "target": target,
                        "lengths": list(lengths), "setting": format_sampler(sampler),
                        "entropy": [[float(s.processed_entropy[:n].mean()) for s in made] for n in lengths],
                        "surprisal": [[-float(s.processed_log_prob[:n].mean()) for s in made] for n in lengths],
                    }  # fmt: skip
                    journal.append(record)
                    done[model.name, method, target] = record
        return [
            Rate(r["model"], r["method"], r["target"], r["setting"], np.array(r["entropy"]), np.array(r["surprisal"]))
            for r in done.values()
        ]


def _samplers(
    target: float, model: Model, own: Sequence[Prompt], quick: bool, done: dict[Any, Any]
) -> Iterator[tuple[str, Sampler]]:
    for method, make in ASKED.items():
        yield method, make(target)
    for method, (make, low, high) in SET.items():
        known = done.get((model.name, method, target))
        if known is not None:
            from sortilege.samplers.spec import parse_sampler

            yield method, parse_sampler(known["setting"])
        else:
            yield method, _set(make, low, high, target, model, own, 3 if quick else 6)


def _set(
    make: Callable[[float], Sampler],
    low: float,
    high: float,
    target: float,
    model: Model,
    own: Sequence[Prompt],
    n: int,
) -> Sampler:
    """The sampler whose mean entropy on ``own`` is the target, by bisection under one seed."""
    for _ in range(n):
        middle = (low + high) / 2
        made = _run(model, own, make(middle), 96, SEED + 500)
        if np.mean([one.processed_entropy.mean() for one in made]) < target:
            low = middle
        else:
            high = middle
    return make(round((low + high) / 2, 5))


def _run(model: Model, prompts: Sequence[Prompt], sampler: Sampler, tokens: int, seed: int) -> list[Sample]:
    return sample(model, prompts, sampler, max_new_tokens=tokens, seed=seed, end_token_ids=())
