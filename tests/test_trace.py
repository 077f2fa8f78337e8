import json
import math
import os
import re

import numpy as np
import pytest
import torch
from backends import BACKENDS
from scipy import special
from scipy import stats as scipy_stats
from tiny import Fatigue, byte_model

from sortilege.generate import generate, stream
from sortilege.trace import SCHEMA, TraceWriter, header, read_trace, step_records

NAMES = [
    *("request", "position", "token", "text", "raw_log_prob", "processed_log_prob", "rank", "raw_entropy"),
    *("processed_entropy", "kept", "kept_mass", "branch", "report", "candidates", "seconds", "sampler_seconds"),
]


TIMES = {"seconds": 0.5, "sampler_seconds": 0.25}


def records_of(backend, raw, processed, tokens, report, **settings):
    return step_records(
        backend.put(raw),
        backend.put(processed),
        backend.put(tokens),
        {name: backend.put(values) for name, values in report.items()},
        **{"requests": [4, 7], "position": 3, **TIMES, "text": "<{}>".format, **settings},
    )


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_records_against_scipy(backend):
    generator = np.random.default_rng(0)
    raw = generator.normal(size=(2, 12)).astype(np.float32)
    processed = np.where(raw > 0, 2 * raw, -np.inf).astype(np.float32)
    tokens = np.array([raw[0].argmax(), raw[1].argmin()])
    report = {"temperature": np.array([0.5, 2.0], np.float32), "inlier": np.array([True, False])}
    records = records_of(backend, raw, processed, tokens, report, candidates=3)
    assert all(list(record) == NAMES for record in records)
    p, q = special.softmax(raw.astype(float), -1), special.softmax(processed.astype(float), -1)
    for row, record in enumerate(records):
        token = int(tokens[row])
        assert (record["request"], record["position"]) == ([4, 7][row], 3)
        assert (record["seconds"], record["sampler_seconds"]) == (0.5, 0.25)
        assert (record["token"], record["text"]) == (token, f"<{token}>")
        assert record["raw_log_prob"] == pytest.approx(math.log(p[row, token]), abs=1e-5)
        assert record["raw_entropy"] == pytest.approx(scipy_stats.entropy(p[row]), abs=1e-5)
        assert record["processed_entropy"] == pytest.approx(scipy_stats.entropy(q[row]), abs=1e-5)
        assert record["kept"] == np.sum(raw[row] > 0)
        assert record["kept_mass"] == pytest.approx(p[row][raw[row] > 0].sum(), abs=1e-5)
        assert record["branch"] == ["inlier", "outlier"][row]
        order = np.argsort(-raw[row]).tolist()
        assert record["rank"] == order.index(token) + 1
        assert [c["token"] for c in record["candidates"]] == order[:3]
        for candidate in record["candidates"]:
            assert candidate["kept"] == bool(raw[row, candidate["token"]] > 0)
            assert candidate["text"] == f"<{candidate['token']}>"
    assert records[0]["processed_log_prob"] == pytest.approx(math.log(q[0].max()), abs=1e-5)
    assert records[1]["processed_log_prob"] is None  # a token the sampler had dropped, forced by someone else
    assert [record["report"] for record in records] == [
        {"temperature": 0.5, "inlier": True},
        {"temperature": 2.0, "inlier": False},
    ]


def test_candidates_show_what_was_dropped_and_what_came_up():
    raw = np.array([[4.0, 3.0, 2.0, 1.0, 0.0]], np.float32)
    processed = np.array([[-np.inf, 3.0, -np.inf, 1.0, 9.0]], np.float32)
    (record,) = records_of(BACKENDS[0], raw, processed, np.array([4]), {}, requests=[0], candidates=2)
    assert [(c["token"], c["kept"]) for c in record["candidates"]] == [(0, False), (1, True), (4, True)]
    assert record["candidates"][0]["processed_log_prob"] is None
    (record,) = records_of(BACKENDS[0], raw, processed, np.array([4]), {}, requests=[0], candidates=50)
    assert [c["token"] for c in record["candidates"]] == [0, 1, 2, 3, 4]
    (record,) = records_of(BACKENDS[0], raw, processed, np.array([4]), {}, requests=[0], candidates=0)
    assert record["candidates"] == []


def test_ties_go_to_the_lower_id_and_share_a_rank():
    raw = np.zeros((1, 9), np.float32)
    (record,) = records_of(BACKENDS[0], raw, raw, np.array([5]), {}, requests=[0], candidates=3)
    assert [c["token"] for c in record["candidates"]] == [0, 1, 2]
    assert record["rank"] == 1


def test_half_precision_and_numbers_json_has_not():
    raw = torch.tensor([[0.0, 1.0]], dtype=torch.bfloat16)
    report = {"concentration": torch.tensor([torch.inf]), "kl": torch.tensor([torch.nan]), "n": torch.tensor([3])}
    (record,) = step_records(
        raw, raw, torch.tensor([1]), report, requests=[0], position=0, **TIMES, text=str, candidates=1
    )
    assert record["report"] == {"concentration": None, "kl": None, "n": 3}
    json.dumps(record, allow_nan=False)


