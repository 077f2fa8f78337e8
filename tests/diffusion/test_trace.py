"""The trace of the reverse process: it tells the whole story, with what the model really predicted."""

from typing import Any

import numpy as np
import pytest
from diffusion.oracles import Chain, Joint, Timed, TorchChain, chain, lumpy
from scipy import stats
from traces import Replay, hold, like

from sortilege.diffusion import Denoised, denoise, trace_requests
from sortilege.diffusion.denoiser import Denoiser
from sortilege.trace import header, read_trace, write_trace

PROMPTS = ["", "ab", "a_c__d____b"]
POLICIES = ("ancestral", "first-hitting", "threshold(0.6)", "klass(0.4, 0.5, 1)", "remdm-cap(0.4)", "remdm-loop(0.3)")


def written(oracle: Denoiser, prompt: Any = PROMPTS, **settings: Any) -> tuple[list[dict[str, Any]], list[Denoised]]:
    settings = {"length": 12, "steps": 8, "num_samples": 2, "seed": 3} | settings
    return trace_requests(oracle, prompt, **settings), denoise(oracle, prompt, trace=True, **settings)


@pytest.mark.parametrize("kind", [Chain, TorchChain, Timed])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("ends", [(), (3,)])
def test_the_trace_is_the_story_of_the_text(policy: str, kind: type[Chain], ends: tuple[int, ...]) -> None:
    oracle = chain(5, ends, kind)
    requests, texts = written(oracle, policy=policy, steps=None if policy[:2] in ("th", "kl", "fi") else 8)
    hold([header(None, "chain", requests, kind="steps", driver="sortilege.denoise")], "step_header")
    cut = 0
    for index, (request, text) in enumerate(zip(requests, texts, strict=True)):
        hold(text.trace, "step")
        assert (request["seed"], request["prompt"]) == (text.seed, text.prompt)
        assert request["prompt_tokens"] == list(text.prompt_tokens)
        assert request["text"] == oracle.decode(text.prompt_tokens)
        assert len(text.trace) == len(text.history)
        story = Replay(request)
        for record, change in zip(text.trace, text.history, strict=True):
            assert (record["request"], record["step"], record["time"]) == (index, change.step, change.time)
            assert record["seconds"] > 0
            # What the oracle knows of the canvas as it was, worked out anew.
            p = oracle.conditional(np.asarray(story.canvas))
            for one in record["revealed"]:
                assert story.canvas[one["slot"]] == oracle.mask_id
                assert one["text"] == oracle.decode([one["token"]])
                assert one["log_prob"] == pytest.approx(np.log(p[one["slot"], one["token"]]), abs=1e-4)
                assert one["entropy"] == pytest.approx(stats.entropy(p[one["slot"]]), abs=1e-4)
            before = len(story.canvas)
            story.take(record)
            assert record["masks_left"] == story.canvas.count(oracle.mask_id)
            cut += record["length"] < before
        assert story.canvas == list(text.tokens)
        assert "".join(story.pieces) == oracle.decode(text.tokens)
    assert (cut > 0) == bool(ends)
    assert any(record["masked"] for text in texts for record in text.trace) == policy.startswith("remdm")


def test_log_probs_are_the_models_whatever_the_filter() -> None:
    oracle = chain()
    requests, texts = written(oracle, policy="first-hitting", steps=None, sampler="top-k(1)")
    unlike = 0.0
    for request, text in zip(requests, texts, strict=True):
        canvas = np.asarray(request["canvas"])
        for record in text.trace:
            (one,) = record["revealed"]
            p = oracle.conditional(canvas)[one["slot"]]
            assert one["log_prob"] == pytest.approx(np.log(p.max()), abs=1e-5)
            assert one["entropy"] == pytest.approx(stats.entropy(p), abs=1e-5)
            unlike += one["entropy"]
            canvas[one["slot"]] = one["token"]
    assert unlike > 1


def test_tracing_changes_nothing_and_is_not_done_unasked() -> None:
    for policy in POLICIES[:2]:
        _, traced = written(chain(5, (3,)), policy=policy)
        plain = denoise(chain(5, (3,)), PROMPTS, length=12, steps=8, num_samples=2, seed=3, policy=policy)
        assert [(text.tokens, text.history) for text in traced] == [(text.tokens, text.history) for text in plain]
        assert all(text.trace == () for text in plain)


def test_a_text_has_the_trace_it_has_alone() -> None:
    _, together = written(chain(5, (3,)), policy="remdm-cap(0.4)", batch_size=6)
    for index, text in enumerate(together):
        prompt = PROMPTS[index // 2]
        _, (alone,) = written(chain(5, (3,)), prompt, policy="remdm-cap(0.4)", num_samples=1, seed=text.seed)
        assert like([{**record, "request": index} for record in alone.trace]) == list(text.trace)


def test_it_is_written_and_read(tmp_path: Any) -> None:
    oracle = Joint(lumpy(3, 5))
    requests, texts = written(oracle, ["", "_b"], length=5, policy="random", steps=None)
    records = [record for text in texts for record in text.trace]
    told = {"sampler": None, "model": "joint", "requests": requests, "driver": "sortilege.denoise", "kind": "steps"}
    write_trace(tmp_path / "trace.jsonl", records, **told)
    trace = read_trace(tmp_path / "trace.jsonl")
    assert (trace.kind, trace.records, trace.of(3)) == ("steps", records, list(texts[3].trace))
    assert repr(trace) == "Trace(4 requests, 18 steps, model='joint', sampler=None)"
    before = (tmp_path / "trace.jsonl").read_bytes()
    for wrong, message in (
        ([*records, records[0]], "line 20: step of request 0 must be greater than 4, got 0"),
        ([records[0] | {"request": 4}], "line 2: no request 4 in the header"),
        ([records[0] | {"revealed": [[1, 2]]}], r"line 2: revealed\[0\] must be of type object, got \[1, 2\]"),
        ([records[0] | {"edited": [{"slot": 1}]}], r"line 2: edited\[0\] lacks before, before_text, token, text"),
        ([records[0] | {"masked": [5]}], "line 2: slot 5 of request 0 is beyond its 5 slots"),
        ([records[0] | {"length": 6}], "line 2: length must be at most 5, got 6"),
        ([records[0] | {"length": 2}, records[1] | {"length": 3}], "line 3: (slot|length)"),
        ([records[0] | {"time": -1.0}], "line 2: time must be of type number >= 0, got -1.0"),
        ([records[0] | {"values": {"a": "b"}}], r'line 2: values\.a must be of type number or null, got "b"'),
    ):
        with pytest.raises(ValueError, match=message):
            write_trace(tmp_path / "trace.jsonl", wrong, **told)
        assert (tmp_path / "trace.jsonl").read_bytes() == before
    odd = [{**requests[0], "canvas_text": []}, *requests[1:]]
    with pytest.raises(ValueError, match=r"line 1: requests\[0\].canvas_text must have 5 entries, got 0"):
        write_trace(tmp_path / "trace.jsonl", records, **(told | {"requests": odd}))
    assert len(list(tmp_path.iterdir())) == 1
