"""Presets: taken wherever a sampler is written, refused where they are none, and never written over by accident."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import refused, run
from hypothesis import given
from hypothesis import strategies as st
from tiny import byte_model

import sortilege
from sortilege import presets
from sortilege.presets import SCHEMA, check_writable, expanded, read_preset, shipped, write_preset
from sortilege.samplers import AdaptiveDirichlet, MinP, Temperature, TopK, chain
from sortilege.samplers.spec import parse_sampler
from sortilege.tuning import read_method

RECORD = {"name": "mine", "sampler": "min-p(0.02), top-k(9)", "study": {"name": "s", "method": "min-p ~ min_p"}}


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.json"
    write_preset(path, RECORD)
    return f"@{path}"


def test_a_preset_stands_for_its_sampler(mine: str) -> None:
    assert parse_sampler(mine) == chain(MinP(0.02), TopK(9))
    assert parse_sampler(f"{mine}, temperature(0.9)") == chain(MinP(0.02), TopK(9), Temperature(0.9))
    assert parse_sampler(f"temperature(0.9), {mine}") == chain(Temperature(0.9), MinP(0.02), TopK(9))
    assert parse_sampler(mine, {"k": "3"}) == chain(MinP(0.02), TopK(3))
    inner = parse_sampler(f"adaptive-dirichlet(truncation={mine})")
    assert inner == AdaptiveDirichlet(truncation=chain(MinP(0.02), TopK(9)))


def test_a_file_with_a_space_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "my own, tuned.json"
    write_preset(path, RECORD)
    assert parse_sampler(f'@"{path}", top-k(2)') == chain(MinP(0.02), TopK(9), TopK(2))


def test_shipped_ones_have_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_preset(tmp_path / "calm.json", {**RECORD, "name": "calm"})
    (tmp_path / "notes.txt").write_text("")
    monkeypatch.setattr(presets, "files", lambda package: tmp_path)
    assert shipped() == ["calm"]
    assert parse_sampler("@calm") == chain(MinP(0.02), TopK(9))
    with pytest.raises(ValueError, match="no preset 'clam'; shipped: calm"):
        parse_sampler("@clam")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_preset_makes_a_sampler_and_says_how(name: str) -> None:
    preset = read_preset(name)
    assert preset.name == name
    assert isinstance(parse_sampler(f"@{name}"), sortilege.Sampler)
    assert preset.record["command"].startswith("sortilege tune ")
    read_method(preset.record["study"]["method"]).sampler  # noqa: B018
    for bands in preset.record["guards"].values():
        assert len(bands) == 2


@given(st.text(st.characters(exclude_characters="@"), max_size=40))
def test_text_without_presets_is_left_alone(text: str) -> None:
    assert expanded(text) == text


def test_an_at_in_quotes_is_text() -> None:
    assert expanded('word("a @b c")') == 'word("a @b c")'


def test_everywhere_a_sampler_is_written(mine: str, tmp_path: Path) -> None:
    sampler = chain(MinP(0.02), TopK(9))
    model = byte_model()
    ours = sortilege.generate(model, "ab", sampler, seed=3, max_new_tokens=5)[0]
    assert sortilege.generate(model, "ab", mine, seed=3, max_new_tokens=5)[0].tokens == ours.tokens
    from sortilege.integrations.transformers import SamplerLogitsProcessor

    assert SamplerLogitsProcessor(mine, seed=1).sampler == sampler
    assert read_method(f"{mine} ~ min_p").base == sampler
    # All its knobs are given values by the preset: none varies unless it is asked for.
    assert read_method(mine).dimensions == ()


def test_on_the_command_line(mine: str, tmp_path: Path) -> None:
    from sortilege.cli._app import app  # noqa: F401  (registers the commands before they are timed by anything)

    common = ["generate", "ab", "--seed", 3, "-n", 5]
    ours = run(*common, "--sampler", "min-p(0.02), top-k(9)")
    assert run(*common, "--sampler", mine).stdout == ours.stdout
    assert run(*common, "--sampler", mine, "--set", "k=1").stdout == run(*common, "--sampler", "top-k(1)").stdout
    refused(run(*common, "--sampler", "@nowhere"), "no preset 'nowhere'; shipped:")
    refused(run(*common, "--sampler", "@./nowhere.json"), "cannot be read: No such file")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is no preset: its schema must be 'sortilege-preset/1', got None"),
        ('{"schema": "sortilege-trace/1"}', "got 'sortilege-trace/1'"),
        ('{"schema": "sortilege-preset/2"}', "is of sortilege-preset/2, which is newer than sortilege-preset/1"),
        (f'{{"schema": "{SCHEMA}", "name": "x"}}', "must have a text 'sampler', got None"),
        (f'{{"schema": "{SCHEMA}", "name": "x", "sampler": 3}}', "must have a text 'sampler', got 3"),
        (f'{{"schema": "{SCHEMA}", "name": "x", "sampler": "@x"}}', "must write its sampler out"),
        (f'{{"schema": "{SCHEMA}", "name": "x", "sampler": "min-q"}}', "unknown sampler 'min-q'"),
    ],
)
def test_what_is_no_preset_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        parse_sampler(f"@{path}")


def test_names_that_are_new_since_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text(json.dumps({"schema": SCHEMA, **RECORD, "colour": "green"}))
    assert read_preset(str(path)).record["colour"] == "green"


@pytest.mark.parametrize(
    ("there", "record", "force", "words"),
    [
        ("my notes", RECORD, True, "is there and no preset, and is not written over"),
        ('{"schema": "sortilege-trace/1"}', RECORD, False, "is there and no preset"),
        (RECORD, {**RECORD, "study": {"name": "t"}}, False, "of another study .name 's' there, 't' here"),
        (RECORD, {**RECORD, "study": {"name": "s", "method": "top-p"}}, False, "of another study .method"),
    ],
)
def test_nothing_else_is_written_over(tmp_path: Path, there: Any, record: Any, force: bool, words: str) -> None:
    path = tmp_path / "file.json"
    if isinstance(there, str):
        path.write_text(there)
    else:
        write_preset(path, there)
    before = path.read_text()
    with pytest.raises(ValueError, match=words):
        write_preset(path, record, force=force)
    with pytest.raises(ValueError, match=words):
        check_writable(path, record["study"], force=force)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_its_own_study_and_force_write_over(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for record, force in (
        (RECORD, False),
        ({**RECORD, "sampler": "min-p"}, False),
        ({**RECORD, "study": {"name": "t"}}, True),
    ):
        write_preset(path, record, force=force)
        assert dict(read_preset(str(path)).record) == {"schema": SCHEMA, **record}


def test_what_cannot_be_written_leaves_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_preset(path, RECORD)
    before = path.read_text()

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match="cannot be written: No space left on device"):
        write_preset(path, {**RECORD, "sampler": "min-p"})
    with pytest.raises(ValueError, match="there is no folder"):
        check_writable(tmp_path / "no" / "where.json", {})
    with pytest.raises(ValueError, match="Out of range float values"):
        write_preset(path, {**RECORD, "metrics": {"nll": np.nan}})
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_preset(tmp_path / "calm.json", {**RECORD, "name": "calm", "command": "sortilege tune min-p"})
    monkeypatch.setattr(presets, "files", lambda package: tmp_path)
    shown = run("presets").stdout
    assert "@calm" in shown
    assert "min-p(0.02), top-k(9)" in shown
    assert "sortilege tune min-p" in shown
    (record,) = json.loads(run("presets", "@calm", "--json").stdout)
    assert record["sampler"] == RECORD["sampler"]
    refused(run("presets", "clam"), "no preset 'clam'; shipped: calm")
