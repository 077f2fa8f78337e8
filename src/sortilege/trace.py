"""The trace: what the model predicted, what the sampler made of it, and what was drawn, token by token.

A trace file is JSON lines in UTF-8. Its first line is the header, an object with

    schema     "sortilege-trace/1"
    sampler    the sampler, written out
    model      the model's name
    requests   a list of objects with ``prompt`` (text, or null where only tokens were given), ``prompt_tokens`` and
               ``seed``, one for each text generated
    versions   the versions of Python and of the libraries that made it

and whatever else its writer wishes to keep. Every further line is one token, an object with

    request                 the index in ``requests``
    position                how many tokens the request had drawn before this one
    token, text             its id and its text (U+FFFD where it holds part of a character only)
    raw_log_prob            its log-probability under the model
    processed_log_prob      its log-probability under what was drawn from
    rank                    1 for the model's most probable token; tokens that tie share the better rank
    raw_entropy             the entropy of the model's distribution
    processed_entropy       that of the distribution drawn from
    kept                    how many tokens the sampler left possible
    report                  what the sampler says of this step, by name (``Sampler.report``)
    candidates              the most probable tokens before and after, in the model's order: objects with ``token``,
                            ``text``, ``raw_log_prob``, ``processed_log_prob`` and ``kept``
    seconds                 the time from the last token to this one, model and sampler together

Natural logarithms; entropies in nats. null stands for what is not a finite number (the log-probability of a token
that cannot occur). Readers ignore names they do not know; a change of meaning changes the number in ``schema``.
"""

import json
import math
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from sortilege.numerics._arrays import Array, host
from sortilege.numerics.information import entropy, log_softmax

SCHEMA = "sortilege-trace/1"
_HEADER_NAMES = ("sampler", "model", "requests", "versions")
_RECORD_NAMES = (
    *("request", "position", "token", "text", "raw_log_prob", "processed_log_prob", "rank", "raw_entropy"),
    *("processed_entropy", "kept", "report", "candidates", "seconds"),
)

Record = dict[str, Any]


def step_records(
    raw: Array,
    processed: Array,
    tokens: Array,
    report: Mapping[str, Array],
    *,
    requests: Sequence[int],
    position: int,
    seconds: float,
    text: Callable[[int], str],
    candidates: int = 8,
) -> list[Record]:
    """The records of one step of decoding, one for each row.

    raw, processed: logits (B, V) before and after the sampler, of any array library.
    tokens: (B,) the tokens that were emitted.
    report: the sampler's report on the step, arrays (B,).
    requests: the rows' indices in the trace's header, B of them.
    position: how many tokens the rows had drawn before.
    seconds: what the step took.
    text: the text of one token id.
    candidates: how many of the most probable tokens to list, before and after each.
    """
    tokens = host(tokens)
    log_raw, log_processed = log_softmax(host(raw)), log_softmax(host(processed))
    chosen = np.arange(len(tokens)), tokens
    measured = {
        "raw_log_prob": log_raw[chosen],
        "processed_log_prob": log_processed[chosen],
        "rank": 1 + np.sum(log_raw > log_raw[chosen][:, None], axis=-1),
        "raw_entropy": entropy(log_raw),
        "processed_entropy": entropy(log_processed),
        "kept": np.sum(log_processed > -np.inf, axis=-1),
    }
    reported = {name: host(values) for name, values in report.items()}

    def candidate(row: int, token: int) -> Record:
        return {
            "token": token,
            "text": text(token),
            "raw_log_prob": _plain(log_raw[row, token]),
            "processed_log_prob": _plain(log_processed[row, token]),
            "kept": bool(log_processed[row, token] > -np.inf),
        }

    records: list[Record] = []
    for row, token in enumerate(tokens.tolist()):
        listed = {*_top(log_raw[row], candidates), *_top(log_processed[row], candidates)}
        ordered = sorted(listed, key=lambda token, row=row: (-log_raw[row, token], token))
        records.append(
            {
                "request": requests[row],
                "position": position,
                "token": token,
                "text": text(token),
                **{name: _plain(values[row]) for name, values in measured.items()},
                "report": {name: _plain(values[row]) for name, values in reported.items()},
                "candidates": [candidate(row, token) for token in ordered],
                "seconds": seconds,
            }
        )
    return records


