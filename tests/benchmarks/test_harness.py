"""The benchmarks run, all of them, at sizes that say nothing about speed; no test here looks at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special as sp

from benchmarks.inputs import FRAMES, Inputs
from benchmarks.measure import Result, machine
from benchmarks.records import BENCHMARKS, fit_error, polygamma_error, temperature_error
from benchmarks.report import BEGIN, END, cells, facts, markdown, section_of, table, to_json, with_section
from benchmarks.timing import WARM_UP, Ratio, Timing, interleave

ROOT = Path(__file__).parents[2]
# Compiled without optimisation: the results must be right, the times are not looked at.
ENVIRONMENT = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0", "COLUMNS": "300", "TERM": "dumb"}


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, dict[str, Any]]:
    """Standard output, the rewritten document and the JSON file of one quick run of every benchmark."""
    folder = tmp_path_factory.mktemp("benchmarks")
    page = folder / "page.md"
    page.write_text(f"# Before\n\n{BEGIN}\n\nlast time\n\n{END}\n\nAfter.\n")
    run = benchmarks("--quick", "--json", str(folder / "numbers.json"), "--markdown", str(page))
    assert run.returncode == 0, run.stderr
    return run.stdout, page.read_text(), json.loads((folder / "numbers.json").read_text())


def test_the_last_line_is_the_whole_result(everything: tuple[str, str, dict[str, Any]]) -> None:
    out, _, stored = everything
    document = json.loads(out.splitlines()[-1])
    assert document == stored
    assert document["quick"] is True
    assert {"python", "sortilege", "numpy", "torch", "jax", "transformers"} <= document["machine"]["versions"].keys()
    measured = [(result["benchmark"], result["contender"]) for result in document["results"]]
    assert measured == [(benchmark.name, ours.name) for benchmark in BENCHMARKS for ours in benchmark.ours]


def test_every_benchmark_gives_numbers(everything: tuple[str, str, dict[str, Any]]) -> None:
    for result in everything[2]["results"]:
        name = f"{result['benchmark']}: {result['contender']}"
        assert result["problem"] is None, f"{name}: {result['problem']}"
        assert result["repetitions"] == 2, name
        assert result["ratio"] == pytest.approx(result["median"] / result["baseline_median"]), name
        assert result["met"] is None, f"{name}: a target was judged at a size it does not speak of"


def test_what_is_timed_is_also_right(everything: tuple[str, str, dict[str, Any]]) -> None:
    limits = {"fit-dirichlet": 1e-4, "solve-temperature": 1e-4, "polygamma": 2e-6, "polygamma-numpy": 2e-6}
    errors = [(r["benchmark"], r["error"]) for r in everything[2]["results"] if r["error"] is not None]
    assert {name for name, _ in errors} == limits.keys()
    for name, error in errors:
        assert error <= limits[name], name


def test_the_table_and_the_document_name_every_benchmark(everything: tuple[str, str, dict[str, Any]]) -> None:
    out, page, _ = everything
    assert page.startswith(f"# Before\n\n{BEGIN}\n")
    assert page.endswith(f"\n{END}\n\nAfter.\n")
    assert "last time" not in page
    for benchmark in BENCHMARKS:
        assert benchmark.name in out
        assert f"| {benchmark.name} |" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing"], ["adaptive-dirichlet", "nothing"]),
        (["--threads", "100000"], ["100000", "cores"]),
        (["--clock", "sundial"], ["sundial", "wall", "cpu"]),
        (["--json", "no-such-folder/numbers.json"], ["no-such-folder"]),
        (["--markdown", "no-such-page.md"], ["no-such-page.md"]),
        (["--markdown", "README.md"], ["README.md"]),
    ],
)
def test_bad_options_end_before_anything_runs(arguments: list[str], words: list[str]) -> None:
    run = benchmarks("--quick", *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    for word in words:
        assert word in run.stderr


def test_interleaved_calls_alternate_and_see_the_same_repetitions() -> None:
    calls: list[tuple[str, int]] = []
    now = iter(range(10_000))
    taken = interleave(
        [lambda i: calls.append(("a", i)), lambda i: calls.append(("b", i))],
        least=2,
        most=4,
        seconds=1e9,
        clock=lambda: float(next(now)),
        rest=lambda _: None,
    )
    warm = [(name, i) for name in "ab" for i in range(WARM_UP)]
    assert calls == warm + [(name, WARM_UP + i) for i in range(4) for name in "ab"]
    assert [len(timing.samples) for timing in taken] == [4, 4]
    assert all(timing.first == 1.0 and timing.median == 1.0 for timing in taken)


def test_timing_ends_with_its_seconds_but_not_before_the_least() -> None:
    now = iter(range(0, 100_000, 10))
    taken = interleave(
        [lambda i: i], least=3, most=50, seconds=5.0, clock=lambda: float(next(now)), rest=lambda _: None
    )
    assert len(taken[0].samples) == 3


def test_ratio_is_that_of_the_medians_with_quartiles_of_the_pairs() -> None:
    ours, theirs = Timing(9.0, (1.0, 2.0, 6.0)), Timing(9.0, (2.0, 4.0, 4.0))
    assert Ratio.of(ours, theirs) == Ratio(0.5, 0.5, 1.0)


@pytest.mark.parametrize("rows", [1, 3])
def test_inputs_look_like_a_language_models(rows: int) -> None:
    inputs = Inputs(20_000, rows)
    assert [x.shape for x in inputs.logits] == [(rows, 20_000)] * FRAMES
    log_probs = [sp.log_softmax(x.astype(np.float64), axis=-1) for x in inputs.logits]
    entropies = np.array([-np.sum(np.exp(x) * x, axis=-1) for x in log_probs])
    assert np.all((entropies > 1.5) & (entropies < 6.5))
    neighbours = [np.corrcoef(a[0], b[0])[0, 1] for a, b in zip(log_probs, log_probs[1:] + log_probs[:1], strict=True)]
    assert np.all(np.array(neighbours) > 0.8)  # the last and the first step as well
    assert np.ptp(neighbours) < 0.05
    assert all(np.all(sp.logsumexp(t.astype(np.float64), axis=-1) < -0.1) for t in inputs.mean_log_probs)


def test_errors_are_measured_against_known_solutions() -> None:
    inputs = Inputs(300)
    exact = inputs.positive[0].astype(np.float64)
    assert polygamma_error(inputs, 0, (sp.digamma(exact), sp.polygamma(1, exact))) == 0
    assert polygamma_error(inputs, 0, (sp.digamma(exact), sp.polygamma(1, exact) + 0.5)) > 0.4 / sp.polygamma(1, 1e-3)
    target = sp.digamma(exact) - sp.digamma(exact.sum())
    inputs.__dict__["mean_log_probs"] = [target] * FRAMES
    assert fit_error(inputs, 0, exact) < 1e-12
    assert fit_error(inputs, 0, 1.01 * exact) > 1e-3
    log_probs = sp.log_softmax(inputs.logits[0].astype(np.float64) / 1.7, axis=-1)
    inputs.__dict__["target_entropies"] = [-np.sum(np.exp(log_probs) * log_probs, axis=-1)] * FRAMES
    assert temperature_error(inputs, 0, np.array([1.7])) < 1e-12
    assert temperature_error(inputs, 0, np.array([1.8])) > 1e-2


MET = Result(
    "one", "ours", "theirs", 1, 1, 128_256, "wall", 2.0, True, 0.5, 0.4, 0.6, 0.01, 0.02, 1.5, 0.1, 1e-6, 1e-5, 9
)
MISSED = Result("one", "ours | jit", "theirs", 2, 1, 128_256, "wall", 0.25, False, 0.5, 0.4, 0.6, 0.01, 0.02, 1.5, 0.1)
ABSENT = Result("two", "ours", "theirs", 1, 1, 128_256, "wall", None, problem="No module named 'jax'")


def test_results_are_told_in_words() -> None:
    assert cells(MET)[5:] == ("10", "20", "0.5 (0.4 to 0.6)", "<= 2", "met", "1.5 / 0.1", "1.0e-06 / 1.0e-05")
    assert "missed" in cells(MISSED)
    assert cells(ABSENT)[-1] == "No module named 'jax'"
    about, results = machine(), [MET, MISSED, ABSENT]
    assert table(about, results).row_count == 3
    assert "128,256" in facts(about, results)
    assert "ours \\| jit" in markdown(about, results)
    assert json.loads(to_json(about, results, False))["results"][2]["problem"] == ABSENT.problem


def test_the_generated_section_is_replaced_and_must_be_there() -> None:
    page = f"a\n{BEGIN}\nold\n{END}\nb\n"
    assert with_section(page, "new") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"
    for wrong in ("nothing", f"{END}{BEGIN}", BEGIN, page + page):
        with pytest.raises(ValueError, match="once each"):
            section_of(wrong)
