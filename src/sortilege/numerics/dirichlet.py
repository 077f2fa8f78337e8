"""The Dirichlet distribution: fitting it to a mean of log-probabilities, its density and its entropy."""

from typing import NamedTuple

from sortilege.numerics._arrays import Array, array_namespace, repeat, sum_last, working
from sortilege.numerics._solved import Solved
from sortilege.numerics.information import log_sum_exp
from sortilege.numerics.special import digamma, log_gamma, polygamma_pair


def _inverse_digamma(y: Array) -> tuple[Array, Array]:
    """psi^-1(y) to within 2e-4 of itself, and the lower bound 1 / log(1 + exp(-y)) that it is made from.

    The bound v is exact at both ends; the correction has the right limits, v times Euler's constant for small v and
    1 / (24 v^2) for large v, and two coefficients fitted in between.
    """
    xp = array_namespace(y)
    bound = 1 / (xp.clip(-y, min=0.0) + xp.log1p(xp.exp(-xp.abs(y))))
    correction = 0.5772156649 * bound / (1 + bound * (2.02084 + bound * (11.0765 + bound * 12.0816)))
    return bound * (1 + correction), bound


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
        concentration = xp.where(held, limit, sum_last(alpha))
        residual, slope = _residual(t, alpha, concentration)
        return alpha, residual, slope, concentration, xp.max(xp.abs(residual), axis=-1)

    def improve(state: tuple[Array, ...]) -> tuple[Array, ...]:
        taken, alpha, residual, slope, concentration, worst = state
        moving = worst > tolerance / 4
        # The last step leaves S alone: where S is hardly determined, rounding moves it a little in every step, and what
        # that does to the small parameters is put right here.
        moved = _newton(alpha, residual, slope, concentration, ~held & (taken < steps - 1))
        return taken + xp.astype(moving, xp.int32), *measure(xp.where(moving[:, None], moved, alpha))

    def finished(state: tuple[Array, ...]) -> Array:
        return xp.all(state[-1] <= tolerance / 4)

    state = (xp.astype(held & ~held, xp.int32), *measure(alpha))
    taken, alpha, _, _, _, worst = repeat(steps, improve, state, finished)
    concentration = sum_last(alpha)
    ok = ~held & (concentration <= cap) & (worst <= tolerance)
    return Solved(alpha * xp.minimum(cap / concentration, xp.ones_like(limit))[:, None], ok, taken)


def _start(t: Array, init: Array | None, cap: float) -> tuple[Array, Array]:
    """Parameters near the solution, and the rows (B,) whose concentration is held at ``cap``.

    Solves sum_i psi^-1(t_i + s) = psi^-1(s). In r = exp(-s) the logarithm of the
    ratio of both sides is increasing and concave, so Newton's iteration from the left, where
    r = -2 logsumexp(t) / (V - 1), climbs to the root without overshooting.
    """
    xp = array_namespace(t)
    deficit = -log_sum_exp(t)
    lowest = xp.full_like(deficit, 1 / cap)
    cold = 2 * deficit / max(t.shape[-1] - 1, 1)
    r = cold if init is None else xp.exp(-digamma(sum_last(working(init))))

    def climb(state: tuple[Array, Array]) -> tuple[Array, Array]:
        r, _ = state
        s = -xp.log(r)
        (value, bound), (own, own_bound) = _inverse_digamma(t + s[:, None]), _inverse_digamma(s)
        both = sum_last(value)
        # The derivative of a bound a is a less nearly a / (2 a + 1); this is that of the log-ratio, in log r.
        slope = sum_last(bound / (2 * bound + 1)) / both - 1 / (2 * own_bound + 1)
        change = (xp.log(own) - xp.log(both)) / xp.where(slope > 0, slope, xp.ones_like(slope))
        return xp.maximum(r * (1 + xp.clip(change, -0.9, 1e3)), lowest), xp.abs(change)

    def finished(state: tuple[Array, Array]) -> Array:
        return xp.all(state[1] < 0.02)

    r = repeat(12, climb, (xp.maximum(r, lowest), xp.full_like(r, xp.inf)), finished)[0]
    rounding = 1e-15 if t.dtype == xp.float64 else 1e-7  # a smaller deficit is none
    held = (r <= lowest) | (deficit < rounding)
    r = xp.where(held, lowest, r)
    return _inverse_digamma(t - xp.log(r)[:, None])[0], held


def _residual(t: Array, alpha: Array, concentration: Array) -> tuple[Array, Array]:
    """psi(alpha_i) - psi(S) - t_i and psi'(alpha_i), each (B, V)."""
    # Both psi less log S: a concentrated fit is decided by digits that the logarithms would round away.
    value, slope = polygamma_pair(alpha, concentration[:, None])
    own = polygamma_pair(concentration, concentration)[0]
    return value - own[:, None] - t, slope


