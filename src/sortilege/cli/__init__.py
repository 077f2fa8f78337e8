"""The command ``sortilege``."""

import io
import sys


def main() -> None:
    """Run the command line: the console script, and ``python -m sortilege``.

    Exit codes: 0 when all is done; 1 when the reader of a pipe has gone; 2 for bad input and where something cannot be
    written (one line on standard error); 3 when ``denoise`` or ``search`` could not use some of the prompts (a line
    each) and has done the others, and when no trial of ``tune`` is within its guards; 130 after ctrl-C. What was
    finished is in the output file, or the study, in every case.
    """
    try:
        from sortilege.cli._app import app
        from sortilege.cli._errors import warn_in_a_line

        warn_in_a_line()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a model may write what the terminal's encoding lacks
        app(prog_name="sortilege")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        sys.stderr.write(f'sortilege: error: {missing} is not installed; pip install "sortilege[transformers]"\n')
        raise SystemExit(2) from None
    except KeyboardInterrupt:  # while importing
        raise SystemExit(130) from None
