"""``--trace`` of ``sortilege denoise`` and ``sortilege search``: the steps of the texts that a run makes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import refused, run
from traces import Replay, hold, like

from sortilege.diffusion import as_denoiser, denoise, trace_requests
from sortilege.properties import Bound
from sortilege.properties.registry import parse_property
from sortilege.search import Search, search
from sortilege.trace import Trace, read_trace

SETTINGS: dict[str, Any] = {"length": 24, "steps": 6}
COMMON = ("--length", 24, "--steps", 6, "--seed", 3, "--num-samples", 2)
BOUND = ("--bound", "length(characters) <= 12", "--property", "length")
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def go(path: Path, masked: Path, command: str, *arguments: object, code: int = 0) -> tuple[Trace, list[dict[str, Any]]]:
    """The trace, and the records on standard output."""
    result = run(command, "--model", masked, *COMMON, "--trace", path, "--json", *arguments)
    assert result.exit_code == code, result.stderr
    trace = read_trace(path)
    hold([trace.header], "step_header")
    hold(trace.records, "step")
    return trace, [json.loads(line) for line in result.stdout.splitlines()]


def test_it_is_that_of_the_library(masked: Path, tmp_path: Path) -> None:
    denoiser, prompts = as_denoiser(masked), tmp_path / "prompts.txt"
    prompts.write_text("the sea\na house\n")
    asked = ("--prompts", prompts, "--policy", "remdm-cap(0.3)", "--sampler", "top-k(9)")
    trace, records = go(tmp_path / "t.jsonl", masked, "denoise", *asked, "--batch-size", 1)
    settings = SETTINGS | {"num_samples": 2, "seed": 3, "policy": "remdm-cap(0.3)", "sampler": "top-k(9)"}
    texts = denoise(denoiser, ["the sea", "a house"], trace=True, **settings)
    head = trace.header
    assert (head["driver"], head["model"], head["sampler"]) == ("sortilege.denoise", str(masked), "top-k(9)")
    assert head["settings"] == records[0]["settings"]
    requests = trace_requests(denoiser, ["the sea", "a house"], **settings)
    assert head["requests"] == [{**request, "index": i} for i, request in enumerate(requests)]
    for index, (text, record) in enumerate(zip(texts, records, strict=True)):
        assert like(text.trace) == trace.of(index)
        story = Replay(head["requests"][index])
        for step in trace.of(index):
            story.take(step)
        assert story.canvas == record["tokens"]


def test_a_search_says_what_it_measured(masked: Path, tmp_path: Path) -> None:
    trace, records = go(tmp_path / "t.jsonl", masked, "search", "ab", *BOUND, "--edit-revealed", "remask")
    bounds = [
        Bound("length(characters)", parse_property("length(characters)"), upper=12),
        Bound("length", parse_property("length")),
    ]
    texts = search(masked, "ab", bounds, Search(edit_revealed="remask"), trace=True, num_samples=2, seed=3, **SETTINGS)
    assert trace.header["driver"] == "sortilege.search"
    assert trace.header["settings"]["search"]["edit_revealed"] == "remask"
    for index, (text, record) in enumerate(zip(texts, records, strict=True)):
        assert like(text.trace) == trace.of(index)
        last = trace.of(index)[-1]
        assert last["values"] == {"length(characters)": record["values"]["length(characters)"]}
        assert last["distances"] == record["distances"]


def test_with_an_output_file_it_is_of_the_texts_of_this_run(masked: Path, tmp_path: Path) -> None:
    out, path = tmp_path / "out.jsonl", tmp_path / "t.jsonl"
    first, _ = go(path, masked, "denoise", "ab", "--output", out)
    before = path.read_bytes()
    more = ("denoise", "--model", masked, *COMMON, "ab", "--output", out, "--num-samples", 4)
    refused(run(*more, "--trace", path), str(path), "is there already")
    refused(run(*more, "--trace", out), "--trace and --output must be different files")
    assert path.read_bytes() == before
    rest, _ = go(tmp_path / "rest.jsonl", masked, "denoise", "ab", "--output", out, "--num-samples", 4)
    whole, _ = go(tmp_path / "whole.jsonl", masked, "denoise", "ab", "--num-samples", 4)
    assert [request["index"] for request in first.header["requests"]] == [0, 1]
    assert [request["index"] for request in rest.header["requests"]] == [2, 3]
    assert first.header["requests"] + rest.header["requests"] == whole.header["requests"]
    for index in range(4):
        one = first.of(index) if index < 2 else [{**r, "request": index} for r in rest.of(index - 2)]
        assert like(one) == whole.of(index)
    nothing, _ = go(tmp_path / "nothing.jsonl", masked, "denoise", "ab", "--output", out, "--num-samples", 4)
    assert (nothing.header["requests"], nothing.records) == ([], [])


def test_prompts_that_cannot_be_used_are_not_in_it(masked: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a" * 80 + "\nab\n")
    trace, _ = go(tmp_path / "t.jsonl", masked, "denoise", "--prompts", prompts, code=3)
    assert [(one["prompt"], one["index"], one["seed"]) for one in trace.header["requests"]] == [
        ("ab", 2, 5),
        ("ab", 3, 6),
    ]
    assert {record["request"] for record in trace.records} == {0, 1}


def test_files_that_cannot_be_written_are_refused_before_the_work(masked: Path, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no" / "where", "No such file"), (tmp_path, "it is a folder")):
        refused(run("denoise", "ab", "--model", masked, "--trace", path), str(path), words)


@posix
def test_ctrl_c_keeps_the_texts_that_were_finished(masked: Path, tmp_path: Path) -> None:
    out, path = tmp_path / "out.jsonl", tmp_path / "t.jsonl"
    path.write_text("an older one")
    asked = ("--length", 60, "--steps", 60, "--seed", 3, "--batch-size", 2, "--num-samples", 400)
    arguments = ("denoise", "ab", "--model", masked, *asked, "--output", out, "--trace", path)
    command = [sys.executable, "-m", "sortilege", *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        started = time.monotonic()
        while not out.exists() or out.read_bytes().count(b"\n") < 2:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() - started < 100
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert (process.wait(60), process.stderr.read()) == (130, b"")
    trace, done = read_trace(path), [json.loads(line) for line in out.read_text().splitlines()]
    assert 2 <= len(done) < 400
    assert {record["request"] for record in trace.records} >= {record["index"] for record in done}
    for record in done:
        story = Replay(trace.header["requests"][record["index"]])
        for step in trace.of(record["index"]):
            story.take(step)
        assert story.canvas == record["tokens"]
    assert {one.name for one in tmp_path.iterdir()} == {"out.jsonl", "t.jsonl"}


def test_special_tokens_are_written_out(masked: Path) -> None:
    denoiser = as_denoiser(masked)
    prompt = [104, denoiser.mask_id, 261, 256, 105]  # 261 is an id of the model that the tokenizer does not know
    (request,) = trace_requests(denoiser, [prompt], length=8)
    assert request["canvas_text"][1] is None
    assert request["canvas_text"][2:4] == ["\ufffd", "<|endoftext|>"]
    assert request["mask_id"] == denoiser.mask_id
    assert (request["prompt"], request["prompt_tokens"]) == (None, [104])
    (unknown,) = trace_requests(denoiser, [[104, 261]], length=8)
    assert unknown["text"] == denoiser.decode([104]) + "\ufffd"
