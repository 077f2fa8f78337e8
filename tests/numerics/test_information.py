"""Log-probabilities, entropies and divergences against SciPy and mpmath, with all that may be wrong with a row."""

import mpmath
import numpy as np
import pytest
import scipy.special as sp
import torch
from backends import BACKENDS, Backend, get

from sortilege.numerics.information import (
    entropy,
    kl_divergence,
    log_softmax,
    log_sum_exp,
    surprisal,
    varentropy,
)

ALL = [pytest.param(backend, id=str(backend)) for backend in BACKENDS]
NONE = -np.inf


def rows(dtype: str = "float32") -> np.ndarray:
    """Logits (8, 500) of many scales and offsets, some masked, one with a single finite entry, one at -3e38."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8, 500)) * np.asarray([0.01, 1, 5, 30, 100, 1, 1, 1])[:, None]
    logits += np.asarray([0, 1e3, -1e3, 0, 0, 0, 0, 0])[:, None]
    logits[3:5, ::2] = NONE
    logits[5, 1:] = NONE
    logits[6, 250:] = -3e38
    logits[7] = 2.5
    return logits.astype(dtype)


def moments(log_p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entropy and varentropy in float64, by the definition."""
    p = np.exp(log_p)
    surprise = np.where(p > 0, -log_p, 0)
    mean = (p * surprise).sum(axis=-1)
    return mean, (p * (surprise - mean[:, None]) ** 2).sum(axis=-1)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_scipy(backend: Backend, dtype: str) -> None:
    if dtype == "float64" and not backend.float64:
        pytest.skip("no float64 without x64")
    logits = rows(dtype)
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    put = backend.put(logits)
    exact = sp.log_softmax(logits.astype(np.float64), axis=-1)
    log_p = get(backend.jit(log_softmax)(put))
    assert log_p.dtype == dtype
    np.testing.assert_array_equal(np.isinf(log_p), np.isinf(logits))
    np.testing.assert_allclose(log_p, exact, rtol=tolerance, atol=tolerance)
    total = get(backend.jit(log_sum_exp)(put))
    np.testing.assert_allclose(total, sp.logsumexp(logits.astype(np.float64), axis=-1), rtol=tolerance)

    put = backend.put(log_p)
    mean, variance = moments(log_p.astype(np.float64))
    np.testing.assert_allclose(get(backend.jit(entropy)(put)), mean, rtol=2 * tolerance, atol=2 * tolerance)
    np.testing.assert_allclose(get(backend.jit(varentropy)(put)), variance, rtol=10 * tolerance, atol=10 * tolerance)
    np.testing.assert_array_equal(get(surprisal(put)), -log_p)

    other = np.ascontiguousarray(log_p[:, ::-1])
    other[3:5] = np.roll(other[3:5], 1, axis=-1)  # masked where p is masked
    with np.errstate(over="ignore"):
        terms = sp.rel_entr(np.exp(log_p.astype(np.float64)), np.exp(other.astype(np.float64)))
    ordinary = [0, 1, 2, 7]
    kl = get(backend.jit(kl_divergence)(put, backend.put(other)))
    np.testing.assert_allclose(kl[ordinary], terms[ordinary].sum(axis=-1), rtol=20 * tolerance, atol=10 * tolerance)
    assert not np.isnan(kl).any()


@pytest.mark.parametrize("backend", ALL)
def test_against_mpmath_on_a_small_case(backend: Backend) -> None:
    p, q = [0.5, 0.2, 0.2, 0.1, 0.0], [0.1, 0.3, 0.35, 0.25, 0.0]
    with mpmath.workdps(30):
        pairs = [(mpmath.mpf(a), mpmath.mpf(b)) for a, b in zip(p, q, strict=True) if a]
        mean = -sum(a * mpmath.log(a) for a, _ in pairs)
        variance = sum(a * (mpmath.log(a) + mean) ** 2 for a, _ in pairs)
        kl = sum(a * mpmath.log(a / b) for a, b in pairs)
    with np.errstate(divide="ignore"):
        log_p, log_q = (backend.put(np.log(np.asarray([x])).astype(np.float32)) for x in (p, q))
    assert float(get(backend.jit(entropy)(log_p))[0]) == pytest.approx(float(mean), rel=1e-6)
    assert float(get(backend.jit(varentropy)(log_p))[0]) == pytest.approx(float(variance), rel=1e-5)
    assert float(get(backend.jit(kl_divergence)(log_p, log_q))[0]) == pytest.approx(float(kl), rel=1e-6)


