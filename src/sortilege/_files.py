"""Files that are written whole or not at all: beside the place they are for, and then in it."""

import os
import tempfile
from pathlib import Path


def begun(target: Path) -> tuple[int, Path]:
    """A temporary file in the folder of ``target``, open for writing, and its path. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent)
    return handle, Path(name)


def settle(partial: Path, target: Path) -> None:
    """Let a finished temporary file take the place of ``target``, with its rights.

    A temporary file is readable by its owner alone; a new file gets the rights any other would. Raises OSError.
    """
    mask = os.umask(0)
    os.umask(mask)
    partial.chmod(target.stat().st_mode if target.exists() else 0o666 & ~mask)
    partial.replace(target)


def write_whole(target: Path, text: str) -> None:
    """Write a file whole or not at all. Raises OSError, and leaves nothing behind then."""
    handle, partial = begun(target)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        settle(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
