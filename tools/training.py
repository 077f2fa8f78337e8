"""What training takes, whichever the bundled model: batches, rates, optimisers, and a loop that can be stopped."""

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer


def windows(tokens: np.ndarray, context: int, epoch: int, seed: int) -> np.ndarray:
    """The starts of an epoch's training windows: the text is cut at a new offset each time, then shuffled."""
    generator = np.random.default_rng((seed, epoch))
    starts = np.arange(generator.integers(context), len(tokens) - context, context)
    return generator.permutation(starts)


def steps_in(epochs: float, tokens: np.ndarray, context: int, batch: int) -> int:
    return int(epochs * ((len(tokens) // context - 2) // batch))


def batch_at(tokens: np.ndarray, step: int, batch: int, context: int, seed: int) -> torch.Tensor:
    """The batch of a step, (batch, context + 1), a function of the step alone: a resumed run sees the same."""
    epoch, index = divmod(step, steps_in(1, tokens, context, batch))
    starts = windows(tokens, context, epoch, seed)[index * batch : (index + 1) * batch]
    return torch.from_numpy(np.stack([tokens[s : s + context + 1] for s in starts]).astype(np.int64))


def learning_rate(step: int, steps: int, peak: float, warmup: int, decay: float = 0.5) -> float:
    """Linear warm-up, constant, then a linear descent to zero over the last ``decay`` of the steps."""
    rise = (step + 1) / warmup
    fall = (steps - step) / (decay * steps)
    return peak * min(1.0, rise, fall)


def optimisers(model: torch.nn.Module, peak: float, weight_decay: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the embedding, the output and the gains."""
    hidden = [
        p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name and "decoder" not in name
    ]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(hidden, lr=peak, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.95), weight_decay=0.0),
    ]


@dataclass(frozen=True)
class Plan:
    """How long to train, how fast, and where the checkpoints go."""

    folder: Path
    steps: int
    peak: float
    weight_decay: float
    warmup: int
    checkpoint_every: int
    stop_after_seconds: float


def train(model: torch.nn.Module, loss_at: Callable[[int], torch.Tensor], plan: Plan) -> float | None:
    """Minimise ``loss_at(step)`` over the steps; the seconds it took in all, or None where it was stopped before.

    The run goes on from ``checkpoint.pt`` where the folder holds one.
    """
    device = next(model.parameters()).device
    tuned = optimisers(model, plan.peak, plan.weight_decay)
    step, seconds = 0, 0.0
    plan.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = plan.folder / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimiser, state in zip(tuned, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        step, seconds = saved["step"], saved["seconds"]
    parameters = sum(p.numel() for p in model.parameters())
    typer.echo(f"{parameters:,} parameters, {plan.steps:,} steps on {device}, from {step:,}")
    started, smooth = time.monotonic(), math.nan

    def spent() -> float:
        return seconds + time.monotonic() - started

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in tuned],
            "step": step,
            "seconds": spent(),
        }
        torch.save(state, plan.folder / "checkpoint.partial")
        os.replace(plan.folder / "checkpoint.partial", checkpoint)

    while step < plan.steps and time.monotonic() - started < plan.stop_after_seconds:
        rate = learning_rate(step, plan.steps, plan.peak, plan.warmup)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss = loss_at(step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in tuned:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step += 1
        value = loss.item()
        smooth = value if math.isnan(smooth) else 0.98 * smooth + 0.02 * value
        if step % 20 == 0:
            left = spent() / step * (plan.steps - step) / 60
            typer.echo(f"step {step}/{plan.steps} loss {smooth:.3f} rate {rate:.2e} {left:.0f} min left")
        if step % plan.checkpoint_every == 0:
            save()
    save()
    if step < plan.steps:
        typer.echo(f"stopped at step {step} of {plan.steps}; the same command goes on from here")
        return None
    return spent()


def described(plan: Plan, seed: int, device: str, seconds: float) -> dict[str, Any]:
    """What the training report says of the training itself."""
    return {
        "peak_learning_rate": plan.peak,
        "weight_decay": plan.weight_decay,
        "warmup_steps": plan.warmup,
        "optimiser": "Muon on layer matrices, AdamW elsewhere",
        "schedule": "constant, then linear to zero over the last half",
        "seed": seed,
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "minutes": round(seconds / 60, 1),
    }


def finish(folder: Path, corpus: Path, report: dict[str, Any]) -> None:
    """Write the training report beside the model, and what the corpus says of itself."""
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")
    shutil.copy(corpus / "corpus.json", folder / "corpus.json")
    typer.echo(json.dumps(report))
