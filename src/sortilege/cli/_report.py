"""What is said of finished texts: a JSON object for programs, one line for people."""

import json
import shlex
from collections.abc import Sequence
from statistics import fmean

from sortilege.generate import Result


def as_json(result: Result, *, index: int, model: str, sampler: str) -> str:
    """One line of JSON with all that is known of a text but its trace."""
    record = {
        "sample": index,
        "model": model,
        "sampler": sampler,
        "seed": result.seed,
        "prompt": result.prompt,
        "text": result.text,
        "finish_reason": result.finish_reason,
        "nll": result.nll,
        "prompt_tokens": result.prompt_tokens,
        "tokens": result.tokens,
        "raw_log_probs": result.raw_log_probs,
        "processed_log_probs": result.processed_log_probs,
    }
    return json.dumps(record, allow_nan=False)


def summary(results: Sequence[Result], *, seconds: float, sampler: str) -> str:
    """One line: how much, how fast, how likely, at what entropy, and which options draw it again.

    The entropy is that of the distributions drawn from, with the sampler's target where it reports one; both need the
    results' traces.
    """
    count = sum(len(result.tokens) for result in results)
    nll = -fmean(log_prob for result in results for log_prob in result.raw_log_probs)
    parts = [f"{count} tokens", f"{count / seconds:.1f} tokens/s", f"nll {nll:.2f} nats/token"]
    records = [record for result in results for record in result.trace]
    if records:
        realised = f"entropy {fmean(record['processed_entropy'] for record in records):.2f}"
        targets = [r["report"]["target_entropy"] for r in records if r["report"].get("target_entropy") is not None]
        parts.append(f"{realised} of {fmean(targets):.2f} nats" if targets else f"{realised} nats")
    return " · ".join([*parts, f"--seed {results[0].seed}", f"--sampler {shlex.quote(sampler)}"])
