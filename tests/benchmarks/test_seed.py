"""The reference functions of the source do what the source does, and fail where it is documented to fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special as sp

from benchmarks import seed

TEMPERATURES = (0.6, 1.0, 1.3, 2.5)


def entropy(logits: np.ndarray, T: np.ndarray) -> np.ndarray:
    log_p = sp.log_softmax(logits.astype(np.float64) / np.asarray(T, dtype=np.float64)[:, None], axis=-1)
    return -np.sum(np.exp(log_p) * log_p, axis=-1)


def differentiated(logits: np.ndarray, T: float) -> tuple[float, float, float]:
    """The entropy and its two derivatives in T by automatic differentiation in float64."""

    def ent(t: jax.Array) -> jax.Array:
        log_p = jax.nn.log_softmax(jnp.asarray(logits) / t)
        return -jnp.sum(jnp.exp(log_p) * log_p)

    grad = jax.grad(ent)
    return float(ent(T)), float(grad(T)), float(jax.grad(grad)(T))


def model_like(rows: int, V: int, rng: np.random.Generator) -> np.ndarray:
    return -1.3 * np.log(rng.permutation(V) + 2.7) + 3.0 * rng.normal(size=(rows, V))


def residual(alpha: np.ndarray, t: np.ndarray) -> np.ndarray:
    alpha = np.asarray(alpha, dtype=np.float64)
    return sp.digamma(alpha) - sp.digamma(alpha.sum()) - t


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 6.0])
def test_corrected_second_derivative_is_that_of_automatic_differentiation(scale: float) -> None:
    rng = np.random.default_rng(int(10 * scale))
    with jax.enable_x64(True):
        for T in TEMPERATURES:
            for logits in scale * rng.normal(size=(8, 50)):
                ours = seed.ent_grad_hess(jnp.asarray(logits)[None], jnp.asarray([T]), corrected=True)
                np.testing.assert_allclose([float(x[0]) for x in ours], differentiated(logits, T), rtol=1e-9, atol=1e-9)


def test_the_sources_second_derivative_is_another_number_of_the_other_sign() -> None:
    logits = 3 * np.random.default_rng(0).normal(size=50)
    with jax.enable_x64(True):
        ent, grad, hess = (float(x[0]) for x in seed.ent_grad_hess(jnp.asarray(logits)[None], jnp.asarray([1.3])))
        exact = differentiated(logits, 1.3)
    assert (ent, grad) == pytest.approx(exact[:2], rel=1e-12)
    assert hess == pytest.approx(0.3279, abs=5e-5)
    assert exact[2] == pytest.approx(-1.0320, abs=5e-5)


def test_temp_tune_solves_easy_cases() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(50, 200)).astype(np.float32)
    wanted = rng.uniform(0.7, 1.6, size=50)
    target = entropy(logits, wanted)
    T, iterations, converged = seed.temp_tune(jnp.asarray(logits), jnp.asarray(target, dtype=jnp.float32))
    np.testing.assert_allclose(np.asarray(T), wanted, rtol=1e-4)
    assert np.all(np.asarray(iterations) == 10)
    assert np.mean(np.asarray(converged)) > 0.8


def test_temp_tune_misses_a_share_of_model_like_cases_and_the_right_derivative_mends_most() -> None:
    rng = np.random.default_rng(2)
    logits = model_like(1000, 1000, rng).astype(np.float32)
    target = rng.uniform(0.1, 0.8 * np.log(1000), size=1000)
    missed = {}
    for corrected in (False, True):
        T, _, _ = seed.temp_tune(jnp.asarray(logits), jnp.asarray(target, dtype=jnp.float32), corrected=corrected)
        missed[corrected] = np.mean(np.abs(entropy(logits, np.asarray(T)) - target) > 1e-3)
    assert 0.02 < missed[False] < 0.10
    assert missed[True] < 0.01


@pytest.mark.parametrize("V", [2, 50, 1000])
def test_fit_dirichlet_solves_easy_cases(V: int) -> None:
    rng = np.random.default_rng(V)
    t = np.log(rng.dirichlet(np.full(V, 2.0), size=20)).mean(axis=0)
    alpha, iterations, converged = seed.fit_dirichlet(jnp.asarray(t, dtype=jnp.float32))
    assert bool(converged)
    assert int(iterations) == 140
    assert np.linalg.norm(residual(alpha, t)) < 1.2e-4  # its tolerance, and float32


def test_fit_dirichlet_starts_where_it_is_told() -> None:
    known = np.random.default_rng(3).uniform(0.5, 5.0, size=100)
    with jax.enable_x64(True):
        t = sp.digamma(known) - sp.digamma(known.sum())
        alpha, _, converged = seed.fit_dirichlet(jnp.asarray(t), jnp.asarray(known))
    np.testing.assert_array_equal(np.asarray(alpha), known)
    assert bool(converged)


@pytest.mark.parametrize("x64", [False, True])
def test_fit_dirichlet_runs_out_of_steps_on_a_larger_vocabulary(x64: bool) -> None:
    t = sp.log_softmax(model_like(2, 16_384, np.random.default_rng(4)), axis=-1).mean(axis=0)
    with jax.enable_x64(x64):
        alpha, _, converged = seed.fit_dirichlet(jnp.asarray(t, dtype=jnp.float64 if x64 else jnp.float32))
    assert not bool(converged)
    assert np.linalg.norm(residual(alpha, t)) > 1.5e-4
