"""``sortilege search``: bounds and settings reach the library as they were meant, and nothing is ignored."""

import dataclasses
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run
from rich.console import Console
from typer.testing import Result

from sortilege._knobs import knobs
from sortilege.cli._bounds import read_bounds
from sortilege.cli._groups import option
from sortilege.cli._outcome import summary, table
from sortilege.cli.search import settings_of
from sortilege.diffusion import as_denoiser
from sortilege.properties import Bound, Expression, Length, parse_property
from sortilege.search import Search
from sortilege.search import search as of_library

SHORT = ["--length", 20, "--steps", 5, "--seed", 3]
SCORERS = """
import math

def shout(texts):
    raise RuntimeError("too loud")

def many(texts):
    return [1.0] * (len(texts) + 1)

def nothing(texts):
    return [math.nan] * len(texts)

def words(texts):
    return "many"

def later(texts, seen=[]):
    seen.append(1)
    if len(seen) > 2:
        raise RuntimeError("enough")
    return [0.0] * len(texts)
"""


@pytest.fixture
def scorers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in with scorers of the user's own, some of which are broken."""
    (tmp_path / "own_scorers.py").write_text(SCORERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_scorers", raising=False)
    return tmp_path


def go(masked: Path, *arguments: object) -> Result:
    result = run("search", "--model", masked, *SHORT, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


HELD = Bound("length", Length(), upper=9)


def test_records_are_what_the_library_finds(masked: Path) -> None:
    result = go(masked, "--bound", "length(characters) <= 15", "--property", 'expression("[a-z]")', "--num-samples", 3,
                "--json", "--k", 6, "--chunk", 4)  # fmt: skip
    bounds = [
        Bound('expression("[a-z]")', Expression("[a-z]")),
        Bound("length(characters)", Length("characters"), upper=15.0),
    ]
    expected = of_library(
        as_denoiser(masked), "", bounds, Search(k=6, chunk=4), length=20, steps=5, seed=3, num_samples=3
    )
    shown = records(result)
    for record, text in zip(shown, expected, strict=True):
        assert record["tokens"] == list(text.tokens)
        report = dataclasses.asdict(text.search)
        report["search_denoiser_calls"] = report.pop("denoiser_calls")
        assert {name: record[name] for name in report} == report
        assert record["settings"]["properties"] == [
            {"property": 'expression("[a-z]")', "lower": None, "upper": None, "tolerance": 0.0},
            {"property": "length(characters)", "lower": None, "upper": 15.0, "tolerance": 0.0},
        ]
        assert record["settings"]["search"] == dataclasses.asdict(Search(k=6, chunk=4))
    assert any(record["scorer_calls"] for record in shown)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"bounds": ["sentiment >= 0.3"]}, [("sentiment", 0.3, None, None)]),
        ({"bounds": ["0.3<=sentiment"]}, [("sentiment", 0.3, None, None)]),
        ({"bounds": ["20 <= length <= 40"]}, [("length", 20.0, 40.0, None)]),
        ({"bounds": ["40 >= length(of=words) >= -2e1"]}, [("length", -20.0, 40.0, None)]),
        ({"bounds": ["length >= 2", "length <= .5e1"]}, [("length", 2.0, 5.0, None)]),
        ({"bounds": ['expression("a <= b") >= 1']}, [('expression("a <= b")', 1.0, None, None)]),
        (
            {"properties": ["sentiment", "length"], "lower": ["0.3", "none"], "upper": ["none", "9"]},
            [("sentiment", 0.3, None, None), ("length", None, 9.0, None)],
        ),
        (
            {"properties": ["sentiment", "length(words)"], "upper": ["length=9"], "tolerance": ["length(words)=2"]},
            [("sentiment", None, None, None), ("length", None, 9.0, 2.0)],
        ),
        (
            {"properties": ["length"], "bounds": ["sentiment >= 0", "length <= 4"], "lower": ["1"]},
            [("length", 1.0, 4.0, None), ("sentiment", 0.0, None, None)],
        ),
        (
            {"properties": ['perplexity(model="a=b")'], "upper": ['perplexity(model="a=b")=30']},
            [('perplexity("a=b")', None, 30.0, None)],
        ),
    ],
)
def test_bounds_are_read(given: dict[str, list[str]], expected: list[Any]) -> None:
    names = ("properties", "bounds", "lower", "upper", "tolerance")
    found = read_bounds(*(given.get(name, []) for name in names))
    assert [(b.name, b.lower, b.upper, b.tolerance) for b in found] == expected
    assert [b.property for b in found] == [parse_property(name) for name, *_ in expected]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["no property", "--bound", "--property"]),
        (["--lower", 1], ["bounds without property", "--lower 1"]),
        (["--upper", "length=1"], ["bounds without property", "length=1"]),
        (["--property", "length", "--lower", 1, "--lower", 2], ["bounds without property", "2 times", "1 property"]),
        (["--property", "length", "--lower", "sentiment=2"], ["bounds without property", "sentiment", "length"]),
        (["--property", "length", "--lower", 9, "--upper", 4], ["lower bound of length", "upper bound 4, got 9"]),
        (["--bound", "9 <= length <= 4"], ["lower bound of length", "4, got 9"]),
        (["--bound", "lenght <= 4"], ["unknown property 'lenght'", "did you mean length?", "sentiment"]),
        (["--property", "beauty"], ["unknown property 'beauty'", "known: perplexity"]),
        (["--property", "length(of=pages)"], ["length.of", "words", "pages"]),
        (["--bound", "length"], ["--bound must be written", "'length'"]),
        (["--bound", "length < 4"], ["--bound must be written", "'length < 4'"]),
        (["--bound", "2 <= 4"], ["--bound must be written"]),
        (["--bound", "2 <= length >= 4"], ["--bound must be written"]),
        (["--bound", "length <= nan"], ["upper bound of length", "nan"]),
        (["--bound", "length <= 4x"], ["--bound must be a number", "'4x'"]),
        (["--property", "length", "--lower", "much"], ["--lower of length must be a number", "'much'"]),
        (["--property", "length", "--property", "length(words)"], ["--property length", "twice"]),
        (["--bound", "length <= 4", "--bound", "5 >= length"], ["upper bound of length", "twice"]),
        (["--property", "length", "--tolerance", 1], ["--tolerance of length", "no bound"]),
        (["--bound", "length <= 4", "--tolerance", -1], ["tolerance of length", "-1"]),
        (
            ["--property", "length", "--bound", "sentiment>=0", "--lower", 1, "--lower", "sentiment=2"],
            ["not both"],
        ),
    ],
)
def test_bad_bounds(arguments: list[object], words: list[str]) -> None:
    """None of these needs the model: there is none of this name."""
    refused(run("search", "x", "--model", "no/such/model", *arguments), *words)


