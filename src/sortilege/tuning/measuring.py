"""Texts for a trial, and the reference that they are held to: the same prompts and random numbers each time."""

import dataclasses
import hashlib
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sortilege.evaluation.metrics import METRICS
from sortilege.evaluation.prompts import Prompt, references
from sortilege.evaluation.sampling import Sample, sample, scored
from sortilege.models import Model
from sortilege.samplers._base import Sampler
from sortilege.samplers.temperature import Temperature
from sortilege.tuning.objectives import Objective, measured

STEPS = 4
"""In how many parts a trial's prompts are worked on where it may be given up after any of them."""


@dataclass(frozen=True)
class Texts:
    """What every trial of a study writes: the model, its prompts, and how much.

    seed: the text number r, counted over prompts and their samples, has the seed ``seed`` + r in every trial.
    """

    model: Model
    prompts: tuple[Prompt, ...]
    max_new_tokens: int
    num_samples: int
    seed: int
    batch_size: int
    end_token_ids: tuple[int, ...] | None

    @property
    def ends(self) -> list[int]:
        """How many prompts have been worked on after each part."""
        return sorted({math.ceil(len(self.prompts) * step / STEPS) for step in range(1, STEPS + 1)})

    @property
    def digest(self) -> str:
        """The SHA-256 of the prompts and their references."""
        told = json.dumps([[one.given, one.reference] for one in self.prompts])
        return hashlib.sha256(told.encode()).hexdigest()

    def draw(
        self, sampler: Sampler, on_part: Callable[[int, list[Sample]], None] | None = None, *, parts: bool = True
    ) -> list[Sample]:
        """The texts under a sampler; ``on_part`` sees the number of each part, from 0, and all texts until then.

        parts: whether there is more than one part.
        """
        samples: list[Sample] = []
        begin = 0
        for part, end in enumerate(self.ends if parts else [len(self.prompts)]):
            drawn = sample(
                self.model,
                self.prompts[begin:end],
                sampler,
                max_new_tokens=self.max_new_tokens,
                seed=self.seed + begin * self.num_samples,
                num_samples=self.num_samples,
                batch_size=self.batch_size,
                end_token_ids=self.end_token_ids,
            )
            samples += [dataclasses.replace(one, prompt=one.prompt + begin) for one in drawn]
            begin = end
            if on_part is not None:
                on_part(part, samples)
        return samples


@dataclass(frozen=True)
class Reference:
    """What trials are held to. kind: where it comes from. parts: its metrics after each part of the prompts."""

    kind: str
    parts: tuple[Mapping[str, float], ...]

    @property
    def metrics(self) -> Mapping[str, float]:
        """Those of all its texts."""
        return self.parts[-1]

    def record(self) -> dict[str, Any]:
        """For a storage: null for what has no value."""
        return {"kind": self.kind, "parts": [finite(part) for part in self.parts]}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Reference":
        """The same again."""
        return cls(record["kind"], tuple(numbers(part) for part in record["parts"]))


def reference_kind(texts: Texts, given: Sequence[Sample] | None) -> str:
    """Where the reference comes from: texts that were given, what people wrote after the prompts, or the model."""
    if given is not None:
        told = json.dumps([one.tokens.tolist() for one in given])
        return f"given texts {hashlib.sha256(told.encode()).hexdigest()[:16]}"
    human = references(texts.prompts) is not None
    return "human: the prompts' references" if human else "model: its own texts at temperature 1"


def take_reference(texts: Texts, objective: Objective, given: Sequence[Sample] | None) -> Reference:
    """The reference's metrics, with those of the guards.

    Raises ValueError where guards need texts of other numbers than there are, or a metric has no value.
    """
    kind = reference_kind(texts, given)
    written = references(texts.prompts)
    if given is not None:
        samples = list(given)
    elif written is not None:
        samples = scored(texts.model, texts.prompts, written, max_new_tokens=texts.max_new_tokens)
    else:
        samples = texts.draw(Temperature(1.0), parts=False)
    distinct = [guard.metric for guard in objective.guards if guard.metric.startswith("distinct")]
    if distinct and len(samples) != len(texts.prompts) * texts.num_samples:
        raise ValueError(
            f"{distinct[0]} depends on how many texts there are: for a guard on it there must be as many in the "
            f"reference as in a trial, got {len(samples)} and {len(texts.prompts)} prompts x {texts.num_samples}"
        )
    count = sum(len(one.tokens) for one in samples)
    if distinct and count < 0.8 * len(samples) * texts.max_new_tokens:
        warnings.warn(
            f"the reference has {count / len(samples):.0f} tokens a text and a trial up to {texts.max_new_tokens}: "
            f"{distinct[0]} is higher in less text; take longer references or a smaller max_new_tokens",
            stacklevel=2,
        )
    parts = [measured([one for one in samples if one.prompt < end]) for end in texts.ends]
    for guard in objective.guards:
        guard.limits(parts[-1])
    return Reference(kind, tuple(parts))


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Metrics for JSON: null for what is no finite number."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def numbers(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """The same back: NaN for null, and for metrics that are new since."""
    found = {name: math.nan if value is None else float(value) for name, value in metrics.items()}
    return {**dict.fromkeys(METRICS, math.nan), **found}
