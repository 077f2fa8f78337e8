"""Decoding for language models: adaptive Dirichlet and locally typical sampling, on every array library.

``generate`` and ``stream`` write text with a causal model under a sampler; ``load`` finds models by name. Samplers are
frozen dataclasses of knobs with pure functions on arrays (``Sampler``), put in sequence by ``chain``. ``Key`` and
``draw`` are their noise. ``denoise`` writes text with a masked diffusion model; ``search`` does so within bounds on
properties of the text (``Bound``), by the settings of ``Search``. Array functions are in ``sortilege.numerics``,
reveal policies and denoisers in ``sortilege.diffusion``, properties in ``sortilege.properties``, engines in
``sortilege.integrations``.

Importing this loads NumPy and array-api-compat only; torch and transformers are imported where they are used.
"""

from sortilege import numerics as numerics
from sortilege import samplers as samplers

# Functions take the place of the modules they come from: ``sortilege.generate`` and ``sortilege.search`` are functions.
from sortilege.diffusion import denoise
from sortilege.generate import DecodingError, generate, stream
from sortilege.models import load
from sortilege.numerics.random import Key, draw
from sortilege.properties import Bound
from sortilege.samplers import (
    AdaptiveDirichlet,
    AdaptiveP,
    Dry,
    DynamicTemperature,
    Epsilon,
    Eta,
    LocallyTypical,
    LocallyTypicalDistance,
    MinP,
    Mirostat,
    RepetitionPenalty,
    Sampler,
    Temperature,
    TopK,
    TopNSigma,
    TopP,
    Xtc,
    chain,
)
from sortilege.samplers.terminal import terminal
from sortilege.search import Search, search

__version__ = "0.1.0"

__all__ = [
    "AdaptiveDirichlet",
    "AdaptiveP",
    "Bound",
    "DecodingError",
    "Dry",
    "DynamicTemperature",
    "Epsilon",
    "Eta",
    "Key",
    "LocallyTypical",
    "LocallyTypicalDistance",
    "MinP",
    "Mirostat",
    "RepetitionPenalty",
    "Sampler",
    "Search",
    "Temperature",
    "TopK",
    "TopNSigma",
    "TopP",
    "Xtc",
    "__version__",
    "chain",
    "denoise",
    "draw",
    "generate",
    "load",
    "search",
    "stream",
    "terminal",
]
