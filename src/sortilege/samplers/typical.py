"""Locally typical sampling, by the two rules of ``numerics.typicality``."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array
from sortilege.numerics.information import log_softmax
from sortilege.numerics.select import keep_mass
from sortilege.numerics.typicality import additive_distance, scaled_distance
from sortilege.samplers._truncation import Truncation


@dataclass(frozen=True)
class LocallyTypical(Truncation):
    """Keep the tokens nearest to typical, d = |s - H| + alpha s, until they hold ``mass``, and at most ``k``.

    s = -log p is a token's surprisal and H the entropy, in nats. alpha = 0 is locally typical sampling, and keeps what
    transformers' ``typical_p`` keeps; alpha < 1 skews the window towards likely tokens; at alpha = 1 all tokens with
    p >= e^-H tie; for alpha > 1 the order is that of probability: top-k, or the nucleus. Ties: the mass is filled with
    whole distances, ``k`` by probability, then by id.

    At a mass of 0.9 the window mostly is the nucleus whatever alpha is: on a small model's text at 77 % of positions
    for alpha = 0, at all for alpha >= 0.3. The bias matters for masses of 0.2 to 0.5 and for ``k``.

    Source: Meister, Pimentel, Wiher and Cotterell (2023), "Locally typical sampling", TACL 11; alpha is ours.
    """

    source: ClassVar[str] = "Meister et al. 2023, arXiv:2202.00666 (alpha = 0)"

    mass: float = knob(0.9, 0, 1, open_low=True, neutral=1.0, doc="mass to keep", tune=(0.1, 1))
    k: int | None = knob(None, 1, kind="int", optional=True, doc="most tokens to keep")
    alpha: float = knob(0.0, 0, doc="bias towards likely tokens: nats of distance per nat of surprisal", tune=(0, 1.2))

    def keep(self, logits: Array) -> Array:
        log_prob = log_softmax(logits)
        return keep_mass(additive_distance(log_prob, self.alpha), log_prob, self.mass, self.k)


@dataclass(frozen=True)
class LocallyTypicalDistance(Truncation):
    """Keep the tokens nearest to a share of typical, d = |s - tau H|, until they hold ``mass``, and at most ``k``.

    s = -log p is a token's surprisal and H the entropy, in nats. tau = 1 is locally typical sampling; tau = 0 takes
    tokens by probability: top-k, or the nucleus; in between the window moves smoothly. Ties and the masses at which the
    bias matters: see ``LocallyTypical`` (at a mass of 0.9, tau <= 0.8 was the nucleus everywhere).

    Source: Meister, Pimentel, Wiher and Cotterell (2023), "Locally typical sampling", TACL 11; tau is ours.
    """

    source: ClassVar[str] = "Meister et al. 2023, arXiv:2202.00666 (tau = 1)"

    mass: float = knob(0.9, 0, 1, open_low=True, neutral=1.0, doc="mass to keep", tune=(0.1, 1))
    k: int | None = knob(None, 1, kind="int", optional=True, doc="most tokens to keep")
    tau: float = knob(1.0, 0, doc="share of the entropy that is aimed at", tune=(0, 1.2))

    def keep(self, logits: Array) -> Array:
        log_prob = log_softmax(logits)
        return keep_mass(scaled_distance(log_prob, self.tau), log_prob, self.mass, self.k)
