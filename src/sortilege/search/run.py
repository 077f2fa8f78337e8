"""Search for texts whose properties lie within bounds, in one call."""

from collections.abc import Iterator, Sequence
from typing import Any, Unpack

from sortilege.diffusion._requests import Denoised
from sortilege.diffusion.denoiser import as_denoiser
from sortilege.diffusion.run import Options, Prompt, prepared
from sortilege.properties._base import Bound
from sortilege.search.proposer import Searcher
from sortilege.search.settings import Search
from sortilege.search.tree import tree


def search(
    model: Any,
    prompt: Prompt = "",
    bounds: Sequence[Bound] = (),
    settings: Search | None = None,
    **options: Unpack[Options],
) -> list[Denoised]:
    """Write texts with a masked diffusion model so that their properties lie within bounds.

    bounds: properties with bounds, the most important first; those without are only reported.
    settings: how to search; ``Search()`` by default.
    options: as in ``sortilege.diffusion.denoise``. Each text has a ``Report`` in ``Denoised.search``.

    Raises what ``denoise`` raises, and ``ScorerError`` (a ValueError) naming the property that failed.
    """
    texts = search_each(model, prompt, bounds, settings, **options)
    return [text for _, text in sorted(texts, key=lambda pair: pair[0])]


def search_each(
    model: Any,
    prompt: Prompt = "",
    bounds: Sequence[Bound] = (),
    settings: Search | None = None,
    **options: Unpack[Options],
) -> Iterator[tuple[int, Denoised]]:
    """The same as ``search``, as an iterator of (index, text) in the order they are finished."""
    settings = Search() if settings is None else settings
    names = [bound.name for bound in bounds]
    if len(set(names)) < len(names):
        raise ValueError(f"bounds must have different names, got {', '.join(names)}")
    for bound in bounds:
        bound.property.load()
    denoiser = as_denoiser(model)
    searcher = Searcher(bounds, settings, denoiser.end_ids if options.get("stop_at_end", True) else ())
    if settings.method == "tree":
        process, rows, batch_size = prepared(denoiser, prompt, None, **options)
        return tree(process, searcher, rows, batch_size)
    process, rows, batch_size = prepared(denoiser, prompt, searcher, **options)
    return process.run(rows, batch_size)
