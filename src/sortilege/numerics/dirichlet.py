"""The Dirichlet distribution: fitting it to a mean of log-probabilities, its density and its entropy."""

from typing import Any, NamedTuple

import numpy as np

from sortilege.numerics._arrays import Array, array_namespace, has_float64, repeat, sum_last, working
from sortilege.numerics._solved import Solved
from sortilege.numerics.information import log_sum_exp
from sortilege.numerics.special import digamma, log_gamma_remainder, polygamma_pair


def _inverse_digamma(y: Array) -> tuple[Array, Array]:
    """psi^-1(y) to within 2e-4 of itself, and what its derivative lacks of it, to within a tenth.

    The lower bound v = 1 / log(1 + exp(-y)) is exact at both ends; the correction has the right limits, v times Euler's
    constant for small v and 1 / (24 v^2) for large v, and two coefficients fitted in between.
    """
    xp = array_namespace(y)
    softplus = xp.log1p(xp.exp(-xp.abs(y)))
    softplus += xp.clip(-y, min=0.0)
    bound = 1 / softplus
    polynomial = bound * 12.0816
    for coefficient in (11.0765, 2.02084):
        polynomial += coefficient
        polynomial *= bound
    polynomial += 1
    correction = 0.5772156649 * bound / polynomial
    correction += 1
    correction *= bound
    return correction, bound / (2 * bound + 1)


def fit_dirichlet(
    mean_log_prob: Array, init: Array | None = None, *, cap: float = 1e9, steps: int | None = None
) -> Solved:
    """The Dirichlet parameters under which E[log p] is ``mean_log_prob``: psi(alpha_i) - psi(sum alpha) = t_i.

    This is the maximum-likelihood fit to distributions whose mean log-probability is t (Minka, "Estimating a Dirichlet
    distribution", 2000, eq. 4). First the equation is solved in one unknown, psi(sum alpha), with a closed form near
    psi^-1; then come Newton steps in all unknowns, whose Jacobian is diagonal plus rank one. Each costs one pass over
    the vocabulary.

    A finite solution exists if and only if logsumexp(t) < 0 (float32 cannot tell -1e-7 from 0). Where none does, or its
    concentration S = sum alpha exceeds ``cap``, S is held at ``cap``, every alpha_i solves its own equation given that,
    and ok is false.

    mean_log_prob: (B, V), finite, in nats. init: (B, V) parameters of a neighbouring fit, to start from.
    cap: > 0, largest concentration, at most 1e9 in float32. steps: most Newton steps, 3 (float32) or 5 (float64).
    Returns Solved(alpha (B, V), ok (B,), steps (B,)): ok means max_i |residual_i| <= 1e-4 (float32) or 1e-10 (float64),
    and steps counts the Newton steps taken.

    >>> import numpy as np
    >>> from scipy.special import digamma
    >>> alpha = np.array([[0.5, 2.0, 7.0]])
    >>> fit = fit_dirichlet(digamma(alpha) - digamma(alpha.sum()))
    >>> np.allclose(fit.value, alpha), bool(fit.ok[0])
    (True, True)
    """
    xp = array_namespace(mean_log_prob)
    t = working(mean_log_prob)
    double = t.dtype == xp.float64
    tolerance = 1e-10 if double else 1e-4
    steps = (5 if double else 3) if steps is None else steps
    cap = min(cap, 1e12 if double else 1e9)  # beyond, the equation no longer tells concentrations apart
    alpha, held = _start(t, init, cap)
    limit = xp.full_like(t[:, 0], cap)

    def measure(alpha: Array) -> tuple[Array, ...]:
        concentration = xp.where(held, limit, sum_last(alpha))[:, None]
        # Both psi less log S: a concentrated fit is decided by digits that the logarithms would round away.
        own, own_slope = polygamma_pair(concentration, concentration)
        residual, inverse, lag = _equations(t, alpha, concentration, own)
        spare = sum_last(lag) - _lag(concentration, 1 / own_slope)[:, 0]
        return alpha, residual, inverse, spare, xp.max(xp.abs(residual), axis=-1)

    def improve(state: tuple[Array, ...]) -> tuple[Array, ...]:
        taken, alpha, residual, inverse, spare, worst = state
        moving = worst > tolerance / 4
        # The last step leaves S alone: where S is hardly determined, rounding moves it a little in every step, and what
        # that does to the small parameters is put right here.
        free = ~held & (taken < steps - 1) & (spare > 0)
        shift = -sum_last(residual * inverse) / xp.where(free, spare, xp.ones_like(spare))
        shift = xp.where(free, shift, xp.zeros_like(shift))
        # Newton's step, by the matrix inversion lemma; no parameter falls below a fifth of itself.
        moved = xp.maximum(alpha + inverse * (shift[:, None] - residual), 0.2 * alpha)
        return taken + xp.astype(moving, xp.int32), *measure(xp.where(moving[:, None], moved, alpha))

    def finished(state: tuple[Array, ...]) -> Array:
        return xp.all(state[-1] <= tolerance / 4)

    state = (xp.zeros_like(limit, dtype=xp.int32), *measure(alpha))
    taken, alpha, *_, worst = repeat(steps, improve, state, finished)
    concentration = sum_last(alpha)
    ok = ~held & (concentration <= cap) & (worst <= tolerance)
    return Solved(alpha * xp.minimum(cap / concentration, xp.ones_like(limit))[:, None], ok, taken)


