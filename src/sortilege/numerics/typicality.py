"""The two rules of locally typical selection: distances of tokens from typical, and the nearest tokens.

With surprisal s = -log p and entropy H, both in nats, tokens are taken in the order of a distance:

    additive (Meister et al., 2023, at alpha = 0):  d = |s - H| + alpha s,  alpha >= 0
    scaled   (the same at tau = 1):                 d = |s - tau H|,        tau >= 0

Either rule takes a contiguous window of the tokens sorted by probability: d falls and then rises in s, with its minimum
at s = H for alpha < 1 and at s = tau H. The bias towards likely tokens has limits worth knowing: alpha < 1 only skews
the window around s = H; at alpha = 1 all tokens with p >= e^-H tie; for alpha > 1 and for tau = 0 the order is that of
probability, so that the k nearest are the top k and the nearest with a given mass are the nucleus.

Log-probabilities come from ``log_softmax`` once. Tokens at -inf are infinitely far.
"""

from typing import NamedTuple

from sortilege.numerics._arrays import Array, array_namespace, top_k, working
from sortilege.numerics.information import entropy
from sortilege.numerics.select import keep_nearest


def additive_distance(log_prob: Array, alpha: float) -> Array:
    """|s - H| + alpha s in nats, (..., V) -> (..., V), alpha >= 0: the additive rule of this module.

    >>> import numpy as np
    >>> additive_distance(np.log([0.5, 0.25, 0.25]), 1.0).round(3).tolist()
    [1.04, 1.733, 1.733]
    """
    s, masked, h = _surprisal(log_prob)
    xp = array_namespace(s)
    # The two straight lines are written so that in floating point, too, they meet at H and keep their directions: at
    # alpha = 1 the left one is exactly flat, for alpha > 1 the whole is exactly monotone.
    d = xp.where(s <= h, h - (1 - alpha) * s, (h - (1 - alpha) * h) + (1 + alpha) * (s - h))
    return xp.where(masked, xp.full_like(d, xp.inf), d)


def scaled_distance(log_prob: Array, tau: float) -> Array:
    """|s - tau H| in nats, (..., V) -> (..., V), tau >= 0: the scaled rule of this module.

    >>> import numpy as np
    >>> scaled_distance(np.log([0.5, 0.25, 0.25]), 0.0).round(3).tolist()
    [0.693, 1.386, 1.386]
    """
    s, masked, h = _surprisal(log_prob)
    xp = array_namespace(s)
    return xp.where(masked, xp.full_like(s, xp.inf), xp.abs(s - tau * h))


def _surprisal(log_prob: Array) -> tuple[Array, Array, Array]:
    """Surprisals with 0 at masked tokens, the mask, and the entropy (..., 1)."""
    log_prob = working(log_prob)
    xp = array_namespace(log_prob)
    masked = log_prob == -xp.inf
    return xp.where(masked, xp.zeros_like(log_prob), -log_prob), masked, entropy(log_prob)[..., None]


class Window(NamedTuple):
    """The nearest tokens of each row, nearest first.

    ids: (..., K) tokens. valid: (..., K), false where the row has fewer tokens that are not masked; the ids there are
    some tokens or other, and not to be used.
    """

    ids: Array
    valid: Array


def typical_window(log_prob: Array, distance: Array, k: int) -> Window:
    """The ``k`` nearest tokens (at most V) by distance, equal distances by probability, then by id; none at -inf.

    log_prob, distance: (..., V), as from ``additive_distance`` or ``scaled_distance``.
    ``select.keep_mass`` cuts the same order where the mass is reached.

    >>> import numpy as np
    >>> log_prob = np.log([0.1, 0.4, 0.3, 0.2])
    >>> typical_window(log_prob, scaled_distance(log_prob, 1.0), 2).ids.tolist()
    [2, 3]
    """
    log_prob = working(log_prob)
    xp = array_namespace(log_prob)
    kept = keep_nearest(distance, log_prob, k)
    distance = xp.where(kept, distance, xp.full_like(distance, xp.inf))
    ids = xp.sort(top_k(-distance, min(k, log_prob.shape[-1]))[1], axis=-1)
    # The set is exact; stable sorts of its few tokens settle their order, the first key last.
    for key in (-log_prob, distance):
        order = xp.argsort(xp.take_along_axis(key, ids, axis=-1), axis=-1, stable=True)
        ids = xp.take_along_axis(ids, order, axis=-1)
    return Window(ids, xp.take_along_axis(kept, ids, axis=-1))
