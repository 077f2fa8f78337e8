"""``sortilege denoise`` writes what the library writes, wherever prompts come from and texts go."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run
from typer.testing import Result

from sortilege.cli._color import harmless
from sortilege.cli._outcome import bar, summary
from sortilege.diffusion import Denoised, Denoiser, as_denoiser
from sortilege.diffusion import denoise as of_library

FORCED = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": None}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
PROMPT = "the sea"


@pytest.fixture(scope="module")
def denoiser(masked: Path) -> Denoiser:
    return as_denoiser(masked)


def texts(denoiser: Denoiser, prompt: Any = PROMPT, **settings: Any) -> list[Denoised]:
    return of_library(denoiser, prompt, **{"length": 24, "steps": 6, "seed": 3, **settings})


def go(masked: Path, *arguments: object, code: int = 0, seed: int = 3, **settings: Any) -> Result:
    options = ["--model", masked, "--length", 24, "--steps", 6, "--seed", seed]
    result = run("denoise", *options, *arguments, **settings)
    assert result.exit_code == code, result.stderr
    assert result.stderr == "" or code
    return result


def records(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def written(result: Result) -> str:
    return result.stdout_bytes.decode()


def test_a_pipe_gets_the_texts_and_nothing_else(masked: Path, denoiser: Denoiser) -> None:
    first, second = (text.text for text in texts(denoiser, num_samples=2))
    assert written(go(masked, PROMPT)) == first + "\n"
    assert written(go(masked, PROMPT, "--num-samples", 2)) == f"{first}\n\n{second}\n"
    assert written(go(masked)) == texts(denoiser, "")[0].text + "\n"


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--policy", "threshold(0.2)"], {"policy": "threshold(0.2)"}),
        (["-p", "blocks(8, low_confidence)"], {"policy": "blocks(8, low-confidence)"}),
        (["--schedule", "cosine"], {"schedule": "cosine"}),
        (["--sampler", "top-k(3)"], {"sampler": "top-k(3)"}),
        (["--no-stop-at-end", "--length", 40], {"stop_at_end": False, "length": 40}),
        (["--no_stop_at_end", "--batch_size", 1], {"stop_at_end": False}),
        (["--steps", 1], {"steps": 1}),
    ],
)
def test_options_are_those_of_the_library(masked: Path, denoiser: Denoiser, arguments: Any, settings: Any) -> None:
    expected = [list(text.tokens) for text in texts(denoiser, num_samples=2, **settings)]
    shown = records(go(masked, PROMPT, "--num-samples", 2, "--json", *arguments))
    assert [record["tokens"] for record in shown] == expected


def test_a_record_says_all(masked: Path, denoiser: Denoiser) -> None:
    (record,) = records(go(masked, PROMPT, "--json", "--history", "--sampler", "top-k(9), temperature(0.9)"))
    (text,) = texts(denoiser, sampler="top-k(9), temperature(0.9)")
    assert record.pop("versions").keys() >= {"python", "sortilege", "numpy", "torch", "transformers"}
    assert record.pop("seconds") > 0
    history = [
        {
            "step": step.step,
            "time": step.time,
            "revealed": [list(pair) for pair in step.revealed],
            "masked": [],
            "edited": [],
            "substituted": [],
            "values": {},
            "values_before": {},
        }
        for step in text.history
    ]
    assert record == {
        "schema": "sortilege-denoised/1",
        "index": 0,
        "sample": 0,
        "seed": 3,
        "prompt": PROMPT,
        "source": None,
        "prompt_tokens": list(text.prompt_tokens),
        "text": text.text,
        "tokens": list(text.tokens),
        "fixed": list(text.fixed),
        "finish_reason": text.finish_reason,
        "steps": text.steps,
        "denoiser_calls": text.denoiser_calls,
        "history": history,
        "settings": {
            "model": str(masked),
            "length": 24,
            "steps": 6,
            "policy": "ancestral",
            "schedule": "loglinear",
            "sampler": "top-k(9), temperature(0.9)",
            "stop_at_end": True,
            "properties": [],
            "search": None,
            "seed": 3,
            "num_samples": 1,
            "device": None,
            "batch_size": 16,
            "trust_remote_code": False,
            "history": True,
        },
    }


def test_slots_are_filled_where_they_stand(masked: Path, denoiser: Denoiser) -> None:
    prompt = "ab<|mask|>cd<|mask|>ef"
    (record,) = records(go(masked, prompt, "--length", "prompt", "--json"))
    (text,) = texts(denoiser, prompt, length=None)
    assert record["tokens"] == list(text.tokens)
    assert [i for i, given in enumerate(record["fixed"]) if not given] == [2, 5]
    assert len(record["tokens"]) == 8


def test_many_prompts(masked: Path, denoiser: Denoiser, tmp_path: Path) -> None:
    many = ["one", "two <|mask|> three", "four"]
    expected = [text.text for text in texts(denoiser, many, num_samples=2)]
    lines = tmp_path / "prompts.txt"
    lines.write_text("\r\n".join(many) + "\n", newline="")
    objects = tmp_path / "prompts.jsonl"
    ids = [text.prompt_tokens for text in texts(denoiser, ["four"])]
    objects.write_text("".join(json.dumps({"prompt": p, "x": 1}) + "\n" for p in [*many[:2], list(ids[0])]))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".hidden").write_text("not this")
    (folder / "inner").mkdir()
    for name, prompt in zip("abc", many, strict=True):
        (folder / name).write_text(prompt + "\n")
    common = ["--num-samples", 2, "--json", "--batch-size", 2]
    for source, places in [
        (lines, [(str(lines), line) for line in (1, 2, 3)]),
        (objects, [(str(objects), line) for line in (1, 2, 3)]),
        (folder, [(str(folder / name), None) for name in "abc"]),
        ("-", [("standard input", line) for line in (1, 2, 3)]),
    ]:
        shown = records(go(masked, "--prompts", source, *common, input=lines.read_bytes()))
        assert [record["text"] for record in shown] == expected
        assert [(record["index"], record["sample"]) for record in shown] == [(i, i % 2) for i in range(6)]
        assert [record["seed"] for record in shown] == list(range(3, 9))
        assert [(r["source"]["file"], r["source"]["line"]) for r in shown[::2]] == places
    assert shown[2]["prompt"] == "two <|mask|> three"
    assert written(go(masked, "-", input="one\n")) == expected[0] + "\n"


def test_bad_prompts_among_many(masked: Path, tmp_path: Path, denoiser: Denoiser) -> None:
    file, out = tmp_path / "prompts.jsonl", tmp_path / "out.jsonl"
    bad = [
        (b'{"prompt": " "}', "is empty"),
        (b'{"prompt": "caf\xe9"}', "not UTF-8 text"),
        (b"{", "not JSON"),
        (b'["x"]', '"prompt"'),
        (b'{"prompt": true}', '"prompt"'),
        (json.dumps({"prompt": "x" * 25}).encode(), "must fit the canvas of 24 tokens, got 25"),
        (json.dumps({"prompt": "x" * 24}).encode(), "must leave a slot of the 24"),
        (b'{"prompt": [1, 999]}', "[0, 263], got 999"),
        (b'{"prompt": [-1]}', "[0, 263], got -1"),
        (b'{"prompt": [1, 261]}', "tokenizer, got 261"),
    ]
    file.write_bytes(b"\n".join([b'{"prompt": "one"}', *(line for line, _ in bad), b'{"prompt": "two"}']))
    result = go(masked, "--prompts", file, "--output", out, "--json", "--num-samples", 2, code=3)
    shown = records(result)
    assert [record["index"] for record in shown] == list(range(24))
    good = [record["text"] for record in shown if "error" not in record]
    expected = texts(denoiser, ["one", *["x"] * 10, "two"], num_samples=2)
    assert good == [expected[i].text for i in (0, 1, 22, 23)]
    said = result.stderr.splitlines()
    for number, ((_, word), line) in enumerate(zip(bad, said, strict=True), 2):
        assert line.startswith(f"sortilege: error: {file}, line {number}: ")
        assert word in line
        for record in shown[2 * number - 2 : 2 * number]:
            assert word in record["error"]
            assert "text" not in record
    in_file = sorted(map(json.loads, out.read_text().splitlines()), key=lambda record: record["index"])
    assert in_file == shown


def test_unreadable_files_among_many(masked: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c").write_text("")
    result = go(masked, "--prompts", tmp_path, "--json", code=3)
    assert [record.get("error") for record in records(result)] == [
        None,
        "cannot be read: No such file or directory",
        "is empty",
    ]
    assert written(go(masked, "--prompts", tmp_path, code=3)) == records(result)[0]["text"] + "\n"


def test_prompts_of_which_none_can_be_used(masked: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out.jsonl", tmp_path / "prompts.txt"
    file.write_text("x" * 30 + "\n\n")
    options = ["--model", masked, "--length", 24, "--output", out]
    refused(run("denoise", "x" * 30, *options), "the prompt", "canvas of 24 tokens, got 30")
    refused(run("denoise", "--prompts", file, *options), "line 1", "got 30", "none of the other 1")
    refused(run("denoise", "", *options), "the prompt: is empty")
    file.write_text("\n\n")
    refused(run("denoise", "--prompts", file, *options), "line 1: is empty")
    file.write_text("")
    refused(run("denoise", "--prompts", file, *options), "holds no prompts")
    refused(run("denoise", "--prompts", "-", *options, input=""), "holds no prompts")
    refused(run("denoise", "--prompts", tmp_path / "none", *options), "none", "No such file")
    refused(run("denoise", "x", "--prompts", file, *options), "given twice")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "greedy"], ["unknown policy 'greedy'", "ancestral", "klass"]),
        (["--policy", "anchestral"], ["did you mean ancestral?"]),
        (["--policy", "threshold(2)"], ["threshold", "2"]),
        (["--sampler", "nucleus"], ["unknown sampler 'nucleus'", "top-p"]),
        (["--schedule", "linear"], ["schedule", "loglinear", "'linear'"]),
        (["--length", 0], ["--length", "prompt", "0"]),
        (["--length", "long"], ["--length", "'long'"]),
        (["--steps", 0], ["--steps", "0"]),
        (["--num-samples", 0], ["--num-samples", "0"]),
        (["--batch-size", 0], ["--batch-size", "0"]),
        (["--seed", -1], ["--seed", "-1"]),
        (["--k", 3], ["--k"]),
    ],
)
def test_bad_options(arguments: list[object], words: list[str]) -> None:
    """None of these needs the model: there is none of this name."""
    refused(run("denoise", "x", "--model", "no/such/model", *arguments), *words)


def test_bad_models(masked: Path, model: Path) -> None:
    refused(run("denoise", "x", "--model", "no/such/model"), "no/such/model", "tiny-ar")
    refused(run("denoise", "x", "--model", model), "masked", "LlamaForCausalLM")
    refused(run("denoise", "x", "--model", masked, "--device", "toaster"), "device", "toaster")
    refused(run("denoise", "x", "--model", masked, "--length", 65), "--length", "[1, 64]", "65")


def test_without_a_seed_it_takes_a_new_one_and_says_which(masked: Path) -> None:
    common = ["denoise", PROMPT, "--model", masked, "--length", 24, "--steps", 6, "--json"]
    first, second = (records(run(*common))[0] for _ in range(2))
    assert first["seed"] == first["settings"]["seed"] != second["seed"]
    assert records(run(*common, "--seed", first["seed"]))[0]["tokens"] == first["tokens"]


def test_a_terminal_shows_what_was_given_dimmed(masked: Path, denoiser: Denoiser) -> None:
    prompt = "[b]\x1b<|mask|>cd"
    shown = written(go(masked, prompt, "--length", "prompt", env=FORCED))
    (text,) = texts(denoiser, prompt, length=None)
    assert shown.startswith("\x1b[2m[b]\u241b\x1b[0m")
    assert shown.endswith("\x1b[2mcd\x1b[0m\n")
    assert ESCAPE.sub("", shown) == "[b]\u241b" + harmless(text.text) + "\n"
    first, second = (harmless(text.text) for text in texts(denoiser, num_samples=2))
    both = ESCAPE.sub("", written(go(masked, PROMPT, "--num-samples", 2, env=FORCED)))
    assert both == f"text 1, seed 3\n{PROMPT}{first}\n\ntext 2, seed 4\n{PROMPT}{second}\n"
    bare = ESCAPE.sub("", written(go(masked, PROMPT, "--num-samples", 2, "--quiet", env=FORCED)))
    assert bare == f"{first}\n\n{second}\n"


def test_the_bar_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    finished = [{"satisfied": True, "scorer_calls": 10}, {"satisfied": False, "scorer_calls": 7}, {}]
    for searching, shown in [(True, "1 satisfied of 4 of 5 texts, 17 scorer calls"), (False, "4 of 5 texts")]:
        with bar(5, 1, searching=searching, watched=True) as advance:
            for record in finished:
                advance(record)
        captured = capsys.readouterr()
        assert captured.out == ""
        assert shown in ESCAPE.sub("", captured.err)
    with bar(5, 1, searching=True, watched=False) as advance:
        advance(finished[0])
    assert capsys.readouterr().err == ""


def test_the_summary_adds_up(masked: Path) -> None:
    shown = records(go(masked, PROMPT, "--json", "--num-samples", 2))
    tokens = sum(len(record["tokens"]) - len(PROMPT) for record in shown)
    calls = sum(record["denoiser_calls"] for record in shown)
    expected = f"2 texts · {tokens} tokens · {calls} denoiser calls · 1.2 s · --seed 3"
    assert summary(shown, seed=3, seconds=1.23) == expected
