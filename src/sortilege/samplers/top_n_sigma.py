"""Top-n-sigma: logits within n standard deviations of the largest."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, working
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class TopNSigma(Truncation):
    """Keep logits l(v) >= max l - n sigma, sigma the standard deviation of the row's finite logits (divided by V).

    The set does not change with temperature, as long as no other sampler has dropped tokens before.

    Source: Tang, Liu, Xu and Tan (2024), "Top-n-sigma: not all logits are you need".
    """

    source: ClassVar[str] = "Tang et al. 2024, arXiv:2411.07641"

    n: float = knob(1.0, 0, open_low=True, doc="distance from the largest logit, in standard deviations", tune=(0.3, 3))

    def keep(self, logits: Array) -> Array:
        x = working(logits)
        xp = array_namespace(x)
        finite = xp.isfinite(x)
        zero = xp.zeros_like(x)
        count = xp.clip(xp.sum(xp.astype(finite, x.dtype), axis=-1, keepdims=True), min=1.0)
        mean = xp.sum(xp.where(finite, x, zero), axis=-1, keepdims=True) / count
        spread = xp.where(finite, x - mean, zero)
        sigma = xp.sqrt(xp.sum(spread * spread, axis=-1, keepdims=True) / count)
        return (x >= xp.max(x, axis=-1, keepdims=True) - self.n * sigma) & finite
