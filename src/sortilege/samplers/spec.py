"""Samplers as text, and back; ``sortilege._spec`` has the grammar."""

from collections.abc import Mapping

from sortilege import _spec
from sortilege.presets import expanded
from sortilege.samplers._base import Sampler
from sortilege.samplers.registry import SAMPLERS


def parse_sampler(text: str, settings: Mapping[str, str] | None = None) -> Sampler:
    """The sampler that ``text`` describes; several stages make a chain, run in the order written.

    ``@name`` and ``@file.json`` stand for the sampler of a preset, which may be one of several stages.

    settings: further values as text, by ``knob`` (of the one stage that has it) or ``stage.knob``; they win over those
    in ``text``.

    Raises ValueError for text that cannot be read, an unknown sampler or knob (naming the known ones), a knob that
    several stages have, a value outside its range, and a preset that is not there or cannot be read.

    >>> parse_sampler("min-p(0.05), temperature(1.5)", {"temperature": "0.7"})
    Chain(samplers=(MinP(min_p=0.05), Temperature(temperature=0.7)))
    """
    return _spec.parse(expanded(text), SAMPLERS, settings)


def format_sampler(sampler: Sampler) -> str:
    """The text that ``parse_sampler`` reads as ``sampler``; knobs at their defaults are left out.

    Raises ValueError for a sampler that is not registered.

    >>> from sortilege.samplers import MinP, Temperature
    >>> format_sampler(Temperature(0.8) >> MinP())
    'temperature(0.8), min-p'
    """
    return _spec.format(sampler, SAMPLERS)
