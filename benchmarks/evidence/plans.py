"""The comparisons: which methods, on what, with which budget.

Each method has the same number of trials, the same prompts and the same seeds. What is not named behind ``~`` is at its
default; what is named varies within its range.
"""

from pathlib import Path
from typing import Any

from benchmarks.evidence.texts import beginnings
from sortilege.evaluation import Plan, read_methods

PRE = "softmax_temperature='pre'"
FIXED = "a=0, b=0, perturb_exp_coeff=0"
MASKED = "truncation=min-p(0.05)"
MASK = "truncation.min_p=0.005:0.2:log"
TARGET = "probs_ent_offset=0.5:3.5"

BASELINES = (
    "temperature: temperature ~ temperature=0.3:1.2",
    "top-k: top-k ~ k=2:500:log",
    "top-p: top-p ~ top_p",
    "min-p: min-p ~ min_p",
    "min-p, temperature: min-p, temperature ~ min_p, temperature=0.5:3",
    "top-n-sigma: top-n-sigma ~ n",
    "epsilon: epsilon ~ epsilon",
    "eta: eta ~ epsilon",
    "locally-typical: locally-typical ~ mass, alpha",
    "locally-typical-distance: locally-typical-distance ~ mass, tau",
    "mirostat: mirostat ~ tau, eta",
    "adaptive-p: min-p(0.05), adaptive-p ~ min_p=0.005:0.2:log, target, decay",
    "dynamic-temperature: dynamic-temperature ~ temperature=0.3:1.2, range=0:0.8, exponent",
    "xtc: min-p(0.02), xtc ~ probability, threshold",
    "dry: dry, min-p ~ multiplier, min_p",
    "repetition-penalty: repetition-penalty, min-p ~ penalty=1:1.3, min_p",
)
"""Every other sampler of the library; those that leave the tail to others are behind a min-p cut, as they are used."""

ADAPTIVE = (
    "adaptive, all knobs: adaptive-dirichlet",
    f"adaptive, as the source: adaptive-dirichlet({PRE}) ~ a=0:0.5, b=0:0.5, probs_ent_offset, perturb_exp_coeff",
    "adaptive, averaged temperature: adaptive-dirichlet ~ a=0:0.5, b=0:0.5, probs_ent_offset, perturb_exp_coeff",
    f"min-p, adaptive: adaptive-dirichlet({MASKED}) ~ a=0:0.5, b=0:0.5, probs_ent_offset, perturb_exp_coeff, {MASK}",
    f"min-p, fixed target: adaptive-dirichlet({FIXED}, {MASKED}) ~ {TARGET}, {MASK}",
)
"""The method as it was published, and behind a cut."""

VARIANTS = (
    f"min-p, integral: adaptive-dirichlet({FIXED}, softmax_temperature=integral, {MASKED}) ~ {TARGET}, {MASK}",
    f"min-p, own entropy: adaptive-dirichlet({FIXED}, probs_ent_offset=0.2, entropy_share=0.8, {MASKED}) ~ "
    f"probs_ent_offset=0:2, entropy_share=0.3:1.2, {MASK}",
    f"min-p, capped: adaptive-dirichlet({FIXED}, {PRE}, temperature_cap=1.2, {MASKED}) ~ "
    f"{TARGET}, temperature_cap=0.8:3, {MASK}",
    f"min-p, noise where unsure: adaptive-dirichlet(a=0, b=0, {MASKED}) ~ "
    f"{TARGET}, perturb_exp_coeff, perturb_above=0:4, {MASK}",
    f"min-p, fitted after: adaptive-dirichlet(a=0, b=0, fit_truncated=true, logp_floor=-12.0, {MASKED}) ~ "
    f"{TARGET}, perturb_exp_coeff, {MASK}",
)
"""Variants of ours."""

LONG = (
    "temperature: temperature ~ temperature=0.3:1.2",
    "top-p: top-p ~ top_p",
    "min-p: min-p ~ min_p=0.02:0.4:log",
    "min-p, temperature: min-p, temperature ~ min_p=0.02:0.4:log, temperature=0.3:3",
    "mirostat: mirostat ~ tau=1:5, eta",
    "dry: dry, min-p ~ multiplier, min_p=0.02:0.4:log",
    f"min-p, fixed target: adaptive-dirichlet({FIXED}, {MASKED}) ~ probs_ent_offset=0.5:2.5, {MASK}",
    f"min-p, integral: adaptive-dirichlet({FIXED}, softmax_temperature=integral, {MASKED}) ~ "
    f"probs_ent_offset=0.5:2.5, {MASK}, integral_gain=0.01:0.5:log",
)

