"""Top-p, or nucleus: the fewest likeliest tokens that hold a given mass."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array
from sortilege.numerics.information import log_softmax
from sortilege.numerics.select import keep_top_p
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class TopP(Truncation):
    """Keep the nucleus: the smallest set of likeliest tokens whose probabilities sum to at least ``top_p``.

    The token that crosses ``top_p`` is kept (the definition of the paper, and of transformers).

    Source: Holtzman, Buys, Du, Forbes and Choi (2020), "The curious case of neural text degeneration", ICLR.
    """

    source: ClassVar[str] = "Holtzman et al. 2020, arXiv:1904.09751"

    top_p: float = knob(0.95, 0, 1, open_low=True, neutral=1.0, doc="mass of the nucleus", tune=(0.5, 1))

    def keep(self, logits: Array) -> Array:
        return keep_top_p(log_softmax(logits), self.top_p)
