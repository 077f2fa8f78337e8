"""Temperature: logits / T."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, one_hot, working
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler, State
from sortilege.samplers._truncation import restore, truncate

COLDEST = 1e-5
"""Temperatures below this are greedy, as in vLLM: a quotient of logits by them could overflow."""


@dataclass(frozen=True)
class Temperature(Sampler):
    """Divide the logits by a temperature: p_T(v) is proportional to p(v)^(1/T).

    ``temperature`` 1 changes nothing; 0 (anything below 1e-5) is greedy decoding: the likeliest token, of tied ones the
    first.

    Source: Ackley, Hinton and Sejnowski (1985), "A learning algorithm for Boltzmann machines", Cognitive Science 9.
    """

    source: ClassVar[str] = "Ackley, Hinton & Sejnowski 1985, Cognitive Science 9, 147-169"

    temperature: float = knob(1.0, 0, neutral=1.0, doc="divisor of the logits; 0 is greedy", tune=(0.2, 2))

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        xp = array_namespace(logits)
        if self.temperature < COLDEST:
            return truncate(logits, one_hot(xp.argmax(logits, axis=-1), logits.shape[-1])), state
        return restore(working(logits) / self.temperature, logits), state
