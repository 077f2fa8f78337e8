"""Search for texts whose properties lie within bounds, in one call."""

from collections.abc import Iterator, Sequence
from typing import Any

from sortilege._checks import whole
from sortilege.diffusion._requests import Denoised
from sortilege.diffusion.denoiser import as_denoiser
from sortilege.diffusion.policies._base import Policy
from sortilege.diffusion.run import prepared
from sortilege.diffusion.schedule import Schedule
from sortilege.properties._base import Bound
from sortilege.samplers._base import Sampler
from sortilege.search.proposer import Searcher
from sortilege.search.settings import Search
from sortilege.search.tree import tree


def search(
    model: Any,
    prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]] = "",
    bounds: Sequence[Bound] = (),
    settings: Search | None = None,
    *,
    length: int | None = 64,
    steps: int | None = None,
    policy: Policy | str = "ancestral",
    schedule: Schedule | str = "loglinear",
    sampler: Sampler | str | None = None,
    seed: int | Sequence[int] = 0,
    num_samples: int = 1,
    batch_size: int = 16,
    stop_at_end: bool = True,
) -> list[Denoised]:
    """Write texts with a masked diffusion model so that their properties lie within bounds.

    bounds: properties with bounds, the most important first; those without are only reported.
    settings: how to search; ``Search()`` by default.
    The rest is as in ``sortilege.diffusion.denoise``. Each text has a ``Report`` in ``Denoised.search``.

    Raises what ``denoise`` raises, and ``ScorerError`` (a ValueError) naming the property that failed.
    """
    texts = search_each(
        model,
        prompt,
        bounds,
        settings,
        length=length,
        steps=steps,
        policy=policy,
        schedule=schedule,
        sampler=sampler,
        seed=seed,
        num_samples=num_samples,
        batch_size=batch_size,
        stop_at_end=stop_at_end,
    )
    return [text for _, text in sorted(texts, key=lambda pair: pair[0])]


def search_each(
    model: Any,
    prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]] = "",
    bounds: Sequence[Bound] = (),
    settings: Search | None = None,
    *,
    length: int | None = 64,
    steps: int | None = None,
    policy: Policy | str = "ancestral",
    schedule: Schedule | str = "loglinear",
    sampler: Sampler | str | None = None,
    seed: int | Sequence[int] = 0,
    num_samples: int = 1,
    batch_size: int = 16,
    stop_at_end: bool = True,
) -> Iterator[tuple[int, Denoised]]:
    """The same as ``search``, as an iterator of (index, text) in the order they are finished."""
    settings = Search() if settings is None else settings
    names = [bound.name for bound in bounds]
    if len(set(names)) < len(names):
        raise ValueError(f"bounds must have different names, got {', '.join(names)}")
    for bound in bounds:
        bound.property.load()
    whole("batch_size", batch_size, 1)
    denoiser = as_denoiser(model)
    searcher = Searcher(bounds, settings, denoiser.end_ids if stop_at_end else ())
    grows = settings.method == "tree"
    process, rows = prepared(
        denoiser,
        prompt,
        length=length,
        steps=steps,
        policy=policy,
        schedule=schedule,
        sampler=sampler,
        seed=seed,
        num_samples=num_samples,
        stop_at_end=stop_at_end,
        proposer=None if grows else searcher,
    )
    return tree(process, searcher, rows, batch_size) if grows else process.run(rows, batch_size)
