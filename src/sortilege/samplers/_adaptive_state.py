"""The state of the adaptive Dirichlet sampler: a tree of arrays with the request on axis 0."""

from typing import Any, NamedTuple

from sortilege.numerics._arrays import Array
from sortilege.numerics.dirichlet import Pair


class Step(NamedTuple):
    """What the last ``adjust`` did; every leaf is (B,)."""

    target_entropy: Array
    entropy: Array
    temperature: Array
    pre_temp: Array
    inlier: Array
    perturbation: Array
    kl_emwa: Array
    kl_dirichlet: Array
    concentration: Array
    logp_coeff: Array
    temperature_ok: Array
    fit_ok: Array


class AdaptiveDirichletState(NamedTuple):
    """The six moving averages of the source, and what the next call needs.

    emwa_logp, emwa_dir: (B, S). emwa_temp, emwa_cross_ent, emwa_entropy: (B,). emwa_dir_ent: a Pair of (B,), for at
    V = 128k it is of the order of 1e6 nats and is compared to within 1e-2.
    ids: (B, S) the tokens of the support, or () when it is the whole vocabulary. pending: (B, V) the log-probabilities
    that ``observe`` reads the emitted token's from. steps: (B,) calls of ``adjust``.
    """

    emwa_logp: Array
    emwa_dir: Array
    emwa_temp: Array
    emwa_cross_ent: Array
    emwa_dir_ent: Pair
    emwa_entropy: Array
    ids: Any
    pending: Array
    steps: Array
    last: Step
