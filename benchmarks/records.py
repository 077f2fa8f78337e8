"""The benchmarks: what is run, against what, on which inputs, and the ratio it should reach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special as sp

from benchmarks import contenders as run
from benchmarks.contenders import Prepare, on_jax, on_numpy, on_torch
from benchmarks.inputs import FRAMES, Inputs

VOCABULARY = 128_256


@dataclass(frozen=True)
class Contender:
    """name: what is run; prepare: how; target: the ratio to the baseline's median time that it should not exceed."""

    name: str
    prepare: Prepare
    target: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """ours are timed in turn with the baseline, on the same inputs, in the same process.

    rows: B. error: the largest error of what a repetition returned, from the inputs, the repetition and the result,
    against a float64 oracle; None where the results are not numbers to be compared.
    """

    name: str
    about: str
    baseline: Contender
    ours: tuple[Contender, ...]
    rows: int = 1
    error: Callable[[Inputs, int, Any], float] | None = None


def fit_error(inputs: Inputs, i: int, alpha: Any) -> float:
    """max |psi(alpha_i) - psi(sum alpha) - t_i|."""
    alpha = np.asarray(alpha, dtype=np.float64).reshape(inputs.rows, -1)
    residual = sp.digamma(alpha) - sp.digamma(np.sum(alpha, axis=-1, keepdims=True))
    return float(np.max(np.abs(residual - inputs.mean_log_probs[i % FRAMES])))


def temperature_error(inputs: Inputs, i: int, temperature: Any) -> float:
    """max |entropy(softmax(logits / T)) - target| in nats."""
    T = np.asarray(temperature, dtype=np.float64)[:, None]
    log_prob = sp.log_softmax(inputs.logits[i % FRAMES].astype(np.float64) / T, axis=-1)
    entropy = -np.sum(np.exp(log_prob) * log_prob, axis=-1)
    return float(np.max(np.abs(entropy - inputs.target_entropies[i % FRAMES])))


def polygamma_error(inputs: Inputs, i: int, pair: Any) -> float:
    """The largest error of psi and psi', divided by max(1, |value|)."""
    x = inputs.positive[i % FRAMES].astype(np.float64)
    exact = (sp.digamma(x), sp.polygamma(1, x))
    return max(
        float(np.max(np.abs(np.asarray(value, dtype=np.float64) - true) / np.maximum(1, np.abs(true))))
        for value, true in zip(pair, exact, strict=True)
    )


def _truncation(name: str, sampler: str, warper: str, ours: dict[str, Any], theirs: dict[str, Any]) -> Benchmark:
    return Benchmark(
        name,
        f"the logits that {sampler} lets through",
        Contender(warper, run.warper(warper, **theirs)),
        (
            Contender(f"{sampler}, PyTorch", run.adjust(sampler, on_torch, **ours)),
            Contender(f"{sampler}, jax.jit", run.adjust(sampler, on_jax, **ours)),
        ),
    )


def _adaptive(name: str, rows: int, eager: float | None, jitted: float | None) -> Benchmark:
    return Benchmark(
        name,
        "one whole step (adjust, draw, observe), against the truncation alone",
        Contender("TopPLogitsWarper(0.9)", run.warper("TopPLogitsWarper", top_p=0.9)),
        (
            Contender("AdaptiveDirichlet, PyTorch", run.step("AdaptiveDirichlet", on_torch), eager),
            Contender("AdaptiveDirichlet, jax.jit", run.step("AdaptiveDirichlet", on_jax), jitted),
        ),
        rows=rows,
    )


BENCHMARKS = (
    _adaptive("adaptive-dirichlet", 1, 2.5, 1.0),
    _adaptive("adaptive-dirichlet-8", 8, None, None),
    Benchmark(
        "fit-dirichlet",
        "Dirichlet parameters from a mean log-probability, one token",
        Contender("published fit_dirichlet, jax.jit", run.seed_fit),
        (
            Contender("warm, PyTorch", run.fit(on_torch, warm=True), 1 / 100),
            Contender("warm, jax.jit", run.fit(on_jax, warm=True), 1 / 100),
            Contender("cold, PyTorch", run.fit(on_torch, warm=False)),
            Contender("cold, jax.jit", run.fit(on_jax, warm=False)),
        ),
        error=fit_error,
    ),
    Benchmark(
        "solve-temperature",
        "the temperature that gives four fifths of the entropy",
        Contender("published temp_tune, jax.jit", run.seed_temperature),
        (
            Contender("solve_temperature, PyTorch", run.solve_temperature(on_torch)),
            Contender("solve_temperature, jax.jit", run.solve_temperature(on_jax)),
        ),
        error=temperature_error,
    ),
    _truncation("typical", "LocallyTypical", "TypicalLogitsWarper", {"mass": 0.9}, {"mass": 0.9}),
    _truncation("top-p", "TopP", "TopPLogitsWarper", {"top_p": 0.9}, {"top_p": 0.9}),
    _truncation("top-k", "TopK", "TopKLogitsWarper", {"k": 50}, {"top_k": 50}),
    _truncation("min-p", "MinP", "MinPLogitsWarper", {"min_p": 0.05}, {"min_p": 0.05}),
    Benchmark(
        "polygamma",
        "digamma and trigamma of V numbers on [1e-3, 1e3]",
        Contender("torch.special", run.torch_polygamma),
        (
            Contender("polygamma_pair, PyTorch", run.polygamma_pair(on_torch)),
            Contender("polygamma_pair, jax.jit", run.polygamma_pair(on_jax)),
        ),
        error=polygamma_error,
    ),
    Benchmark(
        "polygamma-numpy",
        "the same on NumPy",
        Contender("scipy.special", run.scipy_polygamma),
        (Contender("polygamma_pair, NumPy", run.polygamma_pair(on_numpy)),),
        error=polygamma_error,
    ),
    Benchmark(
        "dirichlet-variates",
        "V log-gamma variates, normalised; the baseline's are neither in log space nor normalised",
        Contender("torch._standard_gamma", run.torch_gamma),
        (
            Contender("sample_dirichlet_log, PyTorch", run.sample_dirichlet_log(on_torch)),
            Contender("sample_dirichlet_log, jax.jit", run.sample_dirichlet_log(on_jax)),
        ),
    ),
    Benchmark(
        "draw",
        "one token from logits",
        Contender("softmax + multinomial", run.torch_multinomial),
        (
            Contender("draw, PyTorch", run.draw(on_torch)),
            Contender("draw, jax.jit", run.draw(on_jax)),
        ),
    ),
)
