"""``sortilege search``: text from a masked diffusion model whose properties lie within bounds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from sortilege.cli._bounds import read_bounds
from sortilege.cli._denoising import planned, run
from sortilege.cli._diffusion_options import Output, Process, Prompt
from sortilege.cli._errors import refusals
from sortilege.cli._groups import Knobs, flat, option
from sortilege.diffusion._requests import Denoised
from sortilege.properties._base import Bound
from sortilege.search.run import search_each
from sortilege.search.settings import READS, Search

_BOUNDS: dict[str, Any] = {"rich_help_panel": "Properties and bounds", "show_default": False}
_NAMES = {
    "sampling_method": ("--local-search-sampling-method",),
    "alpha": ("--locally-typical-alpha",),
    "tau": ("--locally-typical-distance",),
    "k": ("--top-k-values-for-local-search",),
}
"""What the options are called where these rules come from; underscores will do for hyphens in all options."""


@dataclass(frozen=True)
class Bounds:
    """What texts are held to."""

    bound: Annotated[
        list[str] | None,
        typer.Option(metavar="BOUND", help="'sentiment >= 0.3' or '20 <= length <= 40'; repeatable.", **_BOUNDS),
    ] = None
    property: Annotated[
        list[str] | None,
        typer.Option(metavar="PROPERTY", help="Report this property; repeatable, the first counts most.", **_BOUNDS),
    ] = None
    lower: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]VALUE", help="Its lower bound, by name or in order; none: open.", **_BOUNDS),
    ] = None
    upper: Annotated[
        list[str] | None, typer.Option(metavar="[NAME=]VALUE", help="Its upper bound, likewise.", **_BOUNDS)
    ] = None
    tolerance: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]VALUE", help="Distances are compared in bands of this width.", **_BOUNDS),
    ] = None

    def read(self) -> list[Bound]:
        """Raises ValueError as ``read_bounds`` does, and where there is no property."""
        given = self.property, self.bound, self.lower, self.upper, self.tolerance
        bounds = read_bounds(*(values or [] for values in given))
        if not bounds:
            raise ValueError("no property: give --bound or --property; 'sortilege denoise' writes without")
        return bounds


@flat
def search(
    prompt: Prompt = None,
    *,
    bounds: Bounds,
    searching: Annotated[dict[str, Any], Knobs(Search, _NAMES, "Search")],
    process: Process,
    output: Output,
) -> None:
    """Write text with a masked diffusion model so that its properties lie within bounds.

    At each step a search improves the clean text that the model predicts, before tokens of it are revealed.
    """
    with refusals(ValueError, ImportError):
        held = bounds.read()
        settings = settings_of(searching, held)
        plan = planned(prompt, process, output, held, settings)

    def texts(*arguments: Any, **process: Any) -> Iterator[tuple[int, Denoised]]:
        return search_each(*arguments, bounds=held, settings=settings, **process)

    run(plan, texts)


def settings_of(given: dict[str, Any], bounds: Sequence[Bound]) -> Search:
    """The search that the options given ask for. Raises ValueError for one that it would not read.

    For the rule locally_typical_distance, alpha stands for tau, as it does where the rules come from.
    """
    given = dict(given)
    if not any(bound.bounded for bound in bounds):
        unread = [name for name in given if name != "method"]
        if unread:
            raise ValueError(f"{_called(unread[0])} is not read: no property has a bound to search for")
    settings = Search(**given)
    rule = settings.sampling_method
    if rule == "locally_typical_distance" and "alpha" in given:
        if "tau" in given:
            raise ValueError(
                f"{_called('tau')} and {_called('alpha')} say the same of --sampling-method {rule}: give one of them"
            )
        given["tau"] = given.pop("alpha")
        settings = Search(**given)
    read = READS[settings.method]
    for name in given:
        if name in ("alpha", "tau") and "sampling_method" in read:
            if name not in READS[rule]:
                raise ValueError(f"{_called(name)} is not read by --sampling-method {rule}")
        elif name != "method" and name not in read:
            raise ValueError(f"{_called(name)} is not read by --method {settings.method}")
    return settings


def _called(name: str) -> str:
    """An option under the name that its users know best."""
    return _NAMES.get(name, (option(name),))[0]
