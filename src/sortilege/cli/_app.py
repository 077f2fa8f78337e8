"""The application: its commands and the options before them."""

from typing import Annotated

import typer

from sortilege import __version__
from sortilege.cli._denoising import EPILOG
from sortilege.cli._errors import OneLineErrors
from sortilege.cli.compare import EPILOG as COMPARE_EPILOG
from sortilege.cli.compare import compare
from sortilege.cli.denoise import denoise
from sortilege.cli.generate import generate
from sortilege.cli.lists import policies, properties, samplers
from sortilege.cli.presets import presets
from sortilege.cli.search import search
from sortilege.cli.tune import EPILOG as TUNE_EPILOG
from sortilege.cli.tune import tune
from sortilege.cli.view import view


def _hyphenated(name: str) -> str:
    """The name of an option, which may also be written with underscores."""
    return name.replace("_", "-")


app = typer.Typer(
    cls=OneLineErrors,
    help="Decode text with language models: adaptive Dirichlet, locally typical and other samplers, and search within "
    "bounds on masked diffusion models.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug deserves a plain traceback, without the tensors in its local variables
    rich_markup_mode="rich",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": _hyphenated,
    },
)
app.command()(generate)
app.command(epilog=EPILOG)(denoise)
app.command(epilog=EPILOG)(search)
app.command()(view)
app.command(epilog=COMPARE_EPILOG)(compare)
app.command(epilog=TUNE_EPILOG)(tune)
for listing in (samplers, presets, policies, properties):
    app.command()(listing)


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
