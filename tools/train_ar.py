"""Train ``tiny-ar``, the bundled causal model, on the token files of ``corpus.py``.

    python tools/train_ar.py build/corpus build/tiny-ar --epochs 1

The run can be stopped at any moment and goes on from its last checkpoint when the same command is given again.
At the end the folder holds ``model.safetensors`` in half precision with the tokenizer and ``training.json``.
"""

import json
import math
import os
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

ARCHITECTURE = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
    "rope_theta": 10000.0,
}


def windows(tokens: np.ndarray, context: int, epoch: int, seed: int) -> np.ndarray:
    """The starts of an epoch's training windows: the text is cut at a new offset each time, then shuffled."""
    generator = np.random.default_rng((seed, epoch))
    starts = np.arange(generator.integers(context), len(tokens) - context, context)
    return generator.permutation(starts)


def batch_at(tokens: np.ndarray, step: int, batch: int, context: int, seed: int) -> torch.Tensor:
    """The batch of one step, a function of the step alone, so that a resumed run sees what it would have seen."""
    per_epoch = (len(tokens) // context - 2) // batch
    epoch, index = divmod(step, per_epoch)
    starts = windows(tokens, context, epoch, seed)[index * batch : (index + 1) * batch]
    return torch.from_numpy(np.stack([tokens[s : s + context + 1] for s in starts]).astype(np.int64))


def learning_rate(step: int, steps: int, peak: float, warmup: int, decay: float = 0.5) -> float:
    """Linear warm-up, constant, then a linear descent to zero over the last ``decay`` of the steps."""
    rise = (step + 1) / warmup
    fall = (steps - step) / (decay * steps)
    return peak * min(1.0, rise, fall)


def optimisers(model: LlamaForCausalLM, peak: float, weight_decay: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the embedding and the gains."""
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    chosen = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(hidden, lr=peak, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.95), weight_decay=0.0),
    ]


@torch.no_grad()
def validation_loss(model: Any, tokens: np.ndarray, context: int, device: str) -> float:
    """Mean nats per token over disjoint windows, each predicted from its own beginning only."""
    model.eval()
    total, count = 0.0, 0
    starts = list(range(0, len(tokens) - context - 1, context))
    for i in range(0, len(starts), 16):
        rows = np.stack([tokens[s : s + context + 1] for s in starts[i : i + 16]]).astype(np.int64)
        ids = torch.from_numpy(rows).to(device)
        logits = model(input_ids=ids[:, :-1]).logits.float()
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
        total += loss.item()
        count += ids[:, 1:].numel()
    model.train()
    return total / count


def main(
    corpus: Annotated[Path, typer.Argument(help="the folder that corpus.py wrote")],
    folder: Annotated[Path, typer.Argument(help="where checkpoints and the finished model go")],
    epochs: float = 1.0,
    context: int = 512,
    batch: int = 16,
    peak: float = 3e-3,
    weight_decay: float = 0.1,
    warmup: int = 100,
    seed: int = 0,
    checkpoint_every: int = 200,
    stop_after_seconds: float = math.inf,
    compiled: bool = False,
) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train = np.load(corpus / "train.npy", mmap_mode="r")
    validation = np.load(corpus / "validation.npy")
    tokenizer = AutoTokenizer.from_pretrained(corpus)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **ARCHITECTURE,
    )
    model = LlamaForCausalLM(config).to(device)
    tuned = optimisers(model, peak, weight_decay)
    steps = int(epochs * ((len(train) // context - 2) // batch))
    step, seconds = 0, 0.0
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(saved["model"])
        for optimiser, state in zip(tuned, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        step, seconds = saved["step"], saved["seconds"]
    forward = torch.compile(model) if compiled else model
    precision: AbstractContextManager[Any] = torch.autocast(device, dtype=torch.bfloat16)
    parameters = sum(p.numel() for p in model.parameters())
    typer.echo(f"{parameters:,} parameters, {steps:,} steps of {batch * context:,} tokens on {device}, from {step:,}")
    started, smooth = time.monotonic(), math.nan

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in tuned],
            "step": step,
            "seconds": seconds + time.monotonic() - started,
        }
        torch.save(state, folder / "checkpoint.partial")
        os.replace(folder / "checkpoint.partial", checkpoint)

    while step < steps and time.monotonic() - started < stop_after_seconds:
        rate = learning_rate(step, steps, peak, warmup)
        ids = batch_at(train, step, batch, context, seed).to(device)
        with precision:
            logits = forward(input_ids=ids[:, :-1]).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in tuned:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step += 1
        if step % 20 == 0:
            value = loss.item()
            smooth = value if math.isnan(smooth) else 0.8 * smooth + 0.2 * value
            pace = (seconds + time.monotonic() - started) / step
            typer.echo(
                f"step {step}/{steps} loss {smooth:.3f} rate {rate:.2e} {pace * (steps - step) / 60:.0f} min left"
            )
        if step % checkpoint_every == 0:
            save()
    save()
    if step < steps:
        typer.echo(f"stopped at step {step} of {steps}; the same command goes on from here")
        return
    half = model.to(torch.float16)
    half.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    loss_half = validation_loss(half.float(), validation, context, device)
    report = {
        "validation_nats_per_token": round(loss_half, 4),
        "parameters": parameters,
        "epochs": epochs,
        "tokens": steps * batch * context,
        "context": context,
        "batch": batch,
        "peak_learning_rate": peak,
        "weight_decay": weight_decay,
        "warmup_steps": warmup,
        "optimiser": "Muon on layer matrices, AdamW elsewhere",
        "schedule": "constant, then linear to zero over the last half",
        "seed": seed,
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
        "minutes": round((seconds + time.monotonic() - started) / 60, 1),
    }
    (folder / "training.json").write_text(json.dumps(report, indent=2) + "\n")
    shutil.copy(corpus / "corpus.json", folder / "corpus.json")
    typer.echo(json.dumps(report))


if __name__ == "__main__":
    typer.run(main)
