"""Reveal policies: which slots of a canvas to reveal at a step, and which to mask again."""

from sortilege.diffusion.policies._base import Choice as Choice
from sortilege.diffusion.policies._base import Look as Look
from sortilege.diffusion.policies._base import Policy as Policy
from sortilege.diffusion.policies.ancestral import Ancestral as Ancestral
from sortilege.diffusion.policies.registry import POLICIES as POLICIES
from sortilege.diffusion.policies.registry import format_policy as format_policy
from sortilege.diffusion.policies.registry import parse_policy as parse_policy
