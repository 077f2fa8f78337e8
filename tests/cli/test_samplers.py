"""``sortilege samplers`` shows what the samplers say of themselves, all of it, in 100 columns."""

import dataclasses
import json
import math

import pytest
from commands import refused, run

from sortilege.samplers import SAMPLERS, knobs, parse_sampler


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_table_tells_every_knob_and_the_source(name: str) -> None:
    result = run("samplers", name)
    assert result.exit_code == 0
    # Cells wrap: words are looked for, in order, each in its row or the rows below.
    shown = result.stdout
    assert shown.startswith(name + "  ")
    assert all(len(line) <= 100 for line in shown.splitlines())
    for knob_name, knob in knobs(SAMPLERS[name]).items():
        below = shown[shown.index(f"\n  {knob_name} ") :]
        for word in (*knob.range.split(), *knob.doc.split()):
            assert word in below
    assert " ".join(SAMPLERS[name].source.split()) in " ".join(shown.split())


def test_the_list_is_all_of_them_in_order() -> None:
    shown = run("samplers").stdout
    assert shown == "\n".join(run("samplers", name).stdout for name in SAMPLERS)


def test_json_has_what_the_knobs_say() -> None:
    records = {record["name"]: record for record in json.loads(run("samplers", "--json").stdout)}
    assert list(records) == list(SAMPLERS)
    for name, cls in SAMPLERS.items():
        record = records[name]
        assert (record["class"], record["source"]) == (cls.__name__, cls.source)
        assert record["doc"]
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        assert [knob["name"] for knob in record["knobs"]] == list(defaults)
        for shown in record["knobs"]:
            knob = knobs(cls)[shown["name"]]
            default = defaults[shown["name"]]
            assert shown["required"] == (default is dataclasses.MISSING)
            expected = list(default) if isinstance(default, tuple) else default
            assert shown["default"] == (None if shown["required"] else expected)
            assert shown["low"] == (knob.low if math.isfinite(knob.low) else None)
            assert shown["high"] == (knob.high if math.isfinite(knob.high) else None)
            assert (shown["kind"], shown["range"], shown["doc"]) == (knob.kind, knob.range, knob.doc)


@pytest.mark.parametrize("name", SAMPLERS)
def test_defaults_in_the_table_can_be_typed_back(name: str) -> None:
    shown = run("samplers", name).stdout
    for knob_name, knob in knobs(SAMPLERS[name]).items():
        default = shown[shown.index(f"\n  {knob_name} ") :].split()[1]
        if knob.kind != "tokens":  # the empty tuple: a setting needs a value
            assert parse_sampler(name, {knob_name: default}) == SAMPLERS[name]()


def test_underscores_are_hyphens() -> None:
    assert run("samplers", "top_p").stdout == run("samplers", "top-p").stdout


def test_unknown() -> None:
    refused(run("samplers", "nucleus"), "nucleus", "top-p")
