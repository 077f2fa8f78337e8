"""The array libraries every contract runs on, and how to take an array there and back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_strict
import jax
import jax.numpy as jnp
import numpy as np
import torch


@dataclass(frozen=True)
class Backend:
    """name; ``put``: NumPy array -> its array; ``jit``: compile a function where the library can."""

    name: str
    put: Callable[[np.ndarray], Any]
    jit: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function
    float64: bool = True

    def __repr__(self) -> str:
        return self.name


def get(array: Any) -> np.ndarray:
    """Any backend's array as a NumPy array."""
    return np.asarray(array)


BACKENDS = (
    Backend("numpy", lambda x: x),
    Backend("strict", lambda x: array_api_strict.asarray(x)),
    Backend("torch", lambda x: torch.asarray(x)),
    Backend("jax", lambda x: jnp.asarray(x), float64=False),
    Backend("jax-jit", lambda x: jnp.asarray(x), jit=jax.jit, float64=False),
)
