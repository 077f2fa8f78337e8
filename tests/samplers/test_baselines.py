"""The baselines against independent implementations: transformers where it has one, else the definition in float64."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from transformers.generation import logits_process as hf

from sortilege.numerics import Key, log_softmax
from sortilege.samplers import (
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

KEY = Key(np.array([1]), np.array([0], dtype=np.int32))


def logits_of(size: int, scale: float, rows: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, size, int(100 * scale)])
    return (rng.normal(size=(rows, size)) * scale).astype(np.float32)


def adjusted(sampler: Sampler, logits: Any, state: Any = ()) -> Any:
    return sampler.adjust(logits, state, KEY)[0]


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / math.fsum(weights)


TYPICAL = [
    pair
    for mass in (0.1, 0.2, 0.5, 0.9, 0.95)
    for pair in (
        (LocallyTypical(mass), hf.TypicalLogitsWarper(mass)),
        (LocallyTypicalDistance(mass), hf.TypicalLogitsWarper(mass)),
    )
]
PAIRS = [
    *((TopK(k), hf.TopKLogitsWarper(k)) for k in (1, 2, 50, 10_000)),
    *((TopP(p), hf.TopPLogitsWarper(p)) for p in (0.01, 0.3, 0.5, 0.9, 0.95)),
    *((MinP(p), hf.MinPLogitsWarper(p)) for p in (0.0, 0.01, 0.05, 0.3, 1.0)),
    *((Epsilon(e), hf.EpsilonLogitsWarper(e)) for e in (3e-4, 9e-4, 0.05, 0.9)),
    *((Eta(e), hf.EtaLogitsWarper(e)) for e in (3e-4, 4e-3, 0.1, 0.9)),
    *TYPICAL,
]


@pytest.mark.parametrize(
    ("ours", "theirs"), PAIRS, ids=lambda value: repr(value) if isinstance(value, Sampler) else "hf"
)
def test_keeps_what_transformers_keeps(ours: Sampler, theirs: Any) -> None:
    for size in (2, 7, 100, 4096):
        for scale in (0.3, 1.0, 3.0, 10.0):
            logits = torch.asarray(logits_of(size, scale))
            logits[1, ::3] = -torch.inf
            torch.testing.assert_close(adjusted(ours, logits), theirs(None, logits.clone()), rtol=0, atol=0)


@pytest.mark.parametrize("ours_and_theirs", [PAIRS[7], TYPICAL[6], TYPICAL[7]], ids=["top-p", "typical", "distance"])
def test_at_a_large_vocabulary_only_rounding_differs(ours_and_theirs: Any) -> None:
    """In float32 one token of 1e-6 at the boundary may fall on either side: of 128,256 at most 2 do in any row.

    Beside transformers in float64: its own float32 sums are off by more on some processors.
    """
    ours, theirs = ours_and_theirs
    for scale in (1.0, 3.0):
        logits = torch.asarray(logits_of(128_256, scale, rows=2))
        different = adjusted(ours, logits).isfinite() ^ theirs(None, logits.double()).isfinite()
        assert int(different.sum(-1).max()) <= 2


def test_top_k_keeps_ties_as_transformers_does() -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0, 2.0, 2.0, 0.0]])
    assert torch.equal(adjusted(TopK(2), logits), hf.TopKLogitsWarper(2)(None, logits))
    assert adjusted(TopK(2), logits).isfinite().sum() == 4


def test_tied_nuclei_are_as_large_as_transformers() -> None:
    logits = torch.tensor([[0.0, 1.0, 1.0, 1.0, 0.0, 2.0, 0.0]])
    for top_p in (0.3, 0.5, 0.7, 0.85, 0.95):
        ours, theirs = adjusted(TopP(top_p), logits), hf.TopPLogitsWarper(top_p)(None, logits)
        assert torch.equal(ours.sort()[0], theirs.sort()[0])
    assert adjusted(TopP(0.5), logits).isfinite().nonzero()[:, 1].tolist() == [1, 5]


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 1.7, 30.0])
def test_temperature_is_transformers(temperature: float) -> None:
    logits = torch.asarray(logits_of(300, 3.0))
    logits[:, 5] = -torch.inf
    theirs = hf.TemperatureLogitsWarper(temperature)(None, logits)
    torch.testing.assert_close(adjusted(Temperature(temperature), logits), theirs, rtol=1e-6, atol=0)


def test_temperature_zero_is_the_first_of_the_likeliest() -> None:
    logits = np.array([[0.0, 2.0, 2.0, 1.0], [-np.inf, -3.0, -4.0, -np.inf]], dtype=np.float32)
    for cold in (0.0, 1e-9):
        kept = np.isfinite(adjusted(Temperature(cold), logits))
        assert kept.tolist() == [[False, True, False, False], [False, True, False, False]]


@pytest.mark.parametrize("temperature", [1e-4, 0.01])
def test_cold_half_precision_does_not_overflow(temperature: float) -> None:
    logits = np.array([[30.0, 29.0, -30.0, -np.inf], [-40.0, -41.0, -60.0, -np.inf]], dtype=np.float16)
    cold = adjusted(Temperature(temperature), logits)
    assert cold.dtype == np.float16
    exact = np.stack([softmax(row.astype(np.float64) / temperature) for row in logits])
    np.testing.assert_allclose(np.exp(log_softmax(cold)), exact, atol=1e-6)
    assert np.isfinite(cold).tolist() == [[True, True, True, False]] * 2


@pytest.mark.parametrize("penalty", [0.8, 1.0, 1.2, 2.0])
def test_repetition_penalty_is_transformers(penalty: float) -> None:
    sampler, theirs = RepetitionPenalty(penalty), hf.RepetitionPenaltyLogitsProcessor(penalty)
    logits = torch.asarray(logits_of(50, 3.0))
    logits[:, 4] = -torch.inf
    text = torch.asarray(np.random.default_rng(1).integers(0, 50, size=(4, 12)))
    state = sampler.read(text[:, :8], torch.ones(4, 8, dtype=torch.bool), sampler.init(logits))
    for position in range(8, 12):
        expected = theirs(text[:, :position], logits)
        torch.testing.assert_close(adjusted(sampler, logits, state), expected, rtol=1e-6, atol=0)
        state = sampler.observe(text[:, position], state)


def test_padding_is_not_penalised() -> None:
    sampler, logits = RepetitionPenalty(2.0), np.ones((1, 4), dtype=np.float32)
    state = sampler.read(np.array([[3, 1, 2]]), np.array([[False, True, True]]), sampler.init(logits))
    assert adjusted(sampler, logits, state).tolist() == [[1.0, 0.5, 0.5, 1.0]]


def test_top_n_sigma_by_definition() -> None:
    logits = logits_of(200, 3.0)
    logits[2, ::2] = -np.inf
    for n in (0.5, 1.0, 2.5):
        for row, kept in zip(logits, np.isfinite(adjusted(TopNSigma(n), logits)), strict=True):
            finite = row[np.isfinite(row)].astype(np.float64)
            assert (kept == (row >= finite.max() - n * finite.std())).all()
            rescaled = np.isfinite(adjusted(TopNSigma(n), row[None] / 1.7))[0]
            np.testing.assert_array_equal(rescaled, kept)  # the claim of the paper


def test_mirostat_by_definition() -> None:
    """llama.cpp's v2: truncate at mu bits, renormalise, draw, move mu against the surprise drawn."""
    sampler, rng = Mirostat(2.0, 0.3), np.random.default_rng(2)
    state = sampler.init(logits_of(60, 2.0, rows=1))
    mu = 4.0
    for step in range(40):
        logits = logits_of(60, 2.0, rows=1, seed=step)
        shaped, state = sampler.adjust(logits, state, KEY)
        assert sampler.report(state)["mu"] == pytest.approx(mu, abs=1e-4)
        p = softmax(logits[0])
        order = np.argsort(-p)
        size = max(1, int(np.argmax(np.append(-np.log2(p[order]) > mu, True))))
        kept = order[:size]
        assert np.flatnonzero(np.isfinite(shaped[0])).tolist() == sorted(kept.tolist())
        q = p[kept] / p[kept].sum()
        choice = rng.choice(size, p=q)
        mu -= 0.3 * (-math.log2(q[choice]) - 2.0)
        state = sampler.observe(kept[choice : choice + 1], state)


