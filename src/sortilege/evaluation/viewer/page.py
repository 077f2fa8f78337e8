"""The page: style, code and traces in one document."""

from collections.abc import Sequence

from sortilege.evaluation.document import document, made_by, part
from sortilege.evaluation.viewer.pack import pack
from sortilege.trace import Trace

_GENERATOR = "sortilege view"
_HERE = "sortilege.evaluation.viewer"
_SCRIPTS = ("basics.js", "scale.js", "data.js", "fields.js", "strip.js", "legend.js", "sheet.js")
_SCRIPTS_OF = {
    "tokens": ("text.js", "inspector.js", "token_lanes.js", "tokens.js"),
    "steps": ("replay.js", "happened.js", "step_lanes.js", "steps.js"),
}


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
    return document(
        _GENERATOR,
        title,
        {"title": title, "kind": kinds[0], "traces": packed},
        style=part(_HERE, "viewer.css"),
        code=[part(_HERE, name) for name in (*_SCRIPTS, *_SCRIPTS_OF[kinds[0]], "main.js")],
    )


def made_here(text: str) -> bool:
    """Whether a text is a page that this module made, to judge by how it begins."""
    return made_by(_GENERATOR, text)
