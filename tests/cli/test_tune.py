"""``sortilege tune``: a study from the command line, its table, its preset, and what is refused."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run, spawn

from sortilege.samplers.spec import parse_sampler
from sortilege.tuning import read_method


@pytest.fixture
def here(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A folder to work in, and the options of a small study."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.txt").write_text("ab\ncde\nhello\nxyz\n")
    return ["--model", model, "--prompts", "prompts.txt", "-n", 8, "--seed", 3, "--trials", 3]


def test_a_study_and_its_preset(here: list[Any], tmp_path: Path) -> None:
    result = run("tune", "min-p, temperature", *here)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["emwa_cross_ent", "distinct_3", "entropy", "nll", "repeated_4", "min_p", "temperature"]
    assert [line.split()[0] for line in lines[1:]][-6:] == [
        "greedy",
        "reference",
        "band",
        "3",
        "--sampler",
        "--sampler",
    ]
    assert "0.000 outside" in next(line for line in lines if line.startswith("greedy"))
    assert lines[-1] == "--sampler @min-p+temperature.json"
    preset = json.loads((tmp_path / "min-p+temperature.json").read_text())
    assert lines[-2] == f"--sampler '{preset['sampler']}'"
    assert (preset["schema"], preset["name"], preset["model"]) == (
        "sortilege-preset/1",
        "min-p+temperature",
        str(here[1]),
    )
    assert preset["study"]["trials"] == 3
    assert read_method(preset["study"]["method"]).text == preset["study"]["method"]
    assert list(preset["guards"]) == ["distinct_3=0.95:1.05", "entropy=0.25:"]
    # And it is what was tuned.
    ours = run("generate", "ab", "--model", here[1], "-n", 6, "--seed", 1, "--sampler", "@min-p+temperature.json")
    assert ours.exit_code == 0
    written = run("generate", "ab", "--model", here[1], "-n", 6, "--seed", 1, "--sampler", preset["sampler"])
    assert ours.stdout == written.stdout


def test_the_same_command_goes_on(here: list[Any], tmp_path: Path) -> None:
    first = json.loads(run("tune", "min-p", *here, "--json").stdout)
    again = json.loads(run("tune", "min-p", *here, "--json").stdout)
    assert again["trials"] == first["trials"]
    more = json.loads(run("tune", "min-p", *here[:-1], 5, "--json").stdout)
    assert more["trials"][:3] == first["trials"]
    assert (more["finished"], len(more["trials"])) == (5, 5)
    assert {"min-p.db", "min-p.json"} <= {path.name for path in tmp_path.iterdir()}


def test_json_has_it_all(here: list[Any]) -> None:
    options = ["--objective", "quality-diversity", "--storage", "memory", "--optimizer", "grid", "--points", 3]
    result = run("tune", "temperature ~ temperature=0.5:1.5", *here[:-2], *options, "--json")
    found = json.loads(result.stdout)
    assert sorted(one["values"]["temperature"] for one in found["trials"]) == [0.5, 1.0, 1.5]
    assert found["best"] is None
    assert set(found["front"]) <= {one["number"] for one in found["trials"]}
    assert found["preset"] is None
    assert found["storage"] is None
    for one in found["trials"]:
        assert one["score"] == [one["metrics"]["nll"], one["metrics"]["distinct_3"]]
        assert parse_sampler(one["sampler"]).temperature == one["values"]["temperature"]  # type: ignore[attr-defined]
    assert found["reference"]["kind"] == "model: its own texts at temperature 1"


def test_quiet_is_the_sampler_alone(here: list[Any]) -> None:
    result = run("tune", "min-p", *here, "--storage", "memory", "--quiet")
    assert result.exit_code == 0
    assert read_method(f"{result.stdout.strip()} ~ none").base
    assert result.stdout.count("\n") == 1


def test_a_band_that_nothing_reaches(here: list[Any], tmp_path: Path) -> None:
    result = run("tune", "min-p", *here, "--guard", "nll", "--band", "9:10")
    assert result.exit_code == 3
    assert re.fullmatch(
        r"sortilege: error: no trial is within nll=9:10; the nearest is --sampler 'min-p\(.*\)'\n", result.stderr
    )
    assert "outside" in result.stdout
    assert not (tmp_path / "min-p.json").exists()
    assert (tmp_path / "min-p.db").exists()


def test_a_study_of_another_sampler_is_refused_and_left_alone(here: list[Any], tmp_path: Path) -> None:
    assert run("tune", "min-p", *here, "--study", "mine").exit_code == 0
    before = [(path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir())]
    refused(run("tune", "top-p", *here, "--study", "mine", "--preset", "other.json"), "study 'mine' is there already")
    # The preset is looked at first, before a model is loaded.
    refused(run("tune", "top-p", *here, "--study", "mine", "--model", "/nowhere"), "is the preset of another study")
    assert [(path.name, path.read_bytes()) for path in sorted(tmp_path.iterdir())] == before


def test_references_are_used(here: list[Any], tmp_path: Path) -> None:
    lines = [{"prompt": text, "reference": f"{text} and so it went"} for text in ("ab", "cde")]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run("tune", "min-p", *here, "--prompts", "p.jsonl", "--storage", "memory", "--json")
    assert json.loads(result.stdout)["reference"]["kind"] == "human: the prompts' references"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["min-q"], ["unknown sampler 'min-q'"]),
        (["min-p ~ k"], ["no knob 'k' to vary; known: min_p"]),
        (["min-p", "--objective", "beauty"], ["unknown objective 'beauty'; known: guarded"]),
        (["min-p", "--guard", "charm"], ["the metric of a guard must be one of"]),
        (["min-p", "--band", "1:0"], ["a lower end below its upper end"]),
        (["min-p", "--optimizer", "adam"], ["optimizer must be one of"]),
        (["min-p", "--trials", 0], ["trials must be an integer >= 1, got 0"]),
        (["min-p", "--prompts", "nowhere.txt"], ["--prompts: 'nowhere.txt' cannot be read"]),
        (["min-p", "--model", "nowhere"], ["nowhere"]),
        (["min-p", "--storage", "no/where.db"], ["no folder"]),
        (["min-p", "--storage", "prompts.txt"], ["the storage prompts.txt cannot be used"]),
        (["min-p", "--preset", "prompts.txt"], ["is there and no preset, and is not written over"]),
        (["min-p", "--preset", "no/where.json"], ["there is no folder"]),
        (["min-p", "--workers", 2, "--storage", "memory"], ["workers must be 1 for a study in memory"]),
        (["min-p", "--objective", "quality-diversity", "--preset", "x.json"], ["--preset is for a single objective"]),
        (["min-p", "--objective", "quality-diversity", "--pruner", "median"], ["pruner must be none for several"]),
        (["@nowhere"], ["no preset 'nowhere'"]),
    ],
)
def test_bad_input_is_one_line(here: list[Any], tmp_path: Path, arguments: list[Any], words: list[str]) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    refused(run("tune", arguments[0], *here, *arguments[1:]), *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_command_line_does_not_load_optuna() -> None:
    import subprocess

    code = "import sys, sortilege.cli._app; print(sorted({'optuna', 'torch', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr


def test_a_missing_package_names_the_extra(here: list[Any]) -> None:
    import subprocess

    code = "import sys; sys.modules['optuna'] = None\nfrom sortilege.cli import main\nmain()"
    command = [sys.executable, "-c", code, "tune", "min-p", "--model", str(here[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == 'sortilege: error: optuna is not installed; pip install "sortilege[tuning]"\n'


def test_on_a_terminal(here: list[Any]) -> None:
    """A bar with the best so far, which is wiped in the end."""
    beside = importlib.util.spec_from_file_location("processes", Path(__file__).with_name("test_processes.py"))
    processes = importlib.util.module_from_spec(beside)
    beside.loader.exec_module(processes)
    shown, code = processes.watched([sys.executable, "-m", "sortilege", "tune", "top-p", *map(str, here)])
    assert code == 0, shown
    assert "3 of 3 trials" in shown
    assert re.search(r"best emwa_cross_ent \d\.\d{3} · distinct_3 \d\.\d{3} in \d\.\d{3}:\d\.\d{3}", shown)
    assert "--sampler @top-p.json" in shown


@pytest.mark.slow
def test_several_processes(here: list[Any], tmp_path: Path) -> None:
    result = spawn("tune", "min-p", *here[:-1], 6, "--workers", 2, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["finished"] == 6
