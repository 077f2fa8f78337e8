"""The application: its commands and the options before them."""

from importlib.metadata import version
from typing import Annotated

import typer

from sortilege.cli._errors import OneLineErrors
from sortilege.cli.generate import generate
from sortilege.cli.samplers import samplers

app = typer.Typer(
    cls=OneLineErrors,
    help="Decode text with language models: adaptive Dirichlet, locally typical and other samplers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(generate)
app.command()(samplers)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sortilege {version('sortilege')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
