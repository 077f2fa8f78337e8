"""Running the command, in this process or as one of its own, and what a refusal looks like."""

import subprocess
import sys
from typing import Any

from typer.testing import CliRunner, Result

CONTEXT = 4096
"""Positions of the random model that the command is tested on."""


def run(*arguments: object, **settings: Any) -> Result:
    """Run the command in this process."""
    from sortilege.cli._app import app

    return CliRunner().invoke(app, [str(a) for a in arguments], prog_name="sortilege", **settings)


def spawn(*arguments: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell does, with nothing on standard input unless ``input`` says so."""
    if "input" not in settings:
        settings["stdin"] = subprocess.DEVNULL
    command = [sys.executable, "-m", "sortilege", *(str(a) for a in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **settings)


def refused(result: Result | subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert one line on standard error with these words, exit code 2, and nothing on standard output."""
    code = result.exit_code if isinstance(result, Result) else result.returncode
    assert code == 2, (result, result.stderr)
    assert result.stdout == ""
    assert result.stderr.startswith("sortilege: error: ")
    assert result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr
