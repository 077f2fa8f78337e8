"""Bad input ends in one line on standard error and exit code 2; no traceback, no box."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

# The base of all that typer reports itself; where it lives depends on typer's version, its subclass does not.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def say(kind: str, message: object) -> None:
    """Write ``sortilege: kind: message`` on standard error, on one line whatever the message holds."""
    sys.stderr.write(f"sortilege: {kind}: {' '.join(str(message).split())}\n")


def fail(message: object) -> NoReturn:
    """Refuse to go on: one line, exit code 2."""
    say("error", message)
    raise typer.Exit(2)


@contextmanager
def refusals(about: str = "") -> Iterator[None]:
    """Turn what the library says of bad input (ValueError, ImportError) and files (OSError) into ``fail``.

    about: what to put before the message, such as the name of an option.
    """
    lead = f"{about}: " if about else ""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        named = f"{error.filename}: {error.strerror}" if error.filename and error.strerror else error
        fail(f"{lead}{named}")
    except (ValueError, ImportError) as error:
        fail(f"{lead}{error}")


class OneLineErrors(TyperGroup):
    """A group of commands whose usage errors are one line each, and which ends quietly when its reader has gone."""

    def main(self, *args: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        try:
            code = super().main(*args, standalone_mode=False, **settings)
            sys.stdout.flush()
        except _UsageError as error:
            say("error", error.format_message())  # pyright: ignore[reportAttributeAccessIssue]
            code = 2
        except typer.Abort:
            code = 130
        if standalone_mode:
            sys.exit(code or 0)
        return code

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered has no reader either: without this the interpreter complains of it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None  # as a shell reports a process that SIGPIPE ended
