"""The page: template, style, code and traces in one file of HTML.

Nothing that a trace holds becomes markup or code. The traces are JSON in ASCII with ``<``, ``>`` and ``&`` escaped, so
that no text in them ends its element; the code puts them into text nodes only; and the page's own policy forbids
every script and style but the two that are part of it, by their hashes, and every request.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from sortilege import __version__
from sortilege.evaluation.viewer.pack import pack
from sortilege.trace import Trace

_GENERATOR = "sortilege view"
_SCRIPTS = ("dom.js", "scale.js", "data.js", "fields.js", "strip.js", "legend.js", "sheet.js")
_SCRIPTS_OF = {
    "tokens": ("text.js", "inspector.js", "token_lanes.js", "tokens.js"),
    "steps": ("replay.js", "happened.js", "step_lanes.js", "steps.js"),
}
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def page(traces: Sequence[Trace], names: Sequence[str], title: str | None = None) -> str:
    """One HTML page that shows a trace, or two of the same kind side by side.

    names: what to call each, such as the names of their files. title: that of the page; by default made of the names.

    Raises ValueError for another number of traces, a trace without records, and two of different kinds.
    """
    if len(traces) not in (1, 2):
        raise ValueError(f"a page shows 1 or 2 traces, got {len(traces)}")
    for trace, name in zip(traces, names, strict=True):
        if not trace.records:
            raise ValueError(f"the trace {name!r} has no records: there is nothing to show")
    kinds = [trace.kind for trace in traces]
    if len(set(kinds)) > 1:
        listed = ", ".join(f"{name!r} has {kind}" for name, kind in zip(names, kinds, strict=True))
        raise ValueError(f"traces side by side must be of one kind: {listed}")
    title = " and ".join(names) if title is None else title
    packed = [pack(trace, name) for trace, name in zip(traces, names, strict=True)]
    style = _part("viewer.css")
    script = "\n".join(_part(name) for name in (*_SCRIPTS, *_SCRIPTS_OF[kinds[0]], "main.js"))
    script = f'"use strict";\n(() => {{\n{script}\n}})();\n'
    filled = {
        "policy": _policy(script, style),
        "generator": f"{_GENERATOR} {__version__}",
        "title": html.escape(title.encode(errors="replace").decode()),
        "style": style,
        "data": island({"title": title, "kind": kinds[0], "traces": packed}),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], _part("template.html"))


def made_here(text: str) -> bool:
    """Whether a text is a page that this module made, to judge by how it begins."""
    return f'<meta name="generator" content="{_GENERATOR} ' in text[:2000]


def island(value: Any) -> str:
    """JSON that is safe inside a script element: ASCII, and without the characters that HTML gives a meaning."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def _part(name: str) -> str:
    return files("sortilege.evaluation.viewer").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    """The content security policy: what is in the page, and nothing from anywhere else."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
