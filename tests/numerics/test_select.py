"""Keep-masks against their definitions, written out with sorts and exact sums in float64."""

import math

import numpy as np
import pytest
from backends import BACKENDS, Backend, get
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sortilege.numerics import keep_mass, keep_min_p, keep_top_k, keep_top_p, log_softmax
from sortilege.numerics.select import keep_nearest

# Logits on a coarse grid: many ties, and masses that are far from any threshold used below or exactly representable.
tied_logits = hnp.arrays(
    np.float32,
    st.tuples(st.just(2), st.integers(1, 12)),
    elements=st.sampled_from([-math.inf, -2.0, -0.5, 0.0, 0.25, 1.0, 3.0]),
)


def ranks(*keys: np.ndarray) -> np.ndarray:
    """The order of the entries, first key first, ids last."""
    return np.lexsort((np.arange(len(keys[0])), *reversed(keys)))


def nearest_with_mass(distance: np.ndarray, p: np.ndarray, mass: float) -> list[int]:
    """Tokens in order of distance until their mass reaches ``mass``; sums are exact."""
    taken: list[int] = []
    for token in ranks(distance, -p):
        if p[token] == 0 or math.fsum(p[taken]) >= mass:
            break
        taken.append(int(token))
    return taken


@settings(max_examples=200, deadline=None)
@given(tied_logits, st.integers(1, 14))
def test_top_k_keeps_the_k_largest_and_ties(logits: np.ndarray, k: int) -> None:
    for row, kept in zip(logits, keep_top_k(logits, k), strict=True):
        bound = np.sort(row)[::-1][min(k, row.size) - 1]
        assert (kept == ((row >= bound) & (row > -np.inf))).all()


@settings(max_examples=200, deadline=None)
@given(tied_logits, st.sampled_from([0.013, 0.1, 0.37, 0.5, 0.71, 0.9, 0.977]))
def test_top_p_is_the_nucleus_with_ties_by_id(logits: np.ndarray, top_p: float) -> None:
    for row, kept in zip(logits, keep_top_p(log_softmax(logits), top_p), strict=True):
        if not np.isfinite(row).any():
            assert not kept.any()
            continue
        p = np.exp(row.astype(np.float64))
        p /= math.fsum(p)
        expected = nearest_with_mass(-row, p, top_p)
        exact = [math.fsum(p[expected[:n]]) for n in range(len(expected) + 1)]
        if min(abs(mass - top_p) for mass in exact) > 1e-6:  # else rounding may decide
            assert np.flatnonzero(kept).tolist() == sorted(expected)


@settings(max_examples=100, deadline=None)
@given(tied_logits, st.sampled_from([0.0, 0.03, 0.2, 0.9, 1.0]))
def test_min_p_compares_with_the_largest(logits: np.ndarray, min_p: float) -> None:
    for row, kept in zip(logits, keep_min_p(logits, min_p), strict=True):
        if np.isfinite(row).any():
            ratio = np.exp(row.astype(np.float64) - row.max())
            assert (kept == ((ratio >= min_p) & (row > -np.inf))).all()
        else:
            assert not kept.any()


@settings(max_examples=200, deadline=None)
@given(tied_logits, st.data())
def test_nearest_are_exactly_k_by_distance_then_probability_then_id(logits: np.ndarray, data: st.DataObject) -> None:
    distance = data.draw(
        hnp.arrays(np.float32, logits.shape, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0, math.inf])), label="distance"
    )
    k = data.draw(st.integers(1, 14), label="k")
    log_prob = log_softmax(logits)
    kept = keep_nearest(distance, log_prob, k)
    for d, lp, row in zip(distance, log_prob, kept, strict=True):
        order = [token for token in ranks(d, -lp) if np.isfinite(d[token]) and np.isfinite(lp[token])]
        assert np.flatnonzero(row).tolist() == sorted(order[:k])


