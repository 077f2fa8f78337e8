"""The output file: what was finished is in it, whatever happened, and the same command goes on from there."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run

from sortilege.cli._record_file import RecordError, RecordFile
from sortilege.cli._records import SCHEMA

TEXTS = 10
posix = pytest.mark.skipif(os.name == "nt", reason="signals, locks and limits of POSIX")


def command(masked: Path, out: Path, *more: object) -> list[str]:
    common = ["--model", masked, "--length", 24, "--steps", 24, "--policy", "first-hitting", "--seed", 5]
    bounds = ["--bound", "length(characters) <= 20", "--batch-size", 2]
    return [str(a) for a in ["search", *common, *bounds, "--num-samples", TEXTS, "-o", out, *more]]


def lines(out: Path) -> list[dict[str, Any]]:
    """The records, every line of which must be whole."""
    text = out.read_text()
    assert text.endswith("\n") or not text
    return [json.loads(line) for line in text.splitlines()]


def told(out: Path) -> dict[int, Any]:
    """What the records say, by index; each index once.

    But for the time it took, and for versions: those of the libraries that a process has loaded, which here differ.
    """
    records = lines(out)
    assert len({record["index"] for record in records}) == len(records)
    kept = {r["index"]: {k: v for k, v in r.items() if k not in ("seconds", "versions")} for r in records}
    for record in kept.values():
        for free in ("batch_size", "num_samples"):
            record["settings"].pop(free)
    return dict(sorted(kept.items()))


@pytest.fixture(scope="module")
def whole(masked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole") / "out.jsonl"
    result = run(*command(masked, out))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert list(told(out)) == list(range(TEXTS))
    return out


def broken_off(masked: Path, out: Path, stop: Callable[[subprocess.Popen[bytes]], None]) -> tuple[int, bytes]:
    """Run the command until some records are there, then ``stop`` it: its exit code and standard error."""
    arguments = [sys.executable, "-m", "sortilege", *command(masked, out)]
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        started = time.monotonic()
        while not out.exists() or out.read_bytes().count(b"\n") < 2:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() - started < 100
            time.sleep(0.01)
        stop(process)
        return process.wait(60), process.stderr.read()


@posix
@pytest.mark.parametrize("ending", ["kill -9", "ctrl-C"])
def test_a_run_that_was_broken_off_goes_on(masked: Path, whole: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "out.jsonl"
    sent = signal.SIGKILL if ending == "kill -9" else signal.SIGINT
    code, said = broken_off(masked, out, lambda process: process.send_signal(sent))
    assert (code, said) == ((-9, b"") if ending == "kill -9" else (130, b""))
    before = lines(out) if ending == "ctrl-C" else [json.loads(line) for line in out.read_bytes().split(b"\n")[:-1]]
    assert 2 <= len(before) < TEXTS
    result = run(*command(masked, out))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert lines(out)[: len(before)] == before
    assert told(out) == told(whole)


@pytest.mark.parametrize("left", [0, 1, 30, -1])
def test_part_of_a_line_is_cut_off(masked: Path, whole: Path, tmp_path: Path, left: int) -> None:
    """Also all of a line but its newline, and part of the very first."""
    out = tmp_path / "out.jsonl"
    first, second, third, *_ = whole.read_bytes().splitlines(keepends=True)
    for kept in ([first, second], []):
        out.write_bytes(b"".join([*kept, third[:left]]))
        assert run(*command(masked, out)).exit_code == 0
        assert told(out) == told(whole)
        assert out.read_bytes().startswith(b"".join(kept))


def test_a_finished_file_is_left_as_it_is(masked: Path, whole: Path) -> None:
    before = whole.read_bytes()
    result = run(*command(masked, whole), "--batch-size", 7)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert whole.read_bytes() == before


def test_without_a_seed_it_goes_on_with_that_of_the_file(masked: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[:7]))
    arguments = command(masked, out)
    del arguments[arguments.index("--seed") :][:2]
    at = arguments.index("--seed")
    assert run(*arguments[:at], *arguments[at + 2 :]).exit_code == 0
    assert told(out) == told(whole)


def test_more_samples_of_a_prompt_and_more_prompts_at_the_end(masked: Path, whole: Path, tmp_path: Path) -> None:
    out, prompts = tmp_path / "out.jsonl", tmp_path / "prompts.txt"
    assert run(*command(masked, out), "--num-samples", 3).exit_code == 0
    assert len(lines(out)) == 3
    assert run(*command(masked, out)).exit_code == 0
    assert told(out) == told(whole)
    out.unlink()
    prompts.write_text("one\n")
    common = ["denoise", "--model", masked, "--length", 24, "--seed", 1, "--prompts", prompts, "-o", out]
    assert run(*common).exit_code == 0
    prompts.write_text("one\ntwo\n")
    assert run(*common).exit_code == 0
    assert [(record["prompt"], record["seed"]) for record in lines(out)] == [("one", 1), ("two", 2)]


def test_a_prompt_that_was_bad_is_made_up_for(masked: Path, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.jsonl", tmp_path / "prompts"
    folder.mkdir()
    (folder / "a").write_text("one")
    (folder / "b").symlink_to(tmp_path / "later")
    common = ["denoise", "--model", masked, "--length", 24, "--seed", 1, "--prompts", folder, "-o", out]
    for _ in range(2):
        result = run(*common)
        assert result.exit_code == 3
        assert result.stderr == f"sortilege: error: {folder / 'b'}: cannot be read: No such file or directory\n"
        assert sorted((record["index"], "error" in record) for record in lines(out)) == [(0, False), (1, True)]
    (tmp_path / "later").write_text("two")
    assert run(*common).exit_code == 0
    assert [record["index"] for record in lines(out) if "error" not in record] == [0, 1]
    assert lines(out)[-1]["prompt"] == "two"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--length", 23], ["another length: 24 there, 23 here"]),
        (["--steps", 3], ["another steps: 24 there, 3 here"]),
        (["--policy", "ancestral"], ["another policy", "first-hitting", "ancestral"]),
        (["--sampler", "top-k(3)"], ["another sampler: null there", "top-k(3)"]),
        (["--schedule", "cosine"], ["another schedule"]),
        (["--no-stop-at-end"], ["another stop_at_end"]),
        (["--seed", 6], ["another seed: 5 there, 6 here"]),
        (["--k", 3], ["another search: k 10 there, 3 here"]),
        (["--tolerance", 3], ["another properties: tolerance 0.0 there, 3.0 here"]),
        (["--property", "sentiment"], ["another properties"]),
        (["--model", "other"], ["another model", "other"]),
        (["x"], ["other prompts", '""', "seed 5"]),
        (["--num-samples", 9], ["other prompts", "seed 14"]),
    ],
)
def test_the_file_of_another_run_is_refused(whole: Path, masked: Path, arguments: Any, words: list[str]) -> None:
    """And nothing of it is changed, not even part of a line at its end."""
    before = whole.read_bytes()
    refused(run(*command(masked, whole, *arguments)), str(whole), "of another run", *words)
    assert whole.read_bytes() == before


def test_the_file_of_a_search_is_not_that_of_plain_text(whole: Path, masked: Path) -> None:
    options = ["--model", masked, "--length", 24, "--steps", 24, "--policy", "first-hitting", "-o", whole]
    refused(run("denoise", *options), "of another run", "properties")


@pytest.mark.parametrize(
    "content",
    [
        b"my notes\n",
        b"my notes",
        b"\n",
        b"{}\n",
        b'{"schema": "sortilege-trace/1"}\n',
        b'{"schema": "sortilege-denoised/1"}\n',
        b"\xff\xfe\n",
        b'{"schema": "sortilege-x',
    ],
)
def test_a_file_that_is_not_ours_is_refused(masked: Path, tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(content)
    refused(run(*command(masked, out)), str(out), "not made by this command", "line 1", SCHEMA)
    assert out.read_bytes() == content


def test_a_damaged_line_in_the_middle_is_named(masked: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    first, second, third, *_ = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(first + second[:50] + b"\n" + third)
    refused(run(*command(masked, out)), "line 2")


def test_files_that_cannot_be_written(masked: Path, tmp_path: Path) -> None:
    refused(run(*command(masked, tmp_path)), str(tmp_path), "Is a directory")
    refused(run(*command(masked, tmp_path / "no" / "out")), "No such file or directory")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_write_protected_file(masked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.touch(0o400)
    refused(run(*command(masked, out)), str(out), "Permission denied")


def test_nothing_is_left_of_a_run_that_never_began(masked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    refused(run(*command(masked, out), "--model", "no/such/model"), "no/such/model")
    refused(run(*command(masked, out), "--length", 999), "--length")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_by_the_device_that_always_is(masked: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    refused(run(*command(masked, Path("/dev/full"))), "/dev/full", "No space left on device")


@posix
def test_a_file_that_may_not_grow(masked: Path, whole: Path, tmp_path: Path) -> None:
    """The line that found no room leaves nothing behind; with room, the command goes on."""
    out = tmp_path / "out.jsonl"
    sizes = [len(line) for line in whole.read_bytes().splitlines(keepends=True)]
    room = sum(sizes[:3]) + sizes[3] // 2
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        result = run(*command(masked, out, "--batch-size", 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    refused(result, str(out), "cannot be written", "File too large")
    assert len(lines(out)) == 3
    assert run(*command(masked, out)).exit_code == 0
    assert told(out) == told(whole)


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_record_that_was_not_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Whether half a line goes through before the disk is full, or the disk says so only when asked to keep it."""
    out = tmp_path / "out.jsonl"
    record = {"schema": SCHEMA, "index": 0, "sample": 0, "seed": 1, "prompt": "", "settings": {}, "text": "x" * 100}
    write, fsync, calls = os.write, os.fsync, []

    def half(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2])

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with RecordFile(out) as file:
        file.append(record)
        before = out.read_bytes()
        monkeypatch.setattr(os, failing, half if failing == "write" else full)
        with pytest.raises(RecordError, match="No space left on device"):
            file.append(record | {"index": 1})
        monkeypatch.setattr(os, failing, write if failing == "write" else fsync)
        assert out.read_bytes() == before
        file.append(record | {"index": 2})
    assert [line["index"] for line in lines(out)] == [0, 2]


