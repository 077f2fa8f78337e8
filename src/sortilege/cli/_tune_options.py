"""The options of ``sortilege tune``, in the groups that its help shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from sortilege.cli import _options as options
from sortilege.cli import _text_options as texts

_GOAL: dict[str, Any] = {"rich_help_panel": "What is looked for"}
_SEARCH: dict[str, Any] = {"rich_help_panel": "How it is looked for"}
_STUDY: dict[str, Any] = {"rich_help_panel": "The study"}
_OUTPUT: dict[str, Any] = {"rich_help_panel": "Output"}

Method = Annotated[
    str,
    typer.Argument(
        metavar="METHOD",
        help="A sampler, and after ~ the knobs that vary: 'min-p', 'temperature(0.8), top-p ~ top_p=0.8:1'.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Texts:
    """What every trial writes."""

    model: options.Model = "tiny-ar"
    device: options.Device = None
    prompts: texts.Prompts = None
    max_new_tokens: texts.MaxNewTokens = 128
    num_samples: Annotated[int, typer.Option(metavar="N", help="Texts of each prompt.", **texts.PANEL)] = 1
    full_length: texts.FullLength = False
    batch_size: texts.BatchSize = 64
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="Of the texts, the same in every trial, and the optimizer.", **texts.PANEL),
    ] = 0


@dataclass(frozen=True)
class Goal:
    """The objective and its guards."""

    objective: Annotated[
        str,
        typer.Option(help="guarded, emwa_cross_ent, quality-diversity, or metrics: nll, '-nll, +distinct_3'.", **_GOAL),
    ] = "guarded"
    guard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC[=LOW:HIGH]",
            help="A band that a metric must stay in, in factors of the reference's value or, with a sign, offsets; "
            "repeatable.",
            show_default="distinct_3=0.95:1.05 and entropy=0.25:",
            **_GOAL,
        ),
    ] = None
    band: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help="The band of the first guard.", show_default="by its metric", **_GOAL),
    ] = None


@dataclass(frozen=True)
class Looking:
    """The optimizer."""

    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many trials the study is to have, those of earlier runs and of all workers counted.",
            show_default="50; a whole grid",
            **_SEARCH,
        ),
    ] = None
    optimizer: Annotated[str, typer.Option(help="tpe, cma-es, grid or random.", **_SEARCH)] = "tpe"
    points: Annotated[int, typer.Option(metavar="N", help="Of a grid, the values of each knob.", **_SEARCH)] = 5
    pruner: Annotated[
        str,
        typer.Option(
            help="Gives up trials that fall behind: median, hyperband, none. auto: the median where it helps.",
            **_SEARCH,
        ),
    ] = "auto"


@dataclass(frozen=True)
class Keeping:
    """Where the study is, and who works on it."""

    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its name in the storage.", show_default="the sampler's", **_STUDY),
    ] = None
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="An SQLite file, postgresql://, mysql://, redis://, journal:FILE, or memory.",
            show_default="STUDY.db",
            **_STUDY,
        ),
    ] = None
    workers: Annotated[
        int, typer.Option(metavar="N", help="Processes of this machine; others join by the same command.", **_STUDY)
    ] = 1


@dataclass(frozen=True)
class Output:
    """What is made of it."""

    preset: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the best sampler is kept, for --sampler @FILE.",
            show_default="STUDY.json",
            **_OUTPUT,
        ),
    ] = None
    preset_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The preset's name.", show_default="the file's", **_OUTPUT)
    ] = None
    force: Annotated[bool, typer.Option("--force", help="Write over the preset of another study.", **_OUTPUT)] = False
    json: Annotated[bool, typer.Option("--json", help="One JSON object with all trials.", **_OUTPUT)] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="The sampler only: no table, summary or bar.", **_OUTPUT)
    ] = False
