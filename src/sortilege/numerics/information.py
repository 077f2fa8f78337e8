"""Log-probabilities and what is measured on them. Natural logarithms; entropies and divergences in nats.

All functions take arrays of any array library, act on the last axis, and do their arithmetic in float32 or wider.
Tokens at probability 0 (logit -inf) contribute nothing: 0 log 0 = 0.
"""

from sortilege.numerics._arrays import Array, array_namespace, sum_last, working


def _shifted(x: Array) -> tuple[Array, Array, Array]:
    """x less its largest entry (less nothing if that is infinite or NaN), log sum exp of that, and the largest entry.

    For a row of -inf only, the log is taken to be 0.
    """
    xp = array_namespace(x)
    top = xp.max(x, axis=-1, keepdims=True)
    finite = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    x = x - finite
    total = sum_last(xp.exp(x))[..., None]
    return x, xp.log(xp.where(top == -xp.inf, xp.ones_like(total), total)), top


def log_sum_exp(x: Array) -> Array:
    """log sum exp over the last axis, (..., V) -> (...); -inf where every entry is -inf, +inf where any is +inf."""
    _, total, top = _shifted(working(x))
    return array_namespace(x).squeeze(top + total, axis=-1)


def log_softmax(logits: Array) -> Array:
    """Log-probabilities (..., V) of logits (..., V). -inf stays -inf; a row of -inf only stays as it is.

    A row with a NaN or +inf becomes NaN. Float32, or float64 for float64.

    >>> import numpy as np
    >>> log_softmax(np.asarray([0.0, 0.0, -np.inf])).round(6)
    array([-0.693147, -0.693147,      -inf])
    """
    xp = array_namespace(logits)
    x, total, _ = _shifted(working(logits))
    return x - xp.where(total == xp.inf, xp.full_like(total, xp.nan), total)


def surprisal(log_prob: Array) -> Array:
    """-log p in nats, elementwise; infinite for tokens that cannot occur."""
    return 0.0 - working(log_prob)  # 0 rather than -0 for a certain token


def _weights(log_prob: Array) -> tuple[Array, Array]:
    """p and log p in the working precision, finite where p is 0: what a sum weighted with p may safely be taken of."""
    xp = array_namespace(log_prob)
    log_prob = working(log_prob)
    return xp.exp(log_prob), xp.clip(log_prob, min=-800.0)


def entropy(log_prob: Array) -> Array:
    """H(p) = -sum p log p in nats, (..., V) -> (...), from log-probabilities; 0 where no token has any probability.

    >>> import numpy as np
    >>> round(float(entropy(np.log([0.5, 0.25, 0.25]))), 6)  # 1.5 bits
    1.039721
    """
    p, log_p = _weights(log_prob)
    return 0.0 - sum_last(p * log_p)


def varentropy(log_prob: Array) -> Array:
    """The variance of the surprisal under p, sum p (-log p - H)^2 in nats squared, (..., V) -> (...)."""
    p, log_p = _weights(log_prob)
    return sum_last(p * (log_p - sum_last(p * log_p)[..., None]) ** 2)


def kl_divergence(log_prob: Array, log_other: Array) -> Array:
    """KL(p || q) = sum p (log p - log q) in nats, (..., V) x (..., V) -> (...), never below 0.

    Infinite where q excludes a token that p allows; tokens that p excludes contribute nothing.

    >>> import numpy as np
    >>> round(float(kl_divergence(np.log([0.5, 0.5]), np.log([0.75, 0.25]))), 6)  # log(2 / sqrt(3))
    0.143841
    """
    xp = array_namespace(log_prob, log_other)
    p, log_p = _weights(log_prob)
    log_q = working(log_other)
    return xp.clip(sum_last(p * (log_p - xp.where(p > 0, log_q, xp.zeros_like(log_q)))), min=0.0)