def test_mirostat_steers_the_surprise() -> None:
    """Over many draws the mean surprise comes to tau: the property that the method is named for."""
    sampler, rng = Mirostat(3.0, 0.2), np.random.default_rng(3)
    state, surprises = sampler.init(logits_of(500, 2.0, rows=1)), []
    for step in range(600):
        shaped, state = sampler.adjust(logits_of(500, 2.0, rows=1, seed=step), state, KEY)
        q = softmax(shaped[0])
        token = rng.choice(500, p=q)
        surprises.append(-math.log2(q[token]))
        state = sampler.observe(np.array([token]), state)
    # The sum of errors is (mu_0 - mu_n) / eta, so the mean is off by less than 10 / (0.2 * 600).
    assert abs(np.mean(surprises) - 3.0) < 10 / (0.2 * 600)


def test_adaptive_p_by_definition() -> None:
    sampler, rng = AdaptiveP(0.3, 0.8), np.random.default_rng(4)
    state = sampler.init(logits_of(30, 2.0, rows=1))
    past: list[float] = []
    for step in range(20):
        logits = logits_of(30, 2.0, rows=1, seed=step)
        logits[0, 3] = -np.inf
        shaped, state = sampler.adjust(logits, state, KEY)
        # The average starts as if the target had been met forever: weight 1 / (1 - decay) of it, decayed since.
        weights = [0.8**age for age in range(len(past))]
        start = 0.8 ** len(past) / (1 - 0.8)
        average = (math.fsum(w * p for w, p in zip(weights, reversed(past), strict=True)) + 0.3 * start) / (
            math.fsum(weights) + start
        )
        target = min(max(2 * 0.3 - average, 0.0), 1.0)
        report = sampler.report(state)
        assert report["adapted_target"] == pytest.approx(target, abs=1e-5)
        assert report["average_prob"] == pytest.approx(average, abs=1e-5)
        p = softmax(logits[0])
        distance = np.abs(p - target) / 0.3
        expected = np.where(np.isfinite(logits[0]), 5 - 10 * distance**2 / (1 + distance), -np.inf)
        np.testing.assert_allclose(shaped[0], expected, rtol=1e-4, atol=1e-4)
        token = rng.choice(30, p=softmax(shaped[0]))
        past.append(p[token])
        state = sampler.observe(np.array([token]), state)


