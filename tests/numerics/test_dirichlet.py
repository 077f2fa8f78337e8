"""The Dirichlet fit, density and entropy against SciPy in float64."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from backends import BACKENDS, Backend, get
from scipy import stats
from scipy.optimize import root
from scipy.special import digamma, gammaln, logsumexp

from sortilege.numerics import dirichlet_entropy, dirichlet_log_prob, fit_dirichlet
from sortilege.numerics.dirichlet import Pair

FLOAT32, FLOAT64 = 1e-4, 1e-10
FEASIBLE = -2e-7  # logsumexp(t) above it is 0 to float32


def residual(alpha: np.ndarray, t: np.ndarray) -> float:
    """max |psi(alpha_i) - psi(S) - t_i| of one row in float64."""
    alpha, t = alpha.astype(np.float64), t.astype(np.float64)
    return float(np.abs(digamma(alpha) - digamma(alpha.sum()) - t).max())


def average(rng: np.random.Generator, size: int, dtype: type = np.float32) -> np.ndarray:
    """A mean of 2 to 1,000 log-probability vectors (size,), one of them weighing up to 0.999."""
    count = round(2 * 500 ** rng.random())
    count = max(2, min(count, 8_000_000 // size))
    weights = rng.dirichlet(np.full(count, rng.choice([0.1, 1.0, 10.0])))
    if rng.random() < 0.5:
        heavy = rng.uniform(0.5, 0.999)
        weights = np.concatenate([[heavy], (1 - heavy) * weights[1:] / weights[1:].sum()])
    base = rng.normal(size=size) if rng.random() < 0.5 else -np.log(np.arange(1, size + 1))
    scale, t = 10 ** rng.uniform(-0.5, 1.0), np.zeros(size)
    for weight in weights:
        x = (base * rng.uniform(0, 2) + rng.normal(size=size).astype(np.float32)) * scale
        t += weight * (x - logsumexp(x))
    return t.astype(dtype)


def test_a_thousand_averages_in_float32():
    rng = np.random.default_rng(0)
    seen, steps = 0, []
    while seen < 1000:
        t = average(rng, round(2 * (128_256 / 2) ** rng.random()))
        if logsumexp(t.astype(np.float64)) > FEASIBLE:
            continue
        fit = fit_dirichlet(torch.from_numpy(t)[None])
        assert bool(fit.ok[0]), (t.shape, logsumexp(t), t.min())
        assert residual(get(fit.value)[0], t) <= FLOAT32, (t.shape, logsumexp(t), t.min())
        steps.append(int(fit.steps[0]))
        seen += 1
    assert max(steps) <= 3


def test_averages_in_float64():
    rng = np.random.default_rng(1)
    seen = 0
    while seen < 200:
        t = average(rng, round(2 * (20_000 / 2) ** rng.random()), np.float64)
        if logsumexp(t) > -1e-9:
            continue
        fit = fit_dirichlet(t[None])
        assert fit.ok[0], (t.shape, logsumexp(t), t.min())
        assert residual(fit.value[0], t) <= FLOAT64, (t.shape, logsumexp(t), t.min())
        seen += 1


def test_the_full_vocabulary():
    rng = np.random.default_rng(2)
    for _ in range(3):
        t = average(rng, 128_256)
        fit = fit_dirichlet(torch.from_numpy(t)[None])
        assert bool(fit.ok[0])
        assert residual(get(fit.value)[0], t) <= FLOAT32


def test_a_warm_start_needs_at_most_five_steps():
    rng = np.random.default_rng(3)
    for _ in range(60):
        size = round(2 * (20_000 / 2) ** rng.random())
        t, following = average(rng, size), average(rng, size)
        step = rng.uniform(0.01, 0.3)
        moved = ((1 - step) * t + step * following).astype(np.float32)
        if max(logsumexp(t), logsumexp(moved)) > FEASIBLE:
            continue
        start = fit_dirichlet(torch.from_numpy(t)[None]).value
        fit = fit_dirichlet(torch.from_numpy(moved)[None], start)
        assert bool(fit.ok[0])
        assert residual(get(fit.value)[0], moved) <= FLOAT32
        assert int(fit.steps[0]) <= 5


def test_against_a_general_root_finder():
    """SciPy's hybrid method on the equations themselves, V = 4."""
    rng = np.random.default_rng(4)
    for _ in range(10):
        t = average(rng, 4, np.float64)

        def equations(log_alpha: np.ndarray, t: np.ndarray = t) -> np.ndarray:
            alpha = np.exp(log_alpha)
            return digamma(alpha) - digamma(alpha.sum()) - t

        fit = fit_dirichlet(t[None]).value[0]
        found = root(equations, np.log(fit) + rng.normal(size=4) * 0.3, tol=1e-13)
        if found.success:
            np.testing.assert_allclose(fit, np.exp(found.x), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_every_backend(backend: Backend):
    rng = np.random.default_rng(5)
    t = np.stack([average(rng, 500) for _ in range(4)])
    fit = backend.jit(fit_dirichlet)(backend.put(t))
    assert get(fit.ok).all()
    for row, expected in zip(get(fit.value), t, strict=True):
        assert residual(row, expected) <= FLOAT32


def test_without_a_solution_the_concentration_is_capped():
    same = np.log(np.full((1, 50), 1 / 50, np.float32))  # a mean of equal distributions
    peaked = np.array([[-1e-9, -21.0, -160.0]], np.float32)
    for t in (same, peaked, np.zeros((1, 7), np.float32)):
        for cap in (1e3, 1e6):
            fit = fit_dirichlet(t, cap=cap)
            assert not fit.ok[0]
            assert (fit.value > 0).all()
            assert np.isfinite(fit.value).all()
            np.testing.assert_allclose(fit.value.sum(), cap, rtol=1e-3)
    np.testing.assert_allclose(fit_dirichlet(same, cap=1e6).value, np.full((1, 50), 2e4), rtol=1e-3)


def test_a_solution_beyond_the_cap_is_capped_and_keeps_its_mean():
    alpha = np.array([[3000.0, 5000.0, 2000.0]])
    t = (digamma(alpha) - digamma(alpha.sum())).astype(np.float64)
    fit = fit_dirichlet(t, cap=100.0)
    assert not fit.ok[0]
    np.testing.assert_allclose(fit.value.sum(), 100, rtol=1e-9)
    np.testing.assert_allclose(fit.value / 100, alpha / 1e4, atol=0.01)


def test_the_log_density_at_small_sizes():
    rng = np.random.default_rng(6)
    for alpha in (np.array([0.3, 2.0, 5.0]), np.array([1e-2, 1e-3, 40.0, 1.0]), rng.gamma(1, size=30) + 1e-3):
        p = rng.dirichlet(alpha + 1)
        expected = stats.dirichlet.logpdf(p / p.sum(), alpha)
        np.testing.assert_allclose(dirichlet_log_prob(np.log(p)[None], alpha[None])[0], expected, rtol=1e-10)
        np.testing.assert_allclose(dirichlet_entropy(alpha[None])[0], stats.dirichlet.entropy(alpha), rtol=1e-10)


def log_density64(log_p: np.ndarray, alpha: np.ndarray) -> float:
    log_p, alpha = log_p.astype(np.longdouble), alpha.astype(np.longdouble)
    total = gammaln(float(alpha.sum())) - gammaln(alpha.astype(np.float64)).astype(np.longdouble).sum()
    return float(total + ((alpha - 1) * log_p).sum())


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_the_log_density_of_a_large_vocabulary_is_accurate_to_a_hundredth(backend: Backend):
    from sortilege.numerics.dirichlet import log_densities

    rng = np.random.default_rng(7)
    size = 128_256
    zipf = 1 / np.arange(1, size + 1) ** 1.1
    for concentration in (300.0, 2e4):
        alpha = rng.permutation(concentration * zipf / zipf.sum() + 0.03).astype(np.float32)[None]
        x = np.log(alpha) + rng.normal(size=size) * 1.5
        log_p = np.maximum(x - logsumexp(x), -30).astype(np.float32)
        (got,) = log_densities(backend.put(alpha), backend.put(log_p))
        value = float(get(got.high)[0]) + float(get(got.low)[0])
        expected = log_density64(log_p[0], alpha[0])
        assert abs(expected) > 1e5
        assert abs(value - expected) < 1e-2, (value, expected)


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_pairs_keep_the_digits_that_a_float_would_lose(backend: Backend):
    """A weighted sum of numbers near 1e6, as the moving average of densities is, against exact fractions."""
    rng = np.random.default_rng(9)
    x = (1e6 * (1 + rng.random((3, 50)))).astype(np.float32)
    pairs = [Pair(backend.put(row), backend.put(np.zeros_like(row))) for row in x]
    weights = [float(np.float32(w)) for w in (0.1, -0.9, 0.77)]

    def combine(pairs):
        first, second, third = (pair.times(w) for pair, w in zip(pairs, weights, strict=True))
        return first.plus(second).plus(third).times(weights[0])

    got = backend.jit(combine)(pairs)
    for i in range(50):
        exact = sum(Fraction(float(x[j, i])) * Fraction(weights[j]) for j in range(3)) * Fraction(weights[0])
        value = Fraction(float(get(got.high)[i])) + Fraction(float(get(got.low)[i]))
        assert abs(value - exact) < 1e-6


def test_rows_are_independent_and_jit_is_eager():
    rng = np.random.default_rng(8)
    t = np.stack([average(rng, 200) for _ in range(3)])
    t[1] = np.nan
    together = fit_dirichlet(t).value
    np.testing.assert_array_equal(together[0], fit_dirichlet(t[:1]).value[0])
    np.testing.assert_array_equal(together[2], fit_dirichlet(t[2:]).value[0])
    compiled = jax.jit(fit_dirichlet)(jnp.asarray(t[:1])).value
    np.testing.assert_allclose(get(compiled)[0], together[0], rtol=1e-4)
