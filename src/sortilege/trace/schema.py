"""The schema of a trace, and what is wrong with a line: as much of JSON Schema as ``schema.json`` makes use of."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

SCHEMA = "sortilege-trace/1"

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}

_Fault = tuple[str, str]
"""Where something is wrong, such as ".report.entropy", and what."""
_Check = Callable[[Any], _Fault | None]


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line of a trace."""
    return json.loads(files("sortilege.trace").joinpath("schema.json").read_text(encoding="utf-8"))


def fault(value: Any, name: str) -> str | None:
    """What is wrong with ``value`` as a "token_header", "step_header", "token" or "step"; None where it is one."""
    found = _named(name)(value)
    return None if found is None else f"{found[0].removeprefix('.')} {found[1]}".strip()


@cache
def _named(name: str) -> _Check:
    return _compiled(schema()["$defs"][name])


def _compiled(wanted: Mapping[str, Any]) -> _Check:
    """A function that finds the first fault of a value; made once, for a trace has many values."""
    parts = [_named(wanted["$ref"].removeprefix("#/$defs/"))] if "$ref" in wanted else []
    parts += [_compiled(part) for part in wanted.get("allOf", ())]
    if "const" in wanted or "enum" in wanted:
        parts.append(_one_of([wanted["const"]] if "const" in wanted else wanted["enum"]))
    if "type" in wanted:
        types = [wanted["type"]] if isinstance(wanted["type"], str) else wanted["type"]
        parts.append(_of_type(types, wanted.get("minimum")))
    if wanted.keys() & {"properties", "required", "additionalProperties"}:
        parts.append(_with_properties(wanted))
    if "items" in wanted:
        parts.append(_with_items(_compiled(wanted["items"])))
    if len(parts) == 1:
        return parts[0]

    def check(value: Any) -> _Fault | None:
        for part in parts:
            found = part(value)
            if found is not None:
                return found
        return None

    return check


def _one_of(choices: list[Any]) -> _Check:
    def check(value: Any) -> _Fault | None:
        return None if value in choices else ("", f"must be {' or '.join(map(_shown, choices))}, got {_shown(value)}")

    return check


def _of_type(names: list[str], least: float | None) -> _Check:
    types = tuple(one for name in names for one in _TYPES[name])
    wanted = " or ".join(names) + ("" if least is None else f" >= {least}")

    def check(value: Any) -> _Fault | None:
        fits = isinstance(value, types) and (value.__class__ is not bool or bool in types)
        if fits and (least is None or value >= least):
            return None
        return "", f"must be of type {wanted}, got {_shown(value)}"

    return check


def _with_properties(wanted: Mapping[str, Any]) -> _Check:
    required = wanted.get("required", [])
    checks = {name: _compiled(inner) for name, inner in wanted.get("properties", {}).items()}
    others = _compiled(wanted["additionalProperties"]) if "additionalProperties" in wanted else None

    def check(value: Any) -> _Fault | None:
        missing = [name for name in required if name not in value]
        if missing:
            return "", f"lacks {', '.join(missing)}"
        for name, inner in value.items():
            part = checks.get(name, others)
            found = None if part is None else part(inner)
            if found is not None:
                return f".{name}{found[0]}", found[1]
        return None

    return check


def _with_items(part: _Check) -> _Check:
    def check(value: Any) -> _Fault | None:
        for i, one in enumerate(value):
            found = part(one)
            if found is not None:
                return f"[{i}]{found[0]}", found[1]
        return None

    return check


def _shown(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=repr)
    return shown if len(shown) <= 60 else shown[:57] + "..."
