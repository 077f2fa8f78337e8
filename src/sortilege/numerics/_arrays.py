"""What every array function needs of the array library it is handed: its namespace, a working precision, a tree map.

Array code here is written once against the array API standard. What the standard lacks, or what a library does much
faster in its own way, is in the tables at the end of this file and nowhere else.
"""

from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np
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
    return x if x.dtype in (xp.float32, xp.float64) else xp.astype(x, xp.float32)


def map_leaves(function: Callable[..., Array], state: Any, *others: Any) -> Any:
    """Apply ``function`` to every array of a state (arrays in tuples, named tuples and dicts)."""
    if isinstance(state, dict):
        return {key: map_leaves(function, value, *(other[key] for other in others)) for key, value in state.items()}
    if isinstance(state, tuple):
        mapped = [map_leaves(function, *values) for values in zip(state, *others, strict=True)]
        return type(state)(*mapped) if hasattr(state, "_fields") else tuple(mapped)
    return function(state, *others)


def host(x: Array) -> Any:
    """An array of any library as a NumPy array in the computer's memory."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.float() if "bfloat16" in str(x.dtype) else x  # NumPy has no such type
    return np.asarray(x)


def gather(state: Any, rows: Array) -> Any:
    """The state of the given rows (R,): fork, reorder or drop requests. Axis 0 of every leaf is the request."""

    def take(leaf: Array) -> Array:
        return array_namespace(leaf).take(leaf, rows, axis=0)

    return map_leaves(take, state)


def where_rows(rows: Array, new: Any, old: Any) -> Any:
    """The state ``new`` in the rows where ``rows`` (B,) is true, ``old`` in the others."""

    def choose(new: Array, old: Array) -> Array:
        xp = array_namespace(new)
        return xp.where(xp.reshape(rows, (-1,) + (1,) * (new.ndim - 1)), new, old)

    return map_leaves(choose, new, old)


def arange_like(count: int, x: Array, dtype: Any = None) -> Array:
    """``0 .. count - 1`` on the device of ``x``."""
    xp = array_namespace(x)
    return xp.arange(count, dtype=dtype, device=None if is_jax_namespace(xp) else device(x))


def one_hot(tokens: Array, size: int) -> Array:
    """Booleans (B, size), true at each row's token."""
    return tokens[:, None] == arange_like(size, tokens, tokens.dtype)[None, :]


def sum_last(x: Array) -> Array:
    """The sum over the last axis, (..., V) -> (...), accurate for large V.

    NumPy and PyTorch add pairwise. XLA adds entry by entry, unvectorised: rows of partial sums come first there.
    """
    xp = array_namespace(x)
    width, size = 1024, x.shape[-1]
    if is_jax_namespace(xp) and size > width:
        rows = -(-size // width)
        x = xp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, rows * width - size)])
        x = xp.sum(xp.reshape(x, (*x.shape[:-1], rows, width)), axis=-2)
    return xp.sum(x, axis=-1)


def has_float64(xp: Namespace) -> bool:
    """Whether the library computes in float64 when asked to; JAX does not by default."""
    return not is_jax_namespace(xp) or xp.asarray(0.0).dtype == xp.float64


def shifted_right(x: Array, by: int, scratch: Array) -> Array:
    """``x >> by``, written to ``scratch`` by the libraries that can."""
    xp = array_namespace(x)
    if is_torch_namespace(xp) or is_numpy_namespace(xp):
        return xp.bitwise_right_shift(x, by, out=scratch)
    return x >> by


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


def top_k(x: Array, k: int) -> tuple[Array, Array]:
    """The ``k`` largest values of the last axis, in descending order, and where they are; ties in any order."""
    xp = array_namespace(x)
    if is_torch_namespace(xp):
        values, ids = x.topk(k, dim=-1)
        return values, ids
    if is_jax_namespace(xp):
        import jax

        values, ids = jax.lax.top_k(x, k)
        return values, ids
    if is_numpy_namespace(xp) and k < x.shape[-1]:
        ids = xp.argpartition(-x, k - 1, axis=-1)[..., :k]
        order = xp.argsort(-xp.take_along_axis(x, ids, axis=-1), axis=-1)
        ids = xp.take_along_axis(ids, order, axis=-1)
    else:
        ids = xp.argsort(x, axis=-1, descending=True)[..., :k]
    return xp.take_along_axis(x, ids, axis=-1), ids


def max_along_last(ids: Array, values: Array, size: int) -> Array:
    """For each of ``size`` columns the largest of ``values`` (B, S) at it, ``ids`` (B, S) may repeat; 0 where none is.

    Negative values count as 0, and ids outside ``0 .. size - 1`` are left out.
    """
    xp = array_namespace(values)
    inside = (ids >= 0) & (ids < size)
    ids, values = xp.where(inside, ids, xp.zeros_like(ids)), xp.where(inside, values, xp.zeros_like(values))
    if is_torch_namespace(xp):
        empty = values.new_zeros((*values.shape[:-1], size))
        return empty.scatter_reduce(-1, xp.astype(ids, xp.int64), values, "amax")
    if is_jax_namespace(xp):
        rows = xp.arange(values.shape[0])[:, None]
        return xp.zeros((values.shape[0], size), dtype=values.dtype).at[rows, ids].max(values)
    if is_numpy_namespace(xp):
        largest = xp.zeros((values.shape[0], size), dtype=values.dtype)
        xp.maximum.at(largest, (xp.arange(values.shape[0])[:, None], ids), values)
        return largest
    hits = ids[:, :, None] == arange_like(size, ids, ids.dtype)[None, None, :]
    return xp.max(xp.where(hits, values[:, :, None], xp.zeros_like(values[:, :, None])), axis=1)


