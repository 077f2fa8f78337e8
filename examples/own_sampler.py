"""A sampler of your own: a frozen dataclass of knobs and three pure functions on a state that is a value."""

import math
from dataclasses import dataclass

import sortilege
from sortilege.numerics import array_namespace, one_hot
from sortilege.samplers import knob


@dataclass(frozen=True)
class Fatigue(sortilege.Sampler):
    """Tire tokens with use: logits - weight * uses."""

    weight: float = knob(1.0, 0, math.inf, doc="nats per use", neutral=0.0)

    def init(self, logits):  # the first logits (B, V) -> the state: how often each token was used
        return array_namespace(logits).zeros_like(logits)

    def adjust(self, logits, uses, key):  # before the draw -> the logits to draw from, and the state
        return logits - self.weight * uses, uses

    def observe(self, tokens, uses):  # after it, with the tokens (B,) really emitted -> the state
        xp = array_namespace(uses)
        return uses + xp.astype(one_hot(tokens, uses.shape[-1]), uses.dtype)


def main() -> None:
    sampler = sortilege.Temperature(0.7) >> Fatigue(weight=2.0)
    (result,) = sortilege.generate("tiny-ar", "The sea, the sea,", sampler, seed=1, max_new_tokens=40)
    print(result.text)


if __name__ == "__main__":
    main()
