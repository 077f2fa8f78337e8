"""Tree search over reveals: several canvases of a text are kept, each is continued in several ways, the best stay.

One prediction serves all continuations of a canvas, and judges them: a canvas is worth what its likeliest completion
is, by the prediction it was continued from (as in TReASURe, arXiv:2509.23146). It takes the place of flat rollouts,
which complete every branch by a process of its own.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sortilege.diffusion._requests import Denoised, result_of
from sortilege.diffusion._rows import Row
from sortilege.diffusion.process import Process
from sortilege.diffusion.step import Step
from sortilege.numerics._arrays import argmax_last, host
from sortilege.numerics.random import fold
from sortilege.search.ask import ask
from sortilege.search.judge import Candidate, Judge, Searching, account_of
from sortilege.search.proposer import Searcher


class Node(NamedTuple):
    """A canvas of the tree, and what its likeliest completion is worth."""

    row: Row
    worth: Candidate


def tree(process: Process, searcher: Searcher, roots: Sequence[Row], batch_size: int) -> Iterator[tuple[int, Denoised]]:
    """The text of each root, ``batch_size`` trees at a time.

    A tree keeps ``width`` canvases and continues each in ``branches`` ways, which differ in the seed and so in slots,
    tokens or both. Ties go to the likelier, then to the earlier branch.
    """
    for i in range(0, len(roots), batch_size):
        started = time.perf_counter()
        trees = [[Node(root, Candidate(root.canvas, 0.0))] for root in roots[i : i + batch_size]]
        while any(not process.finished(node.row) for nodes in trees for node in nodes):
            began = time.perf_counter()
            trees = _grown(process, searcher, trees)
            share = (time.perf_counter() - began) / len(trees)
            for node in (node for nodes in trees for node in nodes):
                node.row.took(share)
        seconds = (time.perf_counter() - started) / len(trees)
        best = [nodes[0].row for nodes in trees]
        for root, row in zip(roots[i : i + batch_size], best, strict=True):
            row.seed, row.seconds, row.denoiser_calls = root.seed, seconds, row.search.predicted
        for row, report in zip(best, searcher.reports(process, best), strict=True):
            yield row.index, result_of(row, process.denoiser, report)


def _grown(process: Process, searcher: Searcher, trees: Sequence[list[Node]]) -> list[list[Node]]:
    """Every tree a step later."""
    leaves = [[node for node in nodes if process.finished(node.row)] for nodes in trees]
    going = [(t, node.row) for t, nodes in enumerate(trees) for node in nodes if not process.finished(node.row)]
    process.look([row for _, row in going])
    for _, row in going:
        account_of(row).predicted += row.denoiser_calls
        row.denoiser_calls = 0
    owners = [t for t, _ in going for _ in range(searcher.settings.branches)]
    children = [_forked(row, branch) for _, row in going for branch in range(searcher.settings.branches)]
    step = process.at(children)
    likeliest = _likeliest(step)
    choices = [process.choose(step, r, None) for r in range(len(children))]
    process.commit(step, choices, {}, process.drawn(step, choices, {}))
    families: list[dict[bytes, Node]] = [{node.row.canvas.tobytes(): node for node in nodes} for nodes in leaves]
    parents = [row.canvas for _, row in going for _ in range(searcher.settings.branches)]
    for r, (t, row) in enumerate(zip(owners, children, strict=True)):
        families[t].setdefault(row.canvas.tobytes(), Node(row, _completed(process, step, r, parents[r], likeliest)))
    grown = [list(family.values()) for family in families]
    longest = [max((node.row for node in nodes), key=lambda row: len(row.canvas)) for nodes in grown]
    judges = [searcher.judge(process, row) for row in longest]
    orders = ask([_order(judge, nodes) for judge, nodes in zip(judges, grown, strict=True)], process, searcher.bounds)
    return [[nodes[i] for i in order[: searcher.settings.width]] for nodes, order in zip(grown, orders, strict=True)]


def _order(judge: Judge, nodes: Sequence[Node]) -> Searching:
    """The places of the nodes, the best first."""
    ranked = yield from judge.ranked([node.worth for node in nodes])
    places = {id(node.worth.tokens): place for place, node in enumerate(nodes)}
    return np.asarray([places[id(candidate.tokens)] for candidate in ranked])


def _forked(row: Row, branch: int) -> Row:
    """A copy that draws other numbers; the first branch goes on with the row's own."""
    return dataclasses.replace(
        row,
        seed=row.seed if branch == 0 else fold([row.seed], [branch])[0],
        canvas=row.canvas.copy(),
        revealed_log_prob=row.revealed_log_prob.copy(),
        history=list(row.history),
        trace=list(row.trace),
    )


def _likeliest(step: Step) -> tuple[np.ndarray, np.ndarray]:
    """(M,) the likeliest token of each masked slot, and its log-probability."""
    if not any(map(len, step.slots)):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    tokens = host(argmax_last(step.raw))
    return tokens, step.at(step.raw, tokens)


def _completed(
    process: Process, step: Step, r: int, before: np.ndarray, likeliest: tuple[np.ndarray, np.ndarray]
) -> Candidate:
    """Row r after the step: slots still masked have the likeliest tokens, those masked again what was there before."""
    row, slots = step.rows[r], step.slots[r]
    tokens, log_prob = (values[step.span(r)] for values in likeliest)
    here = slots < len(row.canvas)  # an end token may have shortened it
    slots, tokens, log_prob = slots[here], tokens[here], log_prob[here]
    masked = row.canvas[slots] == process.denoiser.mask_id
    filled = np.where(row.canvas == process.denoiser.mask_id, before[: len(row.canvas)], row.canvas)
    filled[slots[masked]] = tokens[masked]
    written = np.isfinite(row.revealed_log_prob)  # not so where it was given
    written[slots[masked]] = False
    return Candidate(filled, float(row.revealed_log_prob[written].sum() + log_prob[masked].sum()))
