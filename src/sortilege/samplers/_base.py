"""What a sampler is: a frozen dataclass of knobs and pure functions on a state that is a value."""

import dataclasses
from typing import Any, ClassVar, Self

from sortilege._knobs import check_knobs
from sortilege.numerics._arrays import Array
from sortilege.numerics.random import Key

State = Any


class Sampler:
    """Base of every sampler; its defaults are those of one without state.

    A sampler is a frozen dataclass whose fields are its knobs (see ``knob``). All functions are pure: they return new
    values, write to nothing, and treat rows (requests) independently. Shapes: B rows, V vocabulary.

    The order of calls is ``init`` once with the first logits, ``read`` once with the prompt, then for each token
    ``adjust``, a draw from softmax of what it returned, and ``observe`` with the token that was really emitted.

    >>> import numpy as np
    >>> from sortilege import Key, TopK, draw
    >>> sampler, logits = TopK(1), np.array([[0.0, 2.0, 1.0]], dtype=np.float32)
    >>> state = sampler.init(logits)
    >>> key = Key.of([7], [0], like=logits)
    >>> shaped, state = sampler.adjust(logits, state, key)
    >>> token = draw(shaped, key)
    >>> state = sampler.observe(token, state)
    >>> int(token[0])
    1
    """

    source: ClassVar[str] = ""
    """Where the method was published, in one line."""

    def __post_init__(self) -> None:
        check_knobs(self)

    @property
    def stateless(self) -> bool:
        """Whether what it does depends on the logits and the key alone."""
        return type(self).init is Sampler.init

    def init(self, logits: Array) -> State:
        """The state before the first token, from the first logits (B, V)."""
        return ()

    def read(self, tokens: Array, valid: Array, state: State) -> State:
        """The state after reading the prompt: tokens (B, L), ``valid`` (B, L) false at padding.

        Only samplers that look back at the text (penalties) have any use for it.
        """
        return state

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        """The logits (B, V) to draw from, same dtype, -inf where a token is dropped, and the state with them."""
        raise NotImplementedError

    def observe(self, tokens: Array, state: State) -> State:
        """The state once ``tokens`` (B,) were emitted, whoever drew or forced them."""
        return state

    def report(self, state: State) -> dict[str, Array]:
        """What the last ``adjust`` did, as named arrays (B,); the trace records them."""
        return {}

    def __rshift__(self, other: "Sampler") -> "Sampler":
        """``a >> b`` runs ``a``, then ``b``: the same as ``chain(a, b)``."""
        from sortilege.samplers._chain import chain

        return chain(self, other)

    def replace(self, **changes: Any) -> Self:
        """A copy with some knobs changed."""
        return dataclasses.replace(self, **changes)  # pyright: ignore[reportArgumentType]
