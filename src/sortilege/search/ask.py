"""Answer the searches of a batch together: texts of all rows go to a scorer at once, canvases to the denoiser."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sortilege.diffusion.process import Process, padded
from sortilege.properties._base import Bound
from sortilege.properties.scoring import blamed, measured
from sortilege.search.judge import Blame, Measure, Predict, Request, Searching

CANVASES = 64
"""Canvases predicted at a time."""


def ask(searches: Sequence[Searching], process: Process, bounds: Sequence[Bound]) -> list[np.ndarray]:
    """Run the searches side by side to their ends, and return what each returns."""
    results: list[Any] = [None] * len(searches)
    answers: dict[int, Any] = dict.fromkeys(range(len(searches)))
    while answers:
        requests: dict[int, Request] = {}
        for i, answer in answers.items():
            try:
                requests[i] = searches[i].send(answer)
            except StopIteration as end:
                results[i] = end.value
        answers = _answered(requests, process, bounds)
    return results


def _answered(requests: dict[int, Request], process: Process, bounds: Sequence[Bound]) -> dict[int, Any]:
    answers: dict[int, Any] = {}
    for b, bound in enumerate(bounds):
        measures = {i: one for i, one in requests.items() if isinstance(one, Measure) and one.bound == b}
        values = measured(bound, [text for one in measures.values() for text in one.texts])
        for i, one in measures.items():
            answers[i], values = values[: len(one.texts)], values[len(one.texts) :]
        asked = {i: one for i, one in requests.items() if isinstance(one, Blame) and one.bound == b}
        answers.update(zip(asked, blamed(bound, [one.text for one in asked.values()]), strict=True))
    predictions = {i: one for i, one in requests.items() if isinstance(one, Predict)}
    canvases = [canvas for one in predictions.values() for canvas in one.canvases]
    logits: list[Any] = []
    for i in range(0, len(canvases), CANVASES):
        tokens, valid = padded(canvases[i : i + CANVASES], process.denoiser.pad_id)
        # one slot of each is masked: the process is all but at its end
        time = process.told(1 / tokens.shape[1])
        logits += list(process.denoiser.predict(tokens, valid, np.full(len(tokens), time)))
    for i, one in predictions.items():
        answers[i], logits = logits[: len(one.canvases)], logits[len(one.canvases) :]
    return answers
