"""A trace in columns: the least that the page needs, as values that JSON can hold.

The texts of tokens are written once, in a table that everything else points into. A column whose values are all the
same is that value alone. Nats keep four decimals, other numbers four significant digits.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sortilege.trace import Trace

Record = dict[str, Any]

_NATS = ("raw_log_prob", "processed_log_prob", "raw_entropy", "processed_entropy")
_OTHERS = ("rank", "kept", "kept_mass", "seconds", "sampler_seconds")


def pack(trace: Trace, name: str) -> Record:
    """What the page is told of a trace. name: what to call it."""
    table = _Table()
    one = _tokens if trace.kind == "tokens" else _steps
    requests = [
        {**_about(request), **one(request, trace.of(i), table)}
        for i, request in enumerate(trace.header["requests"])
        if trace.of(i)
    ]
    return {
        "name": name,
        "kind": trace.kind,
        "model": trace.header["model"],
        "sampler": trace.header["sampler"],
        "driver": trace.header.get("driver"),
        "versions": trace.header["versions"],
        "settings": _settings(trace.header.get("settings")),
        "bounds": _bounds(trace.header.get("settings")),
        "requests": requests,
        "ids": table.ids,
        "texts": table.texts,
    }


class _Table:
    """Tokens by their place in ``ids`` and ``texts``; one id may have several texts, so both make a token."""

    def __init__(self) -> None:
        self.ids, self.texts = list[int](), list[str]()
        self._places: dict[tuple[int, str], int] = {}

    def place(self, token: int, text: str | None) -> int:
        key = token, text or ""
        if key not in self._places:
            self._places[key] = len(self.ids)
            self.ids.append(token)
            self.texts.append(key[1])
        return self._places[key]


def _about(request: Record) -> Record:
    prompt = request.get("text")
    return {
        "prompt": prompt if prompt is not None else request["prompt"] or "",
        "prompt_tokens": len(request["prompt_tokens"] or ()),
        "seed": request["seed"],
    }


def _settings(settings: Any) -> dict[str, str]:
    """The options of the command that are one word or number, written out."""
    found = settings.items() if isinstance(settings, dict) else ()
    return {name: str(value) for name, value in found if isinstance(value, str | int | float)}


def _bounds(settings: Any) -> Record:
    """The lower and upper bound of each property searched for, None for none."""
    found = settings.get("properties") if isinstance(settings, dict) else None
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return {
        one["property"]: [one.get("lower"), one.get("upper")] for one in listed if isinstance(one.get("property"), str)
    }


def _tokens(request: Record, records: Sequence[Record], table: _Table) -> Record:
    records = sorted(records, key=lambda record: record["position"])
    listed = [candidate for record in records for candidate in record["candidates"]]
    names = list(dict.fromkeys(name for record in records for name in record["report"]))
    return {
        "n": len(records),
        "first": records[0]["position"],
        "tokens": [table.place(record["token"], record["text"]) for record in records],
        **{name: _column((record.get(name) for record in records), nats=True) for name in _NATS},
        **{name: _column(record.get(name) for record in records) for name in _OTHERS},
        "branch": _column(_branch(record) for record in records),
        "report": {name: _column(record["report"].get(name) for record in records) for name in names},
        "candidates": {
            "counts": _column(len(record["candidates"]) for record in records),
            "tokens": [table.place(candidate["token"], candidate["text"]) for candidate in listed],
            "raw": [_short(candidate["raw_log_prob"], nats=True) for candidate in listed],
            "processed": [_short(candidate["processed_log_prob"], nats=True) for candidate in listed],
            "kept": "".join("01"[bool(candidate["kept"])] for candidate in listed),
        },
    }


def _branch(record: Record) -> str | None:
    """Which branch the sampler took; traces that do not say so have it in the report."""
    inlier = record["report"].get("inlier")
    return record.get("branch") or (None if inlier is None else "inlier" if inlier else "outlier")


def _steps(request: Record, records: Sequence[Record], table: _Table) -> Record:
    records = sorted(records, key=lambda record: record["step"])
    canvas = zip(request["canvas"], request["canvas_text"], strict=True)
    revealed = [one for record in records for one in record["revealed"]]
    names = list(dict.fromkeys(name for record in records for name in record["values"]))
    return {
        "n": len(records),
        "canvas": [-1 if token == request["mask_id"] else table.place(token, text) for token, text in canvas],
        "step": [record["step"] for record in records],
        **{name: _column(record[name] for record in records) for name in ("time", "length", "masks_left", "seconds")},
        "revealed": {
            "counts": [len(record["revealed"]) for record in records],
            "slots": [one["slot"] for one in revealed],
            "tokens": [table.place(one["token"], one["text"]) for one in revealed],
            "log_prob": [_short(one["log_prob"], nats=True) for one in revealed],
            "entropy": [_short(one["entropy"], nats=True) for one in revealed],
        },
        "masked": [record["masked"] for record in records],
        **{name: _changes([record[name] for record in records], table) for name in ("edited", "substituted")},
        **{
            kind: {name: _column(record[kind].get(name) for record in records) for name in names}
            for kind in ("values", "values_before", "distances")
        },
    }


def _changes(changes: Sequence[Sequence[Record]], table: _Table) -> Record:
    """Tokens that took the place of others, by record."""
    listed = [one for some in changes for one in some]
    return {
        "counts": [len(some) for some in changes],
        "slots": [one["slot"] for one in listed],
        "before": [table.place(one["before"], one["before_text"]) for one in listed],
        "tokens": [table.place(one["token"], one["text"]) for one in listed],
    }


def _column(values: Iterable[Any], *, nats: bool = False) -> Any:
    """The values, shortened; one of them where all are the same."""
    found = [_short(value, nats=nats) for value in values]
    kinds = {(type(value), value) for value in found}
    return found[0] if len(kinds) == 1 else found


def _short(value: Any, *, nats: bool = False) -> Any:
    """A value in few digits; None where it is not finite. A whole float becomes an integer, for its shorter name."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    if nats:
        value = round(value, 4)
    elif value:
        value = float(f"{value:.4g}")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