def test_the_loops_trace_is_that_of_its_tokens():
    arguments = {"max_new_tokens": 6, "num_samples": 2, "trace": True, "candidates": 4}
    results = generate(byte_model(), ["Hello", "no"], Fatigue(0.5), **arguments)
    for index, result in enumerate(results):
        assert [record["request"] for record in result.trace] == [index] * 6
        assert [record["position"] for record in result.trace] == list(range(6))
        assert [record["token"] for record in result.trace] == list(result.tokens)
        raw = [record["raw_log_prob"] for record in result.trace]
        np.testing.assert_allclose(raw, result.raw_log_probs, atol=1e-5)
        processed = [record["processed_log_prob"] for record in result.trace]
        np.testing.assert_allclose(processed, result.processed_log_probs, atol=1e-5)
        assert {name for record in result.trace for name in record["report"]} == {"heaviest"}
        assert all(record["seconds"] >= record["sampler_seconds"] > 0 for record in result.trace)
        assert all(record["branch"] is None for record in result.trace)
    events = [event.record for event in stream(byte_model(), ["Hello", "no"], Fatigue(0.5), **arguments)]
    assert [r["token"] for r in events if r["request"] == 3] == list(results[3].tokens)
    assert results[0].trace[0]["report"]["heaviest"] == 1.0  # the two l of Hello, at half a nat each


def head():
    request = {"prompt": "Hé\x85\u2028", "prompt_tokens": [1], "text": "\u2028", "seed": 3}
    return header("fatigue(weight=0.5)", "random", [request], top=2)


def test_write_and_read(tmp_path):
    path = tmp_path / "trace.jsonl"
    result = generate(byte_model(), "Hello", Fatigue(0.5), max_new_tokens=6, trace=True)[0]
    with TraceWriter(path, head()) as trace:
        assert not path.exists()
        for record in result.trace:
            trace.write(record)
    read = read_trace(path)
    assert read.header == head()
    assert read.header["schema"] == SCHEMA
    assert set(read.header["versions"]) >= {"python", "sortilege", "numpy", "torch", "transformers"}
    assert read.records == list(result.trace)
    assert read.of(0) == read.records
    assert os.listdir(tmp_path) == ["trace.jsonl"]


def test_a_file_has_the_rights_of_any_other(tmp_path):
    with TraceWriter(tmp_path / "trace.jsonl", head()):
        pass
    (tmp_path / "other").write_text("")
    assert (tmp_path / "trace.jsonl").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_fails_leaves_nothing_and_keeps_what_was_there(tmp_path):
    path = tmp_path / "trace.jsonl"
    path.write_text("precious")
    with pytest.raises(ValueError, match="not JSON compliant"), TraceWriter(path, head()) as trace:
        trace.write({"request": math.nan})
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["trace.jsonl"]


def broken_off(path, kind):
    with TraceWriter(path, head()) as trace:
        trace.write(json.loads(line()))
        raise kind


@pytest.mark.parametrize("kind", [KeyboardInterrupt, BrokenPipeError])
def test_what_is_cut_short_keeps_what_was_recorded(tmp_path, kind):
    path = tmp_path / "trace.jsonl"
    path.write_text("an older one")
    with pytest.raises(kind):
        broken_off(path, kind)
    assert len(read_trace(path).records) == 1
    assert os.listdir(tmp_path) == ["trace.jsonl"]


def test_a_killed_process_leaves_whole_lines_beside(tmp_path):
    trace = TraceWriter(tmp_path / "trace.jsonl", head())
    trace.write(json.loads(line()))
    (partial,) = tmp_path.iterdir()  # as it is before anything is closed
    assert partial.name.startswith(".trace.jsonl.")
    assert partial.name.endswith(".partial")
    assert len(read_trace(partial).records) == 1
    with trace:
        pass


def test_a_link_stays_one(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with TraceWriter(tmp_path / "link", head()):
        pass
    assert (tmp_path / "link").is_symlink()
    assert len(read_trace(tmp_path / "file").records) == 0


def test_files_that_cannot_be_written_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "no" / "where", "No such file"),
        (tmp_path, "it is a folder"),
        (tmp_path / "pipe", "it is no plain file"),
    ):
        with pytest.raises(ValueError, match=f"the trace file .* cannot be written: {reason}"):
            TraceWriter(path, head())


def line(**changes):
    step = {"requests": [0], "position": 0, "text": "<{}>".format, "candidates": 2, **TIMES}
    (record,) = step_records(np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]]), np.array([1]), {}, **step)
    return json.dumps(record | changes) + "\n"


HEAD = json.dumps(head()) + "\n"
WHOLE = HEAD + line()


