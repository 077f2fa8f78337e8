"""Scores against hand computations, and what is refused."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from sortilege.evaluation.metrics import METRICS
from sortilege.evaluation.sampling import Sample
from sortilege.tuning.objectives import DEFAULT_GUARDS, OUTSIDE, Term, measured, read_objective


def sample(tokens: Sequence[int], log_prob: float = -1.0, processed: float = -0.5) -> Sample:
    n = len(tokens)
    return Sample(
        prompt=0,
        seed=0,
        prompt_tokens=(1,),
        tokens=np.asarray(tokens),
        text="",
        finish_reason="length",
        raw_log_prob=np.full(n, log_prob),
        raw_entropy=np.full(n, 3.0),
        processed_log_prob=np.full(n, processed),
        processed_entropy=np.full(n, 2.0),
        kept=np.full(n, 9.0),
        report={},
        seconds=1.0,
    )


REFERENCE = {"emwa_cross_ent": 4.0, "distinct_3": 0.9, "entropy": 4.0, "repeated_4": 0.01, "nll": 4.0}


def test_the_default_guards() -> None:
    objective = read_objective()
    assert [guard.text for guard in objective.guards] == list(DEFAULT_GUARDS)
    assert objective.directions == ["minimize"]
    assert objective.metrics == ["emwa_cross_ent", "distinct_3", "entropy"]
    within = {"emwa_cross_ent": 2.5, "distinct_3": 0.86, "entropy": 2.0}
    assert objective.score(within, REFERENCE) == (2.5,)
    # 0.95 * 0.9 = 0.855, of which 0.585 is 0.27 short: 0.3 of 0.9. 0.25 * 4 = 1, of which 0.6 is 0.4 short: 0.1 of 4.
    outside = {"emwa_cross_ent": 0.1, "distinct_3": 0.585, "entropy": 0.6}
    assert objective.score(outside, REFERENCE) == (pytest.approx(OUTSIDE + 0.3 + 0.1),)
    # 1.05 * 0.9 = 0.945, of which 0.99 is 0.045 too much: 0.05 of 0.9.
    assert objective.score({**within, "distinct_3": 0.99}, REFERENCE) == (pytest.approx(OUTSIDE + 0.05),)


def test_offsets_and_nearly_nothing() -> None:
    objective = read_objective("nll", ["repeated_4"])
    assert objective.guards[0].limits(REFERENCE) == (-math.inf, pytest.approx(0.06))
    assert objective.score({"nll": 3.0, "repeated_4": 0.06}, REFERENCE) == (3.0,)
    # 0.03 too much, relative to 0.1: the reference's 0.01 is nearly 0.
    assert objective.score({"nll": 3.0, "repeated_4": 0.09}, REFERENCE) == (pytest.approx(OUTSIDE + 0.3),)
    band = read_objective("nll", ["entropy=-0.5:1.5"]).guards[0]
    assert band.limits(REFERENCE) == (3.5, 6.0)
    assert band.text == "entropy=-0.5:1.5"


def test_any_value_within_is_better_than_any_outside() -> None:
    objective = read_objective()
    poor = objective.score({"emwa_cross_ent": 60.0, "distinct_3": 0.9, "entropy": 9.0}, REFERENCE)
    near = objective.score({"emwa_cross_ent": 0.0, "distinct_3": 0.8549, "entropy": 9.0}, REFERENCE)
    far = objective.score({"emwa_cross_ent": 0.0, "distinct_3": 0.1, "entropy": 0.0}, REFERENCE)
    nothing = objective.score({"emwa_cross_ent": 0.0, "distinct_3": math.nan, "entropy": 9.0}, REFERENCE)
    assert poor < near < far < nothing


def test_a_raised_metric_under_a_guard_is_lowered_by_its_negative() -> None:
    objective = read_objective("distinct_3", ["nll=:1.1"])
    assert objective.directions == ["minimize"]
    assert objective.score({"distinct_3": 0.7, "nll": 4.0}, REFERENCE) == (-0.7,)
    assert read_objective("distinct_3").directions == ["maximize"]
    assert read_objective("distinct_3").score({"distinct_3": 0.7}, {}) == (0.7,)


def test_several_objectives() -> None:
    objective = read_objective("quality-diversity")
    assert objective.terms == (Term("nll", False), Term("distinct_3", True))
    assert objective.directions == ["minimize", "maximize"]
    assert objective.score({"nll": 3.0, "distinct_3": 0.8}, {}) == (3.0, 0.8)
    assert read_objective("nll, -entropy, +temperature").directions == ["minimize", "minimize", "maximize"]


def test_the_source_s_objective() -> None:
    objective = read_objective("emwa_cross_ent")
    assert objective.guards == ()
    assert objective.score({"emwa_cross_ent": 0.0}, {}) == (0.0,)
    assert read_objective("emwa-cross-ent") == objective


def test_a_band_is_for_the_guard_that_has_none() -> None:
    guards = read_objective("guarded", band="0.8:0.9").guards
    assert [guard.text for guard in guards] == ["distinct_3=0.8:0.9", DEFAULT_GUARDS[1]]
    guards = read_objective("guarded", ["entropy", "repeated_4=:+0.1"], "0.5:").guards
    assert [guard.text for guard in guards] == ["entropy=0.5:", "repeated_4=:+0.1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("perplexity",), "unknown objective 'perplexity'; known: guarded, emwa_cross_ent, quality-diversity"),
        (("",), "unknown objective ''"),
        (("entropy",), r"write \+entropy or -entropy"),
        (("nll, nll",), "each metric can be given once"),
        (("guarded", ["mauve"]), "the metric of a guard must be one of 'nll'"),
        (("guarded", ["length"]), "guard length needs a band"),
        (("guarded", ["entropy=0.9"]), "must be LOW:HIGH"),
        (("guarded", ["entropy=:"]), "must be LOW:HIGH"),
        (("guarded", ["entropy=a:b"]), "factors"),
        (("guarded", ["entropy=nan:1"]), "factors"),
        (("guarded", ["entropy=1:0.9"]), "a lower end below its upper end"),
        (("guarded", ["entropy=0.9:1"], "0.9:1"), "there is none"),
        (("emwa_cross_ent", [], "0.9:1"), "there is none"),
        (("guarded", ["entropy", "entropy=0.9:1"]), "each metric can be given once"),
        (("quality-diversity", ["entropy"]), "guards go with a single objective"),
    ],
)
def test_what_is_no_objective_is_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_objective(*arguments)


def test_a_reference_without_the_guarded_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="the reference has no value of repeated_4"):
        read_objective("nll", ["repeated_4"]).score({"nll": 1.0, "repeated_4": 0.0}, {"repeated_4": math.nan})


def test_metrics_are_means_of_what_has_a_value() -> None:
    samples = [sample([1, 2, 3, 1, 2, 3, 1], -1.0), sample([4, 5, 6], -2.0)]
    found = measured(samples)
    assert list(found) == list(METRICS)
    assert found["nll"] == pytest.approx(1.5)
    # 3-grams: 123 231 312 123 231 and 456: 4 of 6 are distinct.
    assert found["distinct_3"] == pytest.approx(4 / 6)
    # 4-grams of the first: 1231 2312 3123 1231, 3 of 4; the second is too short to have any.
    assert found["repeated_4"] == pytest.approx(1 / 4)
    assert math.isnan(found["temperature"])
    # From 2, the first entropy, towards 0.5 at a rate of 0.1: after each of 3 tokens.
    first = [0.5 + 1.5 * 0.9**i for i in range(1, 8)]
    second = first[:3]
    assert found["emwa_cross_ent"] == pytest.approx((np.mean(first) + np.mean(second)) / 2)
    assert list(measured(samples, ["length"])) == ["length"]
