"""Samplers: one algorithm a file, one contract for all (see ``Sampler``)."""

from sortilege._knobs import Knob as Knob
from sortilege._knobs import knob as knob
from sortilege._knobs import knobs as knobs
from sortilege.samplers._base import Sampler as Sampler
from sortilege.samplers._base import State as State
from sortilege.samplers._chain import Chain as Chain
from sortilege.samplers._chain import chain as chain
from sortilege.samplers.adaptive_dirichlet import AdaptiveDirichlet as AdaptiveDirichlet
from sortilege.samplers.adaptive_p import AdaptiveP as AdaptiveP
from sortilege.samplers.dry import Dry as Dry
from sortilege.samplers.dynamic_temperature import DynamicTemperature as DynamicTemperature
from sortilege.samplers.epsilon import Epsilon as Epsilon
from sortilege.samplers.eta import Eta as Eta
from sortilege.samplers.min_p import MinP as MinP
from sortilege.samplers.mirostat import Mirostat as Mirostat
from sortilege.samplers.registry import SAMPLERS as SAMPLERS
from sortilege.samplers.repetition_penalty import RepetitionPenalty as RepetitionPenalty
from sortilege.samplers.spec import format_sampler as format_sampler
from sortilege.samplers.spec import parse_sampler as parse_sampler
from sortilege.samplers.temperature import Temperature as Temperature
from sortilege.samplers.top_k import TopK as TopK
from sortilege.samplers.top_n_sigma import TopNSigma as TopNSigma
from sortilege.samplers.top_p import TopP as TopP
from sortilege.samplers.typical import LocallyTypical as LocallyTypical
from sortilege.samplers.typical import LocallyTypicalDistance as LocallyTypicalDistance
from sortilege.samplers.xtc import Xtc as Xtc