def _lag(x: Array, inverse: Array) -> Array:
    """x - 1 / psi'(x), given 1 / psi'(x); where both are large, the half that is left of them."""
    xp = array_namespace(x)
    return xp.where(x > 256, xp.full_like(x, 0.5), x - inverse)


def _newton(alpha: Array, residual: Array, slope: Array, concentration: Array, free: Array) -> Array:
    """One Newton step, by the matrix inversion lemma; S takes part in rows that are ``free`` (B,).

    No parameter falls below a fifth of itself.
    """
    xp = array_namespace(alpha)
    inverse = 1 / slope
    own = 1 / polygamma_pair(concentration)[1]
    spare = sum_last(_lag(alpha, inverse)) - _lag(concentration, own)
    free = free & (spare > 0)
    shift = -sum_last(residual * inverse) / xp.where(free, spare, xp.ones_like(spare))
    shift = xp.where(free, shift, xp.zeros_like(shift))
    return xp.maximum(alpha + inverse * (shift[:, None] - residual), 0.2 * alpha)


class Pair(NamedTuple):
    """A number as the unevaluated sum of two floats, high + low, so that sums of many terms keep their last digits."""

    high: Array
    low: Array

    def plus(self, other: "Pair") -> "Pair":
        high, error = _two_sum(self.high, other.high)
        return Pair(*_two_sum(high, error + self.low + other.low))

    def times(self, factor: float) -> "Pair":
        """The product with a number. Exact only up to one rounding of ``high * factor``."""
        return Pair(*_two_sum(self.high * factor, self.low * factor))

    @property
    def value(self) -> Array:
        return self.high + self.low


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b and its rounding error, exactly (Knuth, TAOCP vol. 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def sum_pair(x: Array) -> Pair:
    """The sum over the last axis, (..., V) -> (...), with the rounding errors of a pairwise summation kept."""
    xp = array_namespace(x)
    high, low = x, xp.zeros_like(x)
    while high.shape[-1] > 1:
        half = high.shape[-1] // 2
        total, error = _two_sum(high[..., :half], high[..., half : 2 * half])
        lower = low[..., :half] + low[..., half : 2 * half] + error
        if high.shape[-1] % 2:
            total = xp.concat([total, high[..., -1:]], axis=-1)
            lower = xp.concat([lower, low[..., -1:]], axis=-1)
        high, low = total, lower
    return Pair(high[..., 0], low[..., 0])


def dirichlet_log_prob(log_prob: Array, alpha: Array) -> Array:
    """log Dir(exp(log_prob) | alpha) in nats, (B, V) x (B, V) -> (B,).

    log Gamma(S) - sum log Gamma(alpha_i) + sum (alpha_i - 1) log p_i with S = sum alpha. ``log_prob`` must be finite:
    tokens of probability 0 belong at a floor. Absolute error below 1e-2 nats at V = 128,256 in float32.
    """
    return log_densities(alpha, log_prob)[0].value


def log_densities(alpha: Array, *log_probs: Array) -> list[Pair]:
    """The log-densities of several vectors under one Dirichlet, as pairs.

    Each is summed as -S KL(alpha/S || p) plus what remains of Stirling's formula: the large parts of log Gamma(S) and
    sum log Gamma(alpha_i) cancel on paper instead of in floating point.
    """
    xp = array_namespace(alpha)
    alpha = working(alpha)
    concentration = sum_last(alpha)
    log_alpha, log_total = xp.log(alpha), xp.log(concentration)
    whole = _stirling_remainder(concentration, log_total)
    constant = -_stirling_remainder(alpha, log_alpha)
    log_mean = log_alpha - log_total[:, None]
    return [
        sum_pair(constant - alpha * (log_mean - working(log_prob)) - working(log_prob)).plus(
            Pair(whole, xp.zeros_like(whole))
        )
        for log_prob in log_probs
    ]


def _stirling_remainder(x: Array, log_x: Array) -> Array:
    """log Gamma(x) - x log x + x; for x >= 8 from its own asymptotic series, where the difference would lose digits."""
    xp = array_namespace(x)
    large = x >= 8
    direct = log_gamma(xp.where(large, xp.ones_like(x), x)) - xp.where(large, xp.zeros_like(x), x * (log_x - 1))
    inverse = 1 / xp.where(large, x, xp.ones_like(x))
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    return xp.where(large, series - 0.5 * log_x + 0.9189385332046727, direct)


def dirichlet_entropy(alpha: Array) -> Array:
    """The differential entropy -E[log Dir(p | alpha)] in nats, (B, V) -> (B,).

    The density is linear in log p, so this is the density at E[log p_i] = psi(alpha_i) - psi(S), negated.
    """
    alpha = working(alpha)
    expected = digamma(alpha) - digamma(sum_last(alpha))[:, None]
    return -dirichlet_log_prob(expected, alpha)
