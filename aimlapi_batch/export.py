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

from aimlapi_batch.job import JobError, check_output
from aimlapi_batch.output import Note, Output, set_aside, write_output
from aimlapi_batch.status import output_of, path_of
from aimlapi_batch.store import DamagedStoreError, Store
from aimlapi_transport.json_codec import JsonError, loads

_PAGE, _HEAD = 4096, 100  # bytes of a page, and of the header in the first one
_MOST_CUT = 1 << 36  # bytes that a store was cut by; a header that names more is damaged itself
_MOST_MISSES, _LEAST_ROW = 50_000, 32  # rows, bytes of one
_COLUMNS = "id, position, key, state, tries, error, ended, input, answer"


def export_answers(
    output: Path, to: Path | None, *, openai: bool, in_order: bool, overwrite: bool, note: Note = lambda _: None
) -> tuple[int, str | None]:
    """Writes the answers of a job to its output, or to another file; how many, and what was lost of a damaged store.

    Args:
        note: gets what was done to files that were there, as a sentence.

    Raises:
        JobError: the other file exists, or there is no room for it.
    """
    path = path_of(output)
    own = output_of(path)
    if to is not None and str(to) != "-" and to.resolve() == own.resolve():
        to = None
    target = to or own
    check_output(target, openai)
    if to is not None and str(to) != "-" and to.exists():
        if not overwrite:
            raise JobError(f"{to} exists: pass another file, or `--overwrite` to move it aside.")
        set_aside(to)
    try:
        with closing(Store(path, is_writer=to is None)) as store:
            if to is None:
                whole = Output(store, own, note, openai=openai)
                whole.check()
                whole.write(in_order=in_order)
            else:
                write_output(store, target, openai=openai, in_order=in_order)
            return _count(store), None
    except DamagedStoreError:
        store, lost = _salvaged(path)
    with closing(store):
        if to is None and own.exists():  # it may hold more than can be read of the store
            note(f"{own} as it was is now {set_aside(own).name}.")
        write_output(store, target, openai=openai, in_order=in_order)
        return _count(store), lost


def _count(store: Store) -> int:
    return int(store.one("SELECT count(answer) FROM rows"))


def _salvaged(path: Path) -> tuple[Store, str]:
    """A store in memory with the rows of a damaged one that can be read, and how much cannot.

    Raises:
        DamagedStoreError: nothing can.
    """
    with TemporaryDirectory(prefix="aimlapi-batch-") as folder:
        for readable in (*([path] if path.stat().st_size else []), _mended(path, Path(folder))):
            store = Store.in_memory()
            with closing(_read_only(readable)) as db:
                if found := _take(db, store, readable.stat().st_size // _LEAST_ROW):
                    known = _last_id(db)
                    return store, "an unknown number of rows" if known is None else f"{known - found:,} rows"
            store.close()
    raise DamagedStoreError(
        f"Nothing of {path} can be read, also not with the beginning that every store has: what is left are the "
        f"answers in {output_of(path).name}, if it is there, and a copy of {path.name} from a backup."
    )


def _take(db: sqlite3.Connection, store: Store, most: int) -> int:
    """Takes the rows that can be read, of `most` that there can be; how many."""
    count = 0
    with store.transaction() as new:
        with suppress(sqlite3.DatabaseError):
            settings = db.execute("SELECT value FROM job WHERE name = 'settings'").fetchall()
            new.executemany("INSERT OR REPLACE INTO job VALUES ('settings', ?)", settings)
        for row in _readable(db, min(most, _MOST_MISSES)):
            if _is_whole(row):
                count += 1
                new.execute(f"INSERT OR IGNORE INTO rows ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return count


def _is_whole(row: tuple[object, ...]) -> bool:
    """Whether the JSON of a row can be read: a page that is gone may be one in the midst of it."""
    try:
        for data in row[-2:]:  # input, answer
            if data is not None:
                loads(data if isinstance(data, (bytes, str)) else b"")
    except JsonError:
        return False
    return True


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _mended(path: Path, folder: Path) -> Path:
    """A copy of a store that SQLite refuses as a whole, of the length that it names, with a new store's first page.

    The first page says where the tables begin, which is alike in all stores: they are made by the same statements.
    """
    copy, new = folder / "answers.job", folder / "new.job"
    shutil.copyfile(path, copy)
    with suppress(FileNotFoundError):  # what is not yet in the store itself
        shutil.copyfile(path.with_name(f"{path.name}-wal"), copy.with_name(f"{copy.name}-wal"))
    Store(new).close()
    with new.open("rb") as file:
        page = bytearray(file.read(_PAGE))
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        head = file.read(_HEAD)
        named = int.from_bytes(head[28:32], "big") * _PAGE if head[:16] == page[:16] else 0
        pages = max(1, -(-size // _PAGE), named // _PAGE if named <= size + _MOST_CUT else 0)
        page[28:32] = pages.to_bytes(4, "big")
        page[24:28] = page[92:96]  # the count of changes for which the number of pages is valid
        file.seek(0)
        file.write(page if head[:16] != page[:16] else head)
    os.truncate(copy, pages * _PAGE)
    return copy


def _last_id(db: sqlite3.Connection) -> int | None:
    try:
        return int(db.execute("SELECT max(id) FROM rows").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return None


def _readable(db: sqlite3.Connection, misses_allowed: int) -> Iterator[tuple[object, ...]]:
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
        if number == last or misses >= misses_allowed:
            return
        misses += 1
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(f"SELECT {_COLUMNS} FROM rows WHERE id = ?", (number,)).fetchall():
                misses = 0
                yield row
