"""Gamma and Dirichlet variates: a million draws against their distributions, and the same draws on every library."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special as sp
from backends import BACKENDS, Backend, get
from goodness import LEVEL, kolmogorov

from sortilege.numerics import gamma
from sortilege.numerics.gamma import log_standard_gamma, sample_dirichlet_log
from sortilege.numerics.random import Key, draw, words

ALL = [pytest.param(backend, id=str(backend)) for backend in BACKENDS]
# Without jit, JAX goes the way it goes with it: one test of that is enough.
COMPILED = [pytest.param(backend, id=str(backend)) for backend in BACKENDS if backend.name != "jax"]
Cdf = Callable[[np.ndarray], np.ndarray]


def log_gamma_cdf(shape: float) -> Cdf:
    """Of log G: below exp(-30) the incomplete gamma function is x^shape / Gamma(shape + 1), to the last digit."""

    def cdf(y: np.ndarray) -> np.ndarray:
        y = y.astype(np.float64)
        return np.where(
            y > -30,
            sp.gammainc(shape, np.exp(np.maximum(y, -30))),
            np.exp(np.minimum(shape * y - sp.gammaln(shape + 1), 0)),
        )

    return cdf


def log_beta_cdf(a: float, b: float) -> Cdf:
    """Of log X, X of Beta(a, b), likewise: below exp(-40) it is x^a / (a B(a, b)), if a + b is not large."""

    def cdf(y: np.ndarray) -> np.ndarray:
        y = np.minimum(y.astype(np.float64), 0)
        return np.where(
            y > -40,
            sp.betainc(a, b, np.exp(np.maximum(y, -40))),
            np.exp(np.minimum(a * y - np.log(a) - sp.betaln(a, b), 0)),
        )

    return cdf


def variates(shape: float, dtype: str = "float32", seed: int = 0) -> np.ndarray:
    """A million, in ten rows."""
    alpha = np.full((10, 100_000), shape, dtype)
    return log_standard_gamma(alpha, Key.of(list(range(seed, seed + 10)), [3] * 10, like=alpha))


SHAPES = [1e-3, 1e-2, 0.1, 0.5, 0.999, 1.0, 1.001, 2.5, 30.0, 1e3, 1e4]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_million_gamma_variates(shape: float) -> None:
    value = variates(shape)
    assert value.dtype == np.float32
    assert kolmogorov(value.ravel(), log_gamma_cdf(shape)) > LEVEL / (2 * len(SHAPES))
    # Neighbours share counters: their sums follow their own law only if they are independent.
    sums = np.logaddexp.reduce(value.astype(np.float64).reshape(-1, 5), axis=1)
    assert kolmogorov(sums, log_gamma_cdf(5 * shape)) > LEVEL / (2 * len(SHAPES))


@pytest.mark.parametrize("shape", [1e-3, 0.7, 1e4])
def test_a_million_gamma_variates_in_float64(shape: float) -> None:
    value = variates(shape, "float64", seed=100)
    assert value.dtype == np.float64
    assert kolmogorov(value.ravel(), log_gamma_cdf(shape)) > LEVEL / 3


@pytest.mark.parametrize("shape", [0.5, 1.0])
def test_without_rejection_the_variates_would_be_wrong(monkeypatch: pytest.MonkeyPatch, shape: float) -> None:
    propose = gamma._propose

    def accept_all(*arguments):
        value, rejected = propose(*arguments)
        return value, rejected & False

    monkeypatch.setattr(gamma, "_propose", accept_all)
    assert kolmogorov(variates(shape).ravel(), log_gamma_cdf(shape)) < LEVEL


def test_the_noise_of_the_power_is_not_that_of_the_proposal() -> None:
    like = np.zeros(1, np.float32)
    key = Key.of([1], [2], like=like)
    seen = {get(word).tobytes() for stream in (1, 2) for word in words(key, stream, 10)}
    assert len(seen) == 4


@pytest.mark.parametrize("shape", [1e-4, 1.0, 2.0, 30.0])
def test_tries_are_rejected_no_more_often_than_stated(shape: float) -> None:
    alpha = np.full((8, 100_000), shape + (shape < 1), np.float32)
    key = Key.of(list(range(8)), [0] * 8, like=alpha)
    for attempt in (0, gamma.TRIES - 1):
        _, rejected = gamma._propose(alpha, *words(key, 1, 100_000, attempt))
        assert rejected.mean() < gamma.REJECTED
    assert gamma.REJECTED**gamma.TRIES < 1e-9


ALPHAS = {
    "small": np.asarray([1e-3, 0.01, 0.05, 0.3, 0.9, 0.002]),
    "mixed": np.asarray([1e-3, 0.02, 0.5, 1.0, 3.0, 25.0, 400.0, 1e4]),
    "large": np.asarray([1e4, 3e3, 1e4, 2e3]),
}


@pytest.mark.parametrize("name", ALPHAS)
def test_a_million_dirichlet_draws(name: str) -> None:
    alpha = ALPHAS[name]
    size, total, rows = len(alpha), alpha.sum(), 100_000
    parts = []
    for position in range(10):
        # float64: an entry near probability 1 has a logarithm whose spread float32 does not resolve.
        key = Key.of(list(range(rows)), [position] * rows, like=alpha)
        parts.append(sample_dirichlet_log(np.broadcast_to(alpha, (rows, size)), key))
    log_p = np.concatenate(parts)
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-12)
    comparisons = {
        str(alpha[i]): kolmogorov(log_p[:, i], log_beta_cdf(alpha[i], total - alpha[i])) for i in range(size - 1)
    }
    # Sums over groups of tokens are Beta distributed too, which the marginals do not imply.
    half = np.logaddexp.reduce(log_p[:, ::2], axis=1)
    comparisons["even"] = kolmogorov(half, log_beta_cdf(alpha[::2].sum(), alpha[1::2].sum()))
    pair = np.logaddexp(log_p[:, 0], log_p[:, 1])
    comparisons["first two"] = kolmogorov(pair, log_beta_cdf(alpha[:2].sum(), alpha[2:].sum()))
    assert min(comparisons.values()) > LEVEL / (len(comparisons) * len(ALPHAS)), comparisons


def shapes(rows: int, size: int) -> np.ndarray:
    return np.exp(2.5 * np.random.default_rng(5).normal(size=(rows, size)) - 2).astype(np.float32)


@pytest.mark.parametrize("backend", ALL)
def test_the_same_variates_everywhere(backend: Backend) -> None:
    alpha = shapes(3, 5001)
    alpha[2] = 1  # where rejections are most frequent
    seeds, positions = [11, 12, 13], [0, 5, 2]
    expected = log_standard_gamma(alpha, Key.of(seeds, positions, like=alpha))
    put = backend.put(alpha)
    value = get(backend.jit(log_standard_gamma)(put, Key.of(seeds, positions, like=put)))
    assert value.dtype == np.float32
    # The last digit of a logarithm may turn a rejection around, for about one variate in a million.
    different = np.abs(value - expected) > 4e-6 * np.maximum(1, np.abs(expected))
    assert different.sum() <= 1


@pytest.mark.parametrize("backend", COMPILED)
def test_the_same_tokens_everywhere_after_a_dirichlet_draw(backend: Backend) -> None:
    alpha = shapes(16, 2000)
    seeds, positions = list(range(16)), [3] * 16

    def token(alpha, key):
        return draw(sample_dirichlet_log(alpha, key), key)

    expected = token(alpha, Key.of(seeds, positions, like=alpha))
    put = backend.put(alpha)
    tokens = get(backend.jit(token)(put, Key.of(seeds, positions, like=put)))
    np.testing.assert_array_equal(tokens, expected)


def test_fixed_shapes_have_room_for_all_rejections() -> None:
    alpha = np.ones((8, 40_000), np.float32)
    value = jax.jit(log_standard_gamma)(jnp.asarray(alpha), Key.of(list(range(8)), [1] * 8, like=jnp.ones(1)))
    expected = log_standard_gamma(alpha, Key.of(list(range(8)), [1] * 8, like=alpha))
    assert (np.abs(get(value) - expected) > 4e-6 * np.maximum(1, np.abs(expected))).sum() <= 1


def test_rows_do_not_depend_on_their_batch() -> None:
    alpha = shapes(7, 40_000)
    together = sample_dirichlet_log(alpha, Key.of(list(range(7)), [1] * 7, like=alpha))
    for i in range(7):
        alone = sample_dirichlet_log(alpha[i : i + 1], Key.of([i], [1], like=alpha))
        np.testing.assert_array_equal(together[i : i + 1], alone)


@pytest.mark.parametrize("backend", COMPILED)
def test_tiny_and_large_shapes_stay_finite_and_nan_stays_where_it_is(backend: Backend) -> None:
    alpha = np.asarray([[1e-36, 1e-6, 1e6, 1e12, np.nan, 1.0]], np.float32)
    put = backend.put(alpha)
    value = get(backend.jit(log_standard_gamma)(put, Key.of([1], [1], like=put)))
    np.testing.assert_array_equal(np.isfinite(value), ~np.isnan(alpha))
    np.testing.assert_allclose(value[0, 2:4], np.log([1e6, 1e12]), rtol=1e-3)
    np.testing.assert_array_equal(get(put), alpha)  # not written to


@pytest.mark.parametrize("backend", COMPILED)
def test_half_precision_is_worked_in_float32(backend: Backend) -> None:
    if backend.name not in ("numpy", "torch"):
        pytest.skip("the standard has no float16, and one compilation less is welcome")
    put = backend.put(np.asarray([[0.5, 2.0, 8.0]], np.float16))
    log_p = get(sample_dirichlet_log(put, Key.of([1], [1], like=put)))
    assert log_p.dtype == np.float32
    assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-6)
