"""Min-p: tokens not much less likely than the likeliest."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array
from sortilege.numerics.select import keep_min_p
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class MinP(Truncation):
    """Keep tokens with p(v) >= min_p max p.

    Source: Nguyen et al. (2025), "Turning up the heat: min-p sampling for creative and coherent LLM outputs", ICLR.
    """

    source: ClassVar[str] = "Nguyen et al. 2025, arXiv:2407.01082"

    min_p: float = knob(
        0.05, 0, 1, neutral=0.0, doc="smallest probability kept, as a share of the largest", tune=(0.001, 0.3), log=True
    )

    def keep(self, logits: Array) -> Array:
        return keep_min_p(logits, self.min_p)
