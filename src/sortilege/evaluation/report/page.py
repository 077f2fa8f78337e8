"""The page: style, code, plotly and a comparison in one document."""

import os
from pathlib import Path

from sortilege._extras import require
from sortilege._files import write_whole
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.document import document, made_by, part
from sortilege.evaluation.report.data import data_of

_GENERATOR = "sortilege compare"
_HERE = "sortilege.evaluation.report"
_SCRIPTS = ("basics.js", "figures.js", "tables.js", "texts.js", "main.js")


def page(comparison: Comparison) -> str:
    """One HTML page. Raises ImportError without plotly."""
    data = data_of(comparison)
    return document(
        _GENERATOR,
        data["title"],
        data,
        style=part(_HERE, "report.css"),
        code=[part(_HERE, name) for name in _SCRIPTS],
        libraries=[require("plotly.offline", "evaluation").get_plotlyjs()],
        styled_by_code=True,
    )


def check_report(path: str | os.PathLike[str]) -> None:
    """Raise ValueError, naming the file, where a report cannot be written or something else stands there."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise _refused(path, f"there is no folder {str(target.parent)!r}")
    if not target.exists():
        return
    if not target.is_file():
        raise _refused(path, "it is no plain file")
    try:
        with target.open(encoding="utf-8", errors="replace") as file:
            ours = made_by(_GENERATOR, file.read(2000))
    except OSError as error:
        raise _refused(path, str(error.strerror or error)) from error
    if not ours:
        raise _refused(path, "there is a file that is no report; it is left as it is")


def write_report(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the page to a file, whole or not at all; only another report is overwritten.

    Raises ValueError as ``check_report`` does, and for a comparison without a finished run.
    """
    if not comparison.cells:
        raise ValueError("a report needs at least one finished run, got none")
    check_report(path)
    content, target = page(comparison), Path(os.path.realpath(path))
    try:
        write_whole(target, content)
    except OSError as error:
        raise _refused(path, str(error.strerror or error)) from error


def _refused(path: str | os.PathLike[str], why: str) -> ValueError:
    return ValueError(f"the report {str(path)!r} cannot be written: {why}")
