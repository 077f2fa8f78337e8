"""Every example runs, and shows what it says."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from sortilege import Key
from sortilege.numerics import log_softmax

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert len(capsys.readouterr().out.split()) > 10


def test_own_sampler_tires_tokens_with_use() -> None:
    fatigue = runpy.run_path(str(next(path for path in EXAMPLES if path.stem == "own_sampler")))["Fatigue"]
    with pytest.raises(ValueError, match=r"Fatigue\.weight must be a number in \[0, inf\), got -1"):
        fatigue(-1.0)
    sampler = fatigue(2.0)
    logits = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0]], dtype=np.float32)
    state = sampler.init(logits)
    for tokens in ([1, 0], [1, 2]):
        state = sampler.observe(np.array(tokens), state)
    shaped, _ = sampler.adjust(logits, state, Key.of([0, 0], [2, 2], like=logits))
    expected = np.array([[0.0, -2.0, 1.0], [-1.0, 0.0, -2.0]], dtype=np.float32)
    np.testing.assert_allclose(log_softmax(shaped), log_softmax(expected), atol=1e-6)
