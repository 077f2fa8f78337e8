"""Whose trials are running, and whether they still are: what a killed process leaves behind is found and run again."""

import os
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sortilege.tuning.storages import GRACE, HEARTBEAT

_UNSIGNED = 5.0  # seconds that a trial may run before its process has signed it


def signature() -> dict[str, Any]:
    """Who this process is, among those on this machine and others."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def lost(trial: Any) -> bool | None:
    """Whether the process of a running trial has gone: known at once on its machine, elsewhere by its signs of life.

    None: it is not known yet, ask again.
    """
    signed = trial.user_attrs.get("worker")
    if signed is None:
        age = (datetime.now() - trial.datetime_start).total_seconds() if trial.datetime_start else 0.0
        return True if age > _UNSIGNED else None
    if signed["host"] == socket.gethostname() and _started(signed["pid"]) != signed["started"]:
        return True
    beat = trial.user_attrs.get("beat")
    return beat is not None and time.time() - beat > GRACE


@contextmanager
def signs_of_life(trial: Any, *, needed: bool) -> Generator[None]:
    """Sign a trial, and go on signing it while it runs where the storage has no heartbeat of its own (``needed``)."""
    trial.set_user_attr("worker", signature())
    if not needed:
        yield
        return
    trial.set_user_attr("beat", time.time())
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            trial.set_user_attr("beat", time.time())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _started(pid: int) -> str | None:
    """When a process of this machine began, as the system counts it; None for one that has gone.

    A number of a process is given to another in time, which began later.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    else:
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    if os.name == "nt":
        return "not known"  # its signs of life tell; there is no harmless signal
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "running"
