"""psi, psi', log-gamma and the normal quantile, elementwise, on every array library.

For x > 0 the recurrence moves the argument up by ``n`` (4 in float32, 8 in float64), where a short asymptotic series in
w = x + n - 1/2 is exact to the last digits (Luke, "The special functions and their approximations", 1969, vol. 1, 2.11;
centred at 1/2 it has no odd terms):

    psi(x)        = log w + sum_k c_k w^-2k        - e        c_k = -B_2k(1/2) / 2k
    psi'(x)       = 1/w - sum_k 2k c_k w^-(2k+1)   + e^2 - q / p
    log Gamma(x)  = w (log w - 1) + log(2 pi) / 2 - sum_k c_k / (2k - 1) w^-(2k-1)  - log p

The n shift terms share one division. With u = x (x + n - 1) the product p = x (x + 1) ... (x + n - 1) is a polynomial
in u, and so are the sums e = sum 1/(x+j) = (2x + n - 1) p'(u)/p(u) and e^2 - sum 1/(x+j)^2 = q(u)/p(u), where
q = (4u + (n - 1)^2) p'' + 2 p'.

Errors divided by max(1, |value|) on [1e-6, 1e6] are at most 2e-6 in float32 and 1e-12 in float64. Outside: arguments
below 1e-18 (1e-150 in float64), 0 included, count as that number, so results stay finite; large ones keep this accuracy
up to the range of the dtype; infinity gives the limits (psi' to within 1e-17), NaN gives NaN. Negative arguments are
not supported.
"""

import math
from typing import Any, NamedTuple

from sortilege.numerics._arrays import Array, array_namespace, working


class _Shift(NamedTuple):
    """The shift n, the polynomials of u (highest power first), the range of x they get, and c_1, c_2, ..."""

    n: int
    p: tuple[int, ...]
    slope: tuple[int, ...]
    q: tuple[int, ...]
    low: float
    high: float
    series: tuple[float, ...]


_SERIES = (1 / 24, -7 / 960, 31 / 8064, -127 / 30720, 511 / 67584, -1414477 / 67092480, 8191 / 98304)
_FLOAT32 = _Shift(4, (1, 2, 0), (2, 2), (12, 22), 1e-18, 1e9, _SERIES[:4])
_FLOAT64 = _Shift(8, (1, 28, 252, 720, 0), (4, 84, 504, 720), (56, 1428, 11256, 26136), 1e-150, 1e37, _SERIES)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Horner's scheme, highest power first, two or more. In place: memory is what eager code waits for."""
    total = x * coefficients[0] if coefficients[0] != 1 else x + coefficients[1]
    if coefficients[0] != 1:
        total += coefficients[1]
    for coefficient in coefficients[2:]:
        total *= x
        if coefficient:
            total += coefficient
    return total


def _start(x: Array) -> tuple[Any, _Shift, Array, Array, Array]:
    """The namespace, the shift for the dtype, x in the shift's range, u and w."""
    xp = array_namespace(x)
    x = working(x)
    shift = _FLOAT64 if x.dtype == xp.float64 else _FLOAT32
    inside = xp.clip(x, shift.low, shift.high)
    return xp, shift, inside, inside * (inside + (shift.n - 1)), x + (shift.n - 0.5)


def _psi_tail(shift: _Shift, square: Array) -> Array:
    """sum_k c_k w^-2k from w^-2."""
    tail = _polynomial(square, shift.series[::-1])
    tail *= square
    return tail


def digamma(x: Array) -> Array:
    """psi(x) = d log Gamma(x) / dx, elementwise, for x > 0. Float32, or float64 for float64.

    >>> import numpy as np
    >>> round(float(digamma(np.asarray(1.0))), 12)  # minus Euler's constant
    -0.577215664902
    """
    xp, shift, x, u, w = _start(x)
    inverse = 1 / w
    sums = (2 * x + (shift.n - 1)) * _polynomial(u, shift.slope) / _polynomial(u, shift.p)
    return xp.log(w) + _psi_tail(shift, inverse * inverse) - sums


def polygamma_pair(x: Array, scale: Array | None = None) -> tuple[Array, Array]:
    """psi(x) and psi'(x) in one pass, elementwise, for x > 0: one logarithm and two divisions.

    With ``scale``, which broadcasts, the first is psi(x) - log(scale), without the rounding of either logarithm.

    >>> import numpy as np
    >>> psi, slope = polygamma_pair(np.asarray(1.0))
    >>> round(float(slope), 12)  # pi^2 / 6
    1.644934066848
    """
    xp, shift, x, u, w = _start(x)
    inverse, p = 1 / w, 1 / _polynomial(u, shift.p)
    square = inverse * inverse
    sums = _polynomial(u, shift.slope)
    sums *= 2 * x + (shift.n - 1)
    sums *= p
    psi = xp.log(w if scale is None else w / scale)
    psi += _psi_tail(shift, square)
    psi -= sums
    slopes = tuple(-2 * k * c for k, c in enumerate(shift.series, 1))
    slope = _polynomial(square, (*slopes[::-1], 1.0))
    slope *= inverse
    q = _polynomial(u, shift.q)
    q *= p
    sums *= sums
    sums -= q
    slope += sums
    return psi, slope


