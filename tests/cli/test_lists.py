"""``sortilege samplers``, ``policies`` and ``properties`` show what the classes say of themselves, in 100 columns."""

import dataclasses
import json
import math

import pytest
from commands import refused, run

from sortilege import _spec
from sortilege._knobs import knobs
from sortilege.diffusion import POLICIES
from sortilege.properties import PROPERTIES
from sortilege.samplers import SAMPLERS, parse_sampler

REGISTRIES = {"samplers": SAMPLERS, "policies": POLICIES, "properties": PROPERTIES}
LISTED = [(command, name) for command, registry in REGISTRIES.items() for name in registry]


def default_of(value: object, registry: object) -> object:
    """A default as JSON has it."""
    if isinstance(value, registry.base):
        return _spec.format(value, registry)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("command", "name"), LISTED)
def test_the_table_tells_every_knob_and_the_source(command: str, name: str) -> None:
    result = run(command, name)
    cls = REGISTRIES[command][name]
    assert result.exit_code == 0
    # Cells wrap: words are looked for, in order, each in its row or the rows below.
    shown = result.stdout
    assert shown.startswith(name + "  ")
    assert all(len(line) <= 100 for line in shown.splitlines())
    for knob_name, knob in knobs(cls).items():
        below = shown[shown.index(f"\n  {knob_name} ") :]
        for word in (*knob.range.split(), *knob.doc.split()):
            assert word in below
    assert " ".join(cls.source.split()) in " ".join(shown.split())
    if command == "properties":
        assert f"tolerance {cls.tolerance:g}" in shown
        assert f"{cls.low:g}, {cls.high:g}" in shown


@pytest.mark.parametrize("command", REGISTRIES)
def test_the_list_is_all_of_them_in_order(command: str) -> None:
    shown = run(command).stdout
    assert shown == "\n".join(run(command, name).stdout for name in REGISTRIES[command])


@pytest.mark.parametrize("command", REGISTRIES)
def test_json_has_what_the_knobs_say(command: str) -> None:
    registry = REGISTRIES[command]
    records = {record["name"]: record for record in json.loads(run(command, "--json").stdout)}
    assert list(records) == list(registry)
    for name, cls in registry.items():
        record = records[name]
        assert (record["class"], record["source"]) == (cls.__name__, cls.source)
        assert record["doc"]
        if command == "properties":
            assert (record["unit"], record["tolerance"]) == (cls.unit, cls.tolerance)
            assert [record[end] is None for end in ("low", "high")] == [math.isinf(cls.low), math.isinf(cls.high)]
        defaults = {field.name: field.default for field in dataclasses.fields(cls)}
        assert [knob["name"] for knob in record["knobs"]] == list(defaults)
        for shown in record["knobs"]:
            knob = knobs(cls)[shown["name"]]
            default = defaults[shown["name"]]
            assert shown["required"] == (default is dataclasses.MISSING)
            assert shown["default"] == (None if shown["required"] else default_of(default, registry))
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


@pytest.mark.parametrize(("command", "known"), [("samplers", "top-p"), ("policies", "klass"), ("properties", "length")])
def test_unknown(command: str, known: str) -> None:
    refused(run(command, "nucleus"), "nucleus", known)
