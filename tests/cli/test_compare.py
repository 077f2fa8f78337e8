"""``sortilege compare``: what it prints, what it leaves behind, and how it is interrupted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run
from comparisons import lines, told

PROMPTS = ["ab", "cde", "hello", "xyz", "one two", "so it was", "fg", "hij", "kl", "mno", "pq", "rst"]
METHODS = ["min-p", "steady: adaptive-dirichlet ~ probs_ent_offset=1:4"]


def command(model: Path, out: Path, *more: object) -> list[str]:
    prompts = out.parent / "prompts.txt"
    prompts.write_text("".join(f"{line}\n" for line in PROMPTS))
    options = ["--model", model, "--prompts", prompts, "--seeds", 2, "--budget", 3, "-n", 6, "-o", out]
    return [str(a) for a in ["compare", *METHODS, *options, *more]]


@pytest.fixture(scope="module")
def whole(model: Path, masked: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The file of a run that nothing interrupted, and what it printed."""
    out = tmp_path_factory.mktemp("whole") / "out.jsonl"
    result = run(*command(model, out, "--judge", masked, "--levels", "0.5", "--ablate", "steady"))
    assert (result.exit_code, result.stderr) == (0, "")
    return out, result


def test_table_and_verdicts(whole: tuple[Path, Any]) -> None:
    out, result = whole
    for word in ("min-p @ 0.5", "steady @ 0.5", "no Dirichlet", "nll", "judge nll", "±", "against min-p at level 0.5"):
        assert word in result.stdout
    kinds = [record["kind"] for record in lines(out)]
    assert kinds.count("trial") == 6
    header = lines(out)[0]
    assert header["command"].startswith("sortilege")
    assert header["judge"]["kind"].startswith("pseudo-log-likelihood in 8 passes")
    assert [one["given"] for one in header["plan"]["prompts"]] == PROMPTS[::2]
    assert [one["given"] for one in header["plan"]["tune_prompts"]] == PROMPTS[1::2]


def test_the_table_is_sorted_by_nll(whole: tuple[Path, Any]) -> None:
    _, result = whole
    found = re.findall(r"^│ (min-p|steady) @ 0\.5\D*([\d.]+)", result.stdout, re.MULTILINE)
    assert len(found) == 2
    assert [float(nll) for _, nll in found] == sorted(float(nll) for _, nll in found)


def test_showing_a_record_again(whole: tuple[Path, Any], tmp_path: Path) -> None:
    out, result = whole
    page = tmp_path / "page.html"
    again = run("compare", "--from", out, "--report", page)
    assert (again.exit_code, again.stdout, again.stderr) == (0, result.stdout, "")
    assert page.read_text().startswith("<!doctype html>")
    data = json.loads(run("compare", "--from", out, "--json").stdout)
    assert {row["method"] for row in data["rows"]} == {"min-p", "steady"}
    assert data["verdicts"][0]["method"] == "steady"
    assert data["rows"][0]["metrics"]["nll"]["low"] < data["rows"][0]["metrics"]["nll"]["value"]
    assert data["rows"][0]["metrics"]["mauve"]["value"] is None
    quiet = run("compare", "--from", out, "--quiet")
    assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    other = run("compare", "--from", out, "--json", "--baseline", "steady")
    assert json.loads(other.stdout)["verdicts"][0]["baseline"] == "steady"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("at", ["study.db", pytest.param("cell", marks=pytest.mark.slow)])
def test_a_run_that_was_killed_goes_on(
    model: Path, masked: Path, whole: tuple[Path, Any], tmp_path: Path, at: str
) -> None:
    """While it tunes, and while it runs what was chosen."""
    out = tmp_path / "out.jsonl"
    arguments = command(model, out, "--judge", masked, "--levels", "0.5", "--ablate", "steady")
    with subprocess.Popen(
        [sys.executable, "-m", "sortilege", *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        started = time.monotonic()
        study = out.with_name("out.jsonl.study.db")
        while not (study.exists() if at == "study.db" else out.exists() and b'"cell"' in out.read_bytes()):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() - started < 300
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert sum(record["kind"] == "cell" for record in map(json.loads, out.read_bytes().split(b"\n")[:-1])) < 12
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert told(out) == told(whole[0])
    assert not study.exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--budget", 4], ["of another comparison", "budget 3 there, 4 here"]),
        (["-n", 7], ["max_new_tokens 6 there, 7 here"]),
        (["--judge", "no/such/judge"], ["judge", "no/such/judge"]),
        (["--levels", "high"], ["--levels", "high"]),
        (["--ablate", "min-p"], ["ablate", "adaptive-dirichlet"]),
        (["--baseline", "nobody"], ["baselines", "nobody"]),
        (["--seeds", 0], ["seeds", "0"]),
        (["--model", "no/such/model"], ["model", "no/such/model"]),
    ],
)
def test_what_is_refused_changes_nothing(
    model: Path, masked: Path, whole: tuple[Path, Any], tmp_path: Path, more: list[Any], words: list[str]
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(whole[0].read_bytes())
    arguments = command(model, out, "--judge", masked, "--levels", "0.5", "--ablate", "steady", *more)
    refused(run(*arguments), *words)
    assert out.read_bytes() == whole[0].read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.jsonl", "prompts.txt"]


def test_bad_input(model: Path, whole: tuple[Path, Any], tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    refused(run("compare", "-o", out), "METHOD")
    refused(run("compare", "min-p", "--model", model), "--output")
    refused(run(*command(model, out, "min-p")), "labels of their own", "'min-p' twice")
    refused(run(*command(model, out, "top-q")), "top-q")
    refused(run("compare", "min-p", "--from", whole[0]), "--from")
    refused(run("compare", "--from", tmp_path / "none"), "cannot be read")
    notes = tmp_path / "notes.html"
    notes.write_text("mine")
    refused(run(*command(model, out, "--report", notes)), str(notes), "no report")
    refused(run("compare", "--from", notes), "no record of sortilege-comparison/1")
    assert notes.read_text() == "mine"
    few = tmp_path / "few.txt"
    few.write_text("a\nb\nc\nd\n")
    refused(run(*command(model, out, "--prompts", few)), "too few samples for an interval", "half of those given")
    refused(run(*command(model, out, "--tune-prompts", out.parent / "prompts.txt")), "must not be among prompts")
    assert not out.exists()
    begun = tmp_path / "begun.jsonl"
    begun.write_bytes(whole[0].read_bytes().splitlines(keepends=True)[0])
    refused(run("compare", "--from", begun), "no finished run")
