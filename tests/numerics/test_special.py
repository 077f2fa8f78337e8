"""psi, psi', log-gamma and the normal quantile against SciPy and mpmath in float64, at the very inputs."""

import mpmath
import numpy as np
import pytest
import scipy.special as sp
from backends import BACKENDS, Backend, get

from sortilege.numerics.special import (
    digamma,
    log_gamma,
    lower_normal_quantile,
    normal_quantile,
    polygamma_pair,
    trigamma,
)

TOLERANCE = {"float32": 2e-6, "float64": 1e-12}
DTYPES = [
    pytest.param(backend, dtype, id=f"{backend}-{dtype}")
    for backend in BACKENDS
    for dtype in ("float32", "float64")
    if dtype == "float32" or backend.float64
]
FUNCTIONS = {
    "digamma": (digamma, sp.digamma, mpmath.digamma),
    "trigamma": (trigamma, lambda x: sp.polygamma(1, x), lambda x: mpmath.polygamma(1, x)),
    "log_gamma": (log_gamma, sp.gammaln, mpmath.loggamma),
    "psi of the pair": (lambda x: polygamma_pair(x)[0], sp.digamma, mpmath.digamma),
    "psi' of the pair": (
        lambda x: polygamma_pair(x)[1],
        lambda x: sp.polygamma(1, x),
        lambda x: mpmath.polygamma(1, x),
    ),
}


def arguments() -> np.ndarray:
    rng = np.random.default_rng(0)
    zeros = [
        centre + 10.0 ** rng.uniform(-9, -1, 4000) * rng.choice([-1, 1], 4000) for centre in (1, 1.4616321449683623, 2)
    ]
    return np.concatenate(
        [np.logspace(-6, 6, 60_001), 10 ** rng.uniform(-6, 6, 60_000), *zeros, [1, 2, 1.4616321449683623]]
    )


def error(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.max(np.abs(value.astype(np.float64) - truth) / np.maximum(1, np.abs(truth))))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("backend", "dtype"), DTYPES)
def test_error_against_scipy(backend: Backend, dtype: str, name: str) -> None:
    function, truth, _ = FUNCTIONS[name]
    x = np.clip(arguments(), 1e-6, 1e6).astype(dtype)
    value = get(backend.jit(function)(backend.put(x)))
    assert value.dtype == dtype
    assert error(value, truth(x.astype(np.float64))) <= TOLERANCE[dtype]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_against_mpmath(name: str) -> None:
    function, _, truth = FUNCTIONS[name]
    x = np.concatenate(
        [np.logspace(-6, 6, 121), [0.999999, 1.000001, 1.4616321449683623, 1.46163215, 1.999999, 2.000001]]
    )
    with mpmath.workdps(40):
        exact = np.asarray([float(truth(mpmath.mpf(float(v)))) for v in x])
    assert error(function(x), exact) <= 1e-13


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_outside_the_range_results_are_finite_and_go_to_their_limits(backend: Backend) -> None:
    x = np.asarray([0, 1e-30, 1e9, 1e20, 1e37, np.inf, np.nan], dtype=np.float32)
    psi, slope = (get(v) for v in backend.jit(polygamma_pair)(backend.put(x)))
    log = get(backend.jit(log_gamma)(backend.put(np.where(x == x[4], x[3], x))))
    assert np.isfinite(psi[:5]).all()
    assert np.isfinite(slope[:6]).all()
    assert np.isfinite(log[:5]).all()
    assert (psi[:2] < -1e17).all()
    assert (slope[:2] > 1e34).all()
    assert (log[:2] > 40).all()
    np.testing.assert_allclose(psi[2:5], np.log(x[2:5]), rtol=1e-6)
    np.testing.assert_allclose(slope[2:6], [1e-9, 0, 0, 0], rtol=1e-5, atol=1e-17)
    assert np.isposinf(psi[5])
    assert np.isposinf(log[5])
    assert np.isnan([psi[6], slope[6], log[6]]).all()


def test_half_precision_is_worked_in_float32() -> None:
    x = np.asarray([0.5, 3.0], dtype=np.float16)
    assert digamma(x).dtype == np.float32
    np.testing.assert_allclose(log_gamma(x), sp.gammaln(x.astype(np.float64)), rtol=1e-6)


@pytest.mark.parametrize(("backend", "dtype"), DTYPES)
def test_normal_quantile(backend: Backend, dtype: str) -> None:
    rng = np.random.default_rng(1)
    lowest = -37 if dtype == "float32" else -300
    u = np.concatenate([10 ** rng.uniform(lowest, -0.5, 20_000), rng.uniform(0, 1, 20_000), [0.5, 0.075, 0.925]])
    u = u.astype(dtype)
    u = u[(u > 0) & (u < 1)]
    value = get(backend.jit(normal_quantile)(backend.put(u)))
    assert value.dtype == dtype
    assert error(value, sp.ndtri(u.astype(np.float64))) <= (5e-7 if dtype == "float32" else 5e-15)
    low = u[(u >= np.exp(-25)) & (u <= 0.5)]
    value = get(backend.jit(lower_normal_quantile)(backend.put(low)))
    assert error(value, sp.ndtri(low.astype(np.float64))) <= (5e-7 if dtype == "float32" else 5e-15)


def test_normal_quantile_at_the_ends_is_finite() -> None:
    low, middle, high = normal_quantile(np.asarray([0, 0.5, 1], dtype=np.float32))
    assert (low, middle) == (-high, 0)
    assert -13 < low < -12.9
