"""The application: its commands and the options before them."""

from typing import Annotated

import typer

from sortilege import __version__
from sortilege.cli._errors import OneLineErrors
from sortilege.cli.generate import generate
from sortilege.cli.samplers import samplers

app = typer.Typer(
    cls=OneLineErrors,
    help="Decode text with language models: adaptive Dirichlet, locally typical and other samplers.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug deserves a plain traceback, without the tensors in its local variables
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(generate)
app.command()(samplers)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sortilege {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