def trigamma(x: Array) -> Array:
    """psi'(x), the derivative of ``digamma``, elementwise, for x > 0. Float32, or float64 for float64."""
    return polygamma_pair(x)[1]


def log_gamma(x: Array) -> Array:
    """log Gamma(x), elementwise, for x > 0. Float32, or float64 for float64.

    >>> import numpy as np
    >>> round(float(log_gamma(np.asarray(5.0))), 12)  # log 4!
    3.178053830348
    """
    xp, shift, x, u, w = _start(x)
    inverse = 1 / w
    tail = tuple(-c / (2 * k - 1) for k, c in enumerate(shift.series, 1))
    series = inverse * _polynomial(inverse * inverse, tail[::-1])
    return w * (xp.log(w) - 1) - xp.log(_polynomial(u, shift.p)) + (series + math.log(2 * math.pi) / 2)


def log_gamma_remainder(x: Array) -> Array:
    """log Gamma(x) - x log x + x, elementwise, for x > 0: what Stirling's formula leaves, small where x is large.

    From 8 on by its own asymptotic series, where the difference would lose digits.
    """
    xp = array_namespace(x)
    x = working(x)
    near, inverse = xp.clip(x, max=8.0), 1 / xp.clip(x, min=8.0)
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
    far = series + 0.5 * (xp.log(inverse) + math.log(2 * math.pi))
    return xp.where(x > 8, far, log_gamma(near) - near * (xp.log(near) - 1))


class _Quantile(NamedTuple):
    """Numerators and denominators (highest power first) for the centre, the tails, and the far tails beyond 5."""

    centre: tuple[tuple[float, ...], tuple[float, ...]]
    tail: tuple[tuple[float, ...], tuple[float, ...]]
    far: tuple[tuple[float, ...], tuple[float, ...]]


# The constants of Wichura's routines PPND7 and PPND16.
_PPND7 = _Quantile(
    (
        (5.9109374720e1, 1.5929113202e2, 5.0434271938e1, 3.3871327179e0),
        (6.7187563600e1, 7.8757757664e1, 1.7895169469e1, 1.0),
    ),
    (
        (1.7023821103e-1, 1.3067284816e0, 2.7568153900e0, 1.4234372777e0),
        (1.2021132975e-1, 7.3700164250e-1, 1.0),
    ),
    (
        (1.7337203997e-2, 4.2868294337e-1, 3.0812263860e0, 6.6579051150e0),
        (1.2258202635e-2, 2.4197894225e-1, 1.0),
    ),
)
_PPND16 = _Quantile(
    (
        (
            2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
            1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
        ),
        (
            5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
            5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
        ),
    ),
    (
        (
            7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
            3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
        ),
        (
            1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
            6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
        ),
    ),
    (
        (
            2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
            2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
        ),
        (
            2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
            7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
            5.99832206555887937690e-1, 1.0,
        ),
    ),
)  # fmt: skip


def _ratio(x: Array, pair: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    ratio = _polynomial(x, pair[0])
    ratio /= _polynomial(x, pair[1])
    return ratio


def normal_quantile(u: Array) -> Array:
    """The standard normal quantile, elementwise, for u in (0, 1); relative error 4e-7, in float64 2e-15.

    Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37, 1988: PPND7 in
    float32, PPND16 in float64. 0 and 1 count as the smallest positive number and its complement. Float32 is spaced
    finely near 0 only: take far tails from there.

    >>> import numpy as np
    >>> round(float(normal_quantile(np.asarray(0.975))), 12)
    1.95996398454
    """
    xp = array_namespace(u)
    u = working(u)
    lower = xp.clip(xp.minimum(u, 1 - u), float(xp.finfo(u.dtype).smallest_normal))
    r = xp.sqrt(-xp.log(lower))
    table = _PPND16 if u.dtype == xp.float64 else _PPND7
    size = xp.where(r > 5, _ratio(r - 5, table.far), -lower_normal_quantile(lower))
    return xp.where(u < 0.5, -size, size)


def lower_normal_quantile(u: Array) -> Array:
    """``normal_quantile`` for u in [exp(-25), 1/2], where half of its work is saved."""
    xp = array_namespace(u)
    table = _PPND16 if u.dtype == xp.float64 else _PPND7
    q = u - 0.5
    r = xp.sqrt(-xp.log(u))
    r -= 1.6
    centre = _ratio(0.180625 - q * q, table.centre)
    centre *= q
    return xp.where(q < -0.425, -_ratio(r, table.tail), centre)
