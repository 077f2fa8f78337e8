"""Train ``tiny-ar``, the bundled causal model, on the token files of ``corpus.py``.

    python tools/train_ar.py build/corpus build/tiny-ar --epochs 1

The run can be stopped at any moment and goes on from its last checkpoint when the same command is given again.
At the end the folder holds ``model.safetensors`` in half precision with the tokenizer and ``training.json``.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from training import Plan, batch_at, described, finish, steps_in, train
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
    layers: Annotated[int, typer.Option(min=1, help="fewer make another model to try settings on")] = 6,
    context: int = 512,
    batch: int = 16,
    peak: float = 3e-3,
    weight_decay: float = 0.1,
    warmup: int = 100,
    seed: int = 0,
    checkpoint_every: int = 200,
    stop_after_seconds: float = math.inf,
) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    text = np.load(corpus / "train.npy", mmap_mode="r")
    tokenizer = AutoTokenizer.from_pretrained(corpus)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **{**ARCHITECTURE, "num_hidden_layers": layers},
    )
    model = LlamaForCausalLM(config).to(device)

    def loss_at(step: int) -> torch.Tensor:
        ids = batch_at(text, step, batch, context, seed).to(device)
        logits = model(input_ids=ids[:, :-1]).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    steps = steps_in(epochs, text, context, batch)
    plan = Plan(folder, steps, peak, weight_decay, warmup, checkpoint_every, stop_after_seconds)
    seconds = train(model, loss_at, plan)
    if seconds is None:
        return
    model.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    validation = np.load(corpus / "validation.npy")
    report = {
        "validation_nats_per_token": round(validation_loss(model.float(), validation, context, device), 4),
        "parameters": sum(p.numel() for p in model.parameters()),
        "epochs": epochs,
        "tokens": steps * batch * context,
        "context": context,
        "batch": batch,
        **described(plan, seed, device, seconds),
    }
    finish(folder, corpus, report)


if __name__ == "__main__":
    typer.run(main)
