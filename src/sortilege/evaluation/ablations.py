"""The adaptive Dirichlet sampler with parts of it switched off."""

from sortilege.samplers import AdaptiveDirichlet
from sortilege.samplers._base import Sampler
from sortilege.samplers._chain import chain, stages

FULL = "full"


def adaptive_in(sampler: Sampler) -> AdaptiveDirichlet | None:
    """The adaptive Dirichlet stage of a sampler; None where it has none."""
    return next((stage for stage in stages(sampler) if isinstance(stage, AdaptiveDirichlet)), None)


def ablations_of(sampler: Sampler, *, target: float | None = None) -> dict[str, Sampler]:
    """The sampler as it is and with one part of it switched off, by what is missing.

    "full": as it is. "no moving averages": every coefficient is 1, so that each average is its newest value, and
    emwa_logp_exp_factor is 0, which makes the rate of emwa_logp 1 too. "no Dirichlet": perturb_exp_coeff 0; what is
    drawn from is the tempered prediction in both branches. "temperature only": no Dirichlet, and a = b = 0 with the
    offset at ``target``: a fixed target entropy. "no truncation", where it has one. What changes nothing is left out.

    target: the mean target entropy of the full sampler, nats, so that the rate stays what it was; by default the
        steady state at T = 1, probs_ent_offset / (1 - a - b), if that exists, or the offset alone.

    Raises ValueError for a sampler without an adaptive Dirichlet stage.

    >>> from sortilege import AdaptiveDirichlet
    >>> list(ablations_of(AdaptiveDirichlet()))
    ['full', 'no moving averages', 'no Dirichlet', 'temperature only']
    """
    found = adaptive_in(sampler)
    if found is None:
        raise ValueError(f"ablations must be of a sampler with an adaptive-dirichlet stage, got {sampler!r}")
    rates = ("emwa_dir_coeff", "emwa_temp_coeff", "emwa_dir_ent_coeff", "emwa_entropy_coeff", "emwa_cross_ent_coeff")
    if target is None:
        target = found.probs_ent_offset / (1 - found.a - found.b) if found.a + found.b < 1 else found.probs_ent_offset
    variants = {
        FULL: found,
        "no moving averages": found.replace(emwa_logp_exp_factor=0.0, **dict.fromkeys(rates, 1.0)),
        "no Dirichlet": found.replace(perturb_exp_coeff=0.0),
        "temperature only": found.replace(
            a=0.0, b=0.0, perturb_exp_coeff=0.0, probs_ent_offset=round(float(target), 4)
        ),
    }
    if found.truncation is not None:
        variants["no truncation"] = found.replace(truncation=None)
    kept: dict[str, Sampler] = {}
    for name, variant in variants.items():
        whole = chain(*(variant if stage is found else stage for stage in stages(sampler)))
        if name == FULL or whole not in kept.values():
            kept[name] = whole
    return kept
