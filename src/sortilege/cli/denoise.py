"""``sortilege denoise``: text from a masked diffusion model."""

from sortilege.cli._denoising import planned, run
from sortilege.cli._diffusion_options import Output, Process, Prompt
from sortilege.cli._errors import refusals
from sortilege.cli._groups import flat
from sortilege.diffusion.run import denoise_each


@flat
def denoise(prompt: Prompt = None, *, process: Process, output: Output) -> None:
    """Write text with a masked diffusion model.

    Without a prompt the text comes from nothing. Masks written in a prompt are filled where they stand.
    """
    with refusals(ValueError, ImportError):
        plan = planned(prompt, process, output)
    run(plan, denoise_each)