@pytest.mark.parametrize("backend", ALL)
def test_one_finite_entry_and_all_masked(backend: Backend) -> None:
    logits = np.asarray([[NONE, 3.0, NONE], [NONE, NONE, NONE]], np.float32)
    log_p = backend.jit(log_softmax)(backend.put(logits))
    np.testing.assert_array_equal(get(log_p), [[NONE, 0, NONE], [NONE, NONE, NONE]])
    np.testing.assert_array_equal(get(log_sum_exp(backend.put(logits))), [3, NONE])
    for measure in (entropy, varentropy, lambda x: kl_divergence(x, x)):
        value = get(backend.jit(measure)(log_p))
        np.testing.assert_array_equal(value, [0, 0])
        assert not np.signbit(value).any()
    certain = get(surprisal(log_p))[0]
    np.testing.assert_array_equal(certain, [np.inf, 0, np.inf])
    assert not np.signbit(certain).any()


@pytest.mark.parametrize("backend", ALL)
def test_divergence_of_supports_that_differ(backend: Backend) -> None:
    half, tenth = np.log(0.5), np.log(0.1)
    log_p = np.asarray([[half, half, NONE], [half, half, NONE], [0, NONE, NONE]], np.float32)
    log_q = np.asarray([[half, NONE, half], [tenth, np.log(0.2), np.log(0.7)], [0, NONE, NONE]], np.float32)
    value = get(backend.jit(kl_divergence)(backend.put(log_p), backend.put(log_q)))
    np.testing.assert_allclose(value, [np.inf, 0.5 * np.log(5) + 0.5 * np.log(2.5), 0], rtol=1e-6)


@pytest.mark.parametrize("backend", ALL)
def test_divergence_is_never_negative(backend: Backend) -> None:
    log_p = get(log_softmax(np.random.default_rng(1).normal(size=(50, 1000)).astype(np.float32)))
    nudged = np.nextafter(log_p, np.float32(0))
    value = get(backend.jit(kl_divergence)(backend.put(log_p), backend.put(nudged)))
    assert (value >= 0).all()
    assert (value < 1e-5).all()


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_entry_makes_its_row_nan_and_no_other(backend: Backend, bad: float) -> None:
    logits = np.asarray([[0, bad, 1], [0, 1, 2], [NONE, bad, NONE]], np.float32)
    log_p = backend.jit(log_softmax)(backend.put(logits))
    assert np.isnan(get(log_p)[[0, 2], 1]).all()
    np.testing.assert_allclose(get(log_p)[1], sp.log_softmax(logits[1].astype(np.float64)), rtol=1e-6)
    for measure in (entropy, varentropy, lambda x: kl_divergence(x, x)):
        value = get(backend.jit(measure)(log_p))
        assert np.isnan(value[[0, 2]]).all()
        assert np.isfinite(value[1])
    total = get(backend.jit(log_sum_exp)(backend.put(logits)))
    np.testing.assert_array_equal(total[[0, 2]], [bad, bad])


@pytest.mark.parametrize("backend", ALL)
def test_float16_is_worked_in_float32(backend: Backend) -> None:
    if backend.name == "strict":
        pytest.skip("the standard has no float16")
    logits = (4 * np.random.default_rng(2).normal(size=(3, 4000))).astype(np.float16)
    log_p = backend.jit(log_softmax)(backend.put(logits))
    assert get(log_p).dtype == np.float32
    exact = sp.log_softmax(logits.astype(np.float64), axis=-1)
    np.testing.assert_allclose(get(log_p), exact, rtol=1e-6, atol=2e-6)
    half = backend.put(exact.astype(np.float16))
    mean, _ = moments(exact.astype(np.float16).astype(np.float64))
    np.testing.assert_allclose(get(entropy(half)), mean, rtol=1e-6)


def test_bfloat16_is_worked_in_float32() -> None:
    logits = torch.randn(3, 4000, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    log_p = log_softmax(logits)
    assert log_p.dtype == torch.float32
    torch.testing.assert_close(log_p, torch.log_softmax(logits.double(), -1).float(), rtol=1e-6, atol=2e-6)
    assert entropy(log_p.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize("backend", ALL)
def test_a_large_vocabulary_keeps_its_digits(backend: Backend) -> None:
    logits = np.random.default_rng(3).normal(size=(1, 128_256)).astype(np.float32)
    log_p = sp.log_softmax(logits.astype(np.float64), axis=-1)
    mean, variance = moments(log_p)
    put = backend.put(logits)
    mine = backend.jit(log_softmax)(put)
    np.testing.assert_allclose(get(mine), log_p, atol=5e-6)
    np.testing.assert_allclose(get(backend.jit(entropy)(mine)), mean, rtol=3e-6)
    np.testing.assert_allclose(get(backend.jit(varentropy)(mine)), variance, rtol=1e-5)
