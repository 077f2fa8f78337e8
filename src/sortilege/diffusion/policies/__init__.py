"""Reveal policies: which slots of a canvas to reveal at a step, and which to mask again."""

from sortilege.diffusion.policies._base import Choice as Choice
from sortilege.diffusion.policies._base import Look as Look
from sortilege.diffusion.policies._base import Policy as Policy
from sortilege.diffusion.policies.ancestral import Ancestral as Ancestral
from sortilege.diffusion.policies.blocks import Blocks as Blocks
from sortilege.diffusion.policies.confident import Factor as Factor
from sortilege.diffusion.policies.confident import Klass as Klass
from sortilege.diffusion.policies.confident import Threshold as Threshold
from sortilege.diffusion.policies.entropy_bounded import EntropyBounded as EntropyBounded
from sortilege.diffusion.policies.first_hitting import FirstHitting as FirstHitting
from sortilege.diffusion.policies.quota import Entropy as Entropy
from sortilege.diffusion.policies.quota import LowConfidence as LowConfidence
from sortilege.diffusion.policies.quota import Margin as Margin
from sortilege.diffusion.policies.quota import Random as Random
from sortilege.diffusion.policies.registry import POLICIES as POLICIES
from sortilege.diffusion.policies.registry import format_policy as format_policy
from sortilege.diffusion.policies.registry import parse_policy as parse_policy
from sortilege.diffusion.policies.remdm import ReMDMCap as ReMDMCap
from sortilege.diffusion.policies.remdm import ReMDMConf as ReMDMConf
from sortilege.diffusion.policies.remdm import ReMDMLoop as ReMDMLoop
from sortilege.diffusion.policies.remdm import ReMDMRescale as ReMDMRescale
