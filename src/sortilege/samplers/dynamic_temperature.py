"""Dynamic temperature: hotter where the model is unsure."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, working
from sortilege.numerics.information import entropy, log_softmax
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import restore
from sortilege.samplers.temperature import COLDEST


class DynamicTemperatureState(NamedTuple):
    """temperature: (B,) that of the last step."""

    temperature: Array


@dataclass(frozen=True)
class DynamicTemperature(Sampler):
    """Divide the logits by a temperature that grows with the normalised entropy.

        T = low + (high - low) (H / log n)^exponent,  low = max(0, temperature - range),  high = temperature + range

    with the entropy H and the number n of tokens not yet dropped. A row with one token is left as it is, T is never
    below 1e-5, and ``range`` 0 is a plain temperature. The default range is ours; llama.cpp's is 0.

    Source: "dynatemp" (kalomaze, 2023-24) as in llama.cpp; the idea of a temperature for each token by its entropy.
    """

    source: ClassVar[str] = "kalomaze 2023-24, as in llama.cpp (temp-ext)"

    temperature: float = knob(1.0, 0, doc="centre of the range of temperatures", tune=(0.3, 2))
    range: float = knob(0.5, 0, doc="how far the temperature may move from it", tune=(0, 1))
    exponent: float = knob(1.0, 0, open_low=True, doc="power of the normalised entropy", tune=(0.3, 3))

    def init(self, logits: Array) -> DynamicTemperatureState:
        xp = array_namespace(logits)
        return DynamicTemperatureState(xp.full_like(working(logits)[:, 0], self.temperature))

    def adjust(self, logits: Array, state: DynamicTemperatureState, key: Key) -> tuple[Array, DynamicTemperatureState]:
        xp = array_namespace(logits)
        x = working(logits)
        count = xp.sum(xp.astype(xp.isfinite(x), x.dtype), axis=-1)
        share = entropy(log_softmax(x)) / xp.log(xp.clip(count, min=2.0))
        low, high = max(0.0, self.temperature - self.range), self.temperature + self.range
        # Rounding may carry the share of a flat row past 1.
        temperature = low + (high - low) * xp.clip(share, 0.0, 1.0) ** self.exponent
        temperature = xp.where(count > 1, xp.clip(temperature, min=COLDEST), xp.ones_like(temperature))
        return restore(x / temperature[:, None], logits), DynamicTemperatureState(temperature)

    def report(self, state: DynamicTemperatureState) -> dict[str, Array]:
        """``temperature`` of the last step."""
        return {"temperature": state.temperature}