def test_every_setting_has_an_option() -> None:
    """And a value that is out of its range is refused by its name."""
    held = ["--model", "no/such/model", "--bound", "length <= 9"]
    for name, knob in knobs(Search).items():
        bad = "unheard-of" if knob.choices else -1
        refused(run("search", *held, option(name), bad), option(name), str(bad))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["locally_typical"], {"sampling_method": "locally_typical", "alpha": 0.0}),
        (
            ["locally_typical", "--locally_typical_alpha", "0.5"],
            {"sampling_method": "locally_typical", "alpha": 0.5, "tau": 1.0},
        ),
        (["locally_typical_distance"], {"sampling_method": "locally_typical_distance", "tau": 1.0}),
        (
            ["locally_typical_distance", "--locally_typical_alpha", "0.5"],
            {"sampling_method": "locally_typical_distance", "tau": 0.5, "alpha": 0.0},
        ),
        (
            ["locally_typical_distance", "--locally_typical_distance", "0.7"],
            {"sampling_method": "locally_typical_distance", "tau": 0.7},
        ),
        (
            ["locally-typical-distance", "--locally-typical-distance", "0"],
            {"sampling_method": "locally_typical_distance", "tau": 0.0},
        ),
        (["top_p", "--top_k_values_for_local_search", "4"], {"sampling_method": "top_p", "k": 4}),
        (["top_p", "--top-k-values-for-local-search", "5"], {"k": 5}),
        (["top_p", "--k", "6"], {"k": 6}),
        (["top_p"], {"k": 10}),
    ],
)
@pytest.mark.parametrize("flag", ["--local_search_sampling_method", "--local-search-sampling-method"])
def test_flags_of_the_source(masked: Path, flag: str, arguments: list[str], expected: dict[str, Any]) -> None:
    (record,) = records(go(masked, "--bound", "length >= 0", "--json", flag, *arguments))
    assert expected.items() <= record["settings"]["search"].items()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--alpha", 1, "--sampling-method", "top_p"], ["--locally-typical-alpha", "--sampling-method top_p"]),
        (["--tau", 1, "--sampling-method", "top_p"], ["--locally-typical-distance", "--sampling-method top_p"]),
        (["--tau", 1], ["--locally-typical-distance", "--sampling-method locally_typical"]),
        (
            ["--tau", 1, "--alpha", 1, "--sampling-method", "locally_typical_distance"],
            ["--locally-typical-distance", "--locally-typical-alpha", "give one of them"],
        ),
        (["--width", 2], ["--width", "--method local-search"]),
        (["--budget", 2, "--method", "none"], ["--budget", "--method none"]),
        (["--k", 2, "--method", "best-of-n"], ["--top-k-values-for-local-search", "--method best-of-n"]),
        (["--alpha", 0.5, "--method", "tree"], ["--locally-typical-alpha", "--method tree"]),
        (["--sweeps", 2, "--method", "exhaustive"], ["--sweeps", "--method exhaustive"]),
        (["--every", 2, "--method", "tree"], ["--every", "--method tree"]),
    ],
)
def test_nothing_is_silently_ignored(arguments: list[object], words: list[str]) -> None:
    held = ["--model", "no/such/model", "--bound", "length <= 9"]
    refused(run("search", *held, *arguments), *words)