@pytest.mark.parametrize(("temperature", "range_", "exponent"), [(1.0, 0.5, 1.0), (0.8, 1.5, 0.5), (0.6, 0.6, 3.0)])
def test_dynamic_temperature_by_definition(temperature: float, range_: float, exponent: float) -> None:
    sampler, logits = DynamicTemperature(temperature, range_, exponent), logits_of(80, 2.0)
    logits[1, ::2] = -np.inf
    logits[3, 1:] = -np.inf
    shaped, state = sampler.adjust(logits, sampler.init(logits), KEY)
    for row, out, used in zip(logits[:3], shaped, sampler.report(state)["temperature"], strict=False):
        p = softmax(row)
        p = p[p > 0]
        share = -math.fsum(p * np.log(p)) / math.log(len(p))
        low, high = max(0.0, temperature - range_), temperature + range_
        expected = low + (high - low) * share**exponent
        assert used == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(out, row / expected, rtol=1e-4)
    np.testing.assert_array_equal(shaped[3], logits[3])


@pytest.mark.parametrize("threshold", [0.05, 0.1, 0.3, 0.6])
def test_xtc_by_definition(threshold: float) -> None:
    logits = logits_of(30, 3.0, rows=20)
    logits[1, ::2] = -np.inf
    key = Key(np.arange(20), np.zeros(20, dtype=np.int32))
    always = Xtc(1.0, threshold).adjust(logits, (), key)[0]
    for row, out in zip(logits, always, strict=True):
        p = softmax(row)
        top = [token for token in np.argsort(-p, kind="stable") if p[token] >= threshold]
        dropped = sorted(top[:-1])
        assert np.flatnonzero(np.isfinite(row) & ~np.isfinite(out)).tolist() == dropped
        assert (out[np.isfinite(out)] == row[np.isfinite(out)]).all()


def test_xtc_acts_with_its_probability() -> None:
    """10,000 keys: the number of acts lies within 5 standard deviations (a false alarm in 2 million)."""
    count = 10_000
    logits = np.tile(np.log(np.array([[0.5, 0.3, 0.2]], dtype=np.float32)), (count, 1))
    for probability in (0.1, 0.5):
        out = Xtc(probability, 0.25).adjust(logits, (), Key(np.arange(count), np.zeros(count, dtype=np.int32)))[0]
        acts = int((~np.isfinite(out[:, 0])).sum())
        assert abs(acts - count * probability) < 5 * math.sqrt(count * probability * (1 - probability))
        assert np.isfinite(out[:, 1:]).all()


def dry_penalties(text: list[int], size: int, sampler: Dry) -> np.ndarray:
    """DRY as its author describes it: for each token, the longest repetition of the text's end that it would extend."""
    text = text[-sampler.last_n :]
    penalties = np.zeros(size)
    for token in range(size):
        longest = 0
        for place in [i for i in range(1, len(text)) if text[i] == token]:
            length = 0
            while length < place and text[place - 1 - length] == text[-1 - length]:
                if text[-1 - length] in sampler.sequence_breakers:
                    break
                length += 1
            longest = max(longest, length)
        if longest >= sampler.allowed_length and token not in sampler.sequence_breakers:
            penalties[token] = sampler.multiplier * sampler.base ** (longest - sampler.allowed_length)
    return penalties


