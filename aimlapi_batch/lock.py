"""Who may work on a job: one living process, by a lock of SQLite's on a file beside the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from aimlapi_batch.job import JobError, StoreError

_WAIT = 0.5  # seconds; `status` holds the lock for a moment


class Lock:
    """A lock that ends with its process.

    Raises:
        JobError: another process has it, or its file cannot be written (`StoreError`).
    """

    def __init__(self, store: Path) -> None:
        self._path = _lock_path(store)
        while True:
            self._path.touch()
            before = self._path.stat().st_ino
            try:
                self._db = _locked(self._path)
            except sqlite3.OperationalError as error:
                if not _is_taken(error):
                    raise StoreError(f"{self._path} cannot be written ({error}).") from error
                raise JobError(
                    f"Another process{_pid(store)} works on {store.name.removesuffix('.job')}: wait until it ends."
                ) from None
            with suppress(OSError):  # else the process before took the file away after we had opened it
                if self._path.stat().st_ino == before:
                    return
            self._db.close()

    def release(self) -> None:
        """Lets others have it."""
        with suppress(OSError):  # on Windows it stays, where it is open
            self._path.unlink()
        self._db.close()


def _lock_path(store: Path) -> Path:
    return store.with_name(store.name + ".lock")


def _locked(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
    try:
        db.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        db.close()
        raise
    return db


def _is_taken(error: sqlite3.OperationalError) -> bool:
    """Whether another process is why there is no lock; else a full disk, say, is."""
    return "locked" in str(error)


def _pid(store: Path) -> str:
    with suppress(sqlite3.Error), closing(sqlite3.connect(store, timeout=_WAIT)) as db:
        found = db.execute("SELECT value FROM job WHERE name = 'pid'").fetchone()
        return f" (pid {found[0]})" if found else ""
    return ""


def is_locked(store: Path) -> bool:
    """Whether a living process works on a job."""
    path = _lock_path(store)
    if not path.exists():
        return False
    try:
        _locked(path).close()
    except sqlite3.OperationalError as error:
        return _is_taken(error)
    return False
