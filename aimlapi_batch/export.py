"""Answers out of a store at any time, and out of a damaged one as far as it can be read."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from aimlapi_batch.job import OUTPUTS, JobError
from aimlapi_batch.output import Output, set_aside, write_output
from aimlapi_batch.status import path_of
from aimlapi_batch.store import Store
from aimlapi_transport.json_codec import JsonError, loads

_MOST_CUT = 1 << 36  # bytes that a store was cut by; a header that names more is damaged itself
_MOST_MISSES = 50_000  # rows
_COLUMNS = "id, position, key, state, tries, error, ended, input, answer"


def export_answers(
    output: Path, to: Path | None, *, openai: bool, in_order: bool, overwrite: bool
) -> tuple[int, str | None]:
    """Writes the answers of a job to its output, or to another file; how many, and what was lost of a damaged store.

    Raises:
        JobError: the other file exists, or there is no room for it.
    """
    path = path_of(output)
    target = to or path.with_name(path.name.removesuffix(".job"))
    if str(target) != "-" and target.suffix.lower() not in OUTPUTS:
        raise JobError(f"`output` is {str(target)!r}: pass a file that ends in .jsonl or .parquet, in .csv, or -.")
    if to is not None and str(to) != "-" and to.exists():
        if not overwrite:
            raise JobError(f"{to} exists: pass another file, or `--overwrite` to move it aside.")
        set_aside(to)
    lost = None
    try:
        store = Store(path, is_writer=to is None)
    except JobError as error:
        if not isinstance(error.__cause__, sqlite3.DatabaseError) or "damaged" not in error.message:
            raise
        store, lost = _salvaged(path)
    with closing(store):
        try:
            count = int(store.one("SELECT count(answer) FROM rows"))
            _write(store, target, to, openai, in_order)
        except JobError as error:
            if "damaged" not in error.message or lost is not None:
                raise
            store.close()
            store, lost = _salvaged(path)
            with closing(store):
                count = int(store.one("SELECT count(answer) FROM rows"))
                write_output(store, target, openai=openai, in_order=in_order)
    return count, lost


def _write(store: Store, target: Path, to: Path | None, openai: bool, in_order: bool) -> None:
    if to is None:
        output = Output(store, target, lambda _: None, openai=openai)
        output.check()
        output.write(in_order=in_order)
    else:
        write_output(store, target, openai=openai, in_order=in_order)


def _salvaged(path: Path) -> tuple[Store, str]:
    """A store in memory with the rows of a damaged one that can be read, and how much cannot."""
    store = Store.in_memory()
    count = 0
    with TemporaryDirectory(prefix="aimlapi-batch-") as folder, closing(_opened(path, Path(folder))) as db:
        with store.transaction() as new:
            for row in _readable(db):
                if _is_whole(row):
                    count += 1
                    new.execute(f"INSERT OR IGNORE INTO rows ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        known = _last_id(db)
    if not count:
        store.close()
        raise JobError(f"Nothing of {path} can be read.")
    return store, "an unknown number of rows" if known is None else f"{known - count:,} rows"


def _is_whole(row: tuple[object, ...]) -> bool:
    """Whether the JSON of a row can be read: a page that is gone may be one in the midst of it."""
    try:
        for data in row[-2:]:  # input, answer
            if data is not None:
                loads(data if isinstance(data, (bytes, str)) else b"")
    except JsonError:
        return False
    return True


def _opened(path: Path, folder: Path) -> sqlite3.Connection:
    """A damaged store to read; of one that was cut, which SQLite refuses as a whole, a copy of the length it names."""
    with path.open("rb") as file:
        head = file.read(32)
    page, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    size = pages * (65536 if page == 1 else page)
    if path.stat().st_size < size <= path.stat().st_size + _MOST_CUT:
        copy = folder / path.name
        shutil.copyfile(path, copy)
        os.truncate(copy, size)
        path = copy
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _last_id(db: sqlite3.Connection) -> int | None:
    try:
        return int(db.execute("SELECT max(id) FROM rows").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return None


def _readable(db: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Rows from both ends, and those between where only some pages are damaged, one by one."""
    first = 0
    last: int | None = None
    with suppress(sqlite3.DatabaseError):
        for row in db.execute(f"SELECT {_COLUMNS} FROM rows ORDER BY id"):
            first = row[0]
            yield row
        return
    with suppress(sqlite3.DatabaseError):
        for row in db.execute(f"SELECT {_COLUMNS} FROM rows WHERE id > ? ORDER BY id DESC", (first,)):
            last = row[0]
            yield row
    misses = 0  # in a row: where the last page is gone, nothing tells the last id
    for number in count(first + 1):
        if number == last or misses == _MOST_MISSES:
            return
        misses += 1
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(f"SELECT {_COLUMNS} FROM rows WHERE id = ?", (number,)).fetchall():
                misses = 0
                yield row
