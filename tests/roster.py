"""One line per sampler: settings that make it act on the contracts' inputs, and what may be expected of it."""

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Line:
    """make: the sampler; neutral: the same set to change nothing, if it can be; stateless: whether its state is ();
    permutes: whether it commutes with a permutation of the vocabulary (not if it draws noise for each token);
    tolerance: of its logits in float32 against float64, and between array libraries."""

    name: str
    make: Callable[[], Sampler]
    neutral: Callable[[], Sampler] | None = None
    stateless: bool = False
    permutes: bool = True
    tolerance: float = 1e-4

    def __repr__(self) -> str:
        return self.name


ROSTER = (
    Line("temperature", lambda: Temperature(0.7), lambda: Temperature(1.0), stateless=True),
    Line("greedy", lambda: Temperature(0.0), stateless=True),
    Line("top-k", lambda: TopK(5), lambda: TopK(1000), stateless=True),
    Line("top-p", lambda: TopP(0.8), lambda: TopP(1.0), stateless=True),
    Line("min-p", lambda: MinP(0.1), lambda: MinP(0.0), stateless=True),
    Line("top-n-sigma", lambda: TopNSigma(1.5), lambda: TopNSigma(1e6), stateless=True),
    Line("epsilon", lambda: Epsilon(0.01), lambda: Epsilon(0.0), stateless=True),
    Line("eta", lambda: Eta(0.05), lambda: Eta(0.0), stateless=True),
    Line("typical", lambda: LocallyTypical(0.6), lambda: LocallyTypical(1.0), stateless=True),
    Line("typical-alpha", lambda: LocallyTypical(0.6, 9, 0.4), lambda: LocallyTypical(1.0, None, 0.4), stateless=True),
    Line("typical-distance", lambda: LocallyTypicalDistance(0.6, 9, 0.7), stateless=True),
    Line("xtc", lambda: Xtc(0.6, 0.1), lambda: Xtc(0.0, 0.1), stateless=True),
    Line("mirostat", lambda: Mirostat(2.0, 0.5)),
    Line("adaptive-p", lambda: AdaptiveP(0.4, 0.7)),
    Line("dynamic-temperature", lambda: DynamicTemperature(0.9, 0.6, 1.5), lambda: DynamicTemperature(1.0, 0.0)),
    Line("repetition-penalty", lambda: RepetitionPenalty(1.4), lambda: RepetitionPenalty(1.0)),
    Line("dry", lambda: Dry(0.8, 1.75, 1, 8), lambda: Dry(0.0, 1.75, 1, 8)),
    Line("chain", lambda: chain(RepetitionPenalty(1.3), MinP(0.02), Mirostat(3.0), Temperature(0.9))),
    Line("adaptive-dirichlet", lambda: AdaptiveDirichlet(), permutes=False, tolerance=1e-3),
    Line(
        "adaptive-dirichlet-emwa",
        lambda: AdaptiveDirichlet(perturb_exp_coeff=0.0, truncation=MinP(0.02)),
        tolerance=1e-3,
    ),
    Line(
        "adaptive-dirichlet-integral",
        lambda: AdaptiveDirichlet(
            softmax_temperature="integral",
            entropy_share=0.3,
            temperature_cap=1.5,
            perturb_above=0.5,
            fit_truncated=True,
            truncation=MinP(0.02),
        ),
        permutes=False,
        tolerance=1e-3,
    ),
)
