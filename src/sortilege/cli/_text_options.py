"""The options of ``sortilege tune`` and ``sortilege compare`` that say which texts are written."""

from typing import Annotated, Any

import typer

PANEL: dict[str, Any] = {"rich_help_panel": "Prompts and texts"}

Prompts = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|FOLDER|-",
        help='What is written on: lines of a file (.jsonl: "prompt" and "reference"), files of a folder.',
        show_default="the bundled ones",
        **PANEL,
    ),
]
MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", "-n", metavar="N", help="The most tokens a text gets.", **PANEL)
]
FullLength = Annotated[bool, typer.Option("--full-length", help="No token ends a text: all are equally long.", **PANEL)]
BatchSize = Annotated[int, typer.Option(metavar="N", help="Texts worked on at a time.", **PANEL)]
