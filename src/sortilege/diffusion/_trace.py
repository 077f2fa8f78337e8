"""The reverse process as a trace of kind "steps": what a header says of a canvas, and a record for each change."""

from collections.abc import Mapping, Sequence

import numpy as np

from sortilege.diffusion._rows import Change, Row, StepRecord
from sortilege.diffusion.denoiser import Denoiser
from sortilege.trace.tokens import Record, plain


def canvas_request(row: Row, denoiser: Denoiser) -> Record:
    """What the header says of a row that is at its beginning."""
    canvas = row.canvas.tolist()
    return {
        "prompt": row.prompt,
        "prompt_tokens": canvas[: row.prefix],
        "text": text_of_tokens(canvas[: row.prefix], denoiser),
        "seed": row.seed,
        "canvas": canvas,
        "canvas_text": [None if token == denoiser.mask_id else denoiser.piece(token) for token in canvas],
        "mask_id": denoiser.mask_id,
    }


def canvas_record(
    row: Row, change: StepRecord, log_prob: np.ndarray, entropy: np.ndarray, denoiser: Denoiser
) -> Record:
    """The record of a step that has just changed a row's canvas; its ``seconds`` are not known yet.

    log_prob: those of the tokens revealed under the model's prediction. entropy: that of the prediction at their slots.
    """
    return {
        "request": row.index,
        "step": change.step,
        "time": change.time,
        "revealed": [
            {
                "slot": slot,
                "token": token,
                "text": denoiser.piece(token),
                "log_prob": plain(log_prob[i]),
                "entropy": plain(entropy[i]),
            }
            for i, (slot, token) in enumerate(change.revealed)
        ],
        "masked": list(change.masked),
        "edited": [_change(one, denoiser) for one in change.edited],
        "substituted": [_change(one, denoiser) for one in change.substituted],
        "values": _values(change.values),
        "values_before": _values(change.values_before),
        "distances": _values(row.found.distances),
        "length": len(row.canvas),
        "masks_left": int(np.sum(row.canvas == denoiser.mask_id)),
        "seconds": None,
    }


def _change(one: Change, denoiser: Denoiser) -> Record:
    slot, before, token = one
    return {
        "slot": slot,
        "before": before,
        "before_text": denoiser.piece(before),
        "token": token,
        "text": denoiser.piece(token),
    }


def _values(some: Mapping[str, float]) -> Record:
    return {name: plain(value) for name, value in some.items()}


def text_of_tokens(tokens: Sequence[int], denoiser: Denoiser) -> str:
    """Their text; token by token where the tokenizer does not know one of them."""
    try:
        return denoiser.decode(tokens)
    except ValueError:
        return "".join(map(denoiser.piece, tokens))
