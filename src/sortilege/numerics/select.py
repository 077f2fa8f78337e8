"""Which tokens of a distribution to keep: booleans (..., V), true at the tokens kept.

Every rule keeps at least one token of a row that has a finite entry, never keeps one at -inf, and keeps nothing of a
row that is all -inf. Masses are sums of probabilities in the working precision; a set is the exact one for those sums,
found without sorting: a threshold is searched by bisection in a fixed number of passes, until the bracket is narrower
than the spacing of the numbers in it.
"""

import math
from typing import Any

from sortilege.numerics._arrays import Array, array_namespace, repeat, top_k, weight_up_to, working


def keep_top_k(logits: Array, k: int) -> Array:
    """Keep the ``k`` highest of logits or log-probabilities (..., V), and all that tie with the k-th (k >= 1).

    Keeping ties is the convention of transformers and vLLM: no token is preferred for its id. Fewer than ``k`` finite
    entries are all kept.
    """
    x = working(logits)
    xp = array_namespace(x)
    kth = top_k(x, min(k, x.shape[-1]))[0][..., -1:]
    return (x >= kth) & xp.isfinite(x)


def keep_min_p(logits: Array, min_p: float) -> Array:
    """Keep tokens with p >= min_p max p, from logits or log-probabilities (..., V); min_p in [0, 1]."""
    x = working(logits)
    xp = array_namespace(x)
    if min_p <= 0:
        return xp.isfinite(x)
    return (x >= xp.max(x, axis=-1, keepdims=True) + math.log(min_p)) & xp.isfinite(x)


def keep_top_p(log_prob: Array, top_p: float) -> Array:
    """Keep the nucleus of log-probabilities (..., V): the fewest tokens, most probable first, with mass >= top_p.

    The token that crosses ``top_p`` is kept, as in transformers: a token is kept if and only if the mass of the tokens
    before it is below ``top_p``, in (0, 1]. Equal probabilities are taken in the order of their ids (transformers
    leaves that order to its sort, so there ties differ in ids, not in number).
    """
    x = working(log_prob)
    xp = array_namespace(x)
    if top_p >= 1:
        return xp.isfinite(x)
    p, surprisal = xp.exp(x), -x
    end = xp.full_like(x[..., :1], _LONGEST[x.dtype == xp.float64])
    low, high = _bracket(surprisal, p, top_p, end)
    ahead = surprisal <= low
    tied = (surprisal <= high) & ~ahead
    before = xp.cumulative_sum(xp.astype(tied, x.dtype), axis=-1) - 1
    return ahead | (tied & (weight_up_to(surprisal, p, low) + before * p < top_p))


def keep_mass(distance: Array, log_prob: Array, mass: float, k: int | None = None) -> Array:
    """Keep the nearest tokens (..., V) until their mass reaches ``mass``, and at most ``k``.

    distance: (..., V), >= 0, the order in which tokens are taken; infinite for tokens never to be kept.
    mass: in (0, 1]; the token that crosses it is kept, and so are all at its distance (transformers' convention for
    locally typical sampling); 1 keeps every token.
    k: at most this many, None for no limit; here equal distances are taken by probability, then by id.
    """
    log_prob = working(log_prob)
    xp = array_namespace(log_prob)
    kept = xp.isfinite(log_prob) & xp.isfinite(distance)
    if mass < 1:
        p = xp.exp(log_prob)
        kept = kept & (p > 0)
        end = xp.max(xp.where(kept, distance, xp.zeros_like(distance)), axis=-1, keepdims=True)
        kept = kept & (distance <= _bracket(distance, p, mass, end)[1])
    return kept if k is None else kept & keep_nearest(distance, log_prob, k)


def keep_nearest(distance: Array, log_prob: Array, k: int) -> Array:
    """Keep the ``k`` nearest tokens (..., V), exactly: equal distances are taken by probability, then by id.

    Tokens at an infinite distance are never kept, so a row may keep fewer than ``k``.
    """
    log_prob = working(log_prob)
    xp = array_namespace(log_prob)
    k = min(k, log_prob.shape[-1])
    lowest = xp.full_like(log_prob, -xp.inf)
    nearness = xp.where(xp.isfinite(log_prob), -distance, lowest)
    nearest, ids = top_k(nearness, k)
    kth = nearest[..., -1:]
    tied = (nearness == kth) & xp.isfinite(nearness)
    ahead = (nearness > kth) & xp.isfinite(nearness)
    free = k - _count(ahead, ids.dtype)

    likely = xp.where(tied, log_prob, lowest)
    highest = top_k(likely, k)[0]
    least = xp.take_along_axis(highest, xp.clip(free - 1, 0, k - 1), axis=-1)
    level = tied & (likely == least)
    likelier = tied & (likely > least)
    room = free - _count(likelier, ids.dtype)
    return ahead | likelier | (level & (xp.cumulative_sum(xp.astype(level, free.dtype), axis=-1) <= room))


def _count(mask: Array, dtype: Any) -> Array:
    xp = array_namespace(mask)
    return xp.sum(xp.astype(mask, dtype), axis=-1, keepdims=True, dtype=dtype)


_LONGEST = (104.0, 745.2)
"""Surprisals above this, in nats, have a probability of 0 in float32, in float64."""


def _bracket(distance: Array, p: Array, mass: float, end: Array) -> tuple[Array, Array]:
    """Two neighbouring distances (..., 1): the mass of tokens up to the first is below ``mass``, up to the second not.

    No two different distances lie in between, so the tokens in between tie. Distances are >= 0; where all the mass up
    to ``end`` (..., 1) falls short of ``mass``, the second is ``end``.
    """
    xp = array_namespace(p)

    def halve(bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = 0.5 * (low + high)
        reached = weight_up_to(distance, p, middle) >= mass
        return xp.where(reached, low, middle), xp.where(reached, middle, high)

    # Distances come from log-probabilities; but for the likeliest token's these lie below -log 2, so that two different
    # ones are at least 2^-25 apart in float32 (2^-54 in float64), in a range of 2^7 (2^10).
    steps = 36 if p.dtype == xp.float32 else 68
    return repeat(steps, halve, (xp.full_like(end, -1.0), end))
