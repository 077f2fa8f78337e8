"""The options that ``sortilege denoise`` and ``sortilege search`` share, in the groups that their help shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sortilege.cli import _options as options

_PROMPTS: dict[str, Any] = {"rich_help_panel": "Prompts and seeds"}
_MODEL: dict[str, Any] = {"rich_help_panel": "Model"}
_PROCESS: dict[str, Any] = {"rich_help_panel": "Reverse process"}
_OUTPUT: dict[str, Any] = {"rich_help_panel": "Output"}

Prompt = Annotated[
    str | None,
    typer.Argument(help="What the text follows; <|mask|> is a slot to fill; - for standard input.", show_default=False),
]


@dataclass(frozen=True)
class Process:
    """Prompts, model and reverse process."""

    prompts: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|FOLDER|-",
            help='Many prompts: lines of a file (.jsonl: its "prompt"), files of a folder, lines of standard input.',
            show_default="none: text from nothing",
            **_PROMPTS,
        ),
    ] = None
    num_samples: Annotated[int, typer.Option(metavar="N", help="Texts for each prompt.", **_PROMPTS)] = 1
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="That of the first text; it counts up.",
            show_default="the file's or a new one",
            **_PROMPTS,
        ),
    ] = None
    model: options.Model = "tiny-mdlm"
    device: options.Device = None
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Let code that comes with the model run.", **_MODEL)
    ] = False
    batch_size: Annotated[int, typer.Option(metavar="N", help="Canvases worked on at a time.", **_MODEL)] = 16
    length: Annotated[
        str,
        typer.Option(
            metavar="N|prompt", help="Slots of the canvas, the prompt included; prompt: it is the canvas.", **_PROCESS
        ),
    ] = "64"
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Steps at most.", show_default="the policy's", **_PROCESS)
    ] = None
    policy: Annotated[
        str, typer.Option("--policy", "-p", help="What is revealed when: 'blocks(16, threshold(0.9))'.", **_PROCESS)
    ] = "ancestral"
    schedule: Annotated[str, typer.Option(metavar="loglinear|cosine", help="How fast masks go.", **_PROCESS)] = (
        "loglinear"
    )
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", "-s", help="Filters tokens before the draw.", show_default="none", **_PROCESS),
    ] = None
    stop_at_end: Annotated[bool, typer.Option(help="Whether an end token ends a text.", **_PROCESS)] = True


@dataclass(frozen=True)
class Output:
    """Where records and texts go."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Append a record a text to this file; the same command goes on where one was broken off.",
            show_default=False,
            **_OUTPUT,
        ),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Records on standard output, a line each.", **_OUTPUT)] = False
    history: Annotated[bool, typer.Option("--history", help="Keep every step in the records.", **_OUTPUT)] = False
    trace: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Record every step of the texts that this run makes in this file.",
            show_default=False,
            **_OUTPUT,
        ),
    ] = None
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="The texts only: no prompt, heading, summary or bar.", **_OUTPUT)
    ] = False
