"""A small sweep of samplers on the bundled model: what the defaults of ``AdaptiveDirichlet`` were chosen from.

    python tools/sweep.py build/corpus "min-p(0.02)" "adaptive-dirichlet(probs_ent_offset=0.35)" ...

Continues 48 beginnings from held-out novels by 128 tokens under each sampler and prints a line for each: the mean
negative log-likelihood of the new tokens under the model itself (quality), distinct-3 (diversity), the standard
deviation between prompts of the mean entropy drawn from (how well a rate is held), target and realised entropy, and
how often and how strongly the adaptive sampler perturbed. The held-out text itself is the first line.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

import sortilege
from sortilege.models import load


def distinct(rows: list[list[int]], n: int) -> float:
    """The share of different n-grams among all n-grams of the rows together."""
    grams = [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]
    return len(set(grams)) / len(grams)


def average(records: list[dict[str, Any]], name: str) -> float:
    values = [value for record in records if (value := {**record["report"], **record}.get(name)) is not None]
    return float(np.mean(values)) if values else float("nan")


def main(
    corpus: Annotated[Path, typer.Argument(help="the folder that tools/corpus.py wrote")],
    samplers: Annotated[list[str], typer.Argument(help="sampler specifications")],
    model: str = "tiny-ar",
    prompts: int = 48,
    prompt_tokens: int = 64,
    new_tokens: int = 128,
    seeds: int = 1,
) -> None:
    loaded = load(model)
    text = np.load(corpus / "validation.npy").astype(int)
    starts = np.linspace(0, len(text) - prompt_tokens - new_tokens - 1, prompts).astype(int)
    heads = [text[s : s + prompt_tokens].tolist() for s in starts]
    tails = [text[s + prompt_tokens : s + prompt_tokens + new_tokens].tolist() for s in starts]
    with torch.no_grad():
        ids = torch.tensor([head + tail for head, tail in zip(heads, tails, strict=True)])
        logp = torch.log_softmax(loaded.model(ids[:, :-1]).logits.float(), -1)
        found = logp.gather(-1, ids[:, 1:, None])[..., 0][:, prompt_tokens - 1 :]
    held_out = {"sampler": "held-out text", "nll": -found.mean().item(), "distinct3": distinct(tails, 3)}
    typer.echo(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in held_out.items()}))
    for spec in samplers:
        lines = []
        for seed in range(seeds):
            results = sortilege.generate(
                loaded,
                heads,
                spec,
                max_new_tokens=new_tokens,
                seed=1000 * seed,
                trace=True,
                candidates=0,
                end_token_ids=(),
            )
            records = [list(result.trace) for result in results]
            flat = [record for rows in records for record in rows]
            per_prompt = [average(rows, "processed_entropy") for rows in records]
            lines.append(
                {
                    "nll": float(np.mean([result.nll for result in results])),
                    "distinct3": distinct([list(result.tokens) for result in results], 3),
                    "prompt_sd": float(np.std(per_prompt)),
                    "entropy": float(np.mean(per_prompt)),
                    "target": average(flat, "target_entropy"),
                    "temperature": average(flat, "temperature"),
                    "inlier": average(flat, "inlier"),
                    "perturbation": average(flat, "perturbation"),
                }
            )
        summary = {"sampler": spec}
        for name in lines[0]:
            values = [line[name] for line in lines]
            summary[name] = round(float(np.mean(values)), 3)
            if seeds > 1 and name in ("nll", "distinct3"):
                summary[name + "_se"] = round(float(np.std(values, ddof=1) / np.sqrt(seeds)), 4)
        typer.echo(json.dumps(summary))


if __name__ == "__main__":
    typer.run(main)
