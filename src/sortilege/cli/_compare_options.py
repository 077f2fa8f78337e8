"""The options of ``sortilege compare``, in the groups that its help shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sortilege.cli import _options as options
from sortilege.cli import _text_options as texts

_MODEL: dict[str, Any] = {"rich_help_panel": "Model"}
_BUDGET: dict[str, Any] = {"rich_help_panel": "Tuning and comparing"}
_OUTPUT: dict[str, Any] = {"rich_help_panel": "Output"}

Methods = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="METHOD...",
        help="'SAMPLER ~ KNOB=LOW:HIGH, ...' to be tuned, 'SAMPLER ~ none' to be run as it is, with a name in front: "
        "'steady: adaptive-dirichlet(a=0, b=0)'.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Texts:
    """Model, judge, and what is written."""

    model: options.Model = "tiny-ar"
    judge: Annotated[
        str | None,
        typer.Option(help="A second model, causal or masked, for a second opinion.", show_default="none", **_MODEL),
    ] = None
    judge_passes: Annotated[
        int, typer.Option(metavar="N", help="Passes of a masked judge over a text; 0: one a token.", **_MODEL)
    ] = 8
    device: options.Device = None
    prompts: texts.Prompts = None
    tune_prompts: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="What settings are chosen on; never what is written on.",
            show_default="every second prompt, which is then not written on",
            **texts.PANEL,
        ),
    ] = None
    seeds: Annotated[int, typer.Option(metavar="N", help="Runs of each setting, with other seeds.", **texts.PANEL)] = 3
    num_samples: Annotated[int, typer.Option(metavar="N", help="Texts of each prompt in a run.", **texts.PANEL)] = 1
    max_new_tokens: texts.MaxNewTokens = 128
    full_length: texts.FullLength = False
    batch_size: texts.BatchSize = 64
    seed: Annotated[int, typer.Option(metavar="N", help="What all seeds follow from.", **texts.PANEL)] = 0


@dataclass(frozen=True)
class Comparing:
    """How methods are tuned and held against each other."""

    budget: Annotated[
        int, typer.Option(metavar="N", help="Trials of each method with something to tune.", **_BUDGET)
    ] = 20
    levels: Annotated[
        str,
        typer.Option(
            metavar="X,...",
            help="A setting of each method is chosen that is X times as varied (distinct-3) as the reference, or more.",
            **_BUDGET,
        ),
    ] = "0.97,1"
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="What others are held against, the best of them at each level; repeatable.",
            show_default="the methods without adaptive-dirichlet",
            **_BUDGET,
        ),
    ] = None
    ablate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Also run the chosen settings of this method with parts switched off; repeatable.",
            show_default="none",
            **_BUDGET,
        ),
    ] = None


@dataclass(frozen=True)
class Output:
    """Where it goes."""

    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The record, JSON lines; the same command goes on with it.",
            **_OUTPUT,
        ),
    ] = None
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page to look at, in one file.", **_OUTPUT)
    ] = None
    from_: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Show a record again; nothing is run.", **_OUTPUT)
    ] = None
    keep_texts: Annotated[bool, typer.Option(help="Whether the record has the texts.", **_OUTPUT)] = True
    json: Annotated[bool, typer.Option("--json", help="Summaries and verdicts as a JSON object.", **_OUTPUT)] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No bar and no table.", **_OUTPUT)] = False
