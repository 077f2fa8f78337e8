"""The schema that is shipped describes what is written, whoever wrote it, and the page on traces says what it means."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator, ValidationError
from roster import ROSTER
from tiny import Fatigue, byte_model
from traces import hold, validator

import sortilege
from sortilege.numerics.random import Key
from sortilege.samplers import AdaptiveDirichlet, Mirostat, chain
from sortilege.trace import header, request_of, schema
from sortilege.trace.schema import fault

SAMPLERS = [Fatigue(0.5), AdaptiveDirichlet(), AdaptiveDirichlet(perturb_exp_coeff=0.0), chain(Mirostat(), Mirostat())]


def test_it_is_a_schema_of_the_draft_it_names():
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("sampler", SAMPLERS, ids=["fatigue", "adaptive", "unperturbed", "chain"])
def test_our_loop(sampler):
    results = sortilege.generate(byte_model(), ["Hello", "é"], sampler, max_new_tokens=8, trace=True, candidates=3)
    records = [record for result in results for record in result.trace]
    requests = [request_of(result.prompt, result.seed, byte_model().tokenizer) for result in results]
    head = header("some sampler", "some model", requests)
    hold([head], "token_header")
    hold(records, "token")
    for line in (head, *records):
        Draft202012Validator(schema()).validate(json.loads(json.dumps(line)))
    assert [request["text"] for request in requests] == ["Hello", "é"]
    assert [request["prompt_tokens"] for request in requests] == [list(result.prompt_tokens) for result in results]


def test_the_branch_is_the_samplers():
    (result,) = sortilege.generate(byte_model(), "Hello", AdaptiveDirichlet(), max_new_tokens=40, trace=True)
    assert {record["branch"] for record in result.trace} == {"inlier", "outlier"}
    for record in result.trace:
        assert record["branch"] == ("inlier" if record["report"]["inlier"] else "outlier")
        assert (record["branch"] == "inlier") == (record["report"]["perturbation"] > 0)


def test_every_sampler_reports_names_that_are_described():
    described = schema()["$defs"]["report"]["properties"]
    seen = set()
    for one in ROSTER:
        sampler, logits = one.make(), np.random.default_rng(0).normal(size=(1, 12)).astype(np.float32)
        key = Key.of([0], [0], like=logits)
        seen |= {*sampler.report(sampler.adjust(logits, sampler.init(logits), key)[1])}
    assert seen == {*described}


WRONG = [
    ("token", {"token": -1}),
    ("token", {"token": True}),
    ("token", {"text": None}),
    ("token", {"rank": 0}),
    ("token", {"raw_log_prob": "0"}),
    ("token", {"raw_log_prob": False}),
    ("token", {"branch": "in"}),
    ("token", {"report": []}),
    ("token", {"report": {"mine": "x"}}),
    ("token", {"report": {"inlier": 1.0}}),
    ("token", {"candidates": None}),
    ("token", {"candidates": [{"token": 1}]}),
    ("token_header", {"kind": "steps"}),
    ("token_header", {"schema": "sortilege-trace/2"}),
    ("token_header", {"sampler": 3}),
    ("token_header", {"versions": {"numpy": 2}}),
    ("token_header", {"requests": [{"prompt": None, "prompt_tokens": [0.5], "text": "", "seed": 0}]}),
]


@pytest.mark.parametrize(("name", "change"), WRONG, ids=str)
def test_reader_and_schema_refuse_the_same(name, change):
    """What reads traces knows a part of JSON Schema only: it agrees with a whole implementation."""
    (result,) = sortilege.generate(byte_model(), "a", AdaptiveDirichlet(), max_new_tokens=1, trace=True)
    right = result.trace[0] if name == "token" else header(None, "m", [request_of("a", 0, byte_model().tokenizer)])
    assert fault(right, name) is None
    hold([right, right | {"another": [None]}], name)
    assert fault(right | {"another": [None]}, name) is None
    with pytest.raises(ValidationError):
        hold([right | change], name)
    assert fault(right | change, name) is not None
    for missing in schema()["$defs"]["token" if name == "token" else "header"]["required"]:
        short = {key: value for key, value in right.items() if key != missing}
        assert not validator(name).is_valid(short)
        assert f"lacks {missing}" in fault(short, name)


def names(part):
    """Every property name of a schema."""
    if isinstance(part, dict):
        properties = part.get("properties", {})
        yield from properties
        for inner in [*part.values(), *properties.values()]:
            yield from names(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from names(inner)


def test_the_page_says_what_every_name_means():
    page = (Path(__file__).parents[2] / "docs" / "trace.md").read_text()
    said = {*re.findall(r"`([a-z_]+)`", page)}
    wanted = {name for part in schema()["$defs"].values() for name in names(part)}
    assert len(wanted) > 50
    assert sorted(wanted - said) == []
