"""What samplers share that drop tokens, rescale logits or look tokens up."""

from sortilege.numerics._arrays import Array, array_namespace
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler, State


class Truncation(Sampler):
    """Base of the stateless samplers that only drop tokens: they say which to ``keep``."""

    def keep(self, logits: Array) -> Array:
        """Booleans (B, V), true at the tokens kept, from logits (B, V)."""
        raise NotImplementedError

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        return truncate(logits, self.keep(logits)), state


def truncate(logits: Array, keep: Array) -> Array:
    """-inf where ``keep`` (B, V) is false; a row of which nothing is kept is returned as it came."""
    xp = array_namespace(logits)
    keep = keep | ~xp.any(keep, axis=-1, keepdims=True)
    return xp.where(keep, logits, xp.full_like(logits, -xp.inf))


def restore(values: Array, logits: Array) -> Array:
    """``values`` (B, V), computed in the working precision, in the dtype of the logits they came from.

    Where float16 is too narrow, rows are shifted until their maximum fits and half the range lies below it, which no
    softmax can tell; what falls below the range stays finite.
    """
    xp = array_namespace(logits)
    if logits.dtype == values.dtype:
        return values
    largest = float(xp.finfo(logits.dtype).max)
    if largest < 1e6:
        top = xp.max(values, axis=-1, keepdims=True)
        top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
        shifted = values - (top - xp.clip(top, -largest / 2, largest))
        values = xp.where(values == -xp.inf, values, xp.clip(shifted, min=-largest))
    return xp.astype(values, logits.dtype)


def looked_up(values: Array, tokens: Array) -> tuple[Array, Array]:
    """``values`` (B, V) at ``tokens`` (B,), and which tokens are known: negative ones are not, and get some value."""
    xp = array_namespace(values)
    known = tokens >= 0
    index = xp.astype(xp.where(known, tokens, xp.zeros_like(tokens)), xp.argmax(values[:, :1], axis=-1).dtype)
    return xp.take_along_axis(values, index[:, None], axis=-1)[:, 0], known
