"""The records of tokens: one step of decoding as what JSON can hold."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sortilege.numerics._arrays import Array, host
from sortilege.numerics.information import entropy, log_softmax

Record = dict[str, Any]


def step_records(
    raw: Array,
    processed: Array,
    tokens: Array,
    report: Mapping[str, Array],
    *,
    requests: Sequence[int],
    position: int,
    seconds: float,
    sampler_seconds: float,
    text: Callable[[int], str],
    candidates: int = 8,
) -> list[Record]:
    """The records of one step of decoding, one for each row.

    raw, processed: logits (B, V) before and after the sampler, of any array library.
    tokens: (B,) the tokens that were emitted.
    report: the sampler's report on the step, arrays (B,), as it was before the sampler observed the tokens.
    requests: the rows' indices in the trace's header, B of them.
    position: how many tokens the rows had drawn before.
    seconds, sampler_seconds: what the step took, and what of it the sampler took.
    text: the text of one token id; see ``text_of``.
    candidates: how many of the most probable tokens to list, before and after each.
    """
    tokens = host(tokens)
    log_raw, log_processed = log_softmax(host(raw)), log_softmax(host(processed))
    kept = log_processed > -np.inf
    chosen = np.arange(len(tokens)), tokens
    measured = {
        "raw_log_prob": log_raw[chosen],
        "processed_log_prob": log_processed[chosen],
        "rank": 1 + np.sum(log_raw > log_raw[chosen][:, None], axis=-1),
        "raw_entropy": entropy(log_raw),
        "processed_entropy": entropy(log_processed),
        "kept": np.sum(kept, axis=-1),
        "kept_mass": np.sum(np.where(kept, np.exp(log_raw), 0.0), axis=-1),
    }
    reported = {name: host(values) for name, values in report.items()}

    def candidate(row: int, token: int) -> Record:
        return {
            "token": token,
            "text": text(token),
            "raw_log_prob": plain(log_raw[row, token]),
            "processed_log_prob": plain(log_processed[row, token]),
            "kept": bool(kept[row, token]),
        }

    records: list[Record] = []
    for row, token in enumerate(tokens.tolist()):
        listed = {*_top(log_raw[row], candidates), *_top(log_processed[row], candidates)}
        ordered = sorted(listed, key=lambda token, row=row: (-log_raw[row, token], token))
        said = {name: plain(values[row]) for name, values in reported.items()}
        records.append(
            {
                "request": requests[row],
                "position": position,
                "token": token,
                "text": text(token),
                **{name: plain(values[row]) for name, values in measured.items()},
                "branch": _BRANCHES.get(said.get("inlier")),
                "report": said,
                "candidates": [candidate(row, token) for token in ordered],
                "seconds": seconds,
                "sampler_seconds": sampler_seconds,
            }
        )
    return records


_BRANCHES: dict[bool | None, str] = {True: "inlier", False: "outlier"}


def text_of(text: Any) -> Callable[[int], str]:
    """The function that gives the text of a token id, from such a function or a tokenizer of transformers."""
    decode = getattr(text, "decode", None)
    return text if decode is None else lambda token: decode([token])


def plain(value: Any) -> Any:
    """A number of NumPy or Python as what JSON can hold; null for what is not finite."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _top(log_prob: Any, count: int) -> list[int]:
    """The ids of the ``count`` most probable possible tokens, or all that there are; low ids first in ties."""
    count = min(count, len(log_prob))
    if count == 0:
        return []
    last = np.partition(log_prob, -count)[-count]
    ids = np.flatnonzero((log_prob >= last) & (log_prob > -np.inf))
    return ids[np.argsort(-log_prob[ids], kind="stable")][:count].tolist()
