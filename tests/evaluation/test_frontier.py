"""The frontier against a linear programme, and its gaps on comparisons whose answer is known."""

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from sortilege.evaluation.comparison import Cell, Comparison
from sortilege.evaluation.frontier import gap, lowest


@pytest.mark.parametrize("seed", range(20))
def test_the_lowest_mixture_is_that_of_a_linear_programme(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    quality, diversity = rng.normal(size=n), rng.normal(size=n)
    wanted = float(rng.normal())
    # over the weights of any mixture: least mean quality at a mean diversity of at least what is wanted
    found = linprog(quality, A_ub=[-diversity], b_ub=[-wanted], A_eq=[np.ones(n)], b_eq=[1], bounds=(0, 1))
    if found.success:
        assert lowest(quality, diversity, wanted) == pytest.approx(found.fun, abs=1e-9)
    else:
        assert math.isnan(lowest(quality, diversity, wanted))


def comparison(settings: dict[str, tuple[float, float]], prompts: int = 40, noise: float = 0.05) -> Comparison:
    """One run of each setting, of these means of nll and distinct-3, with noise that is common to all."""
    rng = np.random.default_rng(3)
    common = rng.normal(size=prompts)
    common -= common.mean()
    cells = [
        Cell(
            name, 0, np.arange(prompts),
            {
                "nll": nll + common + noise * rng.normal(size=prompts),
                "distinct_3": np.full(prompts, distinct) + 0.001 * rng.normal(size=prompts),
            },
            {}, {}, (), (),
        )
        for name, (nll, distinct) in settings.items()
    ]  # fmt: skip
    plan = {"prompts": [{}] * prompts, "seeds": 1, "levels": [1.0], "methods": [], "baselines": []}
    return Comparison({"plan": plan}, {}, [], [], cells)


def test_gaps_are_known_differences_and_noise_common_to_prompts_does_not_widen_them():
    made = comparison(
        {
            "a": (2.0, 0.8),
            "b": (3.0, 0.9),
            "on it": (2.5, 0.85),
            "below": (2.2, 0.85),
            "far": (2, 0.99),
            "dull": (1.9, 0.7),
        }
    )
    on, below = (gap(made, name, ["a", "b"]) for name in ("on it", "below"))
    assert on.value == pytest.approx(0, abs=0.03)
    assert on.sign == 0
    assert below.value == pytest.approx(-0.3, abs=0.03)
    assert below.sign == -1
    assert below.half < 0.05  # the prompts themselves differ by 1 nat
    assert "none of the others is as varied" in gap(made, "far", ["a", "b"]).reason
    # More fluent than all and less varied than all: what they would be at its diversity is not known.
    assert "all of the others are more varied" in gap(made, "dull", ["a", "b"]).reason
    assert math.isnan(gap(made, "dull", ["a", "b"]).value)
    assert gap(made, "a", ["a"]).reason == "nothing to compare with"


def test_a_gap_of_few_prompts_has_no_interval():
    made = comparison({"a": (2.0, 0.9), "b": (2.5, 0.8), "c": (2.0, 0.7)}, prompts=4)
    found = gap(made, "b", ["a", "c"])
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert found.low is None
    assert "too few samples" in found.reason


def test_the_interval_of_a_gap_covers_what_is_true():
    """95 % intervals of a gap of 0 that does not depend on the choice of prompts: 200 draws, coverage within 91-99 %.

    A binomial share of 0.95 over 200 lies outside with a probability below 0.02.
    """
    covered = 0
    rng = np.random.default_rng(5)
    for _ in range(200):
        p = 30
        common = rng.normal(size=p)
        values = {name: common + rng.normal(size=p) for name in ("x", "a")}
        values["worse"] = common + 100
        cells = [
            Cell(
                name, 0, np.arange(p), {"nll": v, "distinct_3": np.full(p, 0.1 if name == "worse" else 0.9)},
                {}, {}, (), (),
            )
            for name, v in values.items()
        ]  # fmt: skip
        plan = {"prompts": [{}] * p, "seeds": 1, "levels": [1.0], "methods": [], "baselines": []}
        found = gap(Comparison({"plan": plan}, {}, [], [], cells), "x", ["a", "worse"], resamples=400)
        covered += found.low <= 0 <= found.high
    assert 0.91 <= covered / 200 <= 0.99
