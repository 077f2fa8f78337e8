"""The temperature solver against SciPy in float64, the entropy's derivatives against automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from backends import BACKENDS, Backend, get
from scipy.special import logsumexp, xlogy

from sortilege.numerics import ent_grad_hess, solve_temperature

KINDS = ("normal", "zipf", "rounded", "cubed", "exponential", "spike", "two levels", "many scales", "one tie")


def entropy64(logits: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """The entropy of softmax(logits / T), rows of (B, V), in float64."""
    x = logits.astype(np.float64)
    x = (x - x.max(axis=-1, keepdims=True)) / np.asarray(temperature, np.float64)[:, None]
    p = np.exp(x - logsumexp(x, axis=-1, keepdims=True))
    return -xlogy(p, p).sum(axis=-1)


def make(rng: np.random.Generator, kind: str, rows: int, size: int, scale: np.ndarray, masked: float) -> np.ndarray:
    """Logits (rows, size) float32 of a kind, times a scale (rows,), a share of them masked."""
    x = rng.normal(size=(rows, size))
    if kind == "zipf":
        x = -rng.uniform(0.5, 3) * np.log(np.arange(1, size + 1)) + 0.5 * x
    elif kind == "rounded":
        x = np.round(2 * x) / 2
    elif kind == "cubed":
        x = x**3
    elif kind == "exponential":
        x = 2 * rng.exponential(size=(rows, size))
    elif kind == "spike":
        x = 1e-3 * x
        x[:, rng.integers(size)] += 10
    elif kind == "two levels":
        x = np.where(rng.random((rows, size)) < 0.1, 10, 0) + 1e-2 * x
    elif kind == "many scales":
        x = -(10.0 ** rng.uniform(-3, 3, (rows, size)))
    elif kind == "one tie":
        x = np.sort(x, axis=-1)
        x[:, -2:] = x[:, -1:]
    x = (x * scale[:, None]).astype(np.float32)
    if masked and size > 4:
        gone = rng.random((rows, size)) < masked
        gone[:, :2] = False
        x[gone] = -np.inf
    return x


def limits(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(tied maxima) and log(finite logits): the open interval of attainable entropies."""
    tied = (logits == logits.max(axis=-1, keepdims=True)).sum(axis=-1)
    return np.log(tied), np.log(np.isfinite(logits).sum(axis=-1))


def cases(count: int, rows: int, seed: int):
    """Batches of (logits, feasible targets): V from 2 to 128,256, scales 0.01 to 100, targets up to both ends."""
    rng = np.random.default_rng(seed)
    made = 0
    while made < count:
        kind = KINDS[rng.integers(len(KINDS))]
        size = round(2 * (128_256 / 2) ** rng.random())
        scale = 10 ** rng.uniform(-2, 2, rows)
        logits = make(rng, kind, rows, size, scale, rng.choice([0.0, 0.0, rng.uniform(0, 0.9)]))
        low, high = limits(logits)
        where = rng.random(rows)
        where = np.choose(rng.integers(3, size=rows), [where, 1e-3 * where, 1 - 1e-3 * where])
        target = (low + (high - low) * where).astype(np.float32)
        free = (high > low) & (target > low + 1e-6) & (target < high - 1e-6)
        if free.any():
            yield logits[free], target[free]
            made += int(free.sum())


def test_ten_thousand_cases_in_float32():
    seen = 0
    for logits, target in cases(10_000, 50, seed=0):
        solved = solve_temperature(torch.from_numpy(logits), torch.from_numpy(target))
        error = np.abs(entropy64(logits, get(solved.value)) - target)
        assert get(solved.ok).all(), logits.shape
        assert error.max() <= 1e-4, (logits.shape, error.max(), target[error.argmax()])
        seen += len(target)
    assert seen >= 10_000


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_every_backend(backend: Backend):
    for logits, target in cases(60, 5, seed=1):
        solved = solve_temperature(backend.put(logits), backend.put(target))
        assert get(solved.ok).all()
        assert np.abs(entropy64(logits, get(solved.value)) - target).max() <= 1e-4


def test_float64_is_accurate_to_1e_9():
    for logits, target in cases(200, 10, seed=2):
        logits, target = logits.astype(np.float64), target.astype(np.float64)
        solved = solve_temperature(logits, target)
        assert solved.ok.all()
        assert np.abs(entropy64(logits, solved.value) - target).max() <= 1e-9


def test_under_jit_it_is_the_same():
    rng = np.random.default_rng(3)
    logits = jnp.asarray(rng.normal(size=(4, 1000)).astype(np.float32) * 3)
    target = jnp.asarray(np.array([1.0, 2.0, 3.0, 6.5], np.float32))
    np.testing.assert_allclose(
        get(jax.jit(solve_temperature)(logits, target).value), get(solve_temperature(logits, target).value), rtol=1e-5
    )


def test_infeasible_targets_are_clipped_and_flagged():
    logits = np.array([[1.0, 0.0, -1.0], [1.0, 0.0, -1.0], [1.0, 1.0, 0.0], [1.0, 0.0, -1.0]], np.float32)
    target = np.array([2.0, -1.0, 0.3, np.log(3)], np.float32)
    solved = solve_temperature(logits, target)
    assert not solved.ok.any()
    low, high = limits(logits)
    np.testing.assert_allclose(entropy64(logits, solved.value), np.clip(target, low, high), atol=1e-4)


def test_rows_in_which_the_temperature_has_no_influence_get_one():
    inf = np.inf
    logits = np.array([[-inf, 2.0, -inf], [3.0, 3.0, -inf], [-inf, -inf, -inf], [-inf, 2.0, -inf]], np.float32)
    solved = solve_temperature(logits, np.array([0.0, np.log(2), 1.0, 0.5], np.float32))
    assert (solved.value == 1).all()
    assert solved.ok.tolist() == [True, True, False, False]


def test_rows_do_not_see_each_other():
    rng = np.random.default_rng(4)
    logits, target = rng.normal(size=(6, 300)).astype(np.float32), rng.uniform(1, 5, 6).astype(np.float32)
    logits[3] = np.nan
    together = solve_temperature(logits, target).value
    for i in (0, 1, 2, 4, 5):
        assert together[i] == solve_temperature(logits[i : i + 1], target[i : i + 1]).value[0]


def test_derivatives_agree_with_automatic_differentiation():
    rng = np.random.default_rng(5)
    for size, scale, temperature in ((50, 1.0, 1.3), (1000, 3.0, 0.7), (5, 10.0, 4.0)):
        logits = torch.from_numpy(rng.normal(size=size) * scale)
        t = torch.tensor(temperature, dtype=torch.float64, requires_grad=True)
        logp = torch.log_softmax(logits / t, -1)
        entropy = -(logp.exp() * logp).sum()
        (first,) = torch.autograd.grad(entropy, t, create_graph=True)
        (second,) = torch.autograd.grad(first, t)
        ours = ent_grad_hess(logits[None].numpy(), np.array([temperature]))
        np.testing.assert_allclose(
            [float(x[0]) for x in ours], [x.item() for x in (entropy, first, second)], rtol=1e-9, atol=1e-12
        )
