"""``sortilege samplers``: what there is to choose from, read off the samplers themselves."""

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

from sortilege._checks import one_of
from sortilege._knobs import knobs
from sortilege.cli._errors import refusals
from sortilege.samplers.registry import SAMPLERS


def samplers(
    name: Annotated[str | None, typer.Argument(help="Show this sampler only.", show_default="all of them")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON array instead of the table.")] = False,
) -> None:
    """List the samplers with their knobs, ranges, defaults and sources."""
    names = list(SAMPLERS)
    if name is not None:
        with refusals(ValueError):
            names = [one_of("sampler", name.replace("_", "-"), SAMPLERS)]
    chosen = {name: SAMPLERS[name] for name in names}
    if as_json:
        print(json.dumps([_record(key, cls) for key, cls in chosen.items()], indent=2))
        return
    # Without a terminal rich takes 80 columns; a page or a file has room for the width the table is laid out for.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    for i, (key, cls) in enumerate(chosen.items()):
        if i:
            console.print()
        _show(console, key, cls)


def _summary(cls: Any) -> str:
    """The first paragraph of the docstring, on one line, less its marks of code."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()).replace("``", "")


def _defaults(cls: Any) -> dict[str, Any]:
    return {field.name: field.default for field in fields(cls)}


def _written(value: Any) -> str:
    """A default as ``--set`` reads it."""
    if value is MISSING:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _record(name: str, cls: Any) -> dict[str, Any]:
    """What the table shows, for programs. Infinite bounds are null."""
    defaults = _defaults(cls)
    return {
        "name": name,
        "class": cls.__name__,
        "doc": _summary(cls),
        "source": cls.source,
        "knobs": [
            {
                "name": knob_name,
                "kind": knob.kind,
                "required": defaults[knob_name] is MISSING,
                "default": None if defaults[knob_name] is MISSING else defaults[knob_name],
                "range": knob.range,
                "low": knob.low if math.isfinite(knob.low) else None,
                "high": knob.high if math.isfinite(knob.high) else None,
                "choices": list(knob.choices),
                "optional": knob.optional,
                "doc": knob.doc,
            }
            for knob_name, knob in knobs(cls).items()
        ],
    }


def _show(console: Console, name: str, cls: Any) -> None:
    """One sampler: its name and what it does, its knobs, its source."""
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_row(Text(name, "bold cyan"), Text(_summary(cls)))
    console.print(head)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=21, overflow="fold")
    table.add_column(width=8, overflow="fold", justify="right")
    table.add_column(width=19, overflow="fold")
    table.add_column(ratio=1)
    defaults = _defaults(cls)
    for knob_name, knob in knobs(cls).items():
        table.add_row(
            Text(knob_name, "green"), Text(_written(defaults[knob_name])), Text(knob.range, "yellow"), Text(knob.doc)
        )
    if table.row_count:
        console.print(Padding(table, (0, 0, 0, 2)))
    if cls.source:
        console.print(Padding(Text(cls.source, "dim"), (0, 0, 0, 2)))
