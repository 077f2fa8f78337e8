"""The tests of the samplers, tested: right draws pass, draws that are slightly wrong do not."""

import numpy as np
from goodness import LEVEL, kolmogorov, pearson
from scipy import stats

RNG_SEED = 20


def zipf(size: int) -> np.ndarray:
    weight = 1 / np.arange(1.0, size + 1)
    return weight / weight.sum()


def test_pearson_accepts_the_right_distribution_and_its_p_values_are_uniform() -> None:
    rng = np.random.default_rng(RNG_SEED)
    p = zipf(1000)
    values = [pearson(rng.multinomial(20_000, p), p) for _ in range(400)]
    assert min(values) > LEVEL
    assert kolmogorov(np.asarray(values), stats.uniform.cdf) > LEVEL


def test_pearson_pools_cells_that_expect_little() -> None:
    # One count in a cell that expects 1e-5: alone, it would contribute 1e5 to the statistic.
    p = np.concatenate([np.full(10, (1 - 1e-9) / 10), [1e-9]])
    assert pearson(np.asarray([1000] * 10 + [1]), p) > 0.99


def test_pearson_rejects_a_sampler_at_another_temperature() -> None:
    rng = np.random.default_rng(RNG_SEED)
    p = zipf(1000)
    wrong = p**1.01 / (p**1.01).sum()
    assert pearson(rng.multinomial(1_000_000, wrong), p) < LEVEL


def test_pearson_rejects_one_draw_of_an_excluded_token() -> None:
    assert pearson(np.asarray([500, 499, 1]), np.asarray([0.5, 0.5, 0.0])) == 0


def test_pearson_rejects_a_sampler_without_its_tail() -> None:
    rng = np.random.default_rng(RNG_SEED)
    p = np.concatenate([[1 - 1e-4], np.full(100_000, 1e-9)])
    assert pearson(np.concatenate([[1_000_000], np.zeros(100_000, int)]), p) < LEVEL
    assert pearson(rng.multinomial(1_000_000, p), p) > LEVEL


def test_kolmogorov_rejects_a_shape_that_is_one_percent_off() -> None:
    draws = np.random.default_rng(RNG_SEED).gamma(0.5, size=1_000_000)
    assert kolmogorov(draws, stats.gamma(0.5).cdf) > LEVEL
    assert kolmogorov(draws, stats.gamma(0.505).cdf) < LEVEL
