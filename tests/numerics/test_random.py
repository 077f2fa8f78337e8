"""The generator against published vectors and JAX's own Threefry, its uniforms against exact integers, and the draw."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from backends import BACKENDS, Backend, get
from goodness import LEVEL, kolmogorov, pearson
from jax.extend.random import threefry_2x32
from scipy import stats

from sortilege.numerics import random
from sortilege.numerics._arrays import argmax_last
from sortilege.numerics.random import Key, Stream, draw, drawable, exponential, threefry, uniform, unit, words

ALL = [pytest.param(backend, id=str(backend)) for backend in BACKENDS]


def int32(*values: int) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray([value], dtype=np.uint32).view(np.int32) for value in values)


def oracle(key: np.ndarray, counter: np.ndarray) -> np.ndarray:
    """Two words for one key and one counter, by JAX."""
    return np.asarray(threefry_2x32(jnp.asarray(key, dtype=jnp.uint32), jnp.asarray(counter, dtype=jnp.uint32)))


@pytest.mark.parametrize(
    ("rounds", "key", "counter", "answer"),
    [
        (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        (13, (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0xFD36D048, 0x2D17272C)),
        (13, (0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
        (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        (20, (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        (20, (0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers_of_random123(
    rounds: int, key: tuple[int, int], counter: tuple[int, int], answer: tuple[int, int]
) -> None:
    first, second = threefry(int32(*key), int32(*counter), rounds)
    assert (int(first.view(np.uint32)[0]), int(second.view(np.uint32)[0])) == answer


@pytest.mark.parametrize("backend", ALL)
def test_threefry_is_that_of_jax(backend: Backend) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2**32, size=(4, 200), dtype=np.uint32)
    key, counter = inputs[:2], inputs[2:]
    put = [backend.put(word.view(np.int32)) for word in inputs]
    before = [get(word).copy() for word in put]
    first, second = backend.jit(partial(threefry, rounds=20))((put[0], put[1]), (put[2], put[3]))
    expected = np.stack([oracle(key[:, i], counter[:, i]) for i in range(200)], axis=1)
    np.testing.assert_array_equal(get(first).view(np.uint32), expected[0])
    np.testing.assert_array_equal(get(second).view(np.uint32), expected[1])
    for word, kept in zip(put, before, strict=True):
        np.testing.assert_array_equal(get(word), kept)  # inputs are not written to


@pytest.mark.parametrize("backend", ALL)
def test_words_follow_the_documented_layout(backend: Backend) -> None:
    seeds = [0, 7, 2**31 - 1] + ([2**32 + 5, 2**63 - 1] if backend.float64 else [])
    positions = [0, 2**31 - 1, 12, 3, 99][: len(seeds)]
    key = Key.of(seeds, positions, like=backend.put(np.zeros(1, np.float32)))
    first, second = words(key, Stream.XTC, 5, attempt=4)
    for row, (seed, position) in enumerate(zip(seeds, positions, strict=True)):
        for index in range(5):
            count = Stream.XTC << 24 | 4 << 20 | index
            expected = threefry(int32(seed & 0xFFFFFFFF, seed >> 32), int32(count, position))
            assert get(first)[row, index] == expected[0][0]
            assert get(second)[row, index] == expected[1][0]


@pytest.mark.parametrize("backend", ALL)
def test_words_are_a_function_of_the_index_alone(backend: Backend) -> None:
    key = Key.of([3, 4], [5, 5], like=backend.put(np.zeros(1, np.float32)))
    whole = get(words(key, 0, 50)[0])
    index = np.asarray([49, 0, 17], dtype=np.int32)
    np.testing.assert_array_equal(get(words(key, 0, 3, index=backend.put(index))[0]), whole[:, index])
    rows = np.asarray([[1, 2, 3], [30, 20, 10]], dtype=np.int32)
    np.testing.assert_array_equal(
        get(words(key, 0, 3, index=backend.put(rows))[0]), np.take_along_axis(whole, rows, axis=1)
    )
    alone = Key.of([4], [5], like=backend.put(np.zeros(1, np.float32)))
    np.testing.assert_array_equal(get(words(alone, 0, 50)[0])[0], whole[1])


def test_seeds_positions_streams_and_attempts_all_change_the_words() -> None:
    like = np.zeros(1)
    seen: dict[bytes, object] = {}
    seeds = [0, 1, 2**31, 2**32, 2**32 + 1, 2**62]
    streams = [*Stream, Stream.USER + 1]
    for seed in seeds:
        for position in (0, 1, 2, 2**31 - 1):
            for stream in streams:
                for attempt in (0, 1, 9):
                    for word in words(Key.of([seed], [position], like), stream, 4, attempt):
                        seen[word.tobytes()] = None
    assert len(seen) == len(seeds) * 4 * len(streams) * 3 * 2


@pytest.mark.parametrize("backend", ALL)
def test_key_refuses_what_it_cannot_hold(backend: Backend) -> None:
    like = backend.put(np.zeros(1, np.float32))
    largest = 2**63 - 1 if backend.float64 else 2**31 - 1
    Key.of([largest], [2**31 - 1], like)
    for seed in (-1, largest + 1, 1.5, True):
        with pytest.raises(ValueError, match=r"seed must be an integer in \[0, "):
            Key.of([seed], [0], like)
    for position in (-1, 2**31, None):
        with pytest.raises(ValueError, match=r"position must be an integer in \[0, 2147483647\]"):
            Key.of([0], [position], like)
    with pytest.raises(ValueError, match="seeds and positions must be of one length, got 2 and 1"):
        Key.of([0, 1], [0], like)


WORDS = np.asarray([0, 1, 2, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 65536, 2**32 - 2, 2**32 - 1], dtype=np.uint32)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unit_is_the_exact_fraction_rounded(backend: Backend, dtype: str) -> None:
    if dtype == "float64" and not backend.float64:
        pytest.skip("no float64 without x64")
    first, second = (w.ravel() for w in np.meshgrid(WORDS, WORDS))
    like = backend.put(np.zeros(1, dtype))
    put = [backend.put(w.view(np.int32)) for w in (first, second)]
    largest = 1 - np.finfo(dtype).epsneg
    one = get(unit(put[0], like=like))
    two = get(unit(*put, like=like))
    bits = first.astype(object) * 2**16 + (second.astype(object) & 0xFFFF)
    for value, exact in (
        (one, (first.astype(object) * 2 + 1) / 2**33),
        (two, (bits * 2 + 1) / 2**49),
    ):
        assert value.dtype == dtype
        assert (value > 0).all()
        assert (value < 1).all()
        exact = np.minimum(exact.astype(np.float64), largest)
        np.testing.assert_allclose(value, exact, rtol=1.5 * np.finfo(dtype).eps)


@pytest.mark.parametrize("backend", ALL)
def test_uniforms_and_exponentials_are_the_same_everywhere(backend: Backend) -> None:
    like = np.zeros(1, np.float32)
    key, put = Key.of([1, 2], [3, 4], like), backend.put(like)
    there = Key.of([1, 2], [3, 4], put)
    np.testing.assert_array_equal(get(uniform(there, 0, 1000, like=put)), uniform(key, 0, 1000, like=like))
    clocks = get(exponential(there, 0, 1000, like=put))
    np.testing.assert_allclose(clocks, exponential(key, 0, 1000, like=like), rtol=5e-7)


def test_uniforms_are_uniform_and_independent() -> None:
    like = np.zeros(1, np.float64)
    key = Key.of(list(range(1000)), [5] * 1000, like)
    u = uniform(key, Stream.TOKEN, 1000, like=like)
    comparisons = {"uniform": kolmogorov(u.ravel(), stats.uniform.cdf)}
    # Products of centred pairs have mean 0 and variance 1/144 where the pairs are independent.
    others = {
        "the next index": u[:, 1:] * 1.0,
        "the next seed": u[1:],
        "the next position": uniform(Key.of(list(range(1000)), [6] * 1000, like), Stream.TOKEN, 1000, like=like),
        "another stream": uniform(key, Stream.DIRICHLET, 1000, like=like),
    }
    mine = {"the next index": u[:, :-1], "the next seed": u[:-1]}
    for name, other in others.items():
        product = (mine.get(name, u) - 0.5) * (other - 0.5)
        comparisons[name] = 2 * stats.norm.sf(abs(product.sum()) * 12 / np.sqrt(product.size))
        joint = np.histogram2d(mine.get(name, u).ravel(), other.ravel(), bins=32, range=[[0, 1], [0, 1]])[0]
        comparisons[f"{name}, jointly"] = pearson(joint.ravel(), np.full(1024, 1 / 1024))
    bits = (words(key, 1, 1000)[1].view(np.uint32)[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    ones = bits.sum(axis=(0, 1))
    comparisons["bits"] = 32 * min(2 * stats.norm.sf(abs(ones - 5e5) / 500))
    assert min(comparisons.values()) > LEVEL / len(comparisons), comparisons


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_same_tokens_everywhere(backend: Backend, dtype: str) -> None:
    rng = np.random.default_rng(3)
    rows = 64
    logits = (3 * rng.normal(size=(rows, 3000))).astype(dtype)
    logits[:, ::3] = -np.inf
    if dtype == "float16" and backend.name == "strict":
        pytest.skip("the standard has no float16")
    seeds, positions = list(range(rows)), [7] * rows
    expected = draw(logits, Key.of(seeds, positions, like=logits))
    put = backend.put(logits)
    tokens = get(backend.jit(draw)(put, Key.of(seeds, positions, like=put)))
    np.testing.assert_array_equal(tokens, expected)
    assert tokens.shape == (rows,)
    assert (tokens % 3 != 0).all()


def test_a_row_draws_the_same_alone_and_in_a_large_batch() -> None:
    logits = np.random.default_rng(4).normal(size=(9, 40_000)).astype(np.float32)
    together = draw(logits, Key.of(list(range(9)), [1] * 9, like=logits))
    alone = [draw(logits[i : i + 1], Key.of([i], [1], like=logits))[0] for i in range(9)]
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("backend", ALL)
def test_rows_without_a_choice(backend: Backend) -> None:
    low = -np.inf
    logits = np.asarray([[low, low, low], [low, 2, low], [0, np.nan, 1], [0, np.inf, 1], [0, 1, 2]], np.float32)
    put = backend.put(logits)
    tokens = get(backend.jit(draw)(put, Key.of([1] * 5, [2] * 5, like=put)))
    assert list(tokens[:2]) == [0, 1]
    assert list(get(drawable(put))) == [False, True, False, False, True]


def frequencies(probability: np.ndarray, draws: int, rows: int = 20_000) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logits = np.broadcast_to(np.log(probability).astype(np.float32), (rows, len(probability)))
    counts = np.zeros(len(probability), dtype=int)
    for position in range(draws // rows):
        tokens = draw(logits, Key.of(list(range(rows)), [position] * rows, like=logits))
        counts += np.bincount(tokens, minlength=len(probability))
    return counts


@pytest.mark.parametrize("name", ["zipf", "uniform", "one rare", "masked"])
def test_a_million_draws_follow_the_distribution(name: str) -> None:
    weight = {
        "zipf": 1 / np.arange(1.0, 41) ** 1.5,
        "uniform": np.ones(17),
        "one rare": np.asarray([1.0, 1e-5, 1e-4]),
        "masked": np.asarray([0.0, 3.0, 0.0, 1.0, 0.0]),
    }[name]
    probability = weight / weight.sum()
    assert pearson(frequencies(probability, 1_000_000), probability) > LEVEL / 4


def rare_wins(mass: float, rows: int) -> tuple[int, float, np.ndarray]:
    """How often a tail of 262,143 tokens of total probability ``mass`` beats token 0, how often it should, and where.

    The clocks of token 0 are read first, and of forty million draws only those with its ``rows`` latest times are made:
    given that time x, the tail wins with probability 1 - exp(-x mass / (1 - mass)), ten times as often as otherwise.
    """
    like = jnp.zeros(1)
    seeds = jnp.arange(40_000_000)
    start = jnp.zeros(1, jnp.int32)
    clock = np.asarray(
        jax.jit(lambda seeds: exponential(Key(seeds, 0 * seeds), Stream.TOKEN, 1, like=like)[:, 0])(seeds)
    )
    late = np.argpartition(clock, -rows)[-rows:]
    logits = jnp.full((1, 2**18), np.log(mass / (1 - mass) / (2**18 - 1)), jnp.float32).at[:, 0].set(0)
    one = jax.jit(lambda seed: draw(logits, Key(seed, start)))
    tokens = np.asarray([int(one(seeds[i : i + 1])[0]) for i in late])
    expected = -np.expm1(-clock[late].astype(np.float64) * mass / (1 - mass)).sum()
    return int((tokens > 0).sum()), float(expected), tokens[tokens > 0]


def poisson(seen: int, expected: float) -> float:
    return 2 * min(stats.poisson.cdf(seen, expected), stats.poisson.sf(seen - 1, expected))


def test_a_tail_of_tiny_probabilities_is_drawn_at_its_rate() -> None:
    seen, expected, wins = rare_wins(mass=3e-4, rows=3600)
    assert expected > 10
    comparisons = [poisson(seen, expected), kolmogorov(wins / 2**18, stats.uniform.cdf)]
    assert min(comparisons) > LEVEL / 2, (seen, expected)


@pytest.mark.slow
@pytest.mark.parametrize("mass", [1e-4, 1e-5])
def test_a_tail_of_tinier_probabilities_is_drawn_at_its_rate(mass: float) -> None:
    seen, expected, _ = rare_wins(mass=mass, rows=int(2 / mass))
    assert expected > 10
    assert poisson(seen, expected) > LEVEL / 2, (seen, expected)


def test_uniforms_of_24_bits_would_lose_the_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    def race(logits, key):
        cells = jnp.floor(uniform(key, Stream.TOKEN, logits.shape[-1], like=logits) * 2.0**24)
        clocks = -jnp.log1p(-jnp.clip((cells + 0.5) * 2.0**-24, max=1 - 2.0**-24))
        return argmax_last(logits - jnp.log(clocks))

    monkeypatch.setattr(random, "_race", race)
    seen, expected, _ = rare_wins(mass=3e-4, rows=3600)
    assert poisson(seen, expected) < LEVEL, (seen, expected)
