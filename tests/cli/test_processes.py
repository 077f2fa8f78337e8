"""The command as a shell runs it: pipes, signals, terminals."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run, spawn

from sortilege.cli._color import harmless
from sortilege.generate import generate
from sortilege.trace import read_trace

COMMAND = [sys.executable, "-m", "sortilege"]
LONG = ["generate", "the house", "-s", "temperature", "--seed", "3", "-n", "4000"]
posix = pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_pipe_gets_the_text_and_nothing_else(model: Path, encoding: str) -> None:
    arguments = ("generate", "--model", model, "--seed", 3, "-n", 12)
    result = spawn(*arguments, input="the house\n", env={**os.environ, "PYTHONIOENCODING": encoding})
    assert result.returncode == 0
    assert result.stderr == ""
    expected = run(*arguments, input="the house\n").stdout
    assert not expected.isascii()
    assert result.stdout == expected.encode(encoding, errors="replace").decode(encoding)


@posix
def test_a_reader_that_has_gone_ends_it_silently() -> None:
    with subprocess.Popen([*COMMAND, "samplers"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


@posix
@pytest.mark.parametrize("ending", ["broken pipe", "ctrl-C"])
def test_text_comes_at_once_and_can_be_cut_short(model: Path, ending: str) -> None:
    """The first bytes arrive while thousands of tokens are still to come."""
    command = [*COMMAND, *LONG, "--model", str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert os.read(process.stdout.fileno(), 1)
        assert process.poll() is None
        if ending == "broken pipe":
            process.stdout.close()
        else:
            process.send_signal(signal.SIGINT)
        code = process.wait(60)
        assert process.stderr.read() == b""
    assert code == (1 if ending == "broken pipe" else 130)


@posix
@pytest.mark.parametrize("ending", ["broken pipe", "ctrl-C"])
def test_a_trace_that_was_cut_short_is_kept(model: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("an older one")
    command = [*COMMAND, *LONG, "--model", str(model), "--trace", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        shown = os.read(process.stdout.fileno(), 1)
        assert process.poll() is None
        if ending == "broken pipe":
            process.stdout.close()
        else:
            process.send_signal(signal.SIGINT)
            shown += process.stdout.read()
        assert process.wait(60) == (1 if ending == "broken pipe" else 130)
        assert process.stderr.read() == b""
    trace = read_trace(path)
    assert 1 <= len(trace.records) < 4000
    (whole,) = generate(str(model), "the house", "temperature", seed=3, max_new_tokens=len(trace.records))
    assert [record["token"] for record in trace.records] == list(whole.tokens)
    assert whole.text.encode()[: len(shown) - 1] == shown[:-1] or ending == "broken pipe"
    assert [one.name for one in tmp_path.iterdir()] == ["trace.jsonl"]


@posix
def test_a_full_disk_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("w") as out:
        result = subprocess.run([*COMMAND, "samplers"], stdout=out, stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr == "sortilege: error: cannot write: No space left on device\n"


@posix
def test_a_warning_is_one_line() -> None:
    # Without torch, to be quick: the warning comes when the sampler is made, before the model is looked for.
    code = "import sys; sys.modules['torch'] = None\nfrom sortilege.cli import main\nmain()"
    command = [sys.executable, "-c", code, "generate", "x", "-s", "adaptive-dirichlet(a=0.6, b=0.6)"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    warning, error = result.stderr.splitlines()
    assert warning.startswith("sortilege: warning: AdaptiveDirichlet: a + b = 1.2 >= 1 ")
    assert error.startswith("sortilege: error: torch is not installed")


def watched(command: list[str]) -> tuple[str, int]:
    """Run a command on a terminal of its own: all that it showed, and its exit code."""
    import pty

    terminal, side = pty.openpty()
    colours = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "300"}
    child = subprocess.Popen(command, stdin=side, stdout=side, stderr=side, env={**os.environ, **colours})
    os.close(side)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side has closed
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n"), child.wait()


@posix
def test_on_a_terminal(model: Path) -> None:
    common = ["--model", str(model), "-s", "temperature(0.5), adaptive-dirichlet(a=0.1)", "--seed", "3", "-n", "8"]
    shown, code = watched([*COMMAND, "generate", "the house", *common])
    assert code == 0
    text = run("generate", "the house", *common).stdout
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert f"the house{harmless(text)}" in plain
    assert "\x1b[2mthe house\x1b[0m" in shown
    summary = plain.splitlines()[-1]
    pattern = (
        r"8 tokens · [\d.]+ tokens/s · nll [\d.]+ nats/token · entropy [\d.]+ of [\d.]+ nats · --seed 3 · "
        r"--sampler 'temperature\(0\.5\), adaptive-dirichlet\(0\.1\)'"
    )
    assert re.fullmatch(pattern, summary), summary


@posix
def test_a_search_on_a_terminal(masked: Path) -> None:
    common = ["--model", str(masked), "--length", "20", "--steps", "5", "--seed", "3", "--num-samples", "2"]
    bounds = ["--bound", "length(characters) <= 12", "--property", "length"]
    shown, code = watched([*COMMAND, "search", "ab", *common, *bounds])
    assert code == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    first, second = (json.loads(line) for line in run("search", "ab", *common, *bounds, "--json").stdout.splitlines())
    assert f"text 1, seed 3\nab{harmless(first['text'])}\n\ntext 2, seed 4\nab{harmless(second['text'])}\n" in plain
    assert "2 of 2 texts" in plain  # the bar, which has been wiped since
    *_, head, reported, bounded, line = plain.splitlines()
    assert head.split() == ["property", "lower", "upper", "mean", "within"]
    within = sum(record["satisfied"] for record in (first, second))
    mean = sum(record["values"]["length(characters)"] for record in (first, second)) / 2
    assert reported.split()[0] == "length"
    assert bounded.split() == ["length(characters)", "12", f"{mean:.4g}", str(within), "of", "2"]
    assert re.fullmatch(rf"2 texts · {within} satisfied · \d+ tokens · .* scorer calls · [\d.]+ s · --seed 3", line), (
        line
    )
