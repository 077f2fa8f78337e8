"""What the reverse process does, worked out: the law of its texts by enumeration, and its canvases from the history."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import pi, sin

import numpy as np
from diffusion.oracles import Oracle

from sortilege.diffusion import Denoised

ALPHA: dict[str, Callable[[float], float]] = {"loglinear": lambda t: 1 - t, "cosine": lambda t: 1 - sin(pi * t / 2)}


def ancestral(alpha_t: float, alpha_s: float) -> tuple[float, float]:
    """The probabilities that a masked slot is revealed and a revealed one is masked, from alpha_t to alpha_s."""
    return (alpha_s - alpha_t) / (1 - alpha_t), 0.0


def remasking(sigma: Callable[[float], float]) -> Callable[[float, float], tuple[float, float]]:
    """The same for a ReMDM process; sigma: from the largest that can be."""

    def rates(alpha_t: float, alpha_s: float) -> tuple[float, float]:
        some = sigma(1.0 if alpha_t <= 1 - alpha_s else (1 - alpha_s) / alpha_t)
        return (alpha_s - (1 - some) * alpha_t) / (1 - alpha_t), some

    return rates


def law(oracle: Oracle, slots: int, rates: Iterable[tuple[float, float]]) -> np.ndarray:
    """The joint distribution (tokens,) * slots after steps in which every slot, by itself, is revealed or masked."""
    mask = oracle.mask_id
    now = {(mask,) * slots: 1.0}
    for reveal, remask in rates:
        after: Counter[tuple[int, ...]] = Counter()
        for canvas, weight in now.items():
            p = oracle.conditional(np.asarray(canvas))
            ways = [
                [(mask, 1 - reveal), *((token, reveal * p[slot, token]) for token in range(oracle.tokens))]
                if token == mask
                else [(token, 1 - remask), (mask, remask)]
                for slot, token in enumerate(canvas)
            ]
            for way in product(*([one for one in slot if one[1] > 0] for slot in ways)):
                after[tuple(token for token, _ in way)] += weight * np.prod([chance for _, chance in way])
        now = after
    table = np.zeros((oracle.tokens,) * slots)
    for canvas, weight in now.items():
        table[canvas] = weight
    return table


def counts(texts: Sequence[Denoised], tokens: int, slots: int) -> np.ndarray:
    """How often each combination of tokens occurs, (tokens,) * slots."""
    table = np.zeros((tokens,) * slots, dtype=int)
    for text in texts:
        table[text.tokens] += 1
    return table


def canvases(text: Denoised, mask: int, template: Sequence[int]) -> list[np.ndarray]:
    """The canvas before each step of the history, and the last one."""
    canvas = np.asarray(template)
    seen = [canvas]
    for record in text.history:
        canvas = canvas.copy()
        for slot, old, token in record.edited:
            assert canvas[slot] == old
            canvas[slot] = token
        for slot, token in record.revealed:
            assert canvas[slot] == mask
            canvas[slot] = token
        for slot in record.masked:
            assert canvas[slot] != mask
            canvas[slot] = mask
        seen.append(canvas)
    return seen


def revealed_at(text: Denoised) -> dict[int, list[int]]:
    """Which slots were revealed at which step."""
    return {record.step: [slot for slot, _ in record.revealed] for record in text.history}


def masked_after(texts: Sequence[Denoised], slots: int, steps: int, mask: int) -> np.ndarray:
    """(steps, N) how many slots are masked after each step, of canvases that were all masked."""
    left = np.zeros((steps, len(texts)), dtype=int)
    for n, text in enumerate(texts):
        seen = canvases(text, mask, [mask] * slots)
        at = [record.step for record in text.history]
        for step in range(steps):
            left[step, n] = (seen[np.searchsorted(at, step, side="right")] == mask).sum()
    return left
