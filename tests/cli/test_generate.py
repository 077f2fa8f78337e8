"""``sortilege generate`` writes what the library's loop writes, wherever the prompt comes from and the text goes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import run
from typer.testing import Result

import sortilege
from sortilege.cli._color import harmless
from sortilege.cli.generate import _counted
from sortilege.models import Model
from sortilege.trace import read_trace

PROMPT = "the house by the sea"
FORCED = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor", "NO_COLOR": None}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
BACKGROUND = re.compile(r"\x1b\[[0-9;]*48;2;")


@pytest.fixture(scope="module")
def loaded(model: Path) -> Model:
    return sortilege.load(model)


def texts(loaded: Model, sampler: str = "temperature", prompt: str = PROMPT, **settings: Any) -> list[str]:
    settings = {"max_new_tokens": 20, "seed": 3, **settings}
    return [result.text for result in sortilege.generate(loaded, prompt, sampler, **settings)]


def go(model: Path, *arguments: object, prompt: object = PROMPT, seed: int = 3, **settings: Any) -> Result:
    options = ["--model", model, "-s", "temperature", "-n", 20, "--seed", seed]
    result = run("generate", prompt, *options, *arguments, **settings)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return result


def written(result: Result) -> str:
    return result.stdout_bytes.decode()


def test_a_pipe_gets_the_text_and_nothing_else(model: Path, loaded: Model) -> None:
    assert written(go(model)) == texts(loaded)[0] + "\n"


@pytest.mark.parametrize(
    "sampler", ["adaptive-dirichlet", "temperature(0.8), top-p(0.9)", "locally-typical", "min-p(0.05) , dry"]
)
def test_samplers_are_those_of_the_library(model: Path, loaded: Model, sampler: str) -> None:
    assert written(go(model, "--sampler", sampler)) == texts(loaded, sampler)[0] + "\n"


def test_set_changes_knobs(model: Path, loaded: Model) -> None:
    changed = go(model, "-s", "temperature, top-p", "--set", "top_p=0.5", "--set", "temperature.temperature=2")
    assert written(changed) == texts(loaded, "temperature(2.0), top-p(0.5)")[0] + "\n"
    twice = go(model, "-s", "temperature", "--set", "temperature=9", "--set", "temperature = 0.5")
    assert written(twice) == texts(loaded, "temperature(0.5)")[0] + "\n"


def test_json_says_all_and_agrees_with_the_text(model: Path, loaded: Model) -> None:
    lines = written(go(model, "--json")).splitlines()
    assert len(lines) == 1
    record = json.loads(lines[0])
    (result,) = sortilege.generate(loaded, PROMPT, "temperature", seed=3, max_new_tokens=20)
    assert record == {
        "sample": 0,
        "model": str(model),
        "sampler": "temperature",
        "seed": 3,
        "prompt": PROMPT,
        "text": result.text,
        "finish_reason": result.finish_reason,
        "nll": result.nll,
        "prompt_tokens": list(result.prompt_tokens),
        "tokens": list(result.tokens),
        "raw_log_probs": list(result.raw_log_probs),
        "processed_log_probs": list(result.processed_log_probs),
    }
    assert record["text"] + "\n" == written(go(model))


def test_several_samples_count_their_seeds_up(model: Path, loaded: Model) -> None:
    expected = texts(loaded, num_samples=3)
    assert len(set(expected)) == 3
    records = [json.loads(line) for line in written(go(model, "--json", "--num-samples", 3)).splitlines()]
    assert [record["text"] for record in records] == expected
    assert [record["sample"] for record in records] == [0, 1, 2]
    assert [record["seed"] for record in records] == [3, 4, 5]
    assert written(go(model, "--num-samples", 3)) == "\n".join(text + "\n" for text in expected)
    assert written(go(model, seed=5)) == expected[2] + "\n"


def test_without_a_seed_it_takes_a_new_one_and_says_which(model: Path) -> None:
    first, second = (
        json.loads(run("generate", PROMPT, "-m", model, "-n", 20, "--json", "-s", "temperature").stdout)
        for _ in range(2)
    )
    assert first["seed"] != second["seed"]
    assert first["tokens"] != second["tokens"]
    again = json.loads(go(model, "--json", "-s", "temperature", seed=first["seed"]).stdout)
    assert again["tokens"] == first["tokens"]


def test_warm_reaches_the_loop(model: Path, loaded: Model) -> None:
    record = json.loads(go(model, "-s", "adaptive-dirichlet", "--warm", "--json").stdout)
    (warm,), (cold,) = (
        sortilege.generate(loaded, PROMPT, "adaptive-dirichlet", seed=3, max_new_tokens=20, warm=warm)
        for warm in (True, False)
    )
    assert record["processed_log_probs"] == list(warm.processed_log_probs) != list(cold.processed_log_probs)


def test_stop_ends_the_text(model: Path, loaded: Model) -> None:
    whole = texts(loaded)[0]
    early, late = whole[3], whole[8:10]
    assert written(go(model, "--stop", late)) == whole[: whole.index(late)] + "\n"
    assert written(go(model, "--stop", late, "--stop", early)) == whole[: whole.index(early)] + "\n"


def test_every_way_to_give_a_prompt_is_the_same(model: Path, tmp_path: Path) -> None:
    expected = written(go(model))
    file = tmp_path / "prompt.txt"
    file.write_text(PROMPT + "\n")
    common = ("--model", model, "-s", "temperature", "-n", 20, "--seed", 3)
    assert written(run("generate", "--prompt-file", file, *common)) == expected
    assert written(run("generate", "--prompt-file", "-", *common, input=PROMPT)) == expected
    assert written(run("generate", "-", *common, input=PROMPT + "\n")) == expected
    assert written(run("generate", *common, input=PROMPT + "\r\n")) == expected
    assert written(run("generate", PROMPT, *common, input="not this")) == expected


def test_only_the_last_newline_of_a_file_is_dropped(model: Path) -> None:
    record = json.loads(run("generate", "-m", model, "-n", 1, "--json", input=" a\n\nb \n\n").stdout)
    assert record["prompt"] == " a\n\nb \n"


def test_the_trace_is_of_the_text_written(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("an older one")
    result = go(model, "-s", "adaptive-dirichlet", "--trace", path, "--json", "--num-samples", 2)
    records = [json.loads(line) for line in written(result).splitlines()]
    trace = read_trace(path)
    assert trace.header["sampler"] == "adaptive-dirichlet"
    assert trace.header["model"] == str(model)
    assert trace.header["requests"] == [
        {"prompt": PROMPT, "prompt_tokens": record["prompt_tokens"], "text": PROMPT, "seed": record["seed"]}
        for record in records
    ]
    assert (trace.header["kind"], trace.header["driver"]) == ("tokens", "sortilege.generate")
    assert trace.header["settings"] == {"max_new_tokens": 20, "stop": [], "warm": False}
    for record in records:
        steps = trace.of(record["sample"])
        assert [step["token"] for step in steps] == record["tokens"]
        assert [step["raw_log_prob"] for step in steps] == pytest.approx(record["raw_log_probs"], abs=1e-5)
        assert all("target_entropy" in step["report"] and step["candidates"] for step in steps)


def test_colours_are_for_terminals_that_asked(model: Path) -> None:
    plain = written(go(model))
    assert written(go(model, "--color", "surprisal")) == plain
    assert not BACKGROUND.search(written(go(model, env=FORCED)))
    assert BACKGROUND.search(written(go(model, "--color", "surprisal", env=FORCED)))
    assert not BACKGROUND.search(written(go(model, "--color", "surprisal", env={**FORCED, "NO_COLOR": "1"})))
    assert written(go(model, "--color", "surprisal", "--json", env=FORCED)) == written(go(model, "--json"))


def test_a_terminal_shows_prompt_text_and_legend(model: Path, loaded: Model) -> None:
    prompt = "[bold]the[/bold] house\x1b[31m"
    shown = written(go(model, "--color", "surprisal", prompt=prompt, env=FORCED))
    text = texts(loaded, prompt=prompt)[0]
    legend = "\nsurprisal in nats  0-1  1-2  2-4  4-6  6-8  8+ \n"
    assert ESCAPE.sub("", shown) == harmless(prompt + text) + "\n" + legend
    assert shown.startswith("\x1b[2m[bold]the[/bold] house\u241b[31m\x1b[0m")
    quiet = written(go(model, "--color", "surprisal", "--quiet", prompt=prompt, env=FORCED))
    assert ESCAPE.sub("", quiet) == harmless(text) + "\n"


def test_each_token_has_the_shade_of_its_surprisal(model: Path, loaded: Model) -> None:
    from sortilege.cli._color import surprisal_style

    shown = written(go(model, "--color", "surprisal", env=FORCED)).split("\n\n")[0]
    shades = re.findall(r"\x1b\[38;2;255;255;255;48;2;(\d+);(\d+);(\d+)m(.*?)\x1b\[0m", shown, re.DOTALL)
    pieces, held = [], []
    for event in sortilege.stream(loaded, PROMPT, "temperature", seed=3, max_new_tokens=20):
        held.append(-event.raw_log_prob)
        if event.text:
            pieces.append((event.text, sum(held) / len(held)))
            held = []
    expected = [
        (*map(str, surprisal_style(nats).bgcolor.get_truecolor()), line)
        for text, nats in pieces
        for line in harmless(text).split("\n")
        if line and surprisal_style(nats).bgcolor is not None
    ]
    assert shades == expected
    assert len(shades) > 5


def test_several_texts_on_a_terminal_have_headings(model: Path, loaded: Model) -> None:
    shown = ESCAPE.sub("", written(go(model, "--num-samples", 2, env=FORCED)))
    first, second = map(harmless, texts(loaded, num_samples=2))
    assert shown == f"{PROMPT}\n\ntext 1, seed 3\n{first}\n\ntext 2, seed 4\n{second}\n"
    bare = ESCAPE.sub("", written(go(model, "--num-samples", 2, "--quiet", env=FORCED)))
    assert bare == f"{first}\n\n{second}\n"


def test_the_bar_counts_to_the_end_and_changes_no_event(
    loaded: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    (whole,) = texts(loaded, max_new_tokens=6)
    events = list(
        sortilege.stream(loaded, PROMPT, "temperature", seed=3, max_new_tokens=6, num_samples=2, stop=whole[2])
    )
    assert len(events) < 12  # the first text ends early
    assert list(_counted(events, 2, 6)) == events
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "12 of 12 tokens" in captured.err