@pytest.mark.parametrize("interrupted", ["before", "within", "after", "fsync"])
def test_an_interruption_takes_no_record_that_was_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: str
) -> None:
    """Whoever has seen a line in the file will find it there; what was cut short is gone."""
    out = tmp_path / "out.jsonl"
    record = {"schema": SCHEMA, "index": 0, "sample": 0, "seed": 1, "prompt": "", "settings": {}, "text": "x" * 100}
    write = os.write

    def broken_off(file: int, data: memoryview | None = None) -> int:
        if data is not None and interrupted != "before":
            write(file, data[: len(data) // 2] if interrupted == "within" else data)
        raise KeyboardInterrupt

    with RecordFile(out) as file:
        file.append(record)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync" if interrupted == "fsync" else "write", broken_off)
            with pytest.raises(KeyboardInterrupt):
                file.append(record | {"index": 1})
        kept = [0] if interrupted in ("before", "within") else [0, 1]
        assert [line["index"] for line in lines(out)] == kept
        file.append(record | {"index": 2})
    assert [line["index"] for line in lines(out)] == [*kept, 2]


@posix
def test_two_runs_at_once(masked: Path, whole: Path) -> None:
    before = whole.read_bytes()
    with RecordFile(whole):
        refused(run(*command(masked, whole)), str(whole), "another process")
    assert whole.read_bytes() == before


@posix
def test_a_pipe_is_written_and_never_read(masked: Path) -> None:
    arguments = [sys.executable, "-m", "sortilege", *command(masked, Path("/dev/stdout")), "--num-samples", "2"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=100, check=True)
    assert [json.loads(line)["index"] for line in result.stdout.splitlines()] == [0, 1]
