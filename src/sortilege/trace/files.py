"""Trace files: written whole or not at all, read with every line checked."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self

from sortilege._files import begun, settle
from sortilege.trace.head import header
from sortilege.trace.schema import SCHEMA, fault
from sortilege.trace.tokens import Record


class TraceWriter:
    """Writes a trace file whole or not at all.

    Lines go to a temporary file beside ``path``, which takes its place when the ``with`` block ends well, or is cut
    short by the user (ctrl-C, or a pipe whose reader has gone): what was recorded until then is a valid trace. An error
    removes it and leaves what was there before. A process that is killed leaves the temporary file, whole lines of it.

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
        first = _line(head)
        self.path = Path(path)
        self._target = Path(os.path.realpath(path))  # the file that a link leads to, not the link
        try:
            if self._target.is_dir():
                raise IsADirectoryError("it is a folder")
            if self._target.exists() and not self._target.is_file():
                raise OSError("it is no plain file")
            if self._target.exists() and not os.access(self._target, os.W_OK):
                raise PermissionError("it is write-protected")
            handle, self._partial = begun(self._target)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"the trace file {str(self.path)!r} cannot be written: {reason}") from error
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="\n", buffering=1)
        self._file.write(first)

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line."""
        self._file.write(_line(record))

    def extend(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append several."""
        for record in records:
            self.write(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError:
            self._partial.unlink()
            raise
        if kind is not None and not issubclass(kind, KeyboardInterrupt | BrokenPipeError):
            self._partial.unlink()
            return
        settle(self._partial, self._target)


def write_trace(
    path: str | os.PathLike[str],
    records: Iterable[Mapping[str, Any]],
    *,
    sampler: Any,
    model: str,
    requests: Sequence[Mapping[str, Any]],
    driver: str,
    kind: str = "tokens",
    **more: Any,
) -> None:
    """Write a trace that is finished, whoever drove the sampler.

    records: as an adapter or ``Result.trace`` has them; each is checked. sampler: a ``Sampler``, or one written out.
    requests, driver, kind, more: as for ``header``.

    Raises ValueError, naming the path and what is wrong, where a record is not of the schema or the file cannot be
    written; nothing is overwritten then.
    """
    if sampler is not None and not isinstance(sampler, str):
        from sortilege.samplers.spec import format_sampler

        sampler = format_sampler(sampler)
    head = header(sampler, model, requests, kind=kind, driver=driver, **more)
    check = _Check(path, head)
    with TraceWriter(path, head) as trace:
        for number, record in enumerate(records, 2):
            check(number, record)
            trace.write(record)


@dataclass(frozen=True, repr=False)
class Trace:
    """A trace that was read.

    header: its first line.
    records: its tokens or steps, in the order written.
    """

    header: Record
    records: list[Record]

    @property
    def kind(self) -> str:
        """ "tokens" or "steps"."""
        return self.header.get("kind", "tokens")

    def of(self, request: int) -> list[Record]:
        """The records of one request."""
        return [record for record in self.records if record["request"] == request]

    def _repr_html_(self) -> str:
        from sortilege._notebook import trace_html

        return trace_html(self)

    def __repr__(self) -> str:
        head = self.header
        what = f"{len(head['requests'])} requests, {len(self.records)} {self.kind}"
        return f"Trace({what}, model={head['model']!r}, sampler={head['sampler']!r})"


def read_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a trace file.

    Raises ValueError, naming the file and the line, unless it is whole, every line is of the schema, and each request's
    records are in order.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"the trace file {str(path)!r} cannot be read: {error.strerror or error}") from error
    if not data:
        raise ValueError(f"the trace file {str(path)!r} is empty")
    whole = data.endswith(b"\n")
    lines = data.removesuffix(b"\n").split(b"\n")
    values: list[Record] = []
    check: _Check | None = None
    for number, line in enumerate(lines, 1):
        value = _value(path, number, line, cut=not whole and number == len(lines))
        if check is None:
            check = _Check(path, value)
        else:
            check(number, value)
        values.append(value)
    return Trace(values[0], values[1:])


def _value(path: Any, number: int, line: bytes, *, cut: bool) -> Any:
    """What a line holds. cut: whether it is the last and has no end."""
    try:
        return json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text: byte {error.start}"
    except (ValueError, RecursionError) as error:
        what = f"not JSON: {getattr(error, 'msg', error)}"
    _refuse(path, number, what + ("; the file breaks off in it" if cut else ""))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


class _Check:
    """Refuses a header, then records, that are not of the schema, and records out of order."""

    def __init__(self, path: Any, head: Any) -> None:
        self.path = path
        if not isinstance(head, dict):
            _refuse(path, 1, f"must be a JSON object, got {type(head).__name__}")
        if head.get("schema") != SCHEMA:
            _refuse(path, 1, f"schema must be {SCHEMA!r}, got {head.get('schema')!r}")
        steps = head.get("kind") == "steps"
        found = fault(head, "step_header" if steps else "token_header")
        if found is not None:
            _refuse(path, 1, found)
        self.record, self.counts = ("step", "step") if steps else ("token", "position")
        self.requests = len(head["requests"])
        self.last: dict[int, int] = {}
        self.slots = [len(request["canvas"]) for request in head["requests"]] if steps else []
        for i, request in enumerate(head["requests"] if steps else ()):
            if len(request["canvas_text"]) != self.slots[i]:
                count = len(request["canvas_text"])
                _refuse(path, 1, f"requests[{i}].canvas_text must have {self.slots[i]} entries, got {count}")

    def __call__(self, number: int, value: Any) -> None:
        if not isinstance(value, dict):
            _refuse(self.path, number, f"must be a JSON object, got {type(value).__name__}")
        found = fault(value, self.record)
        if found is not None:
            _refuse(self.path, number, found)
        request, place = value["request"], value[self.counts]
        if request >= self.requests:
            _refuse(self.path, number, f"no request {request} in the header")
        last = self.last.get(request)
        # A step that changed nothing has no record.
        if last is not None and (place <= last or (self.counts == "position" and place > last + 1)):
            wanted = f"{last + 1}" if self.counts == "position" else f"greater than {last}"
            _refuse(self.path, number, f"{self.counts} of request {request} must be {wanted}, got {place}")
        self.last[request] = place
        if self.slots:
            self._canvas(number, value, request)

    def _canvas(self, number: int, value: Record, request: int) -> None:
        """Refuse slots beyond the canvas, which can only become shorter."""
        named = (*value["revealed"], *value["edited"], *value["substituted"])
        slots = [*(one["slot"] for one in named), *value["masked"]]
        beyond = next((slot for slot in slots if slot >= self.slots[request]), None)
        if beyond is not None:
            _refuse(self.path, number, f"slot {beyond} of request {request} is beyond its {self.slots[request]} slots")
        if value["length"] > self.slots[request]:
            _refuse(self.path, number, f"length must be at most {self.slots[request]}, got {value['length']}")
        self.slots[request] = value["length"]


def _refuse(path: Any, number: int, what: str) -> NoReturn:
    raise ValueError(f"the trace file {str(path)!r}, line {number}: {what}")


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
