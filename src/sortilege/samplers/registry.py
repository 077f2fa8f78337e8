"""Samplers by name: ours, and those that other packages register under the entry-point group ``sortilege.samplers``."""

from sortilege._registry import Registry
from sortilege.samplers._base import Sampler
from sortilege.samplers._chain import chain, stages
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

OURS: dict[str, type[Sampler]] = {
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

SAMPLERS = Registry("sampler", "sortilege.samplers", Sampler, OURS, join=chain, split=stages)
"""All samplers there are, by name."""
