"""Intervals against scipy, and their coverage on data whose mean and deviation are known."""

import numpy as np
import pytest
from scipy import stats

from sortilege.evaluation.intervals import MINIMUM, bootstrap, over_runs


def test_it_is_the_bootstrap_of_scipy() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2, size=(2, 30))
    for values, data, statistic in [
        ((x,), (x,), np.mean),
        ((x, y), (x, y), lambda a, b, axis=-1: np.mean(a, axis=axis) - np.mean(b, axis=axis)),
    ]:
        wanted = stats.bootstrap(
            data, statistic, paired=True, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
        ).confidence_interval
        found = bootstrap(*values)
        assert (found.low, found.high) == pytest.approx(tuple(wanted), abs=1e-12)
        assert found.n == 30
    assert bootstrap(x).value == pytest.approx(np.mean(x))


def test_the_spread_is_the_standard_deviation() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 40))
    wanted = stats.bootstrap(
        (x, y),
        lambda a, b, axis=-1: np.std(a, axis=axis, ddof=1) - np.std(b, axis=axis, ddof=1),
        paired=True,
        n_resamples=2000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = bootstrap(x, y, statistic="spread")
    assert found.value == pytest.approx(np.std(x, ddof=1) - np.std(y, ddof=1))
    assert (found.low, found.high) == pytest.approx(tuple(wanted))


def covers(draw: object, truth: float, *, statistic: str = "mean", paired: bool = False, times: int = 400) -> int:
    """How many of ``times`` intervals hold the truth."""
    rng, found = np.random.default_rng(7), 0
    for _ in range(times):
        data = draw(rng)  # pyright: ignore[reportCallIssue]
        one = bootstrap(*(data if paired else (data,)), statistic=statistic, resamples=400)
        assert one.low is not None
        assert one.high is not None
        found += one.low <= truth <= one.high
    return found


def test_coverage() -> None:
    """Of 400 intervals 95 % should hold the truth; fewer than 89 % is not chance (p < 1e-5), nor are all of them."""
    assert 356 <= covers(lambda rng: rng.normal(3.0, 2.0, size=40), 3.0) < 400

    def pairs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        common = rng.normal(0, 5, size=40)
        return common + rng.normal(0.5, 1, size=40), common + rng.normal(0, 1, size=40)

    assert 356 <= covers(pairs, 0.5, paired=True) < 400


def test_pairing_is_what_makes_a_difference_narrow() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(0, 5, size=40)
    x, y = common + rng.normal(0.5, 0.1, size=40), common
    paired = bootstrap(x, y)
    assert paired.sign == 1
    assert paired.half is not None
    alone = bootstrap(x).half
    assert alone is not None
    assert paired.half < alone / 10


def test_a_wrong_interval_would_be_found_out() -> None:
    """The coverage of intervals of half the width is far below what the test above asks for."""
    rng, found = np.random.default_rng(7), 0
    for _ in range(400):
        one = bootstrap(rng.normal(size=40), resamples=400)
        assert one.half is not None
        found += abs(one.value) <= one.half / 2
    assert found < 356


def test_prompts_without_a_number_are_left_out_of_both() -> None:
    x = np.arange(10.0)
    y = x + 1 + np.asarray([0, 1] * 5)
    x[0], y[9] = np.nan, np.nan
    found = bootstrap(x, y)
    assert found.n == 8
    assert found.value == pytest.approx(np.mean((x - y)[1:9]))


def test_nothing_varies() -> None:
    found = bootstrap(np.full(10, 0.25))
    assert (found.value, found.low, found.high, found.sign) == (0.25, 0.25, 0.25, 1)
    assert bootstrap(np.ones(10), np.ones(10)).sign == 0


def test_one_prompt_unlike_the_others() -> None:
    """Where nearly all resamples are alike there is an interval still."""
    found = bootstrap([0.0] * 30 + [1e-9])
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("n", [0, 1, MINIMUM - 1])
def test_too_few(n: int) -> None:
    with pytest.raises(ValueError, match=f"too few samples for an interval: at least {MINIMUM} prompts, got {n}"):
        bootstrap(np.arange(float(n)))
    with pytest.raises(ValueError, match="too few"):
        bootstrap([*np.arange(float(n)), *[np.nan] * 20])


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="one length"):
        bootstrap(np.ones(6), np.ones(7))
    with pytest.raises(ValueError, match="statistic must be one of"):
        bootstrap(np.ones(6), statistic="median")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="confidence"):
        bootstrap(np.ones(6), confidence=1.0)


def test_over_runs_is_students_interval() -> None:
    data = [0.5, 0.7, 0.9, 0.6]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(data), scale=stats.sem(data))
    found = over_runs(data)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((np.mean(data), low, high, 4))
    assert over_runs([*data, np.nan]) == found
    assert over_runs([0.5]).low is None
    assert "2 seeds" in over_runs([0.5]).reason
    assert np.isnan(over_runs([np.nan]).value)
