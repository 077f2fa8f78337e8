"""The options of ``sortilege generate``, in the groups that its help shows them in."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Color(StrEnum):
    """What colours say."""

    NONE = "none"
    SURPRISAL = "surprisal"


_MODEL: dict[str, Any] = {"rich_help_panel": "Model"}
_SAMPLER: dict[str, Any] = {"rich_help_panel": "Sampler"}
_LENGTH: dict[str, Any] = {"rich_help_panel": "Length and number"}
_OUTPUT: dict[str, Any] = {"rich_help_panel": "Output"}

Prompt = Annotated[str | None, typer.Argument(help="The text to continue; - for standard input.", show_default=False)]
PromptFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Read the prompt from a file, less its last newline.", show_default=False),
]

Model = Annotated[
    str, typer.Option("--model", "-m", help="A bundled model, a folder, or a name on the Hugging Face Hub.", **_MODEL)
]
Device = Annotated[
    str | None,
    typer.Option(help="Where it runs, such as cpu or cuda:1.", show_default="CUDA if there is one", **_MODEL),
]

Sampler = Annotated[
    str,
    typer.Option("--sampler", "-s", help="One, or a chain: 'temperature(0.8), top-p(0.9)'.", **_SAMPLER),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KNOB=VALUE", help="Change a knob of the sampler; repeatable.", show_default=False, **_SAMPLER
    ),
]
Warm = Annotated[bool, typer.Option("--warm", help="Let the sampler adapt to the prompt first.", **_SAMPLER)]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="The same seed gives the same text.", show_default="a new one", **_SAMPLER),
]

MaxNewTokens = Annotated[
    int, typer.Option("--max-new-tokens", "-n", metavar="N", help="The most tokens a text gets.", **_LENGTH)
]
NumSamples = Annotated[
    int, typer.Option(metavar="N", help="How many texts; their seeds count up from --seed.", **_LENGTH)
]
Stop = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="End before this string; repeatable.", show_default=False, **_LENGTH),
]

Shade = Annotated[
    Color, typer.Option("--color", help="Shade tokens by surprisal; in a pipe only with FORCE_COLOR=1.", **_OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a text, a line each.", **_OUTPUT)]
Trace = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Record every step in this file, as JSON lines.", show_default=False, **_OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="The text only: no prompt, summary or bar.", **_OUTPUT)]
