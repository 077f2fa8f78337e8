"""What every array function needs of the array library it is handed: its namespace, a working precision, a tree map.

Array code here is written once against the array API standard. What the standard lacks, or what a library does much
faster in its own way, is in the tables at the end of this file and nowhere else.
"""

from collections.abc import Callable
from typing import Any

import array_api_compat
from array_api_compat import device as device
from array_api_compat import is_jax_namespace, is_numpy_namespace, is_torch_namespace

Array = Any
Namespace = Any


def array_namespace(*arrays: Array) -> Namespace:
    """The array API namespace of the arguments (array-api-compat's wrapper where a library needs one)."""
    return array_api_compat.array_namespace(*arrays)


def working(x: Array) -> Array:
    """``x`` in the precision arithmetic is done in: float64 stays, every other dtype becomes float32."""
    xp = array_namespace(x)
    return x if x.dtype == xp.float64 else xp.astype(x, xp.float32)


def map_leaves(function: Callable[..., Array], state: Any, *others: Any) -> Any:
    """Apply ``function`` to every array of a state (arrays in tuples, named tuples and dicts)."""
    if isinstance(state, dict):
        return {key: map_leaves(function, value, *(other[key] for other in others)) for key, value in state.items()}
    if isinstance(state, tuple):
        mapped = [map_leaves(function, *values) for values in zip(state, *others, strict=True)]
        return type(state)(*mapped) if hasattr(state, "_fields") else tuple(mapped)
    return function(state, *others)


def gather(state: Any, rows: Array) -> Any:
    """The state of the given rows (R,): fork, reorder or drop requests. Axis 0 of every leaf is the request."""

    def take(leaf: Array) -> Array:
        return array_namespace(leaf).take(leaf, rows, axis=0)

    return map_leaves(take, state)


def arange_like(count: int, x: Array, dtype: Any = None) -> Array:
    """``0 .. count - 1`` on the device of ``x``."""
    xp = array_namespace(x)
    return xp.arange(count, dtype=dtype, device=None if is_jax_namespace(xp) else device(x))


def one_hot(tokens: Array, size: int) -> Array:
    """Booleans (B, size), true at each row's token."""
    return tokens[:, None] == arange_like(size, tokens, tokens.dtype)[None, :]


def put_along_last(target: Array, ids: Array, values: Array) -> Array:
    """A copy of ``target`` (B, V) with ``values`` (B, S) written at the distinct columns ``ids`` (B, S)."""
    xp = array_namespace(target)
    if is_torch_namespace(xp):
        return target.scatter(-1, ids, values)
    if is_jax_namespace(xp):
        rows = xp.arange(target.shape[0])[:, None]
        return target.at[rows, ids].set(values)
    if is_numpy_namespace(xp):
        copy = target.copy()
        xp.put_along_axis(copy, ids, values, axis=-1)
        return copy
    hits = ids[:, :, None] == arange_like(target.shape[-1], ids, ids.dtype)[None, None, :]
    written = xp.sum(xp.where(hits, values[:, :, None], xp.zeros_like(values[:, :, None])), axis=1)
    return xp.where(xp.any(hits, axis=1), written, target)
