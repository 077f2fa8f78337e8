"""The k candidates of a slot, by the three rules, against brute force on NumPy and PyTorch."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from sortilege.search import Search, Searcher

ROWS, TOKENS = 40, 30


def log_probs(seed: int, masked: int = 5) -> np.ndarray:
    """Log-probabilities (ROWS, TOKENS), flat and sharp ones, the last ``masked`` tokens impossible."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(ROWS, TOKENS)) * np.geomspace(0.3, 8, ROWS)[:, None]
    logits[:, TOKENS - masked :] = -np.inf
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def made(x_theta: np.ndarray, raw: np.ndarray | None = None, library: str = "numpy", **settings: Any) -> Any:
    arrays: list[Any] = [x_theta, x_theta if raw is None else raw]
    if library == "torch":
        arrays = [torch.from_numpy(array) for array in arrays]
    ids, valid, log_prob = Searcher([], Search(**settings)).candidates(*arrays)
    for array in (ids, valid, log_prob):
        assert isinstance(array, np.ndarray)
    assert log_prob.dtype == np.float64
    return ids, valid, log_prob


def nearest(x_theta: np.ndarray, distance: np.ndarray, k: int) -> list[list[int]]:
    """The k nearest possible tokens of each row, ties by probability, then by id."""
    found: list[list[int]] = []
    for row, far in zip(x_theta, distance, strict=True):
        possible = [token for token in range(TOKENS) if np.isfinite(row[token])]
        found.append(sorted(possible, key=lambda token: (far[token], -row[token], token))[:k])
    return found


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("k", [1, 7, 25, 27, 1000])
@pytest.mark.parametrize(
    "settings",
    [
        {"sampling_method": "top_p"},
        {"sampling_method": "locally_typical"},
        {"sampling_method": "locally_typical", "alpha": 0.5, "tau": 0.3},
        {"sampling_method": "locally_typical", "alpha": 1.5},
        {"sampling_method": "locally_typical_distance"},
        {"sampling_method": "locally_typical_distance", "tau": 0.4, "alpha": 0.7},
        {"sampling_method": "locally_typical_distance", "tau": 0.0},
    ],
    ids=str,
)
def test_candidates_by_brute_force(settings: dict[str, Any], k: int, library: str) -> None:
    x_theta = log_probs(k)
    s = np.where(np.isfinite(x_theta), -x_theta, 0.0)
    h = (np.exp(x_theta) * s).sum(axis=1, keepdims=True)
    method = settings["sampling_method"]
    if method == "top_p":
        distance = s
    elif method == "locally_typical":
        distance = abs(s - h) + settings.get("alpha", 0.0) * s
    else:
        distance = abs(s - settings.get("tau", 1.0) * h)
    ids, valid, log_prob = made(x_theta, library=library, k=k, **settings)
    assert ids.shape == (ROWS, min(k, TOKENS))
    listed = [row[there].tolist() for row, there in zip(ids, valid, strict=True)]
    assert listed == nearest(x_theta, distance, k)
    assert (valid.sum(axis=1) == min(k, 25)).all()  # never one that is impossible
    np.testing.assert_array_equal(log_prob[valid], np.take_along_axis(x_theta, ids, axis=1)[valid])


def test_the_limits_of_the_rules() -> None:
    for seed in range(5):
        x_theta = log_probs(seed)
        top = np.argsort(-x_theta, axis=1, kind="stable")[:, :6]
        for settings in (
            {"sampling_method": "top_p"},
            {"sampling_method": "locally_typical", "alpha": math.nextafter(1.0, 2.0)},
            {"sampling_method": "locally_typical", "alpha": 30.0},
            {"sampling_method": "locally_typical_distance", "tau": 0.0},
        ):
            np.testing.assert_array_equal(made(x_theta, k=6, **settings)[0], top)
        typical = made(x_theta, k=6, sampling_method="locally_typical", alpha=0.0)[0]
        np.testing.assert_array_equal(
            typical, made(x_theta, k=6, sampling_method="locally_typical_distance", tau=1.0)[0]
        )
        assert (typical != top).any()


def test_the_filter_says_which_and_the_model_how_likely() -> None:
    raw, filtered = log_probs(3), log_probs(4, masked=20)
    ids, valid, log_prob = made(filtered, raw, k=12, sampling_method="top_p")
    assert (valid.sum(axis=1) == 10).all()
    assert (ids[valid] < 10).all()
    np.testing.assert_array_equal(log_prob[valid], np.take_along_axis(raw, ids, axis=1)[valid])
