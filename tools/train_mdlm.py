"""Train ``tiny-mdlm``, the bundled masked diffusion model, on the token files of ``corpus.py``.

    python tools/train_mdlm.py build/corpus build/tiny-mdlm --epochs 1.5

Absorbing noise under the loglinear schedule (a token is masked with probability t) and the continuous-time evidence
bound, that is cross-entropy at masked positions weighted by 1/t (Sahoo et al. 2024, arXiv:2406.07524, equation 11).
Windows of several lengths are seen, so that short canvases are no stranger than long ones. The run can be stopped at
any moment and goes on from its last checkpoint when the same command is given again. At the end the folder holds
``model.safetensors`` in half precision with the tokenizer and ``training.json``.
"""

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from training import Plan, batch_at, described, finish, steps_in, train
from transformers import AutoTokenizer, ModernBertConfig, ModernBertForMaskedLM

ARCHITECTURE = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "tie_word_embeddings": True,
    "layer_types": ["full_attention"] * 6,
    "rope_parameters": {
        kind: {"rope_type": "default", "rope_theta": 10000.0} for kind in ("full_attention", "sliding_attention")
    },
}
LENGTHS = (64, 128, 256, 512)
WINDOW = 256


def noised(step: int, tokens: torch.Tensor, mask_id: int, seed: int) -> tuple[torch.Tensor, ...]:
    """(rows, L) tokens cut to the step's length, the same with masks, and (rows, 1) times t spread over (0, 1)."""
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    length = LENGTHS[int(torch.randint(len(LENGTHS), (), generator=generator))]
    clean = tokens.reshape(-1, length)
    rows = len(clean)
    strata = (torch.randperm(rows, generator=generator) + torch.rand((), generator=generator)) / rows
    t = strata.clamp(min=1e-3)[:, None]
    masked = torch.rand(clean.shape, generator=generator) < t
    return clean, torch.where(masked, mask_id, clean), t


def losses(model: Any, clean: torch.Tensor, canvas: torch.Tensor, mask_id: int) -> torch.Tensor:
    """(rows, L) nats of the true token where the canvas is masked, 0 elsewhere."""
    masked = canvas == mask_id
    hidden = model.model(input_ids=canvas).last_hidden_state[masked]
    logits = model.decoder(model.head(hidden)).float()
    logits[:, mask_id] = -torch.inf
    nats = torch.nn.functional.cross_entropy(logits, clean[masked], reduction="none")
    return torch.zeros(clean.shape, device=nats.device).masked_scatter(masked, nats)


@torch.no_grad()
def evidence_bound(model: Any, tokens: np.ndarray, length: int, mask_id: int, seed: int) -> tuple[float, float]:
    """Nats per token, at most, of the held-out text in windows of ``length``, and the standard error of that estimate.

    The bound in its any-order form (Ou et al. 2024, arXiv:2406.03736): the number n of masked tokens is uniform on 1..L
    and their cross-entropy counts L / n; n is stratified over the windows.
    """
    model.eval()
    device = next(model.parameters()).device
    windows = torch.from_numpy(tokens[: len(tokens) // length * length].astype(np.int64)).reshape(-1, length)
    generator = torch.Generator().manual_seed(seed)
    number = torch.randperm(len(windows), generator=generator) % length + 1
    order = torch.rand(windows.shape, generator=generator).argsort(dim=1).argsort(dim=1)
    canvas = torch.where(order < number[:, None], mask_id, windows)
    bounds = []
    for i in range(0, len(windows), 32):
        part = slice(i, i + 32)
        nats = losses(model, windows[part].to(device), canvas[part].to(device), mask_id)
        bounds.append(nats.sum(dim=1).cpu() / number[part])
    each = torch.cat(bounds).double()
    return each.mean().item(), each.std().item() / math.sqrt(len(each))


def main(
    corpus: Annotated[Path, typer.Argument(help="the folder that corpus.py wrote")],
    folder: Annotated[Path, typer.Argument(help="where checkpoints and the finished model go")],
    epochs: float = 1.5,
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
    mask_id = tokenizer.mask_token_id
    torch.manual_seed(seed)
    config = ModernBertConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=max(LENGTHS),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        cls_token_id=tokenizer.bos_token_id,
        sep_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **ARCHITECTURE,
    )
    model = ModernBertForMaskedLM(config).to(device)
    context = max(LENGTHS)

    def loss_at(step: int) -> torch.Tensor:
        ids = batch_at(text, step, batch, context, seed)[:, :-1]
        clean, canvas, t = (x.to(device) for x in noised(step, ids, mask_id, seed))
        return (losses(model, clean, canvas, mask_id) / t).mean()

    plan = Plan(
        folder, steps_in(epochs, text, context, batch), peak, weight_decay, warmup, checkpoint_every, stop_after_seconds
    )
    seconds = train(model, loss_at, plan)
    if seconds is None:
        return
    model.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    validation = np.load(corpus / "validation.npy")
    bound, error = evidence_bound(model.float(), validation, WINDOW, mask_id, seed)
    report = {
        "evidence_bound_nats_per_token": round(bound, 4),
        "evidence_bound_standard_error": round(error, 4),
        "evidence_bound_window": WINDOW,
        "parameters": sum(p.numel() for p in model.parameters()),
        "epochs": epochs,
        "tokens": plan.steps * batch * context,
        "context": context,
        "batch": batch,
        "lengths": list(LENGTHS),
        **described(plan, seed, device, seconds),
    }
    finish(folder, corpus, report)


if __name__ == "__main__":
    typer.run(main)
