"""Results and traces as HTML, for notebooks to display by themselves.

The text inherits the notebook's colours, backgrounds are translucent, and styles are inline: it reads the same on light
and on dark, and changes nothing around it. What a model wrote is escaped, so that none of it is markup.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from sortilege._text import harmless

TOKENS = 3000
"""How many tokens are shown at most."""
TEXTS = 5
"""How many texts of a trace are shown at most."""
FULL = 8.0
"""Nats of surprisal at which the shade is fullest."""
_STRONGEST = 0.55  # of the background: black and white text both keep a contrast of 4.5 : 1 on it
_BLOCK = "white-space:pre-wrap;overflow-wrap:anywhere;margin:0.3em 0"
_DIM = "opacity:0.6"


@dataclass(frozen=True)
class Piece:
    """A piece of text: nats of surprisal give the shade (None: no shade), title what is said when it is pointed at."""

    text: str
    nats: float | None = None
    title: str = ""
    dim: bool = False

    def html(self) -> str:
        style = _DIM if self.dim else ""
        if self.nats is not None:
            style = f"background:rgba(227,40,36,{_STRONGEST * min(max(self.nats / FULL, 0.0), 1.0):.3f})"
        return _tag("span", _text(self.text), style=style, title=self.title)


def result_html(result: Any) -> str:
    """A ``Result``: prompt, tokens shaded by surprisal, and a line on the whole."""
    records: Sequence[Mapping[str, Any]] = result.trace or [{}] * len(result.tokens)
    pieces = [] if result.prompt is None else [Piece(result.prompt, dim=True)]
    nats: list[float] = []
    titles: list[str] = []
    for token, text, log_prob, record in zip(result.tokens, result.pieces, result.raw_log_probs, records, strict=True):
        nats.append(-log_prob)
        titles.append(_of_token({"token": token, "raw_log_prob": log_prob, **record}))
        if text:  # a character may take several tokens
            pieces.append(Piece(text, sum(nats) / len(nats), "\n".join(titles)))
            nats, titles = [], []
    about = [f"{len(result.tokens)} tokens", f"nll {result.nll:.2f} nats/token", result.finish_reason]
    return _block(_written(pieces), _line(*about, f"seed {result.seed}", _LEGEND))


def denoised_html(text: Any) -> str:
    """A ``Denoised``: the canvas, what was given dimmed, and what was measured."""
    pieces = [Piece(piece, dim=given) for piece, given in text.pieces or [(text.text, False)]]
    about = [f"{len(text.tokens)} tokens", f"{text.steps} steps", f"{text.denoiser_calls} denoiser calls"]
    parts = [_written(pieces), _line(*about, text.finish_reason, f"seed {text.seed}")]
    report = text.search
    if report is not None:
        rows = [
            (name, f"{value:.4g}", f"{report.distances[name]:.4g}" if name in report.distances else "not bounded")
            for name, value in report.values.items()
        ]
        parts.append(_table(("property", "value", "outside its bounds by"), rows))
        bounds = "all bounds hold" if report.satisfied else "not all bounds hold"
        parts.append(_line(bounds, f"{report.scorer_calls} scorer calls"))
    return _block(*parts)


def trace_html(trace: Any) -> str:
    """A ``Trace``: its header, and its first texts."""
    head = trace.header
    names = ("model", "sampler", "driver", "kind")
    rows = [(name, str(head[name])) for name in names if head.get(name) is not None]
    counts = f"{len(head['requests'])}, with {len(trace.records)} {trace.kind}"
    parts = [_table((), [*rows, ("requests", counts)])]
    left = TOKENS
    for index, request in enumerate(head["requests"][:TEXTS]):
        records = trace.of(index)
        if trace.kind == "steps":
            pieces = _canvas(request, records)
        else:
            pieces = [
                Piece(record["text"], _surprisal(record["raw_log_prob"]), _of_token(record)) for record in records
            ]
            pieces.insert(0, Piece(request["text"], dim=True))
        parts.append(_line(f"request {index}", f"seed {request['seed']}"))
        parts.append(_written(pieces, left))
        left = max(0, left - len(pieces))
    more = len(head["requests"]) - TEXTS
    parts.append(_line(*([f"and {more} more requests"] if more > 0 else []), _LEGEND))
    return _block(*parts)


def table_html(head: Sequence[str], rows: Iterable[Sequence[str]], said: Iterable[str], about: Sequence[str]) -> str:
    """A table with sentences under it, and a line on the whole."""
    return _block(_table(head, rows), *(_tag("div", _text(one)) for one in said), _line(*about))


_LEGEND = f"shade: surprisal, from 0 to {FULL:g} nats"


def _canvas(request: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> list[Piece]:
    """The canvas after its last record."""
    pieces = [Piece("▁" if text is None else text, dim=True) for text in request["canvas_text"]]
    for record in records:
        step = f"step {record['step']}"
        drawn = {one["slot"]: one["before_text"] for one in record["substituted"]}
        for one in record["revealed"]:
            said = [f"slot {one['slot']}", step, *_measured(one, "log_prob", "entropy")]
            if one["slot"] in drawn:
                said.append(f"in place of {drawn[one['slot']]!r}")
            pieces[one["slot"]] = Piece(one["text"], _surprisal(one["log_prob"]), " · ".join(said))
        for one in record["edited"]:
            title = f"slot {one['slot']} · {step} · in place of {one['before_text']!r}"
            pieces[one["slot"]] = Piece(one["text"], None, title)
        for slot in record["masked"]:
            pieces[slot] = Piece("▁", dim=True)
        del pieces[record["length"] :]
    return pieces


def _of_token(record: Mapping[str, Any]) -> str:
    said = [f"token {record['token']}", *_measured(record, "raw_log_prob", "raw_entropy")]
    if "rank" in record:
        said.insert(2, f"rank {record['rank']}")
    return " · ".join(said)


def _measured(record: Mapping[str, Any], log_prob: str, entropy: str) -> list[str]:
    nats = _surprisal(record[log_prob])
    said = [] if nats is None else [f"surprisal {nats:.2f} nats"]
    return said if record.get(entropy) is None else [*said, f"entropy {record[entropy]:.2f} nats"]


def _surprisal(log_prob: float | None) -> float | None:
    return None if log_prob is None else 0.0 - log_prob


def _written(pieces: Sequence[Piece], most: int = TOKENS) -> str:
    shown = [piece.html() for piece in pieces[:most]]
    if len(pieces) > most:
        shown.append(_tag("span", _text(f" … and {len(pieces) - most} more"), style=_DIM))
    return _tag("div", *shown, style=_BLOCK)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    style = "text-align:left;padding:0.1em 1em 0.1em 0;background:none;border:none"
    lines = [_tag("tr", *(_tag("th", _text(name), style=f"{style};{_DIM}") for name in head))] if head else []
    lines += [_tag("tr", *(_tag("td", _text(cell), style=style) for cell in row)) for row in rows]
    return _tag("table", *lines, style="border:none;margin:0.3em 0;background:none;color:inherit")


def _line(*parts: str) -> str:
    return _tag("div", _text(" · ".join(parts)), style=f"{_DIM};font-size:0.85em")


def _block(*parts: str) -> str:
    return _tag("div", *parts)


def _text(text: str) -> str:
    return escape(harmless(text))


def _tag(name: str, *inner: str, **attributes: str) -> str:
    """An element; ``inner`` is HTML, attributes are text."""
    said = "".join(f' {key}="{_text(value)}"' for key, value in attributes.items() if value)
    return f"<{name}{said}>{''.join(inner)}</{name}>"