@pytest.mark.parametrize(
    "sampler",
    [
        Dry(0.8, 1.75, 2, 64),
        Dry(0.5, 1.3, 1, 16),
        Dry(1.0, 1.0, 3, 9),
        Dry(0.8, 1.2, 1, 32, (0, 3)),
        Dry(0.8, 1.75, 2, 2),
    ],
    ids=repr,
)
def test_dry_by_definition(sampler: Dry) -> None:
    size, length, steps = 5, 11, 30
    rng = np.random.default_rng(6)
    prompt = rng.integers(0, size, size=(3, length))
    valid = np.arange(length)[None, :] >= np.array([0, 4, 11])[:, None]
    texts = [row[ok].tolist() for row, ok in zip(prompt, valid, strict=True)]
    logits = np.zeros((3, size), dtype=np.float64)
    state = sampler.read(prompt, valid, sampler.init(logits))
    for step in range(steps):
        # From the middle on, the text is its own copy, so that matches grow long.
        tokens = np.array([rng.integers(0, size) if step < 15 or not text else text[-7 % len(text)] for text in texts])
        expected = [dry_penalties(text, size, sampler) for text in texts]
        np.testing.assert_allclose(-adjusted(sampler, logits, state), expected, rtol=1e-12)
        state = sampler.observe(tokens, state)
        for text, token in zip(texts, tokens, strict=True):
            text.append(int(token))


def test_dry_does_not_overflow() -> None:
    sampler, logits = Dry(5.0, 4.0, 1, 300), np.zeros((1, 3), dtype=np.float32)
    state = sampler.init(logits)
    for _ in range(299):
        state = sampler.observe(np.array([1]), state)
    shaped = adjusted(sampler, logits, state)
    assert np.isfinite(shaped).all()
    assert shaped[0, 1] < -1e30
    half = adjusted(sampler, logits.astype(np.float16), state)
    assert half[0, 1] == -65504


def test_a_chain_runs_in_the_order_written() -> None:
    logits = logits_of(200, 3.0)
    for first, second in ((Temperature(0.5), TopP(0.8)), (TopP(0.8), Temperature(0.5))):
        expected = adjusted(second, adjusted(first, logits))
        np.testing.assert_array_equal(adjusted(chain(first, second), logits, ((), ())), expected)
        np.testing.assert_array_equal(adjusted(first >> second, logits, ((), ())), expected)
    assert not np.array_equal(
        adjusted(Temperature(0.5) >> TopP(0.8), logits, ((), ())),
        adjusted(TopP(0.8) >> Temperature(0.5), logits, ((), ())),
    )


def test_chains_flatten_and_report_every_stage() -> None:
    whole = chain(chain(TopK(5), DynamicTemperature()), DynamicTemperature(0.5, 0.0), Mirostat())
    assert [type(stage).__name__ for stage in whole.samplers] == [
        "TopK",
        "DynamicTemperature",
        "DynamicTemperature",
        "Mirostat",
    ]
    assert chain(TopK(5)) == TopK(5)
    logits = logits_of(20, 1.0)
    _, state = whole.adjust(logits, whole.init(logits), KEY)
    report = whole.report(state)
    assert set(report) == {"temperature", "temperature_3", "mu"}
    np.testing.assert_allclose(report["temperature_3"], 0.5)
    with pytest.raises(ValueError, match="one or more samplers"):
        chain()
    with pytest.raises(ValueError, match="samplers"):
        chain(TopK(5), "top-p")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(-0.1), r"Temperature\.temperature must be a number in \[0, inf\), got -0\.1"),
        (lambda: Temperature(math.nan), "got nan"),
        (lambda: TopK(0), r"TopK\.k must be an integer >= 1, got 0"),
        (lambda: TopP(0.0), r"TopP\.top_p must be a number in \(0, 1\], got 0\.0"),
        (lambda: MinP(1.1), r"MinP\.min_p must be a number in \[0, 1\], got 1\.1"),
        (lambda: Epsilon(1.0), r"Epsilon\.epsilon must be a number in \[0, 1\)"),
        (lambda: TopNSigma(0.0), r"TopNSigma\.n must be"),
        (lambda: LocallyTypical(0.5, 0), r"LocallyTypical\.k must be an integer >= 1, got 0"),
        (lambda: LocallyTypicalDistance(tau=-1.0), r"LocallyTypicalDistance\.tau must be"),
        (lambda: Dry(base=0.5), r"Dry\.base must be a number in \[1, inf\), got 0\.5"),
        (lambda: Dry(sequence_breakers=(1, -2)), "token id"),
        (lambda: AdaptiveP(decay=1.0), r"AdaptiveP\.decay must be a number in \[0, 0\.99\], got 1\.0"),
        (lambda: RepetitionPenalty(0.0), r"RepetitionPenalty\.penalty must be a number in \(0, inf\)"),
    ],
)
def test_values_out_of_range_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
