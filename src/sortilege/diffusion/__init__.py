"""Text from masked diffusion models: canvases, schedules, reveal policies, denoisers and the reverse process."""

from sortilege.diffusion._requests import Denoised as Denoised
from sortilege.diffusion._rows import StepRecord as StepRecord
from sortilege.diffusion.denoiser import Denoiser as Denoiser
from sortilege.diffusion.denoiser import as_denoiser as as_denoiser
from sortilege.diffusion.policies import POLICIES as POLICIES
from sortilege.diffusion.policies import parse_policy as parse_policy
from sortilege.diffusion.run import denoise as denoise
from sortilege.diffusion.run import denoise_each as denoise_each
from sortilege.diffusion.run import trace_requests as trace_requests
from sortilege.diffusion.schedule import SCHEDULES as SCHEDULES
from sortilege.diffusion.transformers import load_denoiser as load_denoiser
from sortilege.diffusion.transformers import wrap as wrap
