"""The contracts of samplers, as functions that raise AssertionError: each takes a roster line and a backend."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from backends import BACKENDS, Backend, get
from roster import Line

from sortilege.numerics import Key, draw
from sortilege.numerics._arrays import gather, map_leaves
from sortilege.samplers import Sampler

T, B, V, L = 3, 4, 40, 5
"""Steps, requests, vocabulary, prompt: one shape nearly everywhere, for every further one has to be compiled."""

NUMPY = BACKENDS[0]


@lru_cache
def inputs(seed: int = 0, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Logits (T, B, V), tokens emitted (T, B), a prompt (B, L) and which of it is no padding (B, L).

    A third of the vocabulary of row 1 is masked, and row 2 has one token only.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(T, B, V)) * np.array([1.0, 3.0, 3.0, 6.0])[:, None]
    logits[:, 1, rng.permutation(V)[: V // 3]] = -np.inf
    logits[:, 2, :] = np.where(np.arange(V) == 7, 1.0, -np.inf)
    tokens = np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)
    # A small alphabet, so that the text repeats itself; the last row's ends as row 0's begins.
    prompt = rng.integers(0, 3, size=(B, L))
    valid = np.arange(L)[None, :] >= np.array([0, 2, 1, 0])[:, None]
    return logits.astype(dtype), tokens, prompt, valid


def key(backend: Backend, step: int, rows: Any = range(B)) -> Key:
    like = backend.put(np.zeros((1, 1), dtype=np.float32))
    return Key.of([1000 + row for row in rows], [step] * len(rows), like=like)


TRACES: Counter[tuple[Any, ...]] = Counter()
"""How often each function was traced (on other backends: called), by sampler, backend, name, shape and dtype."""


@lru_cache
def functions(sampler: Sampler, backend: Backend) -> tuple[Callable[..., Any], ...]:
    """init, read, adjust and observe, compiled where the backend compiles, once for all contracts."""

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def traced(*arguments: Any) -> Any:
            TRACES[sampler, backend, function.__name__, arguments[0].shape, str(arguments[0].dtype)] += 1
            return function(*arguments)

        return backend.jit(traced)

    return tuple(counted(function) for function in (sampler.init, sampler.read, sampler.adjust, sampler.observe))


def start(sampler: Sampler, backend: Backend, logits: Any, prompt: np.ndarray, valid: np.ndarray) -> Any:
    init, read, *_ = functions(sampler, backend)
    return read(backend.put(prompt), backend.put(valid), init(logits))


def run(line: Line, backend: Backend, data: tuple[np.ndarray, ...], rows: Any = range(B)) -> list[np.ndarray]:
    """The logits that the sampler returns at each step, when the tokens of ``data`` are emitted whatever it does."""
    logits, tokens, prompt, valid = data
    put = backend.put
    sampler = line.make()
    _, _, adjust, observe = functions(sampler, backend)
    state = start(sampler, backend, put(logits[0]), prompt, valid)
    shaped = []
    for step in range(len(logits)):
        after, state = adjust(put(logits[step]), state, key(backend, step, rows))
        state = observe(backend.put(tokens[step]), state)
        shaped.append(after)
    return shaped


@lru_cache
def base(line: Line, backend: Backend) -> list[np.ndarray]:
    return [get(x) for x in run(line, backend, inputs())]


def agree(actual: Any, expected: Any, tolerance: float) -> None:
    """Same tokens kept, logits within the tolerance (absolute, or relative to the largest)."""
    actual, expected = np.asarray(actual, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    np.testing.assert_array_equal(np.isfinite(actual), np.isfinite(expected))
    kept = np.isfinite(expected)
    np.testing.assert_allclose(actual[kept], expected[kept], rtol=tolerance, atol=tolerance)


def rows_are_independent(line: Line, backend: Backend) -> None:
    logits, tokens, prompt, valid = (array.copy() for array in inputs())
    other = inputs(seed=1)
    logits[:, 0], tokens[:, 0], prompt[0], valid[0] = other[0][:, 0], other[1][:, 0], other[2][0], other[3][0]
    for actual, expected in zip(run(line, backend, (logits, tokens, prompt, valid)), base(line, backend), strict=True):
        agree(get(actual)[1:], expected[1:], 1e-6)


def one_row_is_a_row_of_many(line: Line, backend: Backend) -> None:
    logits, tokens, prompt, valid = inputs()
    alone = run(line, backend, (logits[:, 3:], tokens[:, 3:], prompt[3:], valid[3:]), rows=[3])
    for actual, expected in zip(alone, base(line, backend), strict=True):
        agree(get(actual), expected[3:], 1e-6)


def permutation_commutes(line: Line, backend: Backend) -> None:
    if not line.permutes:
        pytest.skip("draws noise for each token")
    logits, tokens, prompt, valid = inputs()
    order = np.random.default_rng(5).permutation(V)
    place = np.argsort(order)
    permuted = run(line, backend, (logits[..., order], place[tokens], place[prompt], valid))
    for actual, expected in zip(permuted, base(line, backend), strict=True):
        agree(get(actual), expected[..., order], line.tolerance)


def masks_stay_and_something_remains(line: Line, backend: Backend) -> None:
    for before, after in zip(inputs()[0], base(line, backend), strict=True):
        assert after.shape == before.shape
        assert not np.isnan(after).any()
        assert not (after == np.inf).any()
        assert (after[before == -np.inf] == -np.inf).all()
        assert np.isfinite(after).any(axis=-1).all()


def something_happens(line: Line, backend: Backend) -> None:
    """The line's settings act on the inputs: without this the other contracts would say little."""
    assert any((after != before).any() for before, after in zip(inputs()[0], base(line, backend), strict=True))


