"""Measure what a denoiser writes by a causal model, and add it to the denoiser's training report.

python tools/generative_perplexity.py build/tiny-mdlm build/corpus

Texts of 256 tokens from nothing, by the ancestral process without a filter; beside them, for scale, as much of the
held-out novels and as much of what the judge itself writes. Low perplexity alone is easily had by repetition, so the
entropy of the tokens of each text is stated with it.
"""

import json
import math
from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Annotated

import numpy as np
import torch
import typer

from sortilege import generate, load
from sortilege.diffusion import denoise

LENGTH = 256


def measured(judge: torch.nn.Module, rows: list[list[int]], start: int) -> dict[str, float]:
    """exp of the mean nats per token under the judge, and the mean entropy of the tokens within a text, in nats."""
    nats = []
    for row in rows:
        ids = torch.tensor([[start, *row]])
        with torch.no_grad():
            logits = judge(input_ids=ids).logits[0, :-1].float()
        nats.append(torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item())
    entropies = []
    for row in rows:
        shares = [count / len(row) for count in Counter(row).values()]
        entropies.append(-sum(p * math.log(p) for p in shares))
    return {"perplexity": round(math.exp(fmean(nats)), 1), "entropy": round(fmean(entropies), 3)}


def main(
    folder: Annotated[Path, typer.Argument(help="the folder that training wrote")],
    corpus: Annotated[Path, typer.Argument(help="the folder that corpus.py wrote")],
    texts: int = 64,
    steps: int = 256,
    seed: int = 0,
) -> None:
    judge = load("tiny-ar")
    start = judge.start_token_id
    assert start is not None
    written = denoise(str(folder), [""] * texts, length=LENGTH, steps=steps, seed=seed, stop_at_end=False)
    held_out = np.load(corpus / "validation.npy")
    at = np.linspace(0, len(held_out) - LENGTH, texts).astype(int)
    own = generate(judge, [[start]] * texts, "temperature(1)", max_new_tokens=LENGTH, seed=seed, end_token_ids=())
    report = json.loads((folder / "training.json").read_text())
    report["generative"] = {
        "judge": "tiny-ar",
        "texts": texts,
        "length": LENGTH,
        "steps": steps,
        "denoiser": measured(judge.model, [list(text.tokens) for text in written], start),
        "held_out": measured(judge.model, [held_out[i : i + LENGTH].tolist() for i in at], start),
        "judge_itself": measured(judge.model, [list(text.tokens) for text in own], start),
    }
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")
    typer.echo(json.dumps(report["generative"]))


if __name__ == "__main__":
    typer.run(main)
