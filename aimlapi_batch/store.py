"""The store of a job: one SQLite file, in which each row stands with its answer, and what was spent.

An answer is committed before the next request is sent, so a kill costs what was under way; the file is synced to the
disk once a second and at the end. `output.py` makes the output of it, which is a copy.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aimlapi_batch.job import JobError, Row, StoreError
from aimlapi_batch.lock import Lock
from aimlapi_batch.questions import to_json
from aimlapi_batch.store_rows import DueRow as DueRow
from aimlapi_batch.store_rows import next_chunk
from aimlapi_batch.tables import ANSWERED, FAILED, FORMAT, ORDERS, SELECTED, TABLES, WAITING

_SYNC_SECONDS = 1.0
_COUNTERS = ("seconds", "requests", "answered", "failed", "input_tokens", "output_tokens", "cost_usd", "unpriced")


class DamagedStoreError(StoreError):
    """A store of which only some can be read."""


def store_path(output: Path) -> Path:
    """The file of the job that writes an output: beside it, and of a link beside the file it leads to."""
    path = output.with_name(output.name + ".job")
    if output.is_symlink() and not path.exists():
        target = output.resolve()
        return target.with_name(target.name + ".job")
    return path


class Store:
    """The rows of a job and their answers.

    Args:
        path: of the file; made where there is none.
        is_writer: whether this process works on the job: one at a time does.

    Raises:
        JobError: another process works on it, or it cannot be read.
    """

    def __init__(self, path: Path, *, is_writer: bool = True) -> None:
        self.path = path
        self._lock: Lock | None = None
        self._copy: TemporaryDirectory[str] | None = None
        self._is_discarded = False
        self._synced_at = time.monotonic()
        if is_writer:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._lock = Lock(path)
            except OSError as error:
                raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error
        self.is_new = not path.exists()
        try:
            if path.is_dir():
                raise JobError(f"{path} is a folder, not the store of a job: pass another output.")
            self._db = self._connected(is_writer)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise

    @classmethod
    def in_memory(cls) -> Store:
        """A store that is no file."""
        store = cls.__new__(cls)
        store.path, store.is_new, store._lock, store._copy = Path(":memory:"), True, None, None
        store._synced_at = time.monotonic()
        store._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        store._make(store._db)
        return store

    def _connected(self, is_writer: bool) -> sqlite3.Connection:
        if not is_writer and self.is_new:
            raise JobError(f"There is no job {self.path}.")
        with self._errors():
            if _has_log_only(self.path):  # which SQLite would throw away
                raise sqlite3.DatabaseError("it is empty, and its log is not")
            db = self._connection(is_writer)
            try:
                tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                if "job" not in tables and (tables or not is_writer):
                    raise JobError(f"{self.path} is not the store of a job: pass another output.")
                if is_writer:
                    db.execute("PRAGMA journal_mode=WAL")
                    db.execute("PRAGMA synchronous=NORMAL")
                    self._make(db)
                db.execute(SELECTED)
                found = db.execute("SELECT value FROM job WHERE name = 'format'").fetchone()
                if is_writer and not self.is_new and (problem := _damage(db)):
                    raise sqlite3.DatabaseError(problem)
            except BaseException:
                db.close()
                raise
        if found is None or json.loads(found[0]) != FORMAT:
            db.close()
            raise JobError(f"{self.path} is of another version of aimlapi_batch.")
        return db

    def _connection(self, is_writer: bool) -> sqlite3.Connection:
        """A connection; where nothing can be written beside a store that is only read, one that does without."""
        connect = partial(sqlite3.connect, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            db = connect(self.path)
            if not is_writer:
                db.execute("SELECT 1 FROM sqlite_master").fetchone()
            return db
        except sqlite3.OperationalError as error:
            if is_writer or "locked" in str(error):
                raise
        log = self.path.with_name(f"{self.path.name}-wal")
        if not log.exists() or not log.stat().st_size:
            return connect(f"{self.path.resolve().as_uri()}?immutable=1", uri=True)
        self._copy = TemporaryDirectory(prefix="aimlapi-batch-")
        for source in (self.path, log):
            shutil.copy(source, self._copy.name)
        return connect(Path(self._copy.name, self.path.name))

    def _make(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in TABLES.split(";\n"):
                if statement.strip():
                    db.execute(statement)
            db.execute("INSERT INTO job VALUES ('format', ?)", (json.dumps(FORMAT),))
            self.is_new = True
        db.execute(ORDERS)
        db.execute("INSERT OR REPLACE INTO job VALUES ('pid', ?)", (os.getpid(),))
        db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JobError(f"Another process works on {self.path}: wait until it ends.") from None
            raise StoreError(
                f"{self.path} cannot be written ({error}). What stands in it is whole: run the job again when there is "
                "room."
            ) from error
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise DamagedStoreError(
                f"{self.path} is damaged ({error}). `aimlapi batch export` writes the answers that can still be read."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; synced to the disk once a second."""
        with self._errors():
            is_synced = time.monotonic() - self._synced_at >= _SYNC_SECONDS
            if is_synced:
                self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                if is_synced:
                    self._db.execute("PRAGMA synchronous=NORMAL")
                    self._synced_at = time.monotonic()

    def query(self, sql: str, *values: Any) -> Iterator[Any]:
        """Rows of a query."""
        with self._errors():
            # not `yield from`, which closes the cursor at the generator's end, when the store may be closed already
            for row in self._db.execute(sql, values):  # noqa: UP028
                yield row

    def one(self, sql: str, *values: Any) -> Any:
        """The first value of a query; None where there is no row."""
        with self._errors():
            found = self._db.execute(sql, values).fetchone()
        return None if found is None else found[0]

    # -- of the job ----------------------------------------------------------------------------------------------------

    def get(self, name: str, default: Any = None) -> Any:
        """A value that is kept with the job."""
        found = self.one("SELECT value FROM job WHERE name = ?", name)
        return default if found is None else json.loads(found)

    def put(self, **values: Any) -> None:
        """Keeps values with the job; None takes one away."""
        with self.transaction() as db:
            for name, value in values.items():
                if value is None:
                    db.execute("DELETE FROM job WHERE name = ?", (name,))
                else:
                    db.execute("INSERT OR REPLACE INTO job VALUES (?, ?)", (name, to_json(value).decode()))

    # -- rows ----------------------------------------------------------------------------------------------------------

    def ask_again(self, classes: Sequence[str], *, retryable: bool) -> int:
        """Has failed rows wait again: of these classes, all for `*`, and those whose error says so."""
        with self.transaction() as db:
            db.execute("CREATE TEMP TABLE IF NOT EXISTS classes (name TEXT PRIMARY KEY)")
            db.execute("DELETE FROM temp.classes")
            db.executemany("INSERT OR IGNORE INTO temp.classes VALUES (?)", [(name,) for name in classes])
            return db.execute(
                "UPDATE rows SET state = 0 WHERE state = 2 AND asked IS NOT NULL AND id IN (SELECT id FROM "
                "temp.selected) AND (error IN temp.classes OR '*' IN temp.classes OR (? AND json_extract(answer, "
                "'$.error.retryable')))",
                (retryable,),
            ).rowcount

    def ask_again_ids(self, ids: Iterable[int]) -> None:
        """Has these rows wait again; their answers stay until others come."""
        with self.transaction() as db:
            db.executemany("UPDATE rows SET state = 0, hash = NULL WHERE id = ?", [(one,) for one in ids])

    def due(self, after: int, count: int) -> list[DueRow]:
        """The next rows of this run that wait, behind a position; fewer where they are long, none at the end."""
        found = self.query(
            "SELECT s.position, id, key, tries, asked, input FROM temp.selected s JOIN rows r USING (id) "
            "WHERE s.position > ? AND state = 0 ORDER BY s.position LIMIT ?",
            *(after, count),
        )
        return next_chunk(DueRow(*row) for row in found)

    def count(self, *, selected: bool = False) -> dict[int, int]:
        """How many rows wait, are answered, failed: of the job, or of this run."""
        where = " WHERE id IN (SELECT id FROM temp.selected)" if selected else ""
        return {
            WAITING: 0,
            ANSWERED: 0,
            FAILED: 0,
            **dict(self.query(f"SELECT state, count(*) FROM rows{where} GROUP BY 1")),
        }

    # -- runs and answers ----------------------------------------------------------------------------------------------

    def begin_run(self) -> int:
        """A run of this process; its number."""
        with self.transaction() as db:
            return int(db.execute("INSERT INTO runs (began) VALUES (?)", (time.time(),)).lastrowid or 0)

    def write(self, run: int, answers: Sequence[tuple[DueRow, Row, bool]], counters: Row) -> None:
        """Keeps answers, each with its row and whether it is asked again in this run, and the counts of the run."""
        now = time.time()
        with self.transaction() as db:
            db.executemany(
                "UPDATE rows SET state = ?, tries = ?, error = ?, finish_reason = ?, cost_usd = ?, input_tokens = ?, "
                "output_tokens = ?, seconds = ?, ended = ?, asked = CASE WHEN ? THEN NULL ELSE asked END, answer = ? "
                "WHERE id = ?",
                [_values(due, answer, again, now) for due, answer, again in answers],
            )
            db.execute(
                f"UPDATE runs SET {', '.join(f'{name} = ?' for name in _COUNTERS)} WHERE run = ?",
                (*(counters[name] for name in _COUNTERS), run),
            )

    def end_run(self, run: int, stopped: str | None) -> None:
        """Keeps why a run ended, and makes sure of all on the disk."""
        self._synced_at = float("-inf")
        with self.transaction() as db:
            db.execute("UPDATE runs SET stopped = ? WHERE run = ?", (stopped or "done", run))

    def spent(self) -> tuple[float, int]:
        """US dollars of all runs, and how many answers named no cost."""
        found = next(iter(self.query("SELECT coalesce(sum(cost_usd), 0), coalesce(sum(unpriced), 0) FROM runs")))
        return float(found[0]), int(found[1])

    def priced(self) -> tuple[int, float]:
        """How many answers named their cost, and the most expensive one's, in US dollars."""
        found = next(iter(self.query("SELECT count(cost_usd), coalesce(max(cost_usd), 0) FROM rows WHERE state <> 0")))
        return int(found[0]), float(found[1])

    def failures(self) -> dict[str, tuple[int, str]]:
        """The classes of errors, each with how many rows have one and an example."""
        found = self.query(
            "SELECT error, count(*), json_extract(min(answer), '$.error.message') FROM rows WHERE state = 2 GROUP BY 1 "
            "ORDER BY 2 DESC"
        )
        return {kind: (count, str(example)) for kind, count, example in found}

    def keep(self) -> str | None:
        """Writes a store anew whose file was deleted while it was open; a sentence about it, None where it is there."""
        from platformdirs import user_state_path

        if self._is_discarded or self.path.exists():
            return None
        reason = ""
        for folder in (self.path.parent, user_state_path("aimlapi-integrations", appauthor=False)):
            path = folder / self.path.name
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._db.execute("VACUUM INTO ?", (str(path),))
            except (OSError, sqlite3.Error) as error:
                reason = str(error)
                continue
            return f"{self.path} was deleted while the job ran: all answers stand in {path}."
        return f"{self.path} was deleted while the job ran, and cannot be written anew: {reason}."

    def close(self) -> None:
        """Lets others work on it."""
        with suppress(sqlite3.Error):
            self._db.close()
        if self._copy is not None:
            self._copy.cleanup()
        if self._lock is not None:
            self._lock.release()

    def discard(self) -> None:
        """Takes a store away in which nothing stands yet."""
        self._is_discarded = True
        with suppress(sqlite3.Error):
            self._db.close()
        for ending in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self.close()


def _values(due: DueRow, answer: Row, again: bool, now: float) -> tuple[Any, ...]:
    error, usage = answer["error"], answer["usage"] or {}
    state = WAITING if again else ANSWERED if error is None else FAILED
    counts = (usage.get("input_tokens"), usage.get("output_tokens"))
    numbers = (*(None if count is None else round(count) for count in counts), answer["seconds"], now)
    kind = None if error is None else error["class"]
    named = (answer.get("finish_reason"), answer["cost_usd"])
    return (state, answer["tries"] or due.tries, kind, *named, *numbers, error is None, to_json(answer), due.id)


def _has_log_only(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return path.exists() and not path.stat().st_size and log.exists() and log.stat().st_size > 0


def _damage(db: sqlite3.Connection) -> str | None:
    """What SQLite finds wrong in a file."""
    found = db.execute("PRAGMA quick_check(1)").fetchone()
    return None if found is None or found[0] == "ok" else " ".join(str(found[0]).split())