def _start(t: Array, init: Array | None, cap: float) -> tuple[Array, Array]:
    """Parameters near the solution, and the rows (B,) whose concentration is held at ``cap``.

    Solves sum_i psi^-1(t_i + s) = psi^-1(s). In r = exp(-s) the logarithm of the ratio of both sides is increasing and
    concave, so Newton's iteration from the left, where r = -2 logsumexp(t) / (V - 1), climbs to the root.
    """
    xp = array_namespace(t)
    deficit = -log_sum_exp(t)
    lowest = xp.full_like(deficit, 1 / cap)
    cold = 2 * deficit / max(t.shape[-1] - 1, 1)
    r = cold if init is None else xp.exp(-digamma(sum_last(working(init))))

    enough = 0.1  # a relative change; what is left to climb is a tenth of it

    def climb(state: tuple[Array, Array]) -> tuple[Array, Array]:
        r, last = state
        s = -xp.log(r)
        value, lag = _inverse_digamma(t + s[:, None])
        own, own_lag = _inverse_digamma(s)
        both = sum_last(value)
        slope = sum_last(lag) / both - own_lag / own  # of the log-ratio, in log r
        change = (xp.log(own) - xp.log(both)) / xp.where(slope > 0, slope, xp.ones_like(slope))
        climbed = xp.maximum(r * (1 + xp.clip(change, -0.9, 1e3)), lowest)
        return xp.where(last < enough, r, climbed), xp.where(last < enough, last, xp.abs(change))

    def finished(state: tuple[Array, Array]) -> Array:
        return xp.all(state[1] < enough)

    r = repeat(12, climb, (xp.maximum(r, lowest), xp.full_like(r, xp.inf)), finished)[0]
    rounding = 1e-15 if t.dtype == xp.float64 else 1e-7  # a smaller deficit is none
    held = (r <= lowest) | (deficit < rounding)
    r = xp.where(held, lowest, r)
    return _inverse_digamma(t - xp.log(r)[:, None])[0], held


def _equations(t: Array, alpha: Array, concentration: Array, own: Array) -> tuple[Array, Array, Array]:
    """psi(alpha_i) - psi(S) - t_i, 1 / psi'(alpha_i) and alpha_i - 1 / psi'(alpha_i), elementwise."""
    residual, slope = polygamma_pair(alpha, concentration)
    residual -= own
    residual -= t
    inverse = 1 / slope
    return residual, inverse, _lag(alpha, inverse)


def _lag(x: Array, inverse: Array) -> Array:
    """x - 1 / psi'(x), given 1 / psi'(x); where both are large, the half that is left of them."""
    xp = array_namespace(x)
    return xp.where(x > 256, xp.full_like(x, 0.5), x - inverse)


