"""Noise as a pure function of (seed, position, stream, index): counter-based, the same on every array library.

The generator is Threefry-2x32 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the Random123
library) in 32-bit integer arithmetic, which every library has. It is used with 13 rounds, the fewest of which its
authors know no statistical flaw. A request draws the same numbers whatever its batch-mates are.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from array_api_compat import is_jax_namespace

from sortilege._checks import whole
from sortilege.numerics._arrays import (
    Array,
    arange_like,
    argmax_last,
    array_namespace,
    device,
    in_blocks,
    shifted_right,
    working,
)

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
ROUNDS = 13


class Stream(IntEnum):
    """One stream of numbers per use, so that no two uses at one position share any."""

    TOKEN = 0
    DIRICHLET = 1
    DIRICHLET_BOOST = 2
    XTC = 3
    FOLD = 4
    REVEAL = 5
    REMASK = 6
    USER = 64  # from here to 127 they are free for samplers of others


class Key(NamedTuple):
    """Where a row's noise comes from.

    seed: (B,) integers, the request's seed.
    position: (B,) integers, how many tokens the request has drawn so far.
    """

    seed: Array
    position: Array

    @classmethod
    def of(cls, seeds: Sequence[int], positions: Sequence[int], like: Array) -> "Key":
        """A key on the array library and device of ``like``.

        Raises ValueError for a seed outside [0, 2**63), or [0, 2**31) on JAX without 64-bit integers, for a position
        outside [0, 2**31), and for lists of different lengths.
        """
        if len(seeds) != len(positions):
            raise ValueError(f"seeds and positions must be of one length, got {len(seeds)} and {len(positions)}")
        xp = array_namespace(like)
        # Probing for int64 on JAX without x64 would warn; its widest integer says what it has.
        wide = not is_jax_namespace(xp) or xp.asarray(0).dtype == xp.int64
        bits = 63 if wide else 31
        for seed in seeds:
            whole("seed", seed, 0, 2**bits - 1)
        for position in positions:
            whole("position", position, 0, 2**31 - 1)
        where = None if is_jax_namespace(xp) else device(like)
        dtype = xp.int64 if wide else xp.int32
        return cls(
            xp.asarray(list(seeds), dtype=dtype, device=where),
            xp.asarray(list(positions), dtype=xp.int32, device=where),
        )


def _low(x: Array) -> Array:
    """The low 32 bits of an integer array, as int32."""
    xp = array_namespace(x)
    if x.dtype == xp.int32:
        return x
    low = x & 0xFFFFFFFF
    return xp.astype(xp.where(low >= 2**31, low - 2**32, low), xp.int32)


def threefry(key: tuple[Array, Array], counter: tuple[Array, Array], rounds: int = ROUNDS) -> tuple[Array, Array]:
    """Threefry-2x32: two int32 words (read as unsigned) for every pair of key and counter words.

    Shapes broadcast; at least one counter has a dimension (NumPy warns of the overflow that is meant on its scalars).
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ _PARITY)
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    xp = array_namespace(x)
    x, y = xp.add(x, xp.zeros_like(y)), xp.add(y, xp.zeros_like(x))  # of one shape and our own: work in place
    scratch = xp.empty_like(y)
    for i in range(rounds):
        x += y
        by = _ROTATIONS[(i // 4) % 2][i % 4]
        low = shifted_right(y, 32 - by, scratch)
        low &= (1 << by) - 1
        y <<= by
        y |= low
        y ^= x
        if i % 4 == 3:
            turn = i // 4 + 1
            x += keys[turn % 3]
            y += keys[(turn + 1) % 3]
            y += turn
    return x, y


def key_words(key: Key) -> tuple[Array, Array, Array]:
    """The seed's low and high word and the position, each (B,) int32."""
    xp = array_namespace(key.position)
    low = _low(key.seed)
    high = _low(key.seed >> 32) if key.seed.dtype == xp.int64 else xp.zeros_like(low)
    return low, high, _low(key.position)


def fold(seeds: Sequence[int], numbers: Sequence[int]) -> list[int]:
    """New seeds in [0, 2**63), a function of each seed and number: independent noise for the parts of a request.

    numbers: integers in [0, 2**31), one a seed: a step, a sample.
    """
    seed = np.asarray(seeds, dtype=np.int64)
    number = np.asarray(numbers, dtype=np.int64)
    first = np.full(seed.shape, counter(Stream.FOLD), dtype=np.int32)
    low, high = threefry((_low(seed), _low(seed >> 32)), (first, _low(number)))
    return ((high.astype(np.int64) & 0x7FFFFFFF) << 32 | (low.astype(np.int64) & 0xFFFFFFFF)).tolist()


def counter(stream: int, attempt: int = 0) -> int:
    """What is added to an index so that its words are those of a stream (below 128) and an attempt (below 16)."""
    return int(stream) << 24 | attempt << 20


def words(key: Key, stream: int, count: int, attempt: int = 0, index: Array | None = None) -> tuple[Array, Array]:
    """Two independent random 32-bit words, each (B, count) int32, for the indices ``0 .. count - 1`` of a stream.

    Threefry is keyed with the seed and counts (index, attempt, stream) and positions.

    attempt: tells further words of the same index apart (the tries of a rejection sampler), below 16.
    index: the indices instead, (count,) int32, or (B, count).
    Raises ValueError for a count above 2**20.
    """
    whole("the vocabulary", count, 0, 2**20)
    xp = array_namespace(key.position)
    at = arange_like(count, key.position, xp.int32) if index is None else index
    at = at[None, :] if at.ndim == 1 else at
    low, high, position = key_words(key)
    return threefry((low[:, None], high[:, None]), (at + counter(stream, attempt), position[:, None]))


def unit(first: Array, second: Array | None = None, *, like: Array) -> Array:
    """Uniform numbers in (0, 1) in the working precision of ``like``, from one word (32 bits) or two (48 bits).

    They are spaced finely near 0 and never reach 0 or 1: take rare events from the low end.
    """
    xp = array_namespace(first)
    dtype = working(like[..., :1]).dtype

    def part(word: Array, offset: float, scale: float) -> Array:
        value = xp.astype(word, dtype)
        if offset:
            value += offset
        value *= scale
        return value

    if second is None:
        value = part(first & 0xFFFF, 0.5, 2.0**-32)
        value += part((first >> 16) & 0xFFFF, 0.0, 2.0**-16)
    else:
        # 24 bits at a time, which float32 holds exactly
        value = part((first & 0xFF) << 16 | (second & 0xFFFF), 0.5, 2.0**-48)
        value += part((first >> 8) & 0xFFFFFF, 0.0, 2.0**-24)
    largest = 1 - 2.0**-24 if dtype == xp.float32 else 1 - 2.0**-53
    return xp.clip(value, max=largest)


def uniform(key: Key, stream: int, count: int, *, like: Array) -> Array:
    """Uniform numbers (B, count) in (0, 1), 48 bits wide, in the working precision of ``like``."""
    return unit(*words(key, stream, count), like=like)


def exponential(key: Key, stream: int, count: int, *, like: Array) -> Array:
    """Standard exponential variates (B, count), exact in the lower tail down to 2**-49."""
    xp = array_namespace(key.position)
    return -xp.log1p(-uniform(key, stream, count, like=like))


def draw(logits: Array, key: Key) -> Array:
    """Draw a token (B,) from softmax(logits), logits (B, V); tokens at -inf are never drawn.

    A race of exponential clocks (the Gumbel-max trick). Its uniforms carry 48 bits, so that tails of a large vocabulary
    are drawn at their true rate, which 24-bit uniforms cannot do. The dtype of the result is the library's index type.
    A row with no finite logit gives token 0: ask ``numerics.drawable(logits)`` first.
    """
    return in_blocks(_race, working(logits), key)


def _race(logits: Array, key: Key) -> Array:
    xp = array_namespace(logits)
    return argmax_last(logits - xp.log(exponential(key, Stream.TOKEN, logits.shape[-1], like=logits)))


def drawable(logits: Array) -> Array:
    """Which rows (B,) of logits (B, V) can be drawn from: no NaN, no +inf, at least one finite entry."""
    xp = array_namespace(logits)
    return xp.isfinite(xp.max(logits, axis=-1))  # a maximum passes NaN on
