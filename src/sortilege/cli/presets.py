"""``sortilege presets``: the samplers that come with the package, tuned and named."""

import json
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sortilege.cli._errors import refusals
from sortilege.cli._listing import AsJson, Name
from sortilege.presets import read_preset, shipped


def presets(name: Name = None, as_json: AsJson = False) -> None:
    """List the presets that --sampler @NAME takes, with where they come from."""
    with refusals(ValueError):
        found = [read_preset(one) for one in (shipped() if name is None else [name.removeprefix("@")])]
    if as_json:
        print(json.dumps([dict(one.record) for one in found], indent=2))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    for i, one in enumerate(found):
        if i:
            console.print()
        head = Table.grid(padding=(0, 2, 0, 0))
        head.add_row(Text(f"@{one.name}", "bold cyan"), Text(one.sampler))
        console.print(head)
        study = one.record.get("study") or {}
        told = [f"{what} {value}" for what, value in (("model", one.record.get("model")), *study.items()) if value]
        console.print(Text(f"  {', '.join(told)}", "dim"))
        if "command" in one.record:
            console.print(Text(f"  {one.record['command']}", "dim"), soft_wrap=True)
