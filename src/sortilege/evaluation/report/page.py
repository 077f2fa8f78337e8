"""The page: template, style, code, plotly and a comparison in one file of HTML.

Nothing that a comparison holds becomes markup or code: it is JSON whose ``<``, ``>`` and ``&`` are escaped, and the
code puts it into text nodes only. The page's own policy forbids every script but its own, and every request.
"""

import base64
import hashlib
import html
import os
import re
from importlib.resources import files
from pathlib import Path

from sortilege import __version__
from sortilege._extras import require
from sortilege._files import write_whole
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.report.data import data_of
from sortilege.evaluation.viewer.page import island

_GENERATOR = "sortilege compare"
_SCRIPTS = ("dom.js", "figures.js", "tables.js", "texts.js", "main.js")


def page(comparison: Comparison) -> str:
    """One HTML page. Raises ImportError without plotly."""
    plotly = require("plotly.offline", "evaluation").get_plotlyjs()
    script = f'"use strict";\n(() => {{\n{"".join(map(_part, _SCRIPTS))}\n}})();\n'
    data = data_of(comparison)
    filled = {
        "policy": "default-src 'none'; script-src " + " ".join(map(_hashed, (plotly, script))) + "; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        "generator": f"{_GENERATOR} {__version__}",
        "title": html.escape(data["title"].encode(errors="replace").decode()),
        "style": _part("report.css"),
        "plotly": plotly,
        "data": island(data),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], _part("template.html"))


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
            ours = f'<meta name="generator" content="{_GENERATOR} ' in file.read(2000)
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


def _part(name: str) -> str:
    return files("sortilege.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
