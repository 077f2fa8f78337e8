"""``sortilege view``: traces as a page to read, point at and compare."""

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from sortilege._files import write_whole
from sortilege.cli._errors import fail, refusals
from sortilege.evaluation.viewer import made_here, page
from sortilege.trace import read_trace

Traces = Annotated[
    list[Path],
    typer.Argument(metavar="TRACE [OTHER]", help="A trace, or two to see side by side.", show_default=False),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where the page goes; - for standard output.",
                 show_default="TRACE with the ending .html"),
]  # fmt: skip
Title = Annotated[str | None, typer.Option(metavar="TEXT", help="The page's title.", show_default="the files' names")]
Open = Annotated[bool, typer.Option("--open", help="Show the page in a browser.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is no page of this command.")]


def view(
    traces: Traces, output: Output = None, title: Title = None, open_it: Open = False, force: Force = False
) -> None:
    """Write a page that shows a trace: one HTML file, which needs no network.

    Text is shaded by surprisal or any other number of the trace; point at a token for what the model predicted and what
    the sampler made of it. Traces of diffusion are played back.
    """
    if len(traces) > 2:
        fail(f"a page shows 1 or 2 traces, got {len(traces)}")
    if output == "-" and open_it:
        fail("--open needs a file, not standard output")
    path = None if output == "-" else traces[0].with_suffix(".html") if output is None else Path(output)
    with refusals(ValueError):
        if path is not None:
            _check(path, traces, force)
        text = page([read_trace(trace) for trace in traces], [trace.name for trace in traces], title)
        if path is None:
            sys.stdout.write(text)
            return
        _write(path, text)
    typer.echo(f"{path} ({len(text.encode()) / 1000:,.0f} kB)")
    if open_it and not webbrowser.open(path.resolve().as_uri()):
        fail(f"no browser could be started: open {str(path)!r} yourself")


def _check(path: Path, traces: list[Path], force: bool) -> None:
    """Raise ValueError where the page cannot be written, or would take the place of something else."""
    refused = f"the page {str(path)!r} cannot be written: "
    if path.is_dir():
        raise ValueError(refused + "it is a folder")
    if not path.parent.is_dir():
        raise ValueError(refused + f"there is no folder {str(path.parent)!r}")
    if not path.exists():
        return
    if any(trace.exists() and path.samefile(trace) for trace in traces):
        raise ValueError(refused + "it is one of the traces")
    if not force and not _ours(path):
        raise ValueError(refused + "there is a file that this command did not make (--force overwrites it)")


def _ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return made_here(file.read(2000))
    except OSError as error:
        raise ValueError(f"the page {str(path)!r} cannot be read: {error.strerror or error}") from error


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise ValueError(f"the page {str(path)!r} cannot be written: {error.strerror or error}") from error
