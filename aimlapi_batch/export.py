"""Answers out of a store at any time, and out of a damaged one as far as it can be read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from aimlapi_batch.job import OUTPUTS, JobError
from aimlapi_batch.output import Output, set_aside, write_output
from aimlapi_batch.status import path_of
from aimlapi_batch.store import Store

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
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db, store.transaction() as new:
            for row in _readable(db):
                count += 1
                new.execute(f"INSERT OR IGNORE INTO rows ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            known = _last_id(db)
    except sqlite3.DatabaseError as error:
        store.close()
        raise JobError(f"Nothing of {path} can be read: {error}.") from None
    return store, "an unknown number of rows" if known is None else f"{known - count:,} rows"


def _last_id(db: sqlite3.Connection) -> int | None:
    try:
        return int(db.execute("SELECT max(id) FROM rows").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return None


def _readable(db: sqlite3.Connection) -> Iterator[tuple[object, ...]]:
    """Rows from both ends, and those between where only some pages are damaged, one by one."""
    first = found = 0
    last: int | None = None
    try:
        for row in db.execute(f"SELECT {_COLUMNS} FROM rows ORDER BY id"):
            first, found = row[0], found + 1
            yield row
        return
    except sqlite3.DatabaseError:
        pass
    try:
        for row in db.execute(f"SELECT {_COLUMNS} FROM rows WHERE id > ? ORDER BY id DESC", (first,)):
            last, found = row[0], found + 1
            yield row
    except sqlite3.DatabaseError:
        if last is None and not found:
            raise
    for number in range(first + 1, last or first + 1):
        try:
            yield from db.execute(f"SELECT {_COLUMNS} FROM rows WHERE id = ?", (number,)).fetchall()
        except sqlite3.DatabaseError:
            continue
