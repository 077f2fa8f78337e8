"""Bad input: one line that says what is wrong, exit code 2, and no token drawn."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from commands import CONTEXT, refused, run

from sortilege.cli._prompt import read_prompt
from sortilege.samplers import Sampler, registry


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sampler", "nucleus"], ["unknown sampler 'nucleus'", "top-p"]),
        (["--sampler", "top-p("], ["top-p("]),
        (["--sampler", ""], ["sampler"]),
        (["--sampler", "top-p(0.9, q=1)"], ["no knob 'q'", "top_p"]),
        (["--sampler", "top-p(1.5)"], ["top_p", "(0, 1]", "1.5"]),
        (["--set", "temprature=1"], ["temprature"]),
        (["--set", "a=2"], [".a", "[0, 1)", "2"]),
        (["--set", "a=high"], [".a", "high"]),
        (["--set", "a"], ["--set", "knob=value", "'a'"]),
        (["--set", "=1"], ["--set", "knob=value"]),
        (["--set", "a="], ["--set", "knob=value"]),
        (["--sampler", "top-p, top-p", "--set", "top_p=0.5"], ["top_p", "ambiguous"]),
        (["--num-samples", 0], ["--num-samples", "0"]),
        (["--max-new-tokens", 0], ["--max-new-tokens", "0"]),
        (["--seed", -1], ["--seed", "-1"]),
    ],
)
def test_options(arguments: list[object], words: list[str]) -> None:
    """None of these needs the model: there is none of this name."""
    refused(run("generate", "x", "--model", "no/such/model", *arguments), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stop", ""], ["stop", "''"]),
        (["--device", "toaster"], ["device", "toaster"]),
        (["--max-new-tokens", CONTEXT], ["context", str(CONTEXT)]),
        (["--trace", "/no/such/folder/trace.jsonl"], ["trace", "/no/such/folder", "No such file"]),
        (["--trace", "."], ["trace file '.'", "folder"]),
    ],
)
def test_options_that_need_the_model(model: Path, arguments: list[object], words: list[str]) -> None:
    refused(run("generate", "x", "--model", model, *arguments), *words)


def test_a_prompt_longer_than_the_context(model: Path) -> None:
    refused(run("generate", "§" * CONTEXT, "--model", model, "-n", 1), "context", str(CONTEXT), str(2 * CONTEXT))


def test_no_prompt() -> None:
    refused(run("generate", input=""), "standard input is empty")
    refused(run("generate", "-", input=" \n"), "standard input is empty")


def test_at_a_terminal_it_does_not_wait_for_a_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(typer.Exit) as ended:
        read_prompt(None, None)
    assert ended.value.exit_code == 2
    assert "no prompt" in capsys.readouterr().err


def test_two_prompts(tmp_path: Path) -> None:
    file = tmp_path / "prompt.txt"
    file.write_text("text")
    refused(run("generate", "x", "--prompt-file", file), "given twice")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: path.write_text("\n \n"), "is empty"),
        (lambda path: path.write_bytes(b"caf\xe9"), "not UTF-8 text"),
        (_folder, "Is a directory"),
        (lambda path: None, "No such file"),
    ],
)
def test_prompt_files(tmp_path: Path, make: Callable[[Path], object], word: str) -> None:
    file = tmp_path / "prompt.txt"
    make(file)
    refused(run("generate", "--prompt-file", file), str(file), word)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_a_write_protected_trace(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.touch(0o400)
    refused(run("generate", "x", "--model", model, "--trace", path), str(path), "write-protected")


def test_no_such_model() -> None:
    refused(run("generate", "x", "--model", "./no-such-model"), "no-such-model", "tiny-ar")


def test_a_model_that_is_not_causal(tmp_path: Path) -> None:
    from transformers import T5Config

    T5Config(architectures=["T5ForConditionalGeneration"]).save_pretrained(tmp_path)
    refused(run("generate", "x", "--model", tmp_path), "causal language model", "T5ForConditionalGeneration")


def test_logits_that_are_not_numbers(broken_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("an older one")
    for more in ([], ["--num-samples", 2], ["--json"], ["--trace", path]):
        result = run("generate", "x", "--model", broken_model, "-s", "temperature", "-n", 3, *more)
        refused(result, "row 0", "position 0", "NaN")
    assert path.read_text() == "an older one"
    assert list(tmp_path.iterdir()) == [path]


@dataclass(frozen=True)
class Nothing(Sampler):
    """Mask every token."""

    def adjust(self, logits: Any, state: Any, key: Any) -> tuple[Any, Any]:
        return logits - np.inf, state


def test_all_tokens_masked(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SAMPLERS._ours, "nothing", Nothing)
    refused(run("generate", "x", "--model", model, "-s", "nothing", "-n", 3), "sampler", "row 0", "position 0")


@dataclass(frozen=True)
class Dying(Nothing):
    """Mask every token from the fourth on."""

    def adjust(self, logits: Any, state: Any, key: Any) -> tuple[Any, Any]:
        return (logits if len(state) < 3 else logits - np.inf), state

    def observe(self, tokens: Any, state: Any) -> Any:
        return (*state, tokens)


def test_what_was_written_before_stays_on_its_own_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SAMPLERS._ours, "dying", Dying)
    options = ("--model", model, "--seed", 3)
    result = run("generate", "x", *options, "-s", "dying", "-n", 9)
    assert result.exit_code == 2
    assert result.stderr.startswith("sortilege: error: the sampler's logits in row 0 at position 3 ")
    # A character that the third token left unfinished is not written.
    assert run("generate", "x", *options, "-s", "temperature", "-n", 3).stdout.rstrip("\ufffd\n") == result.stdout[:-1]


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_missing_extras(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    refused(run("generate", "x", "-s", "temperature"), missing, "sortilege[transformers]")
