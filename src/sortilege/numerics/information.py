"""Log-probabilities and what is measured on them. Natural logarithms; entropies and divergences in nats.

All functions take arrays of any array library, act on the last axis, and do their arithmetic in float32 or wider.
Tokens at probability 0 (logit -inf) contribute nothing: 0 log 0 = 0.
"""

from sortilege.numerics._arrays import Array, array_namespace, working


def log_sum_exp(x: Array) -> Array:
    """log sum exp over the last axis, (..., V) -> (...); -inf where every entry is -inf."""
    xp = array_namespace(x)
    x = working(x)
    top = xp.max(x, axis=-1, keepdims=True)
    empty = top == -xp.inf
    total = xp.sum(xp.exp(x - xp.where(empty, xp.zeros_like(top), top)), axis=-1, keepdims=True)
    return xp.squeeze(xp.where(empty, top, top + xp.log(xp.where(empty, xp.ones_like(total), total))), axis=-1)


def log_softmax(logits: Array) -> Array:
    """Log-probabilities (..., V) of logits (..., V). -inf stays -inf; a row of -inf only stays as it is."""
    xp = array_namespace(logits)
    x = working(logits)
    total = log_sum_exp(x)[..., None]
    return x - xp.where(total == -xp.inf, xp.zeros_like(total), total)


def surprisal(log_prob: Array) -> Array:
    """-log p in nats, elementwise; infinite for tokens that cannot occur."""
    return -working(log_prob)


def _mean(log_prob: Array, values: Array) -> Array:
    """sum_v p_v values_v over the last axis, tokens of probability 0 left out."""
    xp = array_namespace(log_prob)
    p = xp.exp(log_prob)
    return xp.sum(p * xp.where(p > 0, values, xp.zeros_like(p)), axis=-1)


def entropy(log_prob: Array) -> Array:
    """H(p) = -sum p log p in nats, (..., V) -> (...), from log-probabilities."""
    log_prob = working(log_prob)
    return _mean(log_prob, -log_prob)


def varentropy(log_prob: Array) -> Array:
    """The variance of the surprisal under p, sum p (-log p - H)^2 in nats squared, (..., V) -> (...)."""
    log_prob = working(log_prob)
    return _mean(log_prob, (log_prob + entropy(log_prob)[..., None]) ** 2)


def kl_divergence(log_prob: Array, log_other: Array) -> Array:
    """KL(p || q) = sum p (log p - log q) in nats, (..., V) x (..., V) -> (...), never below 0.

    Infinite where q excludes a token that p allows.
    """
    xp = array_namespace(log_prob, log_other)
    log_prob, log_other = working(log_prob), working(log_other)
    return xp.clip(_mean(log_prob, log_prob - log_other), min=0.0)
