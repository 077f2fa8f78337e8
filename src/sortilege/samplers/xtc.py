"""XTC, "exclude top choices": now and then, take the obvious tokens away."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, arange_like, array_namespace
from sortilege.numerics.information import log_softmax
from sortilege.numerics.random import Key, Stream, uniform
from sortilege.samplers._base import Sampler, State
from sortilege.samplers._truncation import truncate


@dataclass(frozen=True)
class Xtc(Sampler):
    """With ``probability``, drop all tokens with p >= ``threshold`` but the least likely of them.

    Nothing happens where fewer than two tokens reach the threshold, so thresholds above 0.5 never act. Of the least
    likely, if they tie, the last id stays. The coin of a step comes from its key: two Xtc stages in a chain toss the
    same one.

    Source: P. E. Weidmann (2024), text-generation-webui pull request 6335; defaults are the author's suggestion.
    """

    source: ClassVar[str] = "Weidmann 2024, text-generation-webui pull request 6335"

    probability: float = knob(0.5, 0, 1, neutral=0.0, doc="how often top choices are excluded", tune=(0, 1))
    threshold: float = knob(
        0.1, 0, 1, open_low=True, doc="probability from which a token is a top choice", tune=(0.02, 0.5)
    )

    def adjust(self, logits: Array, state: State, key: Key) -> tuple[Array, State]:
        log_prob = log_softmax(logits)
        xp = array_namespace(log_prob)
        p = xp.exp(log_prob)
        top = p >= self.threshold
        least = xp.min(xp.where(top, p, xp.ones_like(p)), axis=-1, keepdims=True)
        ids = arange_like(p.shape[-1], p)[None, :]
        last = xp.max(xp.where(top & (p == least), ids, xp.zeros_like(ids)), axis=-1, keepdims=True)
        acts = uniform(key, Stream.XTC, 1, like=p) < self.probability
        return truncate(logits, ~(top & acts & (ids != last)) & xp.isfinite(log_prob)), state
