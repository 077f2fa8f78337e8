"""Where studies are kept: an SQLite file, a database server, Redis, or a journal file; or nowhere.

    FILE, sqlite:///FILE        an SQLite file
    postgresql://..., mysql://...   a database server, through SQLAlchemy; PostgreSQL by psycopg 3
    redis://..., rediss://...   a Redis server, as a journal
    journal:FILE                a journal in a file, for folders that several machines share

Of what is still running after its process has gone, database storages learn by Optuna's heartbeat, the others by one
of our own (``sortilege.tuning.liveness``).
"""

import json
import random
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sortilege._extras import require

HEARTBEAT = 30
"""Seconds between two signs of life."""

GRACE = 300
"""Seconds without one after which a trial is taken for lost."""

_WAIT = 60  # seconds to wait for an SQLite file that another process writes to

_ATTEMPTS = 8
_CROSSED = ("already exists", "UNIQUE constraint", "duplicate key", "Duplicate entry", "database is locked")


class StorageError(ValueError):
    """A storage that cannot be reached, or is none."""


def open_storage(url: str | None) -> Any:
    """An Optuna storage; in memory where ``url`` is None.

    Raises StorageError, naming the storage without its password, where it cannot be opened, and ImportError, naming the
    extra, for a missing package.
    """
    optuna = require("optuna", "tuning")
    if url is None:
        return optuna.storages.InMemoryStorage()
    with storage_errors(url), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        journal = require("optuna.storages.journal", "tuning")
        if url.startswith("journal:"):
            path = url.removeprefix("journal:").removeprefix("//")
            return optuna.storages.JournalStorage(journal.JournalFileBackend(path))
        if url.startswith(("redis://", "rediss://")):
            require("redis", "storages")
            return optuna.storages.JournalStorage(journal.JournalRedisBackend(url))
        return _opened(optuna, _database(url))


def close_storage(storage: Any) -> None:
    """Let go of a database's connections."""
    engine = getattr(storage, "engine", None)
    if engine is not None:
        storage.remove_session()
        engine.dispose()


def shown(url: str | None) -> str:
    """The storage's name, without a password."""
    if url is None:
        return "memory"
    scheme, slashes, rest = url.partition("://")
    credentials, at, host = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{scheme}{slashes}{user}{':***' if colon else ''}{at}{host}" if at else url


@contextmanager
def storage_errors(url: str | None) -> Generator[None]:
    """Turn what databases and servers say of their failures into StorageError, on one line."""
    optuna = require("optuna", "tuning")
    kinds: list[type[BaseException]] = [optuna.exceptions.StorageInternalError, json.JSONDecodeError, OSError]
    for module, base in (("sqlalchemy.exc", "SQLAlchemyError"), ("redis.exceptions", "RedisError")):
        try:
            kinds.append(getattr(require(module, "storages"), base))
        except ImportError:
            continue
    try:
        yield
    except tuple(kinds) as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        said = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise StorageError(f"the storage {shown(url)} cannot be used: {said}") from error


def _opened(optuna: Any, database: str) -> Any:
    """The database, with Optuna's tables in it."""
    settings: dict[str, Any] = {"connect_args": {"timeout": _WAIT}} if database.startswith("sqlite") else {}
    base = require("sqlalchemy.exc", "tuning").SQLAlchemyError
    for attempt in range(_ATTEMPTS):
        try:
            return optuna.storages.RDBStorage(
                database,
                engine_kwargs={"pool_pre_ping": True, **settings},
                heartbeat_interval=HEARTBEAT,
                grace_period=GRACE,
            )
        except base as error:
            # Processes that begin together all make the tables, and each may be in the way of the others.
            if attempt + 1 == _ATTEMPTS or not any(words in str(error) for words in _CROSSED):
                raise
            time.sleep(0.2 + random.random() * attempt)


def _database(url: str) -> str:
    """What SQLAlchemy calls it."""
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        folder = Path(url).absolute().parent
        if not folder.is_dir():
            raise StorageError(f"the storage {url!r} cannot be used: there is no folder {str(folder)!r}")
        return f"sqlite:///{url}"
    if scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        require("psycopg", "storages")
        return f"postgresql+psycopg://{rest}"
    return url
