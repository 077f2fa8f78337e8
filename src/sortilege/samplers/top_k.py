"""Top-k: the k likeliest tokens."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array
from sortilege.numerics.select import keep_top_k
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class TopK(Truncation):
    """Keep the ``k`` likeliest tokens, and all that tie with the k-th (as transformers does).

    ``TopK(1)`` is greedy decoding, except that it draws among tied maxima; ``Temperature(0)`` takes the first of them.

    Source: Fan, Lewis and Dauphin (2018), "Hierarchical neural story generation", ACL.
    """

    source: ClassVar[str] = "Fan, Lewis & Dauphin 2018, arXiv:1805.04833"

    k: int = knob(50, 1, doc="how many tokens to keep", tune=(1, 500), log=True)

    def keep(self, logits: Array) -> Array:
        return keep_top_k(logits, self.k)