def test_settings_without_anything_to_search_for() -> None:
    refused(run("search", "--model", "no/such/model", "--property", "length", "--k", 3), "no property has a bound")


def test_defaults_differ_by_rule() -> None:
    assert settings_of({}, [HELD]) == Search()
    assert settings_of({"sampling_method": "locally_typical_distance"}, [HELD]).tau == 1.0
    assert settings_of({"sampling_method": "locally_typical"}, [HELD]).alpha == 0.0


@pytest.mark.parametrize("method", ["none", "best-of-n", "local-search", "exhaustive", "tree"])
def test_methods_run(masked: Path, method: str) -> None:
    more = ["--num-x-theta-samples", 3] if method == "best-of-n" else []
    (record,) = records(go(masked, "--bound", "length(characters) <= 12", "--method", method, "--json", *more))
    assert record["settings"]["search"]["method"] == method
    assert record["satisfied"] == (record["values"]["length(characters)"] <= 12)
    assert (record["scorer_calls"] == 0) == (method == "none")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shout", ["failed: RuntimeError: too loud"]),
        ("many", ["one number for each of"]),
        ("words", ["must give a list", "'many'"]),
    ],
)
def test_a_scorer_that_is_broken(masked: Path, scorers: Path, name: str, words: list[str]) -> None:
    out = scorers / "out.jsonl"
    spec = f'callable("own_scorers:{name}")'
    for option_ in (["--property", spec], ["--bound", f"{spec} <= 1"]):
        refused(run("search", "--model", masked, *SHORT, *option_, "-o", out), f"property {spec}", *words)
        assert not out.exists()


def test_a_scorer_that_fails_later_leaves_what_was_finished(masked: Path, scorers: Path) -> None:
    out = scorers / "out.jsonl"
    common = ["--property", 'callable("own_scorers:later")', "--num-samples", 4, "--batch-size", 1, "-o", out]
    refused(run("search", "--model", masked, *SHORT, *common), "own_scorers:later", "enough")
    assert [json.loads(line)["index"] for line in out.read_text().splitlines()] == [0, 1]


def test_a_scorer_that_is_not_there(scorers: Path) -> None:
    for place, words in [("own_scorers:none", "none"), ("no_such_module:f", "no_such_module"), ("f", "f")]:
        spec = f'callable("{place}")'
        refused(run("search", "--model", "no/such/model", "--property", spec), "function", words)


def test_values_that_are_not_numbers_are_null(masked: Path, scorers: Path) -> None:
    (record,) = records(go(masked, "--bound", 'callable("own_scorers:nothing") <= 1', "--json", "--sweeps", 1))
    assert list(record["values"].values()) == list(record["distances"].values()) == [None]
    assert record["satisfied"] is False


def rendered(found: Any) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=100)
    console.print(found)
    return [line.split() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_the_table_at_the_end() -> None:
    bounds = [Bound("length", Length(), 2, 4), Bound("sentiment", parse_property("sentiment"))]
    known = [
        {"values": {"length": 3.0, "sentiment": 0.5}, "distances": {"length": 0.0}},
        {"values": {"length": 8.0, "sentiment": None}, "distances": {"length": 4.0}},
        {"values": {"length": None, "sentiment": None}, "distances": {"length": None}},
    ]
    assert rendered(table(known, bounds)) == [
        ["property", "lower", "upper", "mean", "within"],
        ["length", "2", "4", "5.5", "1", "of", "3"],
        ["sentiment", "0.5"],
    ]
    report = {"fixed": [True, False], "satisfied": True, "scorer_calls": 7, "denoiser_calls": 2}
    found = summary([report | {"search_denoiser_calls": 3}, report], seed=5, seconds=math.pi)
    assert found == "2 texts · 2 satisfied · 2 tokens · 7 denoiser calls · 14 scorer calls · 3.1 s · --seed 5"