def header(sampler: str, model: str, requests: Sequence[Mapping[str, Any]], **more: Any) -> Record:
    """The first line of a trace; see the module's text for ``requests``."""
    return {
        "schema": SCHEMA,
        "sampler": sampler,
        "model": model,
        "requests": [dict(request) for request in requests],
        "versions": versions(),
        **more,
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that are loaded."""
    found = {"python": platform.python_version(), "sortilege": version("sortilege"), "numpy": np.__version__}
    for name in ("torch", "transformers", "jax"):
        if name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found


class TraceWriter:
    """Writes a trace file whole or not at all.

    Lines go to a temporary file beside ``path``, which takes its place when the ``with`` block ends well and is
    removed when it does not.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "trace.jsonl"
    >>> with TraceWriter(path, header("min-p(0.05)", "tiny-ar", [])) as trace:
    ...     path.exists()
    False
    >>> read_trace(path).header["model"]
    'tiny-ar'

    Raises ValueError at once, naming the path, where the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], head: Mapping[str, Any]) -> None:
        self.path = Path(path)
        first = _line(head)
        try:
            if self.path.is_dir():
                raise IsADirectoryError("it is a folder")
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError("it is write-protected")
            handle, partial = tempfile.mkstemp(prefix=f".{self.path.name}.", suffix=".partial", dir=self.path.parent)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"the trace file {str(self.path)!r} cannot be written: {reason}") from error
        self._partial = Path(partial)
        self._file = os.fdopen(handle, "w", encoding="utf-8")
        self._file.write(first)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        self._file.write(_line(record))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is not None:
            self._partial.unlink()
            return
        # A temporary file is readable by its owner alone; a new file gets the rights any other would.
        mask = os.umask(0)
        os.umask(mask)
        self._partial.chmod(self.path.stat().st_mode if self.path.exists() else 0o666 & ~mask)
        self._partial.replace(self.path)


@dataclass(frozen=True)
class Trace:
    """A trace that was read.

    header: its first line.
    records: its tokens, in the order written.
    """

    header: Record
    records: list[Record]

    def of(self, request: int) -> list[Record]:
        """The tokens of one request."""
        return [record for record in self.records if record["request"] == request]


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace file. Raises ValueError, naming the file and the line, unless it is whole and of this schema."""
    name = str(path)
    try:
        lines = Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except OSError as error:
        raise ValueError(f"the trace file {name!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the trace file {name!r} is not UTF-8 text: byte {error.start}") from error
    if lines == [""]:
        raise ValueError(f"the trace file {name!r} is empty")
    values: list[Record] = []
    for number, line in enumerate(lines, 1):
        where = f"the trace file {name!r}, line {number}:"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{where} not JSON: {error.msg}") from error
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a JSON object, got {type(value).__name__}")
        if number == 1 and value.get("schema") != SCHEMA:
            raise ValueError(f"{where} schema must be {SCHEMA!r}, got {value.get('schema')!r}")
        missing = [key for key in (_HEADER_NAMES if number == 1 else _RECORD_NAMES) if key not in value]
        if missing:
            raise ValueError(f"{where} lacks {', '.join(missing)}")
        values.append(value)
    for number, record in enumerate(values[1:], 2):
        if record["request"] not in range(len(values[0]["requests"])):
            raise ValueError(f"the trace file {name!r}, line {number}: no request {record['request']!r} in the header")
    return Trace(values[0], values[1:])


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def _plain(value: Any) -> Any:
    """A NumPy scalar as what JSON can hold; null for what is not finite."""
    value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _top(log_prob: Any, count: int) -> list[int]:
    """The ids of the ``count`` most probable possible tokens, or all that there are; low ids first in ties."""
    count = min(count, len(log_prob))
    if count == 0:
        return []
    last = np.partition(log_prob, -count)[-count]
    ids = np.flatnonzero((log_prob >= last) & (log_prob > -np.inf))
    return ids[np.argsort(-log_prob[ids], kind="stable")][:count].tolist()
