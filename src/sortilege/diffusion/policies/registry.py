"""Policies by name: ours, and those that other packages register under the entry-point group ``sortilege.policies``."""

from sortilege import _spec
from sortilege._registry import Registry
from sortilege.diffusion.policies._base import Policy
from sortilege.diffusion.policies.ancestral import Ancestral
from sortilege.diffusion.policies.blocks import Blocks
from sortilege.diffusion.policies.confident import Factor, Klass, Threshold
from sortilege.diffusion.policies.entropy_bounded import EntropyBounded
from sortilege.diffusion.policies.first_hitting import FirstHitting
from sortilege.diffusion.policies.quota import Entropy, LowConfidence, Margin, Random
from sortilege.diffusion.policies.remdm import ReMDMCap, ReMDMConf, ReMDMLoop, ReMDMRescale

OURS: dict[str, type[Policy]] = {
    "ancestral": Ancestral,
    "first-hitting": FirstHitting,
    "low-confidence": LowConfidence,
    "margin": Margin,
    "entropy": Entropy,
    "random": Random,
    "entropy-bounded": EntropyBounded,
    "threshold": Threshold,
    "factor": Factor,
    "klass": Klass,
    "remdm-cap": ReMDMCap,
    "remdm-rescale": ReMDMRescale,
    "remdm-conf": ReMDMConf,
    "remdm-loop": ReMDMLoop,
    "blocks": Blocks,
}

POLICIES = Registry("policy", "sortilege.policies", Policy, OURS)
"""All policies there are, by name."""


def parse_policy(text: str) -> Policy:
    """The policy that ``text`` describes, such as ``"blocks(32, threshold(0.9))"``.

    Raises ValueError for text that cannot be read, an unknown policy or knob, and a value outside its range.

    >>> parse_policy("blocks(16, threshold(0.8))")
    Blocks(size=16, policy=Threshold(threshold=0.8))
    """
    return _spec.parse(text, POLICIES)


def format_policy(policy: Policy) -> str:
    """The text that ``parse_policy`` reads as ``policy``; knobs at their defaults are left out."""
    return _spec.format(policy, POLICIES)