def headed(**changes):
    return json.dumps(head() | changes) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n", "line 1: not JSON"),
        ("hello\n", "line 1: not JSON"),
        ("[]\n", "line 1: must be a JSON object, got list"),
        ('{"schema": "sortilege-trace/2"}\n', "line 1: schema must be 'sortilege-trace/1', got 'sortilege-trace/2'"),
        ("{}\n", "line 1: schema must be .* got None"),
        ('{"schema": "sortilege-trace/1", "model": "m"}\n', "line 1: lacks sampler, requests, versions"),
        (headed(kind="words"), 'line 1: kind must be "tokens" or "steps", got "words"'),
        (headed(requests={}), "line 1: requests must be of type array, got {}"),
        (headed(requests=[{"prompt": None}]), r"line 1: requests\[0\] lacks prompt_tokens, text, seed"),
        (headed(kind="steps"), r"line 1: requests\[0\] lacks canvas, canvas_text, mask_id"),
        (headed(model=None), "line 1: model must be of type string, got null"),
        (WHOLE + '{"token": 3}\n', "line 3: lacks request, position, text"),
        (WHOLE[:-9], "line 2: not JSON: .*; the file breaks off in it"),
        (WHOLE + "\n", "line 3: not JSON"),
        (WHOLE + "7\n", "line 3: must be a JSON object, got int"),
        (WHOLE + "[" * 10**5, "line 3: not JSON"),
        (WHOLE + line(position=1).replace("0.25", "NaN"), "line 3: not JSON: NaN is no number"),
        (HEAD + line(request=1), "line 2: no request 1 in the header"),
        (HEAD + line(request="0"), 'line 2: request must be of type integer >= 0, got "0"'),
        (HEAD + line(request=-1), "line 2: request must be of type integer >= 0, got -1"),
        (HEAD + line(request=False), "line 2: request must be of type integer >= 0, got false"),
        (HEAD + line(position=1.5), "line 2: position must be of type integer >= 0, got 1.5"),
        (HEAD + line(raw_log_prob="x"), 'line 2: raw_log_prob must be of type number or null, got "x"'),
        (HEAD + line(branch="in"), 'line 2: branch must be "inlier" or "outlier" or null, got "in"'),
        (HEAD + line(candidates={}), "line 2: candidates must be of type array, got {}"),
        (HEAD + line(candidates=[3]), r"line 2: candidates\[0\] must be of type object, got 3"),
        (HEAD + line(candidates=[{"token": 1}]), r"line 2: candidates\[0\] lacks text, raw_log_prob"),
        (HEAD + line(report={"entropy": "?"}), r'line 2: report\.entropy must be of type number or null, got "\?"'),
        (WHOLE + line(), "line 3: position of request 0 must be 1, got 0"),
        (WHOLE + line(position=3), "line 3: position of request 0 must be 1, got 3"),
        (HEAD + line(position=7) + line(position=6), "line 3: position of request 0 must be 8, got 6"),
    ],
)
def test_damaged_files_are_refused(tmp_path, text, message):
    path = tmp_path / "trace.jsonl"
    path.write_text(WHOLE, encoding="utf-8")
    assert len(read_trace(path).records) == 1
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        ValueError, match=f"the trace file '{re.escape(str(path))}'(,| is) {message.removeprefix('is ')}"
    ):
        read_trace(path)


def test_what_is_whole_is_read(tmp_path):
    path = tmp_path / "trace.jsonl"
    for text, count in (
        (HEAD, 0),
        (WHOLE[:-1], 1),  # all but its last newline
        (HEAD + line(position=7) + line(position=8, of_another_version=[]), 2),  # a part of a text; unknown names
        (WHOLE.replace('"kind": "tokens", ', "").replace('"driver": "sortilege.generate", ', ""), 1),
    ):
        path.write_text(text, encoding="utf-8")
        assert len(read_trace(path).records) == count
        assert read_trace(path).kind == "tokens"
    assert repr(read_trace(path)) == "Trace(1 requests, 1 tokens, model='random', sampler='fatigue(weight=0.5)')"


def test_files_that_are_no_text_or_not_there(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_trace(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="bytes', line 1: is not UTF-8 text: byte 0"):
        read_trace(tmp_path / "bytes")
    (tmp_path / "bytes").write_bytes(HEAD.encode() + b'{"a": "\xff"}\n')
    with pytest.raises(ValueError, match="bytes', line 2: is not UTF-8 text: byte 7"):
        read_trace(tmp_path / "bytes")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_trace(tmp_path)


def test_whatever_happens_to_a_file_is_told_in_a_value_error(tmp_path):
    path, whole = tmp_path / "trace.jsonl", (WHOLE + line(position=1)).encode()
    generator, said = np.random.default_rng(0), []
    for _ in range(400):
        spoilt = bytearray(whole)
        for at in generator.integers(len(whole), size=generator.integers(1, 4)):
            spoilt[at] = generator.integers(256) if generator.random() < 0.5 else ord(generator.choice([*'{}[]":,0']))
        path.write_bytes(spoilt[: generator.integers(len(whole))] if generator.random() < 0.3 else spoilt)
        try:
            assert len(read_trace(path).records) <= 2
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 200
    assert all(re.match(rf"the trace file '{re.escape(str(path))}'(, line \d: .| is empty)", one) for one in said)
