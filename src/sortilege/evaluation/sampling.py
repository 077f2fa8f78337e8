"""Texts to be judged: drawn by a model under a sampler, or given, with all that was measured on the way."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sortilege._checks import whole
from sortilege.evaluation.prompts import Prompt
from sortilege.generate import stream
from sortilege.models import Model
from sortilege.models.forward import Forward
from sortilege.numerics.information import entropy, log_softmax
from sortilege.samplers._base import Sampler


@dataclass(frozen=True)
class Sample:
    """One text, with n tokens, of which all arrays (n,) speak. Natural logarithms; entropies in nats.

    prompt: the index of its prompt. seed: what it was drawn with; None for a text that was given.
    prompt_tokens: what the model read before. tokens: the new ones. text: their text.
    finish_reason: "length", "end" or "stop"; "given" for a text that was given.
    raw_log_prob, raw_entropy: of the token under the model, and of the model's distribution.
    processed_log_prob, processed_entropy: the same of the distribution drawn from.
    kept: how many tokens the sampler left possible.
    report: what the sampler reported at each token, by name; NaN for what is null.
    seconds: its share of the time that its batch took; NaN for a text that was given.
    """

    prompt: int
    seed: int | None
    prompt_tokens: tuple[int, ...]
    tokens: np.ndarray
    text: str
    finish_reason: str
    raw_log_prob: np.ndarray
    raw_entropy: np.ndarray
    processed_log_prob: np.ndarray
    processed_entropy: np.ndarray
    kept: np.ndarray
    report: Mapping[str, np.ndarray]
    seconds: float


def sample(
    model: Model,
    prompts: Sequence[Prompt],
    sampler: Sampler,
    *,
    max_new_tokens: int,
    seed: int = 0,
    num_samples: int = 1,
    batch_size: int = 64,
    end_token_ids: Sequence[int] | None = None,
) -> list[Sample]:
    """Continue every prompt ``num_samples`` times, in the order of the prompts.

    seed: the text number r, counted over prompts and their samples, has the seed ``seed`` + r, whatever the sampler:
        two samplers compared under one seed meet the same random numbers.
    batch_size: how many texts are worked on at a time, >= 1.
    end_token_ids: as for ``sortilege.generate``; empty makes all texts equally long.

    Raises what ``sortilege.generate`` raises.
    """
    whole("batch_size", batch_size, 1)
    jobs = [(index, one) for index, one in enumerate(prompts) for _ in range(whole("num_samples", num_samples, 1))]
    samples: list[Sample] = []
    for start in range(0, len(jobs), batch_size):
        batch = jobs[start : start + batch_size]
        began = time.perf_counter()
        events = stream(
            model,
            [one.tokens(model) for _, one in batch],
            sampler,
            max_new_tokens=max_new_tokens,
            seed=[seed + start + row for row in range(len(batch))],
            end_token_ids=end_token_ids,
            trace=True,
            candidates=0,
        )
        results = {event.request: event.result for event in events if event.result is not None}
        seconds = (time.perf_counter() - began) / len(batch)
        for row, (index, _) in enumerate(batch):
            result = results[row]
            records = result.trace
            samples.append(
                Sample(
                    prompt=index,
                    seed=result.seed,
                    prompt_tokens=result.prompt_tokens,
                    tokens=np.asarray(result.tokens, dtype=np.int64),
                    text=result.text,
                    finish_reason=result.finish_reason,
                    raw_log_prob=_column(records, "raw_log_prob"),
                    raw_entropy=_column(records, "raw_entropy"),
                    processed_log_prob=_column(records, "processed_log_prob"),
                    processed_entropy=_column(records, "processed_entropy"),
                    kept=_column(records, "kept"),
                    report={name: _column([r["report"] for r in records], name) for name in records[0]["report"]},
                    seconds=seconds,
                )
            )
    return samples


def scored(
    model: Model, prompts: Sequence[Prompt], texts: Sequence[str | Sequence[int]], *, max_new_tokens: int | None = None
) -> list[Sample]:
    """Given texts, as if they had been drawn from the model itself after the prompts, one each.

    texts: the continuations, as text or as token ids, cut after ``max_new_tokens`` and at the model's context.

    Raises ValueError, naming it, for a text of which nothing is left.
    """
    samples: list[Sample] = []
    for index, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
        head = prompt.tokens(model)
        ids = model.tokenizer(text, add_special_tokens=False)["input_ids"] if isinstance(text, str) else list(text)
        room = len(ids) if model.context is None else model.context - len(head)
        tail = ids[: min(room, len(ids) if max_new_tokens is None else max_new_tokens)]
        if not tail:
            raise ValueError(f"reference of prompt {index} must have at least one token within the model's context")
        logits = Forward(model, [[*head, *tail[:-1]]]).every_logits()[0, len(head) - 1 :]
        log_prob = log_softmax(logits)
        tokens = np.asarray(tail, dtype=np.int64)
        raw = log_prob[np.arange(len(tail)), tokens].cpu().numpy().astype(float)
        spread = entropy(log_prob).cpu().numpy().astype(float)
        kept = np.full(len(tail), logits.shape[-1], dtype=float)
        samples.append(
            Sample(
                prompt=index,
                seed=None,
                prompt_tokens=tuple(head),
                tokens=tokens,
                text=text if isinstance(text, str) and len(tail) == len(ids) else model.tokenizer.decode(tail),
                finish_reason="given",
                raw_log_prob=raw,
                raw_entropy=spread,
                processed_log_prob=raw,
                processed_entropy=spread,
                kept=kept,
                report={},
                seconds=math.nan,
            )
        )
    return samples


def _column(records: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    values = [record.get(name) for record in records]
    return np.asarray([np.nan if value is None else value for value in values], dtype=float)
