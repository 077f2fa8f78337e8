"""A file of records that survives anything: what was finished is in it, whole lines and nothing else."""

import json
import math
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Record = dict[str, Any]


class RecordError(ValueError):
    """A file that is not to be written, or cannot be."""


class Journal:
    """Appends records, each a whole line that is on the disk before the next is begun; one process at a time.

    schema: what every record says under "schema", its first name. required: names that every record has.

    records: those that were there before. The part of a line that a killed process left behind is no record; it is
    dropped by the first ``append``, and the file is otherwise left as it is until then.

    What is no plain file, such as a pipe, is written and never read.

    Raises RecordError, naming the file, where it cannot be opened or read, has a line that is no record of ours, or is
    being written by another process; ``append`` where a record cannot be written, which then leaves no part of itself.
    """

    def __init__(self, path: Path, schema: str, required: tuple[str, ...] = ()) -> None:
        self.path, self.records = path, list[Record]()
        self._schema, self._required = schema, {"schema", *required}
        self._new = not path.exists()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise self._error(f"cannot be written: {error.strerror or error}") from error
        self._plain = stat.S_ISREG(os.fstat(self._file).st_mode)
        self._end = 0
        try:
            if self._plain:
                self._lock()
                self._read()
        except BaseException:
            self.close()
            raise

    def append(self, record: Record) -> None:
        """Write one record. Raises RecordError where that fails."""
        line = memoryview(line_of(record).encode())
        end = self._end + len(line)
        try:
            if self._plain:
                os.ftruncate(self._file, self._end)
            while line:
                line = line[os.write(self._file, line) :]
            if self._plain:
                os.fsync(self._file)
                self._end = end
        except OSError as error:
            self._undo()
            raise self._error(f"cannot be written: {error.strerror or error}") from error
        except BaseException:  # an interruption: a line that is whole already stays
            if self._plain and os.fstat(self._file).st_size == end:
                self._end = end
            self._undo()
            raise

    def close(self) -> None:
        """Let go of the file; one that was made and never written is removed."""
        if self._new and self._plain and os.fstat(self._file).st_size == 0:
            self.path.unlink(missing_ok=True)
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _undo(self) -> None:
        if self._plain:
            os.ftruncate(self._file, self._end)

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise self._error("is being written by another process") from error

    def _read(self) -> None:
        try:
            *lines, rest = self.path.read_bytes().split(b"\n")
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror or error}") from error
        for number, line in enumerate(lines, 1):
            self.records.append(self._record(number, line))
            self._end += len(line) + 1
        first = f'{{"schema": "{self._schema}"'.encode()
        if rest[: len(first)] != first[: len(rest)]:
            raise self._not_ours(len(lines) + 1)

    def _record(self, number: int, line: bytes) -> Record:
        try:
            record: Any = json.loads(line)
        except ValueError:
            record = None
        ours = isinstance(record, dict) and record.get("schema") == self._schema
        if not ours or not self._required <= record.keys():
            raise self._not_ours(number)
        return record

    def _not_ours(self, line: int) -> RecordError:
        return self._error(f"was not made by this command: line {line} is no record of {self._schema}")

    def _error(self, what: str) -> RecordError:
        return RecordError(f"the output file {str(self.path)!r} {what}")


def line_of(record: Record) -> str:
    """A record as a line of JSON."""
    return json.dumps(plain(record), allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """The value as JSON can hold it, with null for what is no finite number."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def first_difference(one: Any, other: Any) -> tuple[str, str]:
    """What differs, as short as can be: of objects, the first entry that does."""
    if isinstance(one, dict) and isinstance(other, dict):
        name = next(name for name in [*one, *other] if one.get(name) != other.get(name))
        left, right = first_difference(one.get(name), other.get(name))
        return f"{name} {left}", right
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return next(first_difference(a, b) for a, b in zip(one, other, strict=True) if a != b)
    return shortened(one), shortened(other)


def shortened(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else shown[:57] + "..."
