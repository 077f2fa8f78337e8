"""``sortilege view``: pages written whole or not at all, and nobody's file overwritten."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands import refused, run, spawn
from viewer_traces import step_trace, token_trace, write


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "run.jsonl", token_trace(20))


def test_the_page_lies_beside_the_trace(trace: Path) -> None:
    result = run("view", trace)
    made = trace.with_suffix(".html")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{made} (")
    assert "<title>run.jsonl</title>" in made.read_text()
    assert sorted(path.name for path in trace.parent.iterdir()) == ["run.html", "run.jsonl"]
    assert run("view", trace, "--title", "Another").exit_code == 0  # a page of ours is replaced
    assert "<title>Another</title>" in made.read_text()


def test_two_traces_and_a_place(trace: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.jsonl", token_trace(20, seed=1))
    out = tmp_path / "both.html"
    assert run("view", trace, other, "-o", out).exit_code == 0
    assert "<title>run.jsonl and other.jsonl</title>" in out.read_text()


def test_standard_output(trace: Path) -> None:
    done = spawn("view", trace, "-o", "-")
    assert done.returncode == 0
    assert done.stderr == ""
    run("view", trace)
    assert done.stdout == trace.with_suffix(".html").read_text()


def test_what_is_not_ours_is_left_alone(trace: Path) -> None:
    made = trace.with_suffix(".html")
    made.write_text("mine")
    refused(run("view", trace), str(made), "--force")
    assert made.read_text() == "mine"
    assert run("view", trace, "--force").exit_code == 0
    assert made.read_text().startswith("<!doctype html>")


def test_the_rights_of_a_page_are_those_of_any_file(trace: Path) -> None:
    run("view", trace)
    trace.parent.joinpath("plain").touch()
    assert trace.with_suffix(".html").stat().st_mode == trace.parent.joinpath("plain").stat().st_mode


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["No such file"]),
        (b"", ["is empty"]),
        (b"caf\xe9", ["UTF-8"]),
        (b"{]\n", ["line 1", "JSON"]),
        (b'{"schema": "other/1"}\n', ["line 1", "schema"]),
    ],
)
def test_traces_that_are_none(tmp_path: Path, content: bytes | None, words: list[str]) -> None:
    path = tmp_path / "run.jsonl"
    if content is not None:
        path.write_bytes(content)
    page = tmp_path / "run.html"
    run("view", write(tmp_path / "good.jsonl", token_trace(3)), "-o", page)
    before = page.read_bytes()
    refused(run("view", path), str(path), *words)
    assert page.read_bytes() == before


def test_traces_with_nothing_to_show(tmp_path: Path, trace: Path) -> None:
    refused(run("view", write(tmp_path / "none.jsonl", token_trace(0))), "none.jsonl", "no records")
    steps = write(tmp_path / "steps.jsonl", step_trace())
    refused(run("view", trace, steps), "one kind", "run.jsonl", "steps.jsonl")
    refused(run("view", trace, trace, trace), "1 or 2 traces", "3")
    assert not list(tmp_path.glob("*.html"))


def test_places_where_no_page_can_be(trace: Path, tmp_path: Path) -> None:
    refused(run("view", trace, "-o", tmp_path / "no" / "page.html"), "no folder")
    refused(run("view", trace, "-o", tmp_path), "is a folder")
    refused(run("view", trace, "-o", trace, "--force"), "one of the traces")
    refused(run("view", trace, "-o", "-", "--open"), "--open")
    refused(run("view"), "TRACE")
    assert trace.read_text().startswith('{"schema"')
    page = write(tmp_path / "run.html", token_trace(3))  # a trace with the name of a page
    refused(run("view", page), "one of the traces")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_folder_that_is_write_protected(trace: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(0o500)
    refused(run("view", trace, "-o", locked / "page.html"), "Permission denied")


def test_a_page_that_could_not_be_finished_leaves_nothing(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    refused(run("view", trace), "No space left on device")
    assert [path.name for path in trace.parent.iterdir()] == ["run.jsonl"]


def test_open_shows_it(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: not shown.append(address))
    assert run("view", trace, "--open").exit_code == 0
    assert shown == [trace.with_suffix(".html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    result = run("view", trace, "--open")
    assert result.exit_code == 2
    assert "no browser" in result.stderr


def test_it_loads_no_framework(trace: Path) -> None:
    code = (
        "import sys\nfrom sortilege.cli import main\n"
        f"sys.argv = ['sortilege', 'view', {str(trace)!r}]\n"
        "try:\n    main()\nfinally:\n"
        "    print(sorted({'torch', 'transformers', 'jax', 'scipy', 'plotly'} & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stderr.splitlines()[-1] == "[]", result.stderr
    assert trace.with_suffix(".html").exists()
