"""Bad input ends in one line on standard error and exit code 2; no traceback, no box."""

import os
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

# The base of all that typer reports itself; where it lives depends on typer's version, its subclass does not.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def say(kind: str, message: object) -> None:
    """Write ``sortilege: kind: message`` on standard error, on one line whatever the message holds."""
    sys.stderr.write(f"sortilege: {kind}: {' '.join(str(message).split())}\n")


def warn_in_a_line() -> None:
    """Show the library's own warnings as one line each, and nobody else's, unless Python was told otherwise."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", module="sortilege")
        warnings.showwarning = _warning


def _warning(message: Warning | str, *_: Any) -> None:
    say("warning", message)


def fail(message: object) -> NoReturn:
    """Refuse to go on: one line, exit code 2."""
    say("error", message)
    raise typer.Exit(2)


@contextmanager
def refusals(*kinds: type[Exception]) -> Generator[None]:
    """Turn what the library says of bad input, in exceptions of these kinds, into ``fail``."""
    try:
        yield
    except kinds as error:
        fail(error)


def _give_up_writing(error: OSError) -> int:
    """The exit code when standard output or a file takes no more."""
    # What is still buffered cannot be written either; without this the interpreter complains of it at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 1  # as rich and typer end then
    say("error", f"cannot write: {error.strerror or error}")
    return 2


class OneLineErrors(TyperGroup):
    """A group of commands whose usage errors are one line each, and which ends quietly when its reader has gone."""

    def main(self, *args: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        try:
            code = super().main(*args, standalone_mode=False, **settings)
        except _UsageError as error:
            say("error", error.format_message())  # pyright: ignore[reportAttributeAccessIssue]
            code = 2
        try:
            sys.stdout.flush()
        except OSError as error:
            code = _give_up_writing(error)
        if standalone_mode:
            sys.exit(code or 0)
        return code

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except OSError as error:
            raise typer.Exit(_give_up_writing(error)) from None