def inputs_are_not_written_to(line: Line, backend: Backend) -> None:
    logits, tokens, prompt, valid = inputs()
    sampler = line.make()
    given = [backend.put(array.copy()) for array in (logits[0], tokens[0], prompt, valid)]
    seeds = key(backend, 0)
    first = sampler.init(given[0])

    def snapshot(state: Any) -> list[np.ndarray]:
        leaves: list[np.ndarray] = []
        map_leaves(lambda leaf: leaves.append(get(leaf).copy()), state)
        return leaves

    kept = snapshot((first, *given, seeds))
    read = sampler.read(given[2], given[3], first)
    kept_read = snapshot(read)
    _, adjusted = sampler.adjust(given[0], read, seeds)
    kept_adjusted = snapshot(adjusted)
    observed = sampler.observe(given[1], adjusted)
    sampler.report(observed)
    for state, copies in (((first, *given, seeds), kept), (read, kept_read), (adjusted, kept_adjusted)):
        for now, then in zip(snapshot(state), copies, strict=True):
            np.testing.assert_array_equal(now, then)


def dtype_is_kept(line: Line, backend: Backend) -> None:
    narrow = {"numpy": ("float16",), "torch": ("float16", "bfloat16"), "jax": ("float16", "bfloat16")}
    logits, _, prompt, valid = inputs()
    sampler = line.make()
    _, _, adjust, _ = functions(sampler, backend)
    for name in (*narrow.get(backend.name, ()), *(("float64",) if backend.float64 else ()), "float32"):
        given = _cast(backend.put(logits[0]), name)
        shaped, _ = adjust(given, start(sampler, backend, given, prompt, valid), key(backend, 0))
        assert shaped.dtype == given.dtype, name
        assert np.isfinite(get(_cast(shaped, "float32"))).any(axis=-1).all(), name


def _cast(array: Any, name: str) -> Any:
    from array_api_compat import array_namespace

    xp = array_namespace(array)
    return xp.astype(array, getattr(xp, name))


def neutral_changes_nothing(line: Line, backend: Backend) -> None:
    if line.neutral is None:
        pytest.skip("has no neutral setting")
    neutral = Line(line.name, line.neutral)
    for before, after in zip(inputs()[0], run(neutral, backend, inputs()), strict=True):
        np.testing.assert_array_equal(get(after), before)


def float32_agrees_with_float64(line: Line, backend: Backend) -> None:
    if not backend.float64:
        pytest.skip("no float64")
    # The same numbers in both: only the arithmetic differs.
    logits, *rest = inputs()
    for actual, expected in zip(
        base(line, backend), run(line, backend, (logits.astype("float64"), *rest)), strict=True
    ):
        assert get(expected).dtype == np.float64
        agree(actual, get(expected), line.tolerance)


def libraries_agree(line: Line, backend: Backend) -> None:
    for actual, expected in zip(base(line, backend), base(line, NUMPY), strict=True):
        agree(actual, expected, line.tolerance)


