"""Presets: samplers that studies found, in files that are taken where a sampler's text is: ``@name``, ``@file.json``.

A preset is a JSON object with

    schema      "sortilege-preset/1"
    name        its name
    sampler     the sampler, as ``parse_sampler`` reads it

and, as far as it is known, where it comes from: ``model``, ``objective``, ``guards``, ``metrics``, ``reference``,
``study`` (an object with ``name``, ``method``, ``trials``, ``seed`` and ``optimizer``), ``command`` (what makes it
again), ``versions`` and ``created``. Readers ignore names they do not know; a change of meaning changes the number in
``schema``.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sortilege._files import write_whole

SCHEMA = "sortilege-preset/1"

_KIND, _VERSION = SCHEMA.split("/")
# Quoted text is passed over; a preset is named by a word, or in quotes where it has spaces or commas.
_TOKEN = re.compile(r"""@(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s,()'"]*))|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[()]""")


@dataclass(frozen=True)
class Preset:
    """A sampler that has a name. record: all that its file says."""

    name: str
    sampler: str
    record: Mapping[str, Any]


def shipped() -> list[str]:
    """The names of the presets that come with the package."""
    found = (file.name for file in files("sortilege.presets").iterdir())
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json"))


def read_preset(source: str) -> Preset:
    """The preset of that name, or in that file: what has a folder in it or ends in ``.json`` is a file.

    Raises ValueError for a name that is not shipped, a file that cannot be read or is no preset, and one of a later
    schema.
    """
    if "/" in source or os.sep in source or source.endswith(".json"):
        return _read(Path(source))
    names = shipped()
    if source not in names:
        raise ValueError(f"no preset {source!r}; shipped: {', '.join(names) or 'none'} (or @FILE.json)")
    return _read(Path(str(files("sortilege.presets").joinpath(f"{source}.json"))))


def expanded(text: str) -> str:
    """``text`` with each ``@preset`` in place of the sampler it stands for; within parentheses, in parentheses.

    Raises ValueError as ``read_preset`` does.
    """
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    depth = end = 0
    for match in _TOKEN.finditer(text):
        yield text[end : match.start()]
        end = match.end()
        if match[0][0] == "@":
            source = match["quoted"] if match["bare"] is None else match["bare"]
            sampler = read_preset(source).sampler
            yield f"({sampler})" if depth else sampler
        else:
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            yield match[0]
    yield text[end:]


def check_writable(path: Path, study: Mapping[str, Any], *, force: bool = False) -> None:
    """Raise ValueError where ``path`` is something else than a preset of this study.

    study: the object ``study`` of the preset to be written; its name and method tell studies apart.
    force: whether the preset of another study may be written over. What is no preset never is.
    """
    if not path.exists() and not path.is_symlink():
        if not path.absolute().parent.is_dir():
            raise ValueError(f"{str(path)!r} cannot be written: there is no folder {str(path.absolute().parent)!r}")
        return
    try:
        there = _read(path).record.get("study") or {}
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is there and no preset, and is not written over ({error})") from None
    for name in ("name", "method"):
        if not force and there.get(name) != study.get(name):
            raise ValueError(
                f"{str(path)!r} is the preset of another study ({name} {there.get(name)!r} there, {study.get(name)!r} "
                "here); --force writes over it"
            )


def write_preset(path: Path, record: Mapping[str, Any], *, force: bool = False) -> None:
    """Write a preset, whole or not at all. Raises ValueError as ``check_writable`` does, and where it cannot be."""
    check_writable(path, record.get("study") or {}, force=force)
    text = json.dumps({"schema": SCHEMA, **record}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        write_whole(path.absolute(), text)
    except OSError as error:
        raise ValueError(f"{str(path)!r} cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> Preset:
    try:
        record: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        names = ", ".join(shipped()) or "none"
        raise ValueError(f"preset {str(path)!r} cannot be read: {error.strerror or error}; shipped: {names}") from None
    except ValueError as error:
        raise ValueError(f"preset {str(path)!r} is not JSON: {error}") from None
    schema = record.get("schema") if isinstance(record, dict) else None
    kind, _, version = schema.partition("/") if isinstance(schema, str) else ("", "", "")
    if kind == _KIND and version.isdecimal() and int(version) > int(_VERSION):
        raise ValueError(
            f"preset {str(path)!r} is of {schema}, which is newer than {SCHEMA}: it needs a later sortilege"
        )
    if schema != SCHEMA:
        raise ValueError(f"{str(path)!r} is no preset: its schema must be {SCHEMA!r}, got {schema!r}")
    for name in ("name", "sampler"):
        if not isinstance(record.get(name), str) or not record[name].strip():
            raise ValueError(f"preset {str(path)!r} must have a text {name!r}, got {record.get(name)!r}")
    if "@" in record["sampler"]:
        raise ValueError(f"preset {str(path)!r} must write its sampler out, got {record['sampler']!r}")
    return Preset(record["name"], record["sampler"], MappingProxyType(record))
