"""Lists of what there is to choose from, read off the classes themselves: names, knobs, ranges, defaults, sources."""

import inspect
import json
import math
import sys
from dataclasses import MISSING, fields
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sortilege import _spec
from sortilege._checks import one_of
from sortilege._knobs import knobs
from sortilege._registry import Registry
from sortilege.cli._errors import refusals

Name = Annotated[str | None, typer.Argument(help="Show this one only.", show_default="all of them")]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON array instead of the table.")]


def show(registry: Registry[Any], name: str | None, as_json: bool) -> None:
    """Print the classes of a registry, or one of them."""
    names = list(registry)
    if name is not None:
        with refusals(ValueError):
            names = [one_of(registry.kind, name.replace("_", "-"), registry)]
    if as_json:
        print(json.dumps([_record(key, registry) for key in names], indent=2))
        return
    # Without a terminal rich takes 80 columns; a page or a file has room for the width the table is laid out for.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    for i, key in enumerate(names):
        if i:
            console.print()
        _show(console, key, registry)


def _summary(cls: Any) -> str:
    """The first paragraph of the docstring, on one line, less its marks of code."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()).replace("``", "")


def _defaults(cls: Any, registry: Registry[Any]) -> dict[str, Any]:
    """The default of each knob; another object of the registry is written out."""
    found = {field.name: field.default for field in fields(cls)}
    return {
        name: _spec.format(value, registry) if isinstance(value, registry.base) else value
        for name, value in found.items()
    }


def _written(value: Any) -> str:
    """A default as the command line reads it."""
    if value is MISSING:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _measure(cls: Any) -> dict[str, Any]:
    """What the number that a property gives is; nothing for other classes. Infinite ends are null."""
    if not hasattr(cls, "unit"):
        return {}
    return {"unit": cls.unit, "low": _finite(cls.low), "high": _finite(cls.high), "tolerance": cls.tolerance}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _record(name: str, registry: Registry[Any]) -> dict[str, Any]:
    """What the table shows, for programs. Infinite bounds are null."""
    cls = registry[name]
    defaults = _defaults(cls, registry)
    return {
        "name": name,
        "class": cls.__name__,
        "doc": _summary(cls),
        **_measure(cls),
        "source": cls.source,
        "knobs": [
            {
                "name": knob_name,
                "kind": knob.kind,
                "required": defaults[knob_name] is MISSING,
                "default": None if defaults[knob_name] is MISSING else defaults[knob_name],
                "range": knob.range,
                "low": _finite(knob.low),
                "high": _finite(knob.high),
                "choices": list(knob.choices),
                "optional": knob.optional,
                "doc": knob.doc,
            }
            for knob_name, knob in knobs(cls).items()
        ],
    }


def _show(console: Console, name: str, registry: Registry[Any]) -> None:
    """One of them: its name and what it does, its knobs, its source."""
    cls = registry[name]
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_row(Text(name, "bold cyan"), Text(_summary(cls)))
    console.print(head)
    defaults = {knob_name: _written(value) for knob_name, value in _defaults(cls, registry).items()}
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=21, overflow="fold")
    table.add_column(width=min(max(8, *map(len, [*defaults.values(), ""])), 20), overflow="fold", justify="right")
    table.add_column(width=21, overflow="fold")
    table.add_column(ratio=1)
    for knob_name, knob in knobs(cls).items():
        table.add_row(Text(knob_name, "green"), Text(defaults[knob_name]), Text(knob.range, "yellow"), Text(knob.doc))
    if table.row_count:
        console.print(Padding(table, (0, 0, 0, 2)))
    measure = _measure(cls)
    if measure:
        low, high = ("[" if math.isfinite(cls.low) else "("), ("]" if math.isfinite(cls.high) else ")")
        unit = f"{measure['unit']}, " if measure["unit"] else ""
        described = f"{unit}in {low}{cls.low:g}, {cls.high:g}{high}, tolerance {cls.tolerance:g}"
        console.print(Padding(Text(described, "yellow"), (0, 0, 0, 2)))
    if cls.source:
        console.print(Padding(Text(cls.source, "dim"), (0, 0, 0, 2)))
