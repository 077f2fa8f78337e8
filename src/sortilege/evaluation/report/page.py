"""The page: template, style, code, plotly and a comparison in one file of HTML.

Nothing that a comparison holds becomes markup or code: it is JSON whose ``<``, ``>`` and ``&`` are escaped, and the
code puts it into text nodes only. The page's own policy forbids every script but its own, and every request.
"""

import base64
import hashlib
import html
import os
import re
import tempfile
from importlib.resources import files
from pathlib import Path

from sortilege import __version__
from sortilege._extras import require
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.report.data import data_of
from sortilege.evaluation.viewer.page import island

_SCRIPTS = ("dom.js", "figures.js", "tables.js", "texts.js", "main.js")


def page(comparison: Comparison) -> str:
    """One HTML page. Raises ImportError without plotly."""
    plotly = require("plotly.offline", "evaluation").get_plotlyjs()
    script = f'"use strict";\n(() => {{\n{"".join(map(_part, _SCRIPTS))}\n}})();\n'
    data = data_of(comparison)
    filled = {
        "policy": "default-src 'none'; script-src " + " ".join(map(_hashed, (plotly, script))) + "; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        "generator": f"sortilege compare {__version__}",
        "title": html.escape(data["title"].encode(errors="replace").decode()),
        "style": _part("report.css"),
        "plotly": plotly,
        "data": island(data),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], _part("template.html"))


def write_report(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write the page to a file, whole or not at all.

    Raises ValueError, naming the file, where that cannot be done, and for a comparison without a finished run.
    """
    if not comparison.cells:
        raise ValueError("a report needs at least one finished run, got none")
    content, target = page(comparison), Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():
            raise OSError("it is no plain file")
        handle, partial = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(content)
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(partial, target.stat().st_mode if target.exists() else 0o666 & ~mask)
            os.replace(partial, target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ValueError(f"the report {str(path)!r} cannot be written: {error.strerror or error}") from error


def _part(name: str) -> str:
    return files("sortilege.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
