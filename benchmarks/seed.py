"""The two solvers of the document that introduced adaptive Dirichlet sampling, in JAX, with its own iteration.

They are here to be compared with: same steps, same guards, same number of passes, same stopping rule. What is known to
be wrong with each is in its docstring, and shown in tests/benchmarks/test_seed.py. The library uses none of this.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, polygamma

Array = Any


@partial(jax.jit, static_argnames="corrected")
def ent_grad_hess(logits: Array, T: Array, corrected: bool = False) -> tuple[Array, Array, Array]:
    """H(softmax(logits / T)) in nats and its first and second derivative in T; logits (B, V), T (B,) -> three (B,).

    With mu_k the k-th central moment of log p under p, H' = mu2 / T and H'' = -(mu3 + 3 mu2) / T^2. The source has
    -(2 mu3 + 3 mu2) / T^2, wrong even in sign for many skewed distributions; ``corrected`` takes the right one.
    """
    log_p = jax.nn.log_softmax(logits / T[:, None], axis=-1)
    p = jax.nn.softmax(logits / T[:, None], axis=-1)
    mean = jnp.sum(p * log_p, axis=-1)
    centred = log_p - mean[:, None]
    mu2, mu3 = jnp.sum(p * centred**2, axis=-1), jnp.sum(p * centred**3, axis=-1)
    return -mean, mu2 / T, -((1 if corrected else 2) * mu3 + 3 * mu2) / (T * T)


@partial(jax.jit, static_argnames=("lr", "max_iters", "tol", "corrected"))
def temp_tune(
    logits: Array,
    target_ent: Array,
    T_init: float = 1.0,
    lr: float = 0.1,
    max_iters: int = 10,
    tol: float = 1e-6,
    corrected: bool = False,
) -> tuple[Array, Array, Array]:
    """The temperature at which the entropy is ``target_ent`` (B,): (T, iterations, converged), each (B,).

    Halley's method in T, each step at most half of T. Known to be wrong: the second derivative (see ``ent_grad_hess``;
    ``corrected`` mends it); no bracket, so that a step too far on a nearly flat stretch is not taken back, and about
    5 % of language-model-like cases are left more than 1e-3 nats off; ``converged`` needs 1e-6 nats, which float32
    cannot always show, and is looked at before each step, so the last step is never judged; the iteration count is
    ``max_iters`` whatever happened.
    """

    def divisor(x: Array) -> Array:
        return jnp.where(jnp.abs(x) > 1e-8, x, jnp.inf)

    def step(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        T, iterations, converged = carry
        ent, grad, hess = ent_grad_hess(logits, T, corrected)
        error = ent - target_ent
        converged = converged | (jnp.abs(error) < tol)
        denominator = 2 * grad * grad - error * hess
        halley, newton = 2 * error * grad / divisor(denominator), error / divisor(grad)
        delta = jnp.where(jnp.abs(denominator) < 1e-8, newton, halley)
        delta = jnp.where(jnp.abs(grad) < 1e-8, jnp.where(error > 0, lr * T, -lr * T), delta)
        delta = jnp.clip(delta, -0.5 * T, 0.5 * T)
        return (jnp.where(converged, T, jnp.maximum(T - delta, T / 2)), iterations + 1, converged), None

    rows = logits.shape[0]
    start = (
        jnp.full((rows,), T_init, dtype=logits.dtype),
        jnp.zeros(rows, dtype=jnp.int32),
        jnp.zeros(rows, dtype=bool),
    )
    return jax.lax.scan(step, start, None, length=max_iters)[0]


@jax.jit
def halley_update(alpha: Array, target_values: Array) -> Array:
    """The undamped Halley step for psi(alpha) - psi(sum alpha) = target_values, all (V,).

    The Jacobian J = diag(psi'(alpha)) - psi'(S) 1 1^T is inverted by the Sherman-Morrison formula. Evaluating psi' and
    psi'' as general Hurwitz zeta sums is what makes it slow.
    """
    total = jnp.sum(alpha)
    inverse = 1 / polygamma(1, alpha)
    trigamma_total = polygamma(1, total)
    denominator = 1 - trigamma_total * jnp.sum(inverse)
    denominator = jnp.where(jnp.abs(denominator) < 1e-12, 1e-12, denominator)

    def solve(x: Array) -> Array:
        scaled = inverse * x
        return scaled + trigamma_total / denominator * jnp.sum(scaled) * inverse

    newton = solve(digamma(alpha) - digamma(total) - target_values)
    curvature = polygamma(2, alpha) * newton - polygamma(2, total) * jnp.sum(newton)
    return -newton + 0.5 * solve(curvature)


@partial(
    jax.jit,
    static_argnames=("initial_lr", "decay_alpha", "decay_beta", "decay_gamma", "decay_nu", "max_iters", "tol"),
)
def fit_dirichlet(
    target_values: Array,
    init_alpha: Array | None = None,
    initial_lr: float = 1.2,
    decay_alpha: float = 0.1,
    decay_beta: float = 2.0,
    decay_gamma: float = 0.25,
    decay_nu: float = 0.75,
    max_iters: int = 140,
    tol: float = 1e-4,
) -> tuple[Array, Array, Array]:
    """alpha (V,) with psi(alpha_i) - psi(sum alpha) = target_values_i: (alpha, iterations, converged).

    Halley steps times initial_lr exp(-decay_alpha n^decay_nu) |cos(decay_beta / n^decay_gamma)|, each at most half of
    alpha. Known to be wrong: the schedule damps steps that need no damping, the last of them to 2 %; all ``max_iters``
    passes over the vocabulary are paid for, converged or not; ``tol`` bounds a Euclidean norm, which grows with the
    vocabulary, so that from tens of thousands of tokens on the steps or float32 run out first; targets without a
    solution (logsumexp >= 0) get an answer like any other.
    """

    def step(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        alpha, converged, n = carry
        error = digamma(alpha) - digamma(jnp.sum(alpha)) - target_values
        converged = converged | (jnp.linalg.norm(error) < tol)
        lr = initial_lr * jnp.exp(-decay_alpha * n**decay_nu) * jnp.abs(jnp.cos(decay_beta / n**decay_gamma))
        delta = jnp.clip(jnp.maximum(lr, 1e-8) * halley_update(alpha, target_values), -0.5 * alpha, 0.5 * alpha)
        return (jnp.where(converged, alpha, jnp.maximum(alpha + delta, alpha / 2)), converged, n + 1), None

    alpha = jnp.ones(target_values.size) if init_alpha is None else init_alpha
    start = (alpha, jnp.bool_(False), jnp.int32(1))
    (alpha, converged, n), _ = jax.lax.scan(step, start, None, length=max_iters)
    return alpha, n - 1, converged