class Pair(NamedTuple):
    """A number as the unevaluated sum of two floats, high + low, so that sums of many terms keep their last digits."""

    high: Array
    low: Array

    def plus(self, other: "Pair") -> "Pair":
        high, error = _two_sum(self.high, other.high)
        return Pair(*_two_sum(high, error + self.low + other.low))

    def times(self, factor: float) -> "Pair":
        """The product with a number, the number first rounded to the precision of the pair."""
        double = self.high.dtype == array_namespace(self.high).float64
        number, bits = (np.float64(factor), 27) if double else (np.float32(factor), 12)
        # Dekker 1971: both factors in halves whose products are exact.
        (top, rest), halves = _halves(self.high, bits), _halves(number, bits)
        factor, factor_top, factor_rest = float(number), float(halves[0]), float(halves[1])
        product = self.high * factor
        error = ((top * factor_top - product) + top * factor_rest + rest * factor_top) + rest * factor_rest
        return Pair(*_two_sum(product, error + self.low * factor))

    @property
    def value(self) -> Array:
        return self.high + self.low


def _halves(x: Any, bits: int) -> tuple[Any, Any]:
    """The leading bits of x, and what is left of it, which is ``bits`` bits wide or less (Veltkamp 1968)."""
    shifted = x * float(2**bits + 1)
    top = shifted - (shifted - x)
    return top, x - top


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b and its rounding error, exactly (Knuth, TAOCP vol. 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def sum_pair(x: Array) -> Pair:
    """The sum over the last axis, (..., V) -> (...), in float64 where there is one, else with its rounding kept."""
    xp = array_namespace(x)
    if has_float64(xp):
        total = xp.sum(x, axis=-1, dtype=xp.float64)
        high = xp.astype(total, x.dtype)
        return Pair(high, xp.astype(total - xp.astype(high, xp.float64), x.dtype))
    # Groups of eight are added plainly first: their sums are too small to lose what counts in the whole.
    size = x.shape[-1] // 8
    groups = xp.sum(xp.reshape(x[..., : 8 * size], (*x.shape[:-1], 8, size)), axis=-2)
    high = xp.concat([groups, x[..., 8 * size :]], axis=-1)
    low = xp.zeros_like(high)
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        total, error = _two_sum(high[..., :half], high[..., half : 2 * half])
        lower = low[..., :half] + low[..., half : 2 * half] + error
        high = xp.concat([total, high[..., 2 * half :]], axis=-1)
        low = xp.concat([lower, low[..., 2 * half :]], axis=-1)
    return Pair(high[..., 0], low[..., 0])


def dirichlet_log_prob(log_prob: Array, alpha: Array) -> Array:
    """log Dir(exp(log_prob) | alpha) in nats, (B, V) x (B, V) -> (B,).

    log Gamma(S) - sum log Gamma(alpha_i) + sum (alpha_i - 1) log p_i with S = sum alpha. ``log_prob`` must be finite:
    tokens of probability 0 belong at a floor. Absolute error below 1e-2 nats at V = 128,256 in float32.
    """
    return log_densities(alpha, log_prob)[0].value


def log_densities(alpha: Array, *log_probs: Array) -> list[Pair]:
    """The log-densities of several vectors (B, V) under one Dirichlet (B, V), as pairs of (B,).

    Each is summed as -S KL(alpha/S || p) plus what remains of Stirling's formula: the large parts of log Gamma(S) and
    sum log Gamma(alpha_i) cancel on paper instead of in floating point.
    """
    xp = array_namespace(alpha)
    alpha = working(alpha)
    concentration = sum_last(alpha)
    terms = _density_terms(alpha, xp.log(concentration)[:, None], *(working(x) for x in log_probs))
    whole = log_gamma_remainder(concentration)
    return [sum_pair(term).plus(Pair(whole, xp.zeros_like(whole))) for term in terms]


def _density_terms(alpha: Array, log_total: Array, *log_probs: Array) -> tuple[Array, ...]:
    xp = array_namespace(alpha)
    log_mean, remainder = xp.log(alpha) - log_total, log_gamma_remainder(alpha)

    def term(log_prob: Array) -> Array:
        excess = log_mean - log_prob
        excess *= alpha
        excess += log_prob
        excess += remainder
        return -excess

    return tuple(map(term, log_probs))


def dirichlet_entropy(alpha: Array) -> Array:
    """The differential entropy -E[log Dir(p | alpha)] in nats, (B, V) -> (B,).

    The density is linear in log p, so this is the density at E[log p_i] = psi(alpha_i) - psi(S), negated.
    """
    alpha = working(alpha)
    expected = digamma(alpha) - digamma(sum_last(alpha))[:, None]
    return -dirichlet_log_prob(expected, alpha)
