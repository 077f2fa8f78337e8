"""Policies by name: ours, and those that other packages register under the entry-point group ``sortilege.policies``."""

from sortilege import _spec
from sortilege._registry import Registry
from sortilege.diffusion.policies._base import Policy
from sortilege.diffusion.policies.ancestral import Ancestral

OURS: dict[str, type[Policy]] = {
    "ancestral": Ancestral,
}

POLICIES = Registry("policy", "sortilege.policies", Policy, OURS)
"""All policies there are, by name."""


def parse_policy(text: str) -> Policy:
    """The policy that ``text`` describes, such as ``"blocks(32, threshold(0.9))"``.

    Raises ValueError for text that cannot be read, an unknown policy or knob, and a value outside its range.

    >>> parse_policy("ancestral")
    Ancestral()
    """
    return _spec.parse(text, POLICIES)


def format_policy(policy: Policy) -> str:
    """The text that ``parse_policy`` reads as ``policy``; knobs at their defaults are left out."""
    return _spec.format(policy, POLICIES)
