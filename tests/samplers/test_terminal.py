import numpy as np
import pytest
from backends import BACKENDS, get
from tiny import Plain

from sortilege.numerics.random import Key, draw
from sortilege.samplers import Mirostat
from sortilege.samplers.terminal import terminal

LOGITS = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32) * 3


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_the_row_holds_the_token_that_would_have_been_drawn(backend):
    sampler, logits = Mirostat(), backend.put(LOGITS)
    inner, drawn = sampler.init(logits), terminal(sampler).init(logits)
    plain, ended = backend.jit(sampler.adjust), backend.jit(terminal(sampler).adjust)
    for position in range(2):
        key = Key.of(range(6), [position] * 6, like=logits)
        shaped, inner = plain(logits, inner, key)
        row, drawn = ended(logits, drawn, key)
        tokens = draw(shaped, key)
        assert row.dtype == logits.dtype
        assert np.sum(np.isfinite(get(row)), axis=-1).tolist() == [1] * 6
        assert np.argmax(get(row), axis=-1).tolist() == get(tokens).tolist()
        assert np.max(get(row), axis=-1).tolist() == [0.0] * 6
        inner, drawn = sampler.observe(tokens, inner), terminal(sampler).observe(tokens, drawn)
        for name, values in sampler.report(inner).items():
            np.testing.assert_array_equal(get(values), get(terminal(sampler).report(drawn)[name]))


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_rows_that_cannot_be_drawn_from_are_returned_as_they_came(backend):
    rows = np.array([[0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf], [0.0, -np.inf]], np.float32)
    logits = backend.put(rows)
    key = Key.of(range(4), [0] * 4, like=logits)
    out, _ = backend.jit(terminal(Plain()).adjust)(logits, (), key)
    np.testing.assert_array_equal(get(out), rows)
