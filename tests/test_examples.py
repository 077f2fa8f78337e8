"""Every example runs, and shows what it says."""

import json
import math
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sortilege import Key
from sortilege.numerics import log_softmax

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))
SEARCH = FOLDER / "inference_search.py"
APART = ("inference_search", "compare_typical")
USAGE = [  # the usage examples of the flags' source, and the settings they stand for
    ("--local_search_sampling_method locally_typical --locally_typical_alpha 0.0", {"alpha": 0.0}),
    ("--local_search_sampling_method locally_typical --locally_typical_alpha 0.5", {"alpha": 0.5}),
    ("--local_search_sampling_method locally_typical_distance --locally_typical_alpha 1.0", {"tau": 1.0}),
    ("--local_search_sampling_method locally_typical_distance --locally_typical_alpha 0.5", {"tau": 0.5}),
]


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem not in APART], ids=lambda path: path.stem)
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


def test_the_usage_examples_are_those_shown() -> None:
    assert re.findall(r"^    python inference_search\.py (.*)$", SEARCH.read_text(), re.MULTILINE) == [
        line for line, _ in USAGE
    ]


@pytest.mark.parametrize(("line", "meant"), USAGE, ids=[line for line, _ in USAGE])
def test_inference_search(
    line: str, meant: dict[str, float], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SEARCH), *shlex.split(line), "--json"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SEARCH), run_name="__main__")
    assert ended.value.code == 0
    records = [json.loads(record) for record in capsys.readouterr().out.splitlines()]
    assert [record["prompt"] for record in records] == (FOLDER / "prompts.txt").read_text().splitlines()
    for record in records:
        assert record["text"]
        assert len(record["distances"]) == 2
        assert meant.items() <= record["settings"]["search"].items()


def test_own_bounds_take_the_place_of_those_put_in() -> None:
    arguments = runpy.run_path(str(SEARCH))["arguments"]
    assert arguments([]).count("--bound") == 2
    for own in (["--bound", "length <= 9"], ["--property=length"]):
        assert [one for one in arguments(own) if one.startswith(("--bound", "--property"))] == own[:1]


def test_entropy_is_that_of_the_tokens_written() -> None:
    entropy = runpy.run_path(str(FOLDER / "compare_typical.py"))["entropy"]
    record = {"tokens": [7, 1, 1, 2, 3], "fixed": [True, False, False, False, False]}
    assert entropy(record) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4))


def test_comparison_of_the_rules(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("The sea\n")
    out = tmp_path / "out"
    script = ["bash", str(FOLDER / "test_locally_typical_distance.sh"), "--prompts", "prompts.txt"]
    sizes = ["--length", "16", "--steps", "4", "--bound", "sentiment >= 0.9"]
    environment = {"PYTHON": sys.executable, "OUT": str(out), "SAMPLES": "2", "K": "5", "N": "2"}
    done = subprocess.run(
        [*script, *sizes], env=os.environ | environment, cwd=tmp_path, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    settings = [f"locally_typical_distance-{tau}" for tau in ("1.0", "0.7", "0.5", "0.2")]
    settings += ["locally_typical-0.5", "top_p"]
    names = {f"{name}-k5-N2-samples2.jsonl" for name in settings}
    assert {path.name for path in out.iterdir()} == names | {"comparison.md", "comparison.png"}
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (out / "comparison.md").read_text().splitlines()
    )
    assert [row[0].split(",")[0] for row in rows] == ["tau 1", "tau 0.7", "tau 0.5", "tau 0.2", "alpha 0.5", "top_p"]
    assert head[1:4] == ["texts", "satisfied", "distance to sentiment"]
    for name, row in zip(settings, rows, strict=True):
        records = [json.loads(line) for line in (out / f"{name}-k5-N2-samples2.jsonl").read_text().splitlines()]
        assert row[1] == "2"
        assert float(row[2]) == sum(record["satisfied"] for record in records) / 2
        calls = sum(record["scorer_calls"] for record in records) / 2
        assert float(row[head.index("scorer calls")]) == pytest.approx(calls, rel=1e-3)
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")
