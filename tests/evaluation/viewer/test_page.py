"""The page as a file: what is packed into it and how."""

import base64
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from viewer_traces import step_trace, token_trace, write

from sortilege.evaluation.document import island
from sortilege.evaluation.viewer import made_here, page
from sortilege.evaluation.viewer.pack import pack
from sortilege.trace import Trace, read_trace


def of(lines: list) -> Trace:
    return Trace(lines[0], lines[1:])


def many(column: Any, count: int) -> list:
    """A packed column as the list it stands for."""
    return column if isinstance(column, list) else [column] * count


def near(found: list, wanted: list) -> bool:
    """Equal up to four significant digits or four decimals, None for what is not finite."""
    return all(
        (a is None) == (b is None) and (a is None or math.isclose(a, b, rel_tol=6e-4, abs_tol=6e-5))
        for a, b in zip(found, wanted, strict=True)
    )


def test_packing_keeps_every_token_and_number() -> None:
    lines = token_trace(50, requests=2, seed=3)
    lines[5]["processed_log_prob"] = None
    packed = json.loads(json.dumps(pack(of(lines), "a name"), allow_nan=False))
    assert packed["name"] == "a name"
    assert [request["seed"] for request in packed["requests"]] == [3, 4]
    for r, request in enumerate(packed["requests"]):
        records = [one for one in lines[1:] if one["request"] == r]
        assert request["n"] == 50
        assert [packed["texts"][place] for place in request["tokens"]] == [one["text"] for one in records]
        assert [packed["ids"][place] for place in request["tokens"]] == [one["token"] for one in records]
        for name in ("raw_log_prob", "processed_log_prob", "raw_entropy", "rank", "kept", "kept_mass", "seconds"):
            assert near(many(request[name], 50), [one[name] for one in records]), name
        for name, column in request["report"].items():
            assert near(many(column, 50), [one["report"][name] for one in records]), name
        assert many(request["branch"], 50) == [one["branch"] for one in records]
        listed = [one for record in records for one in record["candidates"]]
        assert sum(many(request["candidates"]["counts"], 50)) == len(listed)
        assert [packed["texts"][place] for place in request["candidates"]["tokens"]] == [one["text"] for one in listed]
        assert near(request["candidates"]["processed"], [one["processed_log_prob"] for one in listed])
        assert [kept == "1" for kept in request["candidates"]["kept"]] == [one["kept"] for one in listed]
    assert len(packed["ids"]) == len({*zip(packed["ids"], packed["texts"], strict=True)})


def test_a_branch_that_is_not_named_comes_from_the_report() -> None:
    lines = token_trace(20)
    said = [one.pop("branch") for one in lines[1:]]
    assert pack(of(lines), "x")["requests"][0]["branch"] == said


def test_constant_columns_are_one_value_and_whole_numbers_short() -> None:
    lines = token_trace(20)
    request = pack(of(lines), "x")["requests"][0]
    assert request["seconds"] == 0.01
    assert request["report"]["fit_ok"] is True
    for one in lines[1:]:
        one["raw_entropy"], one["report"]["fit_ok"] = 2.0, 1.0
    request = pack(of(lines), "x")["requests"][0]
    assert type(request["raw_entropy"]) is int
    lines[1]["report"]["fit_ok"] = True  # equal to 1, and another thing
    assert pack(of(lines), "x")["requests"][0]["report"]["fit_ok"][:2] == [True, 1]


def test_it_is_much_smaller_than_the_trace(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.jsonl", token_trace(2000))
    assert len(island(pack(read_trace(path), "x"))) < path.stat().st_size / 4


@pytest.mark.parametrize("make", [token_trace, step_trace])
def test_the_traces_of_these_tests_are_traces(tmp_path: Path, make: Any) -> None:
    lines = make()
    read = read_trace(write(tmp_path / "trace.jsonl", lines))
    assert [read.header, *read.records] == lines


@pytest.mark.parametrize("value", ["</script>", "<!--", "\u2028", "&amp;", "é", "\ud800", 'a"b\\', "\x00"])
def test_an_island_is_plain_and_comes_back(value: str) -> None:
    written = island({"key": value})
    assert written.isascii()
    assert not set(written) & set("<>&\n")
    assert json.loads(written) == {"key": value}


@pytest.mark.parametrize("make", [token_trace, step_trace])
def test_the_page_names_no_address_and_allows_itself_only(make: Any) -> None:
    text = page([of(make())], ["a"])
    assert made_here(text)
    assert not re.search(r"https?://|//[a-z]|@import|url\(|\bfetch\(|XMLHttp|WebSocket|eval\(", text)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    for name, part in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}';" in policy
    assert text.count("<script") == 2


def test_a_title_is_text() -> None:
    text = page([of(token_trace(3))], ["a"], "<script>x</script>{{data}}")
    assert "<title>&lt;script&gt;x&lt;/script&gt;{{data}}</title>" in text


@pytest.mark.parametrize(
    ("traces", "words"),
    [
        ([], "1 or 2 traces, got 0"),
        ([token_trace(2)] * 3, "1 or 2 traces, got 3"),
        ([token_trace(0)], "'t0' has no records"),
        ([token_trace(2), step_trace()], "'t0' has tokens, 't1' has steps"),
    ],
)
def test_refusals(traces: list, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        page([of(lines) for lines in traces], [f"t{i}" for i in range(len(traces))])


def test_requests_without_records_are_left_out() -> None:
    lines = token_trace(5, requests=3)
    packed = pack(of([one for one in lines if one.get("request") != 1]), "x")
    assert [request["seed"] for request in packed["requests"]] == [0, 2]


def test_not_every_page_is_ours() -> None:
    assert not made_here("<!doctype html><meta name='generator' content='other'>")