def weight_up_to(order: Array, weight: Array, limit: Array) -> Array:
    """The sum (..., 1) of ``weight`` (..., V) where ``order`` (..., V) <= ``limit`` (..., 1).

    A product rather than a choice: where the mask is irregular, as it is here, choosing costs ten times as much.
    """
    xp = array_namespace(weight)
    if is_torch_namespace(xp):
        inside = xp.le(order, limit, out=xp.empty_like(weight))
    else:
        inside = xp.astype(order <= limit, weight.dtype)
    return xp.sum(weight * inside, axis=-1, keepdims=True)


def repeat(count: int, step: Callable[[Any], Any], state: Any, finished: Callable[[Any], Array] | None = None) -> Any:
    """``step`` applied ``count`` times to a tuple of arrays of fixed shapes; one compiled loop under ``jax.jit``.

    finished: tells from the state that further steps would change nothing any more, so that they may be left out. On an
    accelerator without a compiler they are not: asking would make the host wait for the device.
    """
    xp = array_namespace(state[0])
    # Outside jit a loop would be compiled anew at each call.
    if is_jax_namespace(xp):
        import jax

        def going(counted: tuple[Any, Any]) -> Any:
            return (counted[0] < count) & (~finished(counted[1]) if finished is not None else True)

        def on(counted: tuple[Any, Any]) -> tuple[Any, Any]:
            return counted[0] + 1, step(counted[1])

        if isinstance(state[0], jax.core.Tracer):  # pyright: ignore[reportAttributeAccessIssue]
            return jax.lax.while_loop(going, on, (0, state))[1]
    asked = finished is not None and not (is_torch_namespace(xp) and state[0].device.type != "cpu")
    for _ in range(count):
        if asked and finished is not None and bool(finished(state)):
            break
        state = step(state)
    return state


def in_blocks(function: Callable[..., Array], x: Array, *states: Any) -> Array:
    """``function(x, *states)``, which treats rows independently, in the way that suits the library.

    On a CPU without a compiler, a few rows at a time keep temporaries in the cache; many rows at once take three times
    longer. JAX compiles the function (one of a module, not a closure) even where its caller is not compiled.
    """
    xp = array_namespace(x)
    if is_jax_namespace(xp):
        import jax

        return jax.jit(function)(x, *states)
    block = max(1, 2**17 // max(1, x.shape[-1]))
    eager = is_numpy_namespace(xp) or (is_torch_namespace(xp) and x.device.type == "cpu")
    if not eager or x.shape[0] <= block:
        return function(x, *states)

    def part(start: int) -> Array:
        def cut(leaf: Array) -> Array:
            return leaf[start : start + block]

        return function(cut(x), *(map_leaves(cut, state) for state in states))

    return xp.concat([part(start) for start in range(0, x.shape[0], block)], axis=0)


def argmax_last(x: Array) -> Array:
    """The position (...) of the largest value of the last axis, the first of equals, in the library's index type."""
    xp = array_namespace(x)
    if not is_jax_namespace(xp):
        return xp.argmax(x, axis=-1)
    # XLA on a CPU runs its argmax entry by entry, with whatever computes the entries: 8 times slower than this.
    top = xp.max(x, axis=-1, keepdims=True)
    size = x.shape[-1]
    return xp.min(xp.where(x == top, xp.arange(size), size - 1), axis=-1)


def retry(
    value: Array, rejected: Array, again: Callable[[Array, Array], tuple[Array, Array]], tries: int, share: float
) -> Array:
    """The values (N,) of a rejection sampler after ``tries`` tries, the first of which gave ``value`` and ``rejected``.

    again: (places (M,), attempts (T,)) -> values and rejections (M, T), the same whichever others are asked with them.
    share: the probability that a try is rejected, at most; where shapes must be fixed, room is made for that and more.
    """
    xp = array_namespace(value)
    jax = is_jax_namespace(xp)

    def first_accepted(places: Array, low: int, high: int) -> tuple[Array, Array]:
        values, rejections = again(places, arange_like(high, value, xp.int32)[low:])
        chosen = xp.argmin(xp.astype(rejections, xp.int32), axis=-1)[:, None]
        return xp.take_along_axis(values, chosen, axis=-1)[:, 0], xp.all(rejections, axis=-1)

    def compact(mask: Array) -> Array:
        if not jax:
            return xp.nonzero(mask)[0]
        count = mask.shape[0]
        room = int(share * count + 10 * (share * count) ** 0.5) + 20  # ten standard deviations: never exceeded
        return xp.nonzero(mask, size=min(count, room), fill_value=count)[0]

    def put(target: Array, places: Array, values: Array) -> Array:
        if jax:
            return target.at[places].set(values, mode="drop")
        target = xp.asarray(target, copy=True)
        target[places] = values
        return target

    if not (jax or is_numpy_namespace(xp) or is_torch_namespace(xp)):
        return xp.where(rejected, first_accepted(arange_like(value.shape[0], value), 1, tries)[0], value)
    places = compact(rejected)
    second, rejected = first_accepted(places, 1, 2)
    left = compact(rejected & (places < value.shape[0]))
    return put(value, places, put(second, left, first_accepted(places[left], 2, tries)[0]))
