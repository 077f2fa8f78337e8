"""Local search: substitutions of single tokens, until the bounds hold, nothing improves or the budget is spent."""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np

from sortilege.search.judge import Blame, Candidate, Judge, Request


class Neighbours(NamedTuple):
    """The substitutions there are: at ``slots`` (m,) the tokens ``ids`` (m, K) where ``valid`` (m, K).

    ids are in the order of the rule. log_prob: (m, K) theirs under the model. there: (m,) that of the token now there.
    """

    slots: np.ndarray
    ids: np.ndarray
    valid: np.ndarray
    log_prob: np.ndarray
    there: np.ndarray


Around = Callable[[np.ndarray, np.ndarray], Generator[Request, Any, Neighbours]]
"""The neighbours of a sequence (L,) at some slots (m,), in the order of the slots."""


def substituted(current: Candidate, here: Neighbours, row: int, column: int) -> Candidate:
    """The neighbour with the candidate ``ids[row, column]`` at its slot."""
    tokens = current.tokens.copy()
    tokens[here.slots[row]] = here.ids[row, column]
    return Candidate(tokens, current.log_prob + float(here.log_prob[row, column] - here.there[row]))


def climb(
    judge: Judge,
    start: Candidate,
    editable: np.ndarray,
    around: Around,
    *,
    chunk: int,
    sweeps: int | None,
    at_once: int | None = None,
) -> Generator[Request, Any, Candidate]:
    """The sequence that substitutions lead to from ``start``.

    A sweep tries the slots, those to blame for the violated bound first, the others in the order given, with all their
    candidates: those of the first slots and the first of each slot early, a chunk at a time. A chunk's best replaces
    the sequence if it is strictly nearer to the bounds; the sweep then goes on from there, and another follows unless a
    whole one has changed nothing.

    at_once: how many slots ``around`` is asked for at a time; all by default.
    """
    current = start
    done = 0
    while not current.holds and judge.left > 0 and (sweeps is None or done < sweeps) and len(editable):
        done += 1
        judge.account.sweeps += 1
        before = current
        weights = yield from blamed(judge, current)
        order = editable[np.argsort(-weights[editable], kind="stable")]
        width = at_once or len(order)
        for i in range(0, len(order), width):
            if not current.holds and judge.left > 0:
                current = yield from _sweep(judge, current, order[i : i + width], around, chunk)
        if current is before:
            break
    return current


def _sweep(
    judge: Judge, current: Candidate, slots: np.ndarray, around: Around, chunk: int
) -> Generator[Request, Any, Candidate]:
    here = yield from around(current.tokens, slots)
    moved = False
    for pairs in _chunks(here, chunk):
        if current.holds or judge.left <= 0:
            break
        if moved:  # what is likely at a slot may depend on what is there at the others
            here = yield from around(current.tokens, slots)
        new = here.valid & (here.ids != current.tokens[here.slots, None])
        neighbours = [substituted(current, here, *pair) for pair in pairs if new[pair]]
        better = yield from judge.ranked(neighbours, current.bands)
        moved = bool(better) and better[0].bands < current.bands
        if moved:
            judge.account.moves += 1
            current = better[0]
    return current


def _chunks(here: Neighbours, size: int) -> list[list[tuple[int, int]]]:
    """The valid (row, column) pairs of ids, by how far down the slots plus how far down its candidates each is."""
    rows, columns = np.nonzero(here.valid)
    order = np.argsort(rows / here.ids.shape[0] + columns / here.ids.shape[1], kind="stable")
    pairs = list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))
    return [pairs[i : i + size] for i in range(0, len(pairs), size)]


def blamed(judge: Judge, current: Candidate) -> Generator[Request, Any, np.ndarray]:
    """(L,) how much each slot is to blame for the first bound that is violated; 0 where its property cannot say."""
    weights = np.zeros(len(current.tokens))
    bound = next(i for i, band in enumerate(current.bands) if band)
    (text,) = judge.texts([current.tokens])
    spans = yield Blame(bound, text)
    if not spans or text.tokens is None:
        return weights
    judge.account.scorer_calls += 1
    ends = [len(part) for part in judge.denoiser.decode_all([text.tokens[: i + 1] for i in range(len(text.tokens))])]
    for i, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        touching = [span.weight for span in spans if start < span.end and end > span.start]
        weights[judge.prefix + i] = max(touching, default=0.0)
    return weights


def exhaustive(
    judge: Judge, start: Candidate, editable: np.ndarray, around: Around
) -> Generator[Request, Any, Candidate]:
    """The reference: measure every neighbour under every bound, whatever holds already, and take the best if better."""
    judge.account.sweeps += 1
    here = yield from around(start.tokens, editable)
    pairs = zip(*(places.tolist() for places in np.nonzero(here.valid)), strict=True)
    found = yield from judge.ranked([substituted(start, here, *pair) for pair in pairs])
    if not found or found[0].bands >= start.bands:
        return start
    judge.account.moves += 1
    return found[0]
