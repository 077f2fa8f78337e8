"""The temperature at which the entropy of softmax(logits / T) meets a target."""

from sortilege.numerics._arrays import Array, array_namespace, repeat, sum_last, working
from sortilege.numerics._solved import Solved

STEPS = 16
"""Evaluations of the entropy; hard cases (near ties, several scales at once) were seen to take 11."""


def ent_grad_hess(logits: Array, temperature: Array) -> tuple[Array, Array, Array]:
    """Entropy of softmax(logits / T) in nats with its first and second derivative in T, each (B,).

    With surprisal moments mu2, mu3 = E[(log p + H)^2], E[(log p + H)^3]: dH/dT = mu2 / T and
    d2H/dT2 = -(mu3 + 3 mu2) / T^2. (The published formula has 2 mu3 there; automatic differentiation disagrees.)

    logits: (B, V), -inf for tokens left out; temperature: (B,), > 0.
    """
    xp = array_namespace(logits)
    z = _below_top(working(logits))
    entropy, mu2, p, centred = _moments(z, temperature)
    mu3 = sum_last(p * centred**3)
    return entropy, mu2 / temperature, -(mu3 + 3 * mu2) / xp.square(temperature)


def _below_top(logits: Array) -> Array:
    """Logits with their row's maximum moved to 0; masked tokens and rows without a finite logit become -inf."""
    xp = array_namespace(logits)
    top = xp.max(logits, axis=-1, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.clip(logits - top, max=0.0)


def _moments(z: Array, temperature: Array) -> tuple[Array, Array, Array, Array]:
    """Entropy and varentropy (B,) at ``temperature`` from logits with maximum 0; p and log p + H, each (B, V)."""
    xp = array_namespace(z)
    # Far below what counts, and above where exp turns to slow subnormal numbers; masked tokens are taken along.
    w = xp.clip(z / temperature[:, None], min=-80.0)
    e = xp.exp(w)
    total = sum_last(e)
    mean = sum_last(e * w) / total
    w -= mean[:, None]
    e /= total[:, None]
    return xp.log(total) - mean, sum_last(e * w * w), e, w


def _spread(depth: Array, finite: Array, free: Array, count: Array) -> Array:
    """The standard deviation (B,) of the finite logits: a temperature of the right order."""
    xp = array_namespace(depth)
    count = xp.where(free, count, xp.ones_like(count))
    mean = sum_last(depth) / count
    variance = sum_last(xp.where(finite, xp.square(depth - mean[:, None]), xp.zeros_like(depth))) / count
    return xp.sqrt(xp.where(free & (variance > 0), variance, xp.ones_like(variance)))


def solve_temperature(logits: Array, target_entropy: Array, init: Array | None = None, *, steps: int = STEPS) -> Solved:
    """Solve entropy(softmax(logits / T)) = target for T.

    Entropy grows with T from log(number of tied maxima) to log(number of finite logits), both ends excluded. A target
    outside is clipped into that interval and reported as not ok. The iteration is Newton's in u = log T on the log-odds
    of the entropy within its interval, where both ends are nearly straight lines, kept inside a bracket and replaced by
    bisection whenever its steps stop halving (Brent 1973). A row in which T has no influence (one finite logit, all
    finite logits tied, none finite) gets T = 1.

    logits: (B, V), any scale, -inf for tokens left out; target_entropy: (B,) in nats.
    init: (B,) a temperature to start from.
    Returns Solved(T (B,), ok, steps): ok means |entropy - target| <= 1e-4 nats (float32) or 1e-9 (float64).

    >>> import numpy as np
    >>> logits = np.log(np.array([[0.7, 0.2, 0.1]]))
    >>> solved = solve_temperature(logits, np.array([1.0]))
    >>> bool(solved.ok[0]), round(float(solved.value[0]), 3)
    (True, 1.829)
    """
    xp = array_namespace(logits)
    x = working(logits)
    double = x.dtype == xp.float64
    tolerance, margin, tiny = (1e-9, 1e-11, 1e-14) if double else (1e-4, 1e-5, 1e-6)
    target = xp.astype(target_entropy, x.dtype)
    z = _below_top(x)
    finite = z > -xp.inf
    depth = xp.where(finite, -z, xp.zeros_like(z))
    count = sum_last(xp.astype(finite, x.dtype))
    tied = sum_last(xp.astype(z == 0, x.dtype))
    free = count > tied
    one = xp.ones_like(target)
    span = xp.where(free, xp.max(depth, axis=-1), one)
    gap = xp.where(free, xp.min(xp.where(depth > 0, depth, xp.full_like(z, xp.inf)), axis=-1), one)
    bottom, top = xp.log(xp.where(free, tied, one)), xp.log(xp.where(free, count, 2 * one))
    feasible = (target > bottom) & (target < top)
    goal = xp.clip(target, bottom + margin, top - margin)

    # At the ends of the bracket the entropy is within float accuracy of its limits.
    low, high = xp.log(gap) - xp.log(100 + top), xp.log(span) + (12.0 if double else 7.0)
    start = xp.log(_spread(depth, finite, free, count) if init is None else xp.astype(init, x.dtype))
    u = xp.clip(xp.where(free, start, 0 * one), low, high)
    far = xp.full_like(u, xp.inf)

    def improve(state: tuple[Array, ...]) -> tuple[Array, ...]:
        u, low, high, step, before, best, least, taken = state
        entropy, slope, _, _ = _moments(z, xp.exp(u))
        error = entropy - goal
        low, high = xp.where(error < 0, u, low), xp.where(error < 0, high, u)
        closer = xp.abs(error) < least
        best, least = xp.where(closer, u, best), xp.where(closer, xp.abs(error), least)
        done = least <= tolerance / 20
        rise = xp.clip(entropy - bottom, min=tiny)
        rest = xp.clip(top - entropy, min=tiny)
        odds = xp.log((goal - bottom) / (top - goal)) - xp.log(rise / rest)
        newton = u + odds / xp.clip(slope * (1 / rise + 1 / rest), min=1e-20)
        fine = (newton > low) & (newton < high) & (xp.abs(newton - u) < 0.5 * before)
        following = xp.where(done, u, xp.where(fine, newton, 0.5 * (low + high)))
        return following, low, high, xp.abs(following - u), step, best, least, taken + xp.astype(~done, x.dtype)

    def finished(state: tuple[Array, ...]) -> Array:
        return xp.all((state[6] <= tolerance / 20) | ~free)

    state = repeat(steps, improve, (u, low, high, far, far, u, far, xp.zeros_like(u)), finished)
    best, least, taken = state[5:]
    met = feasible & (least <= tolerance)
    settled = xp.abs(xp.log(xp.where(count > 0, count, one)) - target) <= tolerance
    value = xp.where(free, xp.exp(best), one)
    return Solved(
        value, xp.where(free, met, settled & (count > 0)), xp.astype(xp.where(free, taken, 0 * one), xp.int32)
    )