def jit_is_eager_and_compiles_once(line: Line, backend: Backend) -> None:
    if backend.name != "jax-jit":
        pytest.skip("does not compile")
    eager = next(other for other in BACKENDS if other.name == "jax")
    for actual, expected in zip(base(line, backend), base(line, eager), strict=True):
        agree(actual, expected, line.tolerance)
    counts = {key[2:]: count for key, count in TRACES.items() if key[:2] == (line.make(), backend)}
    assert counts
    assert all(count == 1 for count in counts.values()), counts


def gathering_commutes(line: Line, backend: Backend) -> None:
    sampler = line.make()
    logits, tokens, prompt, valid = inputs()
    _, _, adjust, observe = functions(sampler, backend)
    order = [2, 0, 0, 3]
    rows = backend.put(np.array(order))
    put = backend.put
    state = start(sampler, backend, put(logits[0]), prompt, valid)
    _, state = adjust(put(logits[0]), state, key(backend, 0))
    state = observe(put(tokens[0]), state)

    moved, _ = adjust(put(logits[1][order]), gather(state, rows), key(backend, 1, order))
    stayed, _ = adjust(put(logits[1]), state, key(backend, 1))
    agree(get(moved), get(stayed)[order], 1e-6)


def same_key_same_tokens(line: Line, backend: Backend) -> None:
    assert _tokens(line, backend) == _tokens(line, NUMPY)


@lru_cache
def _tokens(line: Line, backend: Backend) -> list[list[int]]:
    sampler = line.make()
    logits, _, prompt, valid = inputs()
    _, _, adjust, observe = functions(sampler, backend)
    state = start(sampler, backend, backend.put(logits[0]), prompt, valid)
    drawn = []
    for step in range(2 * T):
        seeds = key(backend, step)
        shaped, state = adjust(backend.put(logits[step % T]), state, seeds)
        token = draw(shaped, seeds)
        state = observe(token, state)
        drawn.append(get(token).tolist())
    return drawn


def any_token_may_be_forced(line: Line, backend: Backend) -> None:
    """Tokens the sampler dropped, tokens the model excludes, and unknown ones (negative) leave a usable state."""
    sampler = line.make()
    logits, _, prompt, valid = inputs()
    _, _, adjust, observe = functions(sampler, backend)
    state = start(sampler, backend, backend.put(logits[0]), prompt, valid)
    for step, forced in enumerate((np.argmin(logits[0], axis=-1), np.full(B, -1), np.argmax(logits[2], axis=-1))):
        shaped, state = adjust(backend.put(logits[step]), state, key(backend, step))
        state = observe(backend.put(forced), state)
        for value in sampler.report(state).values():
            assert get(value).shape == (B,)
            assert not np.isnan(get(value)).any()
    shaped, _ = adjust(backend.put(logits[0]), state, key(backend, T))
    assert np.isfinite(get(shaped)).any(axis=-1).all()
    assert not np.isnan(get(shaped)).any()


def unusable_rows_pass_through(line: Line, backend: Backend) -> None:
    """A row masked throughout comes back as it went in, NaN harms no other row, and neither raises or warns."""
    logits, tokens, prompt, valid = (array.copy() for array in inputs())
    logits[:, 1, :] = -np.inf
    logits[:, 3, 5] = np.nan
    for step, after in enumerate(run(line, backend, (logits, tokens, prompt, valid))):
        after = get(after)
        assert (after[1] == -np.inf).all()
        agree(after[[0, 2]], base(line, backend)[step][[0, 2]], 1e-6)


def stateless_means_no_state(line: Line, backend: Backend) -> None:
    logits, *_ = inputs()
    state = line.make().init(backend.put(logits[0]))
    assert (isinstance(state, tuple) and not state) is line.stateless


CONTRACTS = (
    rows_are_independent,
    one_row_is_a_row_of_many,
    permutation_commutes,
    masks_stay_and_something_remains,
    something_happens,
    inputs_are_not_written_to,
    dtype_is_kept,
    neutral_changes_nothing,
    float32_agrees_with_float64,
    libraries_agree,
    jit_is_eager_and_compiles_once,
    gathering_commutes,
    same_key_same_tokens,
    any_token_may_be_forced,
    unusable_rows_pass_through,
    stateless_means_no_state,
)
