"""Verdicts and baselines on numbers made up to have one, and the parts of the adaptive sampler."""

from dataclasses import replace

import numpy as np
import pytest
from comparisons import BASE, NOISE, values, written

from sortilege.evaluation.ablations import ablations_of
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.report.words import headlines, short
from sortilege.evaluation.verdicts import rivals, verdicts_of
from sortilege.samplers import AdaptiveDirichlet, MinP, Temperature, chain


@pytest.mark.parametrize(
    ("own", "verdict", "better", "worse"),
    [
        (values(2.5, 0.9), "wins", ("nll",), ()),
        (values(3.0, 0.9, judge=2.0), "wins", ("judge_nll",), ()),
        (values(3.0, 0.95), "wins", ("distinct_3",), ()),
        (values(3.0, 0.9, repeated=0.01), "wins", ("repeated_4",), ()),
        (values(3.5, 0.9), "loses", (), ("nll",)),
        (values(3.5, 0.8, 0.5), "loses", (), ("nll", "distinct_3", "repeated_4")),
        (values(2.5, 0.8), "trades", ("nll",), ("distinct_3",)),
        ({**BASE, "nll": list(np.asarray(BASE["nll"]) + NOISE - NOISE.mean())}, "ties", (), ()),
    ],
)
def test_the_rule(own: dict[str, list[float]], verdict: str, better: tuple[str, ...], worse: tuple[str, ...]) -> None:
    (found,) = verdicts_of(written({"base": BASE, "adaptive": own}))
    assert (found.verdict, found.better, found.worse) == (verdict, better, worse)
    assert found.baseline.method == "base"
    assert found.rate == "as steady"


def test_the_rate_is_said_apart() -> None:
    steady = written({"base": BASE, "adaptive": values(3.0, 0.9, spread=0.2)})
    (found,) = verdicts_of(steady)
    assert (found.verdict, found.rate) == ("ties", "steadier")
    assert headlines(steady) == ["adaptive ties with base at level 1; it holds its rate more evenly over prompts."]
    (found,) = verdicts_of(written({"base": BASE, "adaptive": values(3.0, 0.9, spread=3)}))
    assert found.rate == "less steady"


def test_the_rival_is_the_most_fluent_of_those_that_are_varied_enough() -> None:
    comparison = written({"poor": values(3.5, 0.9), "good": BASE, "adaptive": values(3.0, 0.9)})
    assert [one.method for one in rivals(comparison, 1.0)] == ["good"]
    found = [(one.chosen.method, one.baseline.method, one.verdict) for one in verdicts_of(comparison)]
    assert found == [("poor", "good", "loses"), ("adaptive", "good", "ties")]


def test_a_baseline_that_is_less_varied_and_more_fluent_is_a_rival_too() -> None:
    """Else whoever is the only one to be as varied as asked would have an easy win."""
    given = {
        "hot": values(5.0, 0.95),
        "near": values(3.0, 0.94),
        "dull": values(6.0, 0.5),
        "adaptive": values(3.0, 0.95),
    }
    comparison = written(given, missed=("near", "dull"))
    assert [one.method for one in rivals(comparison, 1.0)] == ["hot", "near"]
    found = [(one.baseline.method, one.verdict) for one in verdicts_of(comparison) if one.chosen.method == "adaptive"]
    assert found == [("hot", "wins"), ("near", "wins")]
    assert headlines(comparison) == ["adaptive beats hot at level 1 and beats near (less varied) at level 1."]
    nobody = written(given, missed=("hot", "near", "dull"))
    assert [one.method for one in rivals(nobody, 1.0)] == ["hot", "near"]


def test_baselines_can_be_named() -> None:
    comparison = written({"base": BASE, "adaptive": BASE, "adaptive 2": values(2.0, 0.9)}, baselines=["adaptive"])
    found = [(one.chosen.method, one.baseline.method) for one in verdicts_of(comparison)]
    assert found == [("base", "adaptive"), ("adaptive 2", "adaptive")]
    assert written({"adaptive": BASE, "adaptive 2": BASE}).baselines == ["adaptive"]


def test_settings_are_short() -> None:
    assert short("adaptive-dirichlet(a=0.22526036650257047, b=0.2)") == "adaptive-dirichlet(a=0.2253, b=0.2)"
    assert short("min-p(1.2345678e-05)") == "min-p(1.235e-05)"


def test_the_parts_of_the_adaptive_sampler() -> None:
    whole = AdaptiveDirichlet(a=0.3, truncation=MinP(0.02))
    parts = ablations_of(whole, target=2.5)
    assert list(parts) == ["full", "no moving averages", "no Dirichlet", "temperature only", "no truncation"]
    assert parts["full"] == whole
    still = parts["no moving averages"]
    assert isinstance(still, AdaptiveDirichlet)
    assert still.emwa_logp_exp_factor == 0
    rates = [name for name in vars(still) if name.endswith("_coeff") and name.startswith("emwa")]
    assert len(rates) == 5
    assert [getattr(still, name) for name in rates] == [1.0] * 5
    assert parts["no Dirichlet"] == whole.replace(perturb_exp_coeff=0.0)
    assert parts["temperature only"] == whole.replace(a=0.0, b=0.0, perturb_exp_coeff=0.0, probs_ent_offset=2.5)
    assert parts["no truncation"] == whole.replace(truncation=None)


def test_the_parts_of_a_chain_and_what_changes_nothing() -> None:
    whole = chain(Temperature(0.9), AdaptiveDirichlet(perturb_exp_coeff=0.0))
    parts = ablations_of(whole)
    assert list(parts) == ["full", "no moving averages", "temperature only"]
    assert all(part.samplers[0] == Temperature(0.9) for part in parts.values())  # pyright: ignore
    target = 1.5 / (1 - 0.4)
    assert parts["temperature only"].samplers[1].probs_ent_offset == pytest.approx(target)  # pyright: ignore
    with pytest.raises(ValueError, match="adaptive-dirichlet stage"):
        ablations_of(MinP(0.1))


def test_a_method_with_nothing_to_tune_is_as_varied_as_its_texts() -> None:
    comparison = written({"fixed": values(3.0, 0.9), "tuned": values(3.5, 0.97), "adaptive": values(3.2, 0.97)})
    fixed = replace(comparison.chosen[0], level=None)
    reference = replace(comparison.cells[1], setting="unmodified model")
    known = Comparison(comparison.header, {"prompts": reference}, [], [fixed, *comparison.chosen[1:]], comparison.cells)
    assert [one.method for one in rivals(known, 1.0)] == ["tuned", "fixed"]
    assert [one.method for one in rivals(known, 0.9)] == ["fixed"]
    found = {(one.chosen.method, one.baseline.method): one for one in verdicts_of(known)}
    assert found["adaptive", "fixed"].baseline_varied is False
    assert found["adaptive", "tuned"].baseline_varied is True
    assert found["fixed", "tuned"].varied is False
    assert headlines(known) == ["adaptive beats tuned at level 1 and trades with fixed (less varied) at level 1."]
