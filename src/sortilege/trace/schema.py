"""The schema of a trace, and what is wrong with a line: as much of JSON Schema as ``schema.json`` makes use of."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA = "sortilege-trace/1"

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line of a trace."""
    return json.loads(files("sortilege.trace").joinpath("schema.json").read_text(encoding="utf-8"))


def fault(value: Any, name: str) -> str | None:
    """What is wrong with ``value`` as a "token_header", "step_header", "token" or "step"; None where it is one."""
    return next(_faults(value, schema()["$defs"][name], ""), None)


def _faults(value: Any, wanted: Mapping[str, Any], at: str) -> Iterator[str]:
    """All that is wrong with a value whose place in its line is ``at``."""
    if "$ref" in wanted:
        yield from _faults(value, schema()["$defs"][wanted["$ref"].removeprefix("#/$defs/")], at)
    for part in wanted.get("allOf", ()):
        yield from _faults(value, part, at)
    choices = [wanted["const"]] if "const" in wanted else wanted.get("enum")
    if choices is not None and value not in choices:
        yield f"{at} must be {' or '.join(map(_shown, choices))}, got {_shown(value)}"
    types = [wanted["type"]] if isinstance(wanted.get("type"), str) else wanted.get("type")
    if types is not None and not any(_is(value, one, wanted.get("minimum")) for one in types):
        limit = f" >= {wanted['minimum']}" if "minimum" in wanted else ""
        yield f"{at or 'it'} must be of type {' or '.join(types)}{limit}, got {_shown(value)}"
        return
    if isinstance(value, dict):
        yield from _faults_within(value, wanted, f"{at}." if at else "")
    elif isinstance(value, list) and "items" in wanted:
        for i, one in enumerate(value):
            yield from _faults(one, wanted["items"], f"{at}[{i}]")


def _faults_within(value: Mapping[str, Any], wanted: Mapping[str, Any], before: str) -> Iterator[str]:
    """What is wrong with the names of an object and what they stand for."""
    missing = [name for name in wanted.get("required", ()) if name not in value]
    if missing:
        yield f"{before.removesuffix('.')} lacks {', '.join(missing)}".strip()
    properties, others = wanted.get("properties", {}), wanted.get("additionalProperties")
    for name, one in value.items():
        inner = properties.get(name, others)
        if inner is not None:
            yield from _faults(one, inner, before + name)


def _is(value: Any, kind: str, least: float | None) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES[kind]) and (least is None or value is None or value >= least)


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else shown[:57] + "..."
