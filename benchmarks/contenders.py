"""How each thing is run: ours on PyTorch, under jax.jit and on NumPy, and what it is compared with.

A ``prepare`` function takes the inputs, does everything that is not to be timed, and returns the repetition to time. It
imports what it needs itself, so that a benchmark can be listed without any framework and reported as unavailable.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from benchmarks.inputs import FRAMES, Inputs
from benchmarks.timing import Step

Prepare = Callable[[Inputs], Step]
Puts = Callable[[list[np.ndarray]], list[Any]]


def on_numpy(arrays: list[np.ndarray]) -> list[Any]:
    return arrays


def on_torch(arrays: list[np.ndarray]) -> list[Any]:
    import torch

    return [torch.asarray(array) for array in arrays]


def on_jax(arrays: list[np.ndarray]) -> list[Any]:
    import jax.numpy as jnp

    return [jnp.asarray(array) for array in arrays]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` under jax.jit, returning once its results are there."""
    import jax

    jitted = jax.jit(function)
    return lambda *arguments: jax.block_until_ready(jitted(*arguments))


def _libraries(put: Puts) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return compiled if put is on_jax else lambda function: function


# Ours


def step(sampler: str, put: Puts, **knobs: Any) -> Prepare:
    """A whole step of a sampler: ``adjust``, ``draw``, ``observe``, the state carried from one to the next."""

    def prepare(inputs: Inputs) -> Step:
        from sortilege import samplers
        from sortilege.numerics.random import Key, draw

        chosen = getattr(samplers, sampler)(**knobs)
        frames = put(inputs.logits)

        def whole(logits: Any, state: Any, key: Any) -> tuple[Any, Any]:
            shaped, state = chosen.adjust(logits, state, key)
            token = draw(shaped, key)
            return token, chosen.observe(token, state)

        run = _libraries(put)(whole)
        state = chosen.init(frames[0])

        def repeat(i: int) -> Any:
            nonlocal state
            key = Key.of(range(inputs.rows), [i] * inputs.rows, like=frames[0])
            token, state = run(frames[i % FRAMES], state, key)
            return token

        return repeat

    return prepare


def adjust(sampler: str, put: Puts, **knobs: Any) -> Prepare:
    """The logits a sampler without state lets through."""

    def prepare(inputs: Inputs) -> Step:
        from sortilege import samplers
        from sortilege.numerics.random import Key

        chosen = getattr(samplers, sampler)(**knobs)
        frames = put(inputs.logits)
        key = Key.of(range(inputs.rows), [0] * inputs.rows, like=frames[0])
        run = _libraries(put)(lambda logits, key: chosen.adjust(logits, (), key)[0])
        return lambda i: run(frames[i % FRAMES], key)

    return prepare


@cache
def _previous_fits(inputs: Inputs) -> list[np.ndarray]:
    """For each step the fit of the step before it, solved on NumPy from a cold start."""
    from sortilege.numerics import fit_dirichlet

    fits = [np.asarray(fit_dirichlet(t).value) for t in inputs.mean_log_probs]
    return [fits[i - 1] for i in range(FRAMES)]


def fit(put: Puts, *, warm: bool) -> Prepare:
    """``fit_dirichlet`` from the previous step's fit, or from nothing."""

    def prepare(inputs: Inputs) -> Step:
        from sortilege.numerics import fit_dirichlet

        targets = put(inputs.mean_log_probs)
        starts = put(_previous_fits(inputs)) if warm else [None] * FRAMES
        run = _libraries(put)(lambda target, start: fit_dirichlet(target, start))
        return lambda i: run(targets[i % FRAMES], starts[i % FRAMES]).value

    return prepare


def solve_temperature(put: Puts) -> Prepare:
    def prepare(inputs: Inputs) -> Step:
        from sortilege.numerics import solve_temperature

        frames, targets = put(inputs.logits), put(inputs.target_entropies)
        run = _libraries(put)(lambda logits, target: solve_temperature(logits, target))
        return lambda i: run(frames[i % FRAMES], targets[i % FRAMES]).value

    return prepare


def polygamma_pair(put: Puts) -> Prepare:
    def prepare(inputs: Inputs) -> Step:
        from sortilege.numerics import polygamma_pair

        alphas = put(inputs.positive)
        run = _libraries(put)(polygamma_pair)
        return lambda i: run(alphas[i % FRAMES])

    return prepare


def sample_dirichlet_log(put: Puts) -> Prepare:
    def prepare(inputs: Inputs) -> Step:
        from sortilege.numerics import sample_dirichlet_log
        from sortilege.numerics.random import Key

        alphas = put(inputs.positive)
        run = _libraries(put)(sample_dirichlet_log)
        return lambda i: run(alphas[i % FRAMES], Key.of(range(inputs.rows), [i] * inputs.rows, like=alphas[0]))

    return prepare


def draw(put: Puts) -> Prepare:
    def prepare(inputs: Inputs) -> Step:
        from sortilege.numerics.random import Key, draw

        frames = put(inputs.logits)
        run = _libraries(put)(draw)
        return lambda i: run(frames[i % FRAMES], Key.of(range(inputs.rows), [i] * inputs.rows, like=frames[0]))

    return prepare


# Others'


def warper(name: str, **arguments: Any) -> Prepare:
    """One of transformers' logits processors, on PyTorch."""

    def prepare(inputs: Inputs) -> Step:
        import transformers

        process = getattr(transformers, name)(**arguments)
        frames = on_torch(inputs.logits)
        return lambda i: process(None, frames[i % FRAMES])

    return prepare


def seed_fit(inputs: Inputs) -> Step:
    """The published ``fit_dirichlet``: one token, from ones, as it is called in its own step."""
    import jax

    from benchmarks import seed

    targets = on_jax([t[0] for t in inputs.mean_log_probs])
    return lambda i: jax.block_until_ready(seed.fit_dirichlet(targets[i % FRAMES]))[0]


def seed_temperature(inputs: Inputs) -> Step:
    """The published ``temp_tune`` with its default ten iterations from T = 1."""
    import jax

    from benchmarks import seed

    frames, targets = on_jax(inputs.logits), on_jax(inputs.target_entropies)
    return lambda i: jax.block_until_ready(seed.temp_tune(frames[i % FRAMES], targets[i % FRAMES]))[0]


def torch_polygamma(inputs: Inputs) -> Step:
    import torch

    alphas = on_torch(inputs.positive)
    return lambda i: (torch.special.digamma(alphas[i % FRAMES]), torch.special.polygamma(1, alphas[i % FRAMES]))


def scipy_polygamma(inputs: Inputs) -> Step:
    import scipy.special as sp

    alphas = inputs.positive
    return lambda i: (sp.digamma(alphas[i % FRAMES]), sp.polygamma(1, alphas[i % FRAMES]))


def torch_gamma(inputs: Inputs) -> Step:
    import torch

    alphas = on_torch(inputs.positive)
    return lambda i: torch._standard_gamma(alphas[i % FRAMES])


def torch_multinomial(inputs: Inputs) -> Step:
    import torch

    frames = on_torch(inputs.logits)
    return lambda i: torch.multinomial(torch.softmax(frames[i % FRAMES], dim=-1), 1)