@settings(max_examples=200, deadline=None)
@given(tied_logits, st.data())
def test_mass_takes_whole_distances_and_at_most_k(logits: np.ndarray, data: st.DataObject) -> None:
    distance = data.draw(hnp.arrays(np.float32, logits.shape, elements=st.sampled_from([0.0, 0.5, 1.0, 2.0])))
    mass, k = data.draw(st.sampled_from([0.1, 0.37, 0.71, 0.9])), data.draw(st.none() | st.integers(1, 14))
    log_prob = log_softmax(logits)
    nearest = keep_nearest(distance, log_prob, k or logits.shape[-1])
    for d, row, kept, within_k in zip(distance, logits, keep_mass(distance, log_prob, mass, k), nearest, strict=True):
        if not np.isfinite(row).any():
            assert not kept.any()
            continue
        p = np.exp(row.astype(np.float64))
        p /= math.fsum(p)
        levels = [math.fsum(p[d <= level]) for level in np.unique(d)]
        if min(abs(level - mass) for level in levels) > 1e-6:
            reach = next(level for level, total in zip(np.unique(d), levels, strict=True) if total >= mass)
            assert (kept == ((d <= reach) & (p > 0) & within_k)).all()


@pytest.mark.parametrize(
    ("size", "scale"), [(2, 1.0), (50, 0.01), (50, 10.0), (5_000, 0.01), (5_000, 1.0), (5_000, 10.0), (128_256, 3.0)]
)
def test_the_search_finds_the_set_that_sorting_finds(size: int, scale: float) -> None:
    """In float64 sums are exact enough to ask for equality, at any size."""
    rng = np.random.default_rng([size, int(100 * scale)])
    logits = rng.normal(size=(2, size)) * scale
    log_prob = log_softmax(logits)
    distance = np.abs(log_prob + rng.uniform(0, 12))
    for mass in (0.01, 0.5, 0.99):
        nucleus, near = keep_top_p(log_prob, mass), keep_mass(distance, log_prob, mass)
        for row in range(2):
            p = np.exp(log_prob[row])
            for kept, key in ((nucleus[row], -log_prob[row]), (near[row], distance[row])):
                order = np.argsort(key, kind="stable")
                count = np.searchsorted(np.cumsum(p[order]), mass) + 1
                assert np.flatnonzero(kept).tolist() == sorted(order[:count].tolist())


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_all_libraries_keep_the_same(backend: Backend) -> None:
    rng = np.random.default_rng(3)
    # Multiples of 1/4: ties everywhere.
    logits = np.round(rng.normal(size=(4, 40)) * 8).astype(np.float32) / 4
    logits[1, ::3] = -np.inf
    logits[2] = -np.inf
    rules = (
        lambda x: keep_top_k(x, 7),
        lambda x: keep_min_p(x, 0.1),
        lambda x: keep_top_p(log_softmax(x), 0.83),
        lambda x: keep_mass(abs(log_softmax(x) + 2.0), log_softmax(x), 0.61),
        lambda x: keep_mass(abs(log_softmax(x) + 2.0), log_softmax(x), 0.95, 6),
        lambda x: keep_nearest(abs(log_softmax(x) + 2.0), log_softmax(x), 9),
    )
    expected = [rule(logits) for rule in rules]
    together = backend.jit(lambda x: tuple(rule(x) for rule in rules))
    for actual, known in zip(together(backend.put(logits)), expected, strict=True):
        np.testing.assert_array_equal(get(actual), known)
        assert not known[2].any()
        assert known[[0, 1, 3]].any(axis=-1).all()


def test_leading_axes_are_free() -> None:
    logits = np.random.default_rng(4).normal(size=(2, 3, 9))
    log_prob = log_softmax(logits)
    for rule in (lambda x: keep_top_p(x, 0.7), lambda x: keep_mass(-x, x, 0.7, 3), lambda x: keep_top_k(x, 2)):
        flat = rule(log_prob.reshape(6, 9))
        np.testing.assert_array_equal(rule(log_prob), flat.reshape(2, 3, 9))