SEVERAL = (
    "temperature: temperature ~ temperature=0.3:1.2",
    "top-k: top-k ~ k=2:500:log",
    "top-p: top-p ~ top_p",
    "min-p: min-p ~ min_p",
    "min-p, temperature: min-p, temperature ~ min_p, temperature=0.5:3",
    "top-n-sigma: top-n-sigma ~ n",
    f"min-p, fixed target: adaptive-dirichlet({FIXED}, {MASKED}) ~ {TARGET}, {MASK}",
    f"min-p, integral: adaptive-dirichlet({FIXED}, softmax_temperature=integral, {MASKED}) ~ {TARGET}, {MASK}",
)

PENALISED = (
    "repetition-penalty: repetition-penalty, min-p ~ penalty=1:1.3, min_p",
    "repetition-penalty, temperature: repetition-penalty, min-p, temperature ~ penalty=1:1.3, min_p, temperature=0.5:3",
    f"repetition-penalty, fixed target: repetition-penalty, adaptive-dirichlet({FIXED}, {MASKED}) ~ "
    f"penalty=1:1.3, {TARGET}, {MASK}",
    f"repetition-penalty, integral: repetition-penalty, adaptive-dirichlet({FIXED}, softmax_temperature=integral, "
    f"{MASKED}) ~ penalty=1:1.3, {TARGET}, {MASK}",
)
"""The best of the baselines is one that punishes repetition: what comes after it can be the adaptive sampler too."""

HEATED = (
    "integral, as tuned: adaptive-dirichlet(a=0, b=0, probs_ent_offset=3.154, perturb_exp_coeff=0, "
    "softmax_temperature=integral, truncation=min-p(0.1283)) ~ none",
    "min-p 0.1283, temperature 3: min-p(0.1283), temperature(3) ~ none",
    "min-p 0.1283, temperature 100: min-p(0.1283), temperature(100) ~ none",
    "min-p 0.1283: min-p(0.1283) ~ none",
)
"""What tuning made of the integral at the lower level, whose target the tokens kept cannot have; without it."""

LOOKING_BACK = ("repetition-penalty", "dry")
"""Samplers that look at the text itself, and see what is counted."""

COMMON: dict[str, Any] = {"model": "tiny-ar", "judge": "tiny-mdlm", "judge_passes": 4, "full_length": True}
"""Texts of one length: n-grams repeat more in longer ones."""


def plans(corpus: Path, *, quick: bool = False) -> dict[str, Plan]:
    """The comparisons by name. quick: so small that they show only that they run."""

    def plan(methods: tuple[str, ...], prompts: int, tune_prompts: int, tail: int, **more: Any) -> Plan:
        if quick:
            prompts, tune_prompts, tail = 6, 5, 16
            more |= {"budget": 2, "seeds": 2, "levels": (0.9,), "num_samples": min(2, more.get("num_samples", 1))}
        return Plan(
            methods=read_methods(methods),
            prompts=beginnings(corpus, prompts, tail, part=0),
            tune_prompts=beginnings(corpus, tune_prompts, tail, part=1),
            max_new_tokens=tail,
            **{**COMMON, **more},
        )

    adaptive = ADAPTIVE + VARIANTS
    baselines = tuple(text.partition(":")[0] for text in BASELINES)
    return {
        "all": plan(
            BASELINES + adaptive, 56, 12, 96, budget=16, levels=(0.95, 1.0), seeds=5, baselines=baselines,
            ablate=("min-p, adaptive",),
        ),
        "penalised": plan(PENALISED, 56, 12, 96, budget=16, levels=(0.95, 1.0), seeds=3),
        "heated": plan(HEATED, 56, 12, 96, budget=1, levels=(0.95,), seeds=5),
        "long": plan(LONG, 12, 8, 400, budget=10, levels=(0.6, 0.75), seeds=3),
        "several": plan(SEVERAL, 12, 10, 64, budget=10, levels=(0.9, 1.0), seeds=3, num_samples=4),
    }  # fmt: skip
