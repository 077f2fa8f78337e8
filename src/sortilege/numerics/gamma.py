"""Gamma and Dirichlet variates in log space, exact for every shape, from counter-based noise.

Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000, for shapes from 1 on, and
Gamma(a) = Gamma(a + 1) U^(1/a) for all, which in log space loses nothing, however small a is.
"""

from sortilege.numerics._arrays import Array, array_namespace, in_blocks, retry, working
from sortilege.numerics.information import log_softmax
from sortilege.numerics.random import Key, Stream, counter, key_words, threefry, unit, words
from sortilege.numerics.special import lower_normal_quantile

TRIES = 10
REJECTED = 0.049  # the most that a try rejects, at shape 1; with all the tries below 1e-12


def _propose(shape: Array, *noise: Array) -> tuple[Array, Array]:
    """A try at log Gamma(shape, 1), shape >= 1, and whether it is rejected.

    With d = shape - 1/3 and a normal z, the proposal is d (1 + s)^3, s = z / sqrt(9 d), accepted with probability
    exp(z^2 / 2 + d (1 - (1 + s)^3 + 3 log(1 + s))). Written in log1p(s) - s, it stays accurate for large shapes.
    """
    xp = array_namespace(shape)
    # The top bit is the sign; the others give the lower half of the unit interval, where float32 is spaced finely.
    half = xp.astype(noise[0] & 0x7FFFFFFF, shape.dtype)
    half += 0.5
    half *= 2.0**-32
    z = xp.copysign(lower_normal_quantile(half), xp.astype(noise[0], shape.dtype))
    d = shape - 1 / 3
    s = z / xp.sqrt(9 * d)
    s = xp.clip(s, min=-0.9999999)  # (1 + s)^3 must be positive; this near 0 nothing is accepted
    log1p = 3 * xp.log1p(s)
    exponent = log1p - 3 * s
    exponent -= s * s * (3 + s)
    exponent *= d
    exponent += z * z / 2
    # This uniform number may round to 0 or 1, which does no harm here.
    level = xp.astype(noise[1], shape.dtype)
    level *= 2.0**-32
    level += 0.5
    log1p += xp.log(d)
    return log1p, level > xp.exp(exponent)


def log_standard_gamma(alpha: Array, key: Key) -> Array:
    """The logarithms (B, V) of independent Gamma(alpha, 1) variates, alpha (B, V) > 0, in the working precision.

    Finite for alpha >= 1e-36; alpha = 0 is not supported, NaN stays. All ``TRIES`` tries fail for less than one variate
    in 10^12, which is then one of the rejected proposals.

    >>> import numpy as np
    >>> alpha = np.full((1, 3), 1e-5)
    >>> log_standard_gamma(alpha, Key.of([7], [0], like=alpha)).round()
    array([[-23450., -35285., -46189.]])
    """
    return in_blocks(_log_standard_gamma, working(alpha), key)


def _log_standard_gamma(alpha: Array, key: Key) -> Array:
    xp = array_namespace(alpha)
    rows, size = alpha.shape
    shape = alpha + 1
    flat = xp.reshape(shape, (-1,))
    row = key_words(key)

    def again(places: Array, attempts: Array) -> tuple[Array, Array]:
        low, high, position = (xp.take(word, places // size)[:, None] for word in row)
        at = xp.astype(places % size, xp.int32)[:, None] + counter(Stream.DIRICHLET) + (attempts << 20)[None, :]
        return _propose(xp.take(flat, places)[:, None], *threefry((low, high), (at, position)))

    value, rejected = _propose(shape, *words(key, Stream.DIRICHLET, size))
    value = retry(xp.reshape(value, (-1,)), xp.reshape(rejected, (-1,)), again, TRIES, REJECTED)
    # One word is enough for U: entry i takes word i mod 2 of the index i div 2.
    pairs = xp.stack(words(key, Stream.DIRICHLET_BOOST, (size + 1) // 2), axis=-1)
    power = unit(xp.reshape(pairs, (rows, -1))[:, :size], like=alpha)
    return xp.reshape(value, alpha.shape) + xp.log1p(-power) / alpha


def sample_dirichlet_log(alpha: Array, key: Key) -> Array:
    """The log-probabilities (B, V) of a draw from Dir(alpha), alpha (B, V) > 0: Gamma variates normalised in log space.

    >>> import numpy as np
    >>> alpha = np.asarray([[1e-3, 1.0, 1e3]])
    >>> probability = np.exp(sample_dirichlet_log(alpha, Key.of([7], [0], like=alpha)))
    >>> round(float(probability.sum()), 6)
    1.0
    """
    return log_softmax(log_standard_gamma(alpha, key))
