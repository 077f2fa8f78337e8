"""The two rules of locally typical selection, from their definitions."""

import math

import mpmath
import numpy as np
import pytest
from backends import BACKENDS, Backend, get
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortilege.numerics import (
    additive_distance,
    keep_mass,
    keep_top_k,
    keep_top_p,
    log_softmax,
    scaled_distance,
    typical_window,
)

logits_of_rows = hnp.arrays(
    np.float32,
    st.tuples(st.just(2), st.integers(2, 30)),
    elements=st.floats(-12, 12, width=32) | st.just(-math.inf),
)

RULES = {
    "additive": (additive_distance, lambda s, h, a: abs(s - h) + a * s),
    "scaled": (scaled_distance, lambda s, h, tau: abs(s - tau * h)),
}


def random_logits(rows: int, size: int, scale: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng([seed, size]).normal(size=(rows, size)) * scale).astype(np.float32)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 1.0, 1.5, 4.0])
def test_distances_are_their_definition(rule: str, strength: float) -> None:
    distance, definition = RULES[rule]
    logits = random_logits(3, 30, 3.0)
    logits[1, ::4] = -np.inf
    with mpmath.workdps(30):
        for row, computed in zip(logits, distance(log_softmax(logits.astype(np.float64)), strength), strict=True):
            weights = [mpmath.exp(float(x)) if x > -np.inf else mpmath.mpf(0) for x in row]
            total = mpmath.fsum(weights)
            s = [-mpmath.log(w / total) if w > 0 else None for w in weights]
            h = mpmath.fsum(mpmath.exp(-x) * x for x in s if x is not None)
            for x, d in zip(s, computed, strict=True):
                assert d == np.inf if x is None else abs(definition(x, h, strength) - d) < 1e-12 * max(1, d)


def test_no_bias_is_the_same_rule() -> None:
    log_prob = log_softmax(random_logits(8, 500, 3.0))
    np.testing.assert_array_equal(additive_distance(log_prob, 0.0), scaled_distance(log_prob, 1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rule", "strength"), [("additive", 1.0001), ("additive", 2.0), ("scaled", 0.0)])
def test_the_limits_are_top_k_and_the_nucleus(rule: str, strength: float, dtype: type) -> None:
    for scale in (0.1, 1.0, 5.0):
        log_prob = log_softmax(random_logits(8, 700, scale).astype(dtype))
        distance = RULES[rule][0](log_prob, strength)
        for k in (1, 2, 17, 700):
            np.testing.assert_array_equal(keep_mass(distance, log_prob, 1.0, k), keep_top_k(log_prob, k))
            window = typical_window(log_prob, distance, k)
            np.testing.assert_array_equal(window.ids, np.argsort(-log_prob, axis=-1, kind="stable")[:, :k])
        if strength != 1.0001:  # where distances so close together tie in float32
            for mass in (0.1, 0.5, 0.93):
                np.testing.assert_array_equal(keep_mass(distance, log_prob, mass), keep_top_p(log_prob, mass))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_alpha_one_all_likely_tokens_tie(dtype: type) -> None:
    for scale in (0.1, 1.0, 5.0):
        log_prob = log_softmax(random_logits(8, 700, scale).astype(dtype))
        entropy = -np.sum(np.exp(log_prob) * log_prob, axis=-1, keepdims=True)
        distance = additive_distance(log_prob, 1.0)
        # A token whose surprisal is the entropy to the last digit may count either way.
        likely, unlikely = -log_prob < entropy * (1 - 1e-6), -log_prob > entropy * (1 + 1e-6)
        lowest = distance.min(axis=-1, keepdims=True)
        assert (distance == lowest)[likely].all()
        assert (distance > lowest)[unlikely].all()


@settings(max_examples=300, deadline=None)
@given(
    logits_of_rows,
    st.sampled_from(sorted(RULES)),
    st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0, 1.3]),
    st.floats(0.05, 0.99),
    st.none() | st.integers(1, 10),
)
def test_windows_are_contiguous(logits: np.ndarray, rule: str, strength: float, mass: float, k: int | None) -> None:
    log_prob = log_softmax(logits)
    kept = keep_mass(RULES[rule][0](log_prob, strength), log_prob, mass, k)
    for p, row in zip(log_prob, kept, strict=True):
        if row.any():
            low, high = p[row].min(), p[row].max()
            assert row[(p > low) & (p < high)].all()
        assert row.any() == np.isfinite(p).any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("strength", [0.0, 0.4, 0.8, 1.2])
def test_windows_by_brute_force(rule: str, strength: float) -> None:
    """float64 and random logits: no two distances and no mass come near each other, so the sets must be equal."""
    distance, definition = RULES[rule]
    for size in (3, 40, 900):
        logits = random_logits(4, size, 2.5, seed=7).astype(np.float64)
        log_prob = log_softmax(logits)
        for row in range(4):
            p = np.exp(logits[row] - logits[row].max())
            p /= math.fsum(p)
            s = -np.log(p)
            order = np.argsort(definition(s, math.fsum(p * s), strength))
            for mass in (0.15, 0.6, 0.95):
                count = int(np.argmax(np.cumsum(p[order]) >= mass)) + 1
                kept = keep_mass(distance(log_prob, strength), log_prob, mass)[row]
                assert np.flatnonzero(kept).tolist() == sorted(order[:count].tolist())
            window = typical_window(log_prob, distance(log_prob, strength), 5)
            assert window.ids[row].tolist() == order[:5].tolist()


def test_ties_go_by_probability_then_id() -> None:
    # Equal distances on both sides of 2 nats (the distance is given, so it can be exact), and two equal tokens on each.
    log_prob = np.array([[-3.0, -1.0, -2.0, -1.0, -3.0]])
    window = typical_window(log_prob, np.abs(log_prob + 2.0), 5)
    assert window.ids.tolist() == [[2, 1, 3, 0, 4]]
    assert typical_window(log_prob, np.abs(log_prob + 2.0), 2).ids.tolist() == [[2, 1]]


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_masked_tokens_are_no_candidates(backend: Backend) -> None:
    logits = np.log(np.array([[0.0, 0.4, 0.3, 0.0, 0.3], [0.0, 0.0, 0.0, 1.0, 0.0]]) + 1e-300).astype(np.float32)
    logits[logits < -100] = -np.inf

    @backend.jit
    def windows(logits: np.ndarray) -> tuple[object, object]:
        log_prob = log_softmax(logits)
        return tuple(typical_window(log_prob, additive_distance(log_prob, 0.0), 4))

    ids, valid = (get(array) for array in windows(backend.put(logits)))
    assert ids[0, :3].tolist() == [2, 4, 1]
    assert ids[1, 0] == 3
    assert valid.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert ((ids >= 0) & (ids < 5)).all()
