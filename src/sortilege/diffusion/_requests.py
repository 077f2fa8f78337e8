"""What goes into the reverse process and what comes out of it: templates, rows, results."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sortilege._checks import whole
from sortilege._requests import prompts_of
from sortilege.diffusion._rows import Row, StepRecord
from sortilege.diffusion.denoiser import Denoiser
from sortilege.trace.tokens import Record


@dataclass(frozen=True)
class Denoised:
    """One text that was denoised.

    prompt: the prompt; None where token ids were given. prompt_tokens: the fixed tokens at its front.
    text: what follows them, without special tokens: new text, and fixed slots among it.
    tokens: the whole canvas, the prompt included; it ends with the end token where there is one.
    fixed: whether each of them was given.
    finish_reason: "end" (an end token) or "length".
    seed: the seed of this text.
    steps: how many steps were taken. denoiser_calls: for how many of its canvases the network was run.
    seconds: the time its steps took, shared out among the texts of a batch.
    history: the steps that changed the canvas. trace: the same as the records of a trace file, with what the model
        predicted, where a trace was asked for; see ``sortilege.trace``.
    pieces: the text of the canvas, the prompt included, cut where it goes from what was given to what was written and
        back: (text, whether given).
    search: what the search reports (``sortilege.search.Report``); None without one.
    """

    prompt: str | None
    prompt_tokens: tuple[int, ...] = field(repr=False)
    text: str
    tokens: tuple[int, ...] = field(repr=False)
    fixed: tuple[bool, ...] = field(repr=False)
    finish_reason: str
    seed: int
    steps: int
    denoiser_calls: int
    seconds: float
    history: tuple[StepRecord, ...] = field(repr=False)
    search: Any = None
    pieces: tuple[tuple[str, bool], ...] = field(default=(), repr=False)
    trace: tuple[Record, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        from sortilege._notebook import denoised_html

        return denoised_html(self)


def templates(
    denoiser: Denoiser, prompt: Any, length: int | None
) -> tuple[list[str | None], list[tuple[np.ndarray, int]]]:
    """The prompts as texts (None where tokens were given), and for each its canvas (L,) and how long its prefix is.

    Slots that are to be written hold the mask; those after the prompt, up to ``length``, too.
    """
    if length is not None:
        whole("length", length, 1, denoiser.max_length)
    texts: list[str | None] = []
    canvases: list[tuple[np.ndarray, int]] = []
    for one in prompts_of(prompt):
        ids = denoiser.encode(one) if isinstance(one, str) else list(one)
        for token in ids:
            whole("prompt token", token, 0, denoiser.vocabulary - 1)
        total = len(ids) if length is None else length
        if len(ids) > total:
            raise ValueError(f"prompt must fit the canvas of {total} tokens, got {len(ids)}: {_short(one)}")
        if denoiser.max_length is not None and total > denoiser.max_length:
            raise ValueError(f"prompt must have at most {denoiser.max_length} tokens, the longest canvas, got {total}")
        canvas = np.full(total, denoiser.mask_id, dtype=np.int64)
        canvas[: len(ids)] = ids
        masked = np.flatnonzero(canvas == denoiser.mask_id)
        if len(masked) == 0:
            raise ValueError(f"prompt must leave a slot of the {total} to write, got {len(ids)} tokens: {_short(one)}")
        texts.append(one if isinstance(one, str) else None)
        canvases.append((canvas, int(masked[0])))
    return texts, canvases


def _short(prompt: Any) -> str:
    shown = repr(prompt)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def row_of(
    index: int, seed: int, prompt: str | None, template: tuple[np.ndarray, int], denoiser: Denoiser, steps: int | None
) -> Row:
    """A row at the start of its reverse process."""
    canvas, prefix = template
    return Row(
        index=index,
        seed=seed,
        prompt=prompt,
        canvas=canvas.copy(),
        given=canvas != denoiser.mask_id,
        fixed=canvas != denoiser.mask_id,
        prefix=prefix,
        steps=steps,
        revealed_log_prob=np.full(len(canvas), -np.inf),
    )


def result_of(row: Row, denoiser: Denoiser, search: Any) -> Denoised:
    """What became of a row. Raises ValueError where the tokenizer does not know a token of its canvas."""
    tokens, given = tuple(row.canvas.tolist()), tuple(row.given.tolist())
    return Denoised(
        prompt=row.prompt,
        prompt_tokens=tokens[: row.prefix],
        text=denoiser.decode(tokens[row.prefix :]),
        tokens=tokens,
        fixed=given,
        finish_reason="end" if tokens and tokens[-1] in denoiser.end_ids else "length",
        seed=row.seed,
        steps=row.step,
        denoiser_calls=row.denoiser_calls,
        seconds=row.seconds,
        history=tuple(row.history),
        search=search,
        pieces=_pieces(tokens, given, denoiser),
        trace=tuple(row.trace),
    )


def _pieces(tokens: Sequence[int], given: Sequence[bool], denoiser: Denoiser) -> tuple[tuple[str, bool], ...]:
    starts = [i for i in range(len(tokens)) if i == 0 or given[i] != given[i - 1]]
    # Decoded from the beginning each time: a tokenizer may write a token differently at the start of a text.
    try:
        whole = denoiser.decode_all([tokens[:end] for end in [*starts[1:], len(tokens)]])
    except ValueError:  # a token that was given and is none of the tokenizer's
        return tuple(zip(map(denoiser.piece, tokens), given, strict=True))
    known = ["", *whole[:-1]]
    return tuple((now[len(before) :], given[at]) for at, before, now in zip(starts, known, whole, strict=True))


def clip_at_end(row: Row, ends: Sequence[int]) -> None:
    """Keep the first end token that was revealed, for good, and drop what comes after it.

    What is left is distributed as if nothing had been dropped, if slots are chosen without regard to their tokens: what
    was revealed further on told of the slots before as much as it should, and from now on they are drawn without it.
    """
    found = np.flatnonzero(np.isin(row.canvas, ends) & ~row.fixed)
    if len(found) == 0:
        return
    end = int(found[0]) + 1
    row.canvas, row.revealed_log_prob, row.given = row.canvas[:end], row.revealed_log_prob[:end], row.given[:end]
    row.fixed = row.fixed[:end].copy()
    row.fixed[-1] = True
    row.before = None if row.before is None else row.before[:end]
