"""Samplers one after another."""

from dataclasses import dataclass
from typing import Any

from sortilege.numerics._arrays import Array
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler, State


@dataclass(frozen=True)
class Chain(Sampler):
    """Run samplers in the order given, each on what the one before it returned; the state is the tuple of theirs.

    Every stage observes every token. A stage's ``init`` sees the model's own first logits.
    """

    samplers: tuple[Sampler, ...]

    def __post_init__(self) -> None:
        given: Any = self.samplers
        if not isinstance(given, tuple) or not given or not all(isinstance(stage, Sampler) for stage in given):
            raise ValueError(f"Chain.samplers must be a tuple of one or more samplers, got {given!r}")

    @property
    def stateless(self) -> bool:
        return all(stage.stateless for stage in self.samplers)

    def init(self, logits: Array) -> State:
        return tuple(stage.init(logits) for stage in self.samplers)

    def read(self, tokens: Array, valid: Array, state: State) -> State:
        return tuple(stage.read(tokens, valid, part) for stage, part in zip(self.samplers, state, strict=True))

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        after: list[Any] = []
        for stage, part in zip(self.samplers, state, strict=True):
            logits, part = stage.adjust(logits, part, key)
            after.append(part)
        return logits, tuple(after)

    def observe(self, tokens: Array, state: State) -> State:
        return tuple(stage.observe(tokens, part) for stage, part in zip(self.samplers, state, strict=True))

    def report(self, state: State) -> dict[str, Array]:
        """What the stages report; a name that an earlier stage has taken gets the stage's number: ``temperature_2``."""
        merged: dict[str, Array] = {}
        for number, (stage, part) in enumerate(zip(self.samplers, state, strict=True), start=1):
            for name, value in stage.report(part).items():
                merged[f"{name}_{number}" if name in merged else name] = value
        return merged


def chain(*samplers: Sampler) -> Sampler:
    """A sampler that runs ``samplers`` in the order written; nested chains are flattened, a single one is itself.

    Raises ValueError if there is none, or if one is not a sampler.

    >>> from sortilege.samplers import Temperature, TopP, chain
    >>> chain(Temperature(0.8), TopP(0.9))
    Chain(samplers=(Temperature(temperature=0.8), TopP(top_p=0.9)))
    """
    whole = Chain(tuple(stage for sampler in samplers for stage in stages(sampler)))
    return whole.samplers[0] if len(whole.samplers) == 1 else whole


def stages(sampler: Sampler) -> tuple[Sampler, ...]:
    """The samplers that ``chain`` would make ``sampler`` of."""
    return sampler.samplers if isinstance(sampler, Chain) else (sampler,)
