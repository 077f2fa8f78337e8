"""Samplers by name: ours, and those that other packages register under the entry-point group ``sortilege.samplers``."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from sortilege.samplers._base import Sampler
from sortilege.samplers.adaptive_dirichlet import AdaptiveDirichlet
from sortilege.samplers.adaptive_p import AdaptiveP
from sortilege.samplers.dry import Dry
from sortilege.samplers.dynamic_temperature import DynamicTemperature
from sortilege.samplers.epsilon import Epsilon
from sortilege.samplers.eta import Eta
from sortilege.samplers.min_p import MinP
from sortilege.samplers.mirostat import Mirostat
from sortilege.samplers.repetition_penalty import RepetitionPenalty
from sortilege.samplers.temperature import Temperature
from sortilege.samplers.top_k import TopK
from sortilege.samplers.top_n_sigma import TopNSigma
from sortilege.samplers.top_p import TopP
from sortilege.samplers.typical import LocallyTypical, LocallyTypicalDistance
from sortilege.samplers.xtc import Xtc

GROUP = "sortilege.samplers"

_OURS: dict[str, type[Sampler]] = {
    "adaptive-dirichlet": AdaptiveDirichlet,
    "locally-typical": LocallyTypical,
    "locally-typical-distance": LocallyTypicalDistance,
    "temperature": Temperature,
    "top-k": TopK,
    "top-p": TopP,
    "min-p": MinP,
    "top-n-sigma": TopNSigma,
    "eta": Eta,
    "epsilon": Epsilon,
    "mirostat": Mirostat,
    "adaptive-p": AdaptiveP,
    "dynamic-temperature": DynamicTemperature,
    "xtc": Xtc,
    "dry": Dry,
    "repetition-penalty": RepetitionPenalty,
}


class Registry(Mapping[str, type[Sampler]]):
    """Sampler classes by kebab-case name. Classes of other packages are imported when they are asked for; ours win."""

    @cached_property
    def _others(self) -> dict[str, EntryPoint]:
        found = {entry.name.replace("_", "-"): entry for entry in entry_points(group=GROUP)}
        return {name: entry for name, entry in sorted(found.items()) if name not in _OURS}

    def __getitem__(self, name: str) -> type[Sampler]:
        """Raises KeyError for an unknown name, ValueError for an entry point that is no sampler class."""
        if name in _OURS:
            return _OURS[name]
        entry = self._others[name]
        cls = entry.load()
        if not (isinstance(cls, type) and issubclass(cls, Sampler)):
            raise ValueError(f"entry point {name!r} of group {GROUP!r} must be a Sampler class, got {entry.value!r}")
        return cls

    def __iter__(self) -> Iterator[str]:
        yield from _OURS
        yield from self._others

    def __len__(self) -> int:
        return len(_OURS) + len(self._others)


SAMPLERS = Registry()
"""All samplers there are, by name."""


def name_of(sampler: Sampler) -> str:
    """The name of a sampler's class. Raises ValueError if it is not registered."""
    for name, cls in SAMPLERS.items():
        if cls is type(sampler):
            return name
    raise ValueError(f"{type(sampler).__name__} is not a registered sampler; known: {', '.join(SAMPLERS)}")
