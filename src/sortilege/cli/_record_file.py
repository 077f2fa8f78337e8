"""A file of records that survives anything: what was finished is in it, whole lines and nothing else."""

import json
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sortilege.cli._records import SCHEMA, Record, line_of

_FIRST = f'{{"schema": "{SCHEMA}"'.encode()
"""What every line begins with."""


class RecordError(ValueError):
    """A file that is not to be written, or cannot be."""


class RecordFile:
    """Appends records, each a whole line that is on the disk before the next is begun; one process at a time.

    records: those that were there before. The part of a line that a killed process left behind is no record; it is
    dropped by the first ``append``, and the file is otherwise left as it is until then.

    What is no plain file, such as a pipe, is written and never read.

    Raises RecordError, naming the file, where it cannot be opened or read, has a line that is no record of ours, or is
    being written by another process; ``append`` where a record cannot be written, which then leaves no part of itself.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.records = path, list[Record]()
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
        try:
            if self._plain:
                os.ftruncate(self._file, self._end)
            while line:
                line = line[os.write(self._file, line) :]
            if self._plain:
                os.fsync(self._file)
                self._end = os.fstat(self._file).st_size
        except OSError as error:
            self._undo()
            raise self._error(f"cannot be written: {error.strerror or error}") from error
        except BaseException:
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
        if rest[: len(_FIRST)] != _FIRST[: len(rest)]:
            raise self._error(f"was not made by this command: line {len(lines) + 1} is no record of {SCHEMA}")

    def _record(self, number: int, line: bytes) -> Record:
        try:
            record: Any = json.loads(line)
        except ValueError:
            record = None
        ours = isinstance(record, dict) and record.get("schema") == SCHEMA
        if not ours or not {"index", "sample", "seed", "prompt", "settings"} <= record.keys():
            raise self._error(f"was not made by this command: line {number} is no record of {SCHEMA}")
        return record

    def _error(self, what: str) -> RecordError:
        return RecordError(f"the output file {str(self.path)!r} {what}")
