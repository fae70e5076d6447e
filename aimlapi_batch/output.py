"""The output: a copy of the store's answers, written whole beside the old one and moved into its place.

What is in the output and is not of this job is never written over.
"""

from __future__ import annotations

import glob
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from aimlapi_batch.answers import FIELDS, MEDIA_FIELDS
from aimlapi_batch.formats import WRITERS, line_of
from aimlapi_batch.job import JobError, Row, StoreError
from aimlapi_batch.questions import to_json
from aimlapi_batch.store import Store
from aimlapi_transport.json_codec import JsonError, loads

Note = Callable[[str], None]
_LINES = (".jsonl", ".ndjson")


def with_input(answer: bytes, columns: bytes | None) -> bytes:
    """An answer's JSON, with the columns of its row that the output has, too."""
    return answer if columns is None else answer[:-1] + b',"input":' + columns + b"}"


def write_output(store: Store, path: Path, *, openai: bool = False, in_order: bool = True) -> None:
    """Writes all answers to a file, or to the standard output for `-`: all of them, or none.

    Raises:
        JobError: the disk is full; the file keeps its earlier content.
    """
    order = "position, id" if in_order else "ended, id"  # of times that are the same, the order of the input
    rows = (
        with_input(answer, columns)
        for answer, columns in store.query(f"SELECT answer, input FROM rows WHERE answer IS NOT NULL ORDER BY {order}")
    )
    if str(path) == "-":
        WRITERS[".jsonl"](rows, sys.stdout.buffer, openai)
        sys.stdout.buffer.flush()
        return
    columns = _input_columns(store) if path.suffix.lower() not in _LINES else []
    is_media = (store.get("settings") or {}).get("kind", "chat") != "chat"
    try:
        target = path.resolve()  # also an error where the folder that the process works in was deleted
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        remove_leftovers(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                WRITERS[target.suffix.lower()](rows, file, openai, columns, MEDIA_FIELDS if is_media else FIELDS)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}. All answers stand in {store.path}: `aimlapi batch "
            "export` writes them when there is room."
        ) from error


def remove_leftovers(path: Path) -> None:
    """Takes away what processes that were killed left of an output they were writing."""
    target = path.resolve()
    with suppress(OSError):
        for found in target.parent.glob(f".{glob.escape(target.name)}.*.new"):
            pid = found.name.removesuffix(".new").rpartition(".")[2]
            if pid.isdecimal() and not _is_alive(int(pid)):
                with suppress(OSError):  # on Windows: it is written now
                    found.unlink()


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is Ctrl-C, and a file that is open cannot be taken away
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user
        return True
    return True


def _input_columns(store: Store) -> list[str]:
    """The names of all columns that are kept of the input."""
    names: dict[str, None] = {}
    for (columns,) in store.query("SELECT input FROM rows WHERE input IS NOT NULL"):
        names.update(dict.fromkeys(loads(columns)))
    return list(names)


class Output:
    """The output of one job: whether it is this job's, and its writing.

    Args:
        note: gets what was done to it, as a sentence.
    """

    def __init__(self, store: Store, path: Path, note: Note, *, openai: bool = False) -> None:
        self._store, self.path, self._note, self._openai = store, path, note, openai

    def check(self) -> None:
        """Looks at the output there is; a line of it that was made unreadable has its row asked again.

        Raises:
            JobError: it is not this job's.
        """
        if str(self.path) == "-" or not self.path.exists() or self.path.stat().st_size == 0:
            return
        written = self._store.get("output")
        if written is None:
            raise JobError(
                f"{self.path} exists and is not of this job: pass another output, or `overwrite` to move it aside."
            )
        if written == _fingerprint(self.path):
            return
        if self.path.suffix.lower() not in _LINES:
            self._set_aside()
            return
        foreign, edited, own, damaged = self._compare(written)
        if foreign and not own + edited:
            raise JobError(
                f"{self.path} is not of this job, whose answers stand in {self._store.path}: pass another output, or "
                "`overwrite` to move both aside."
            )
        if foreign or edited:
            self._set_aside()
        if damaged:
            ids = self._store.query(
                "SELECT id FROM rows WHERE state = 1 AND id NOT IN (SELECT id FROM temp.intact) ORDER BY position "
                "LIMIT ?",
                damaged,
            )
            self._store.ask_again_ids([one for (one,) in ids])
            self._note(f"{damaged:,} lines of {self.path} cannot be read any more: their rows are asked again.")

    def _compare(self, written: Row) -> tuple[int, int, int, int]:
        """Lines of other rows, that were edited, as they were, and of what was written whole that cannot be read."""
        foreign = edited = own = damaged = position = 0
        end = written["size"]
        with self._store.transaction() as db, self.path.open("rb") as file:
            db.execute("CREATE TEMP TABLE IF NOT EXISTS intact (id INTEGER PRIMARY KEY)")
            db.execute("DELETE FROM temp.intact")
            for line in file:
                is_whole, position = line.endswith(b"\n"), position + len(line)
                key = _key_in(line) if is_whole else None
                if key is None:
                    # behind what was written whole, a kill tore a line whose answer is in the store
                    damaged += position - len(line) < end
                    continue
                found = db.execute("SELECT id, answer, input FROM rows WHERE key = ?", (key,)).fetchone()
                is_same = found is not None and found[1] is not None
                is_same = is_same and line_of(with_input(*found[1:]), self._openai) == line
                own, edited = own + is_same, edited + (found is not None and not is_same)
                foreign += found is None
                if found is not None:
                    db.execute("INSERT OR IGNORE INTO temp.intact VALUES (?)", found[:1])
        return foreign, edited, own, damaged

    def _set_aside(self) -> None:
        copy = set_aside(self.path)
        self._note(f"{self.path} was changed since it was written: as it was it is now {copy.name}.")

    def check_unchanged(self, size: int | None) -> None:
        """Moves the output aside where it was changed while the job ran.

        Args:
            size: of what the job has written of it, in bytes; None where it is written at the end only.
        """
        if str(self.path) == "-" or not self.path.exists():
            return
        if size is None:
            is_same = self._store.get("output") == _fingerprint(self.path) or not self.path.stat().st_size
        else:
            is_same = self.path.stat().st_size == size
        if not is_same:
            self._set_aside()

    def write(self, *, in_order: bool = True) -> None:
        """Writes the output, and remembers it as this job's."""
        write_output(self._store, self.path, openai=self._openai, in_order=in_order)
        if str(self.path) != "-":
            self._store.put(output=_fingerprint(self.path))


def _fingerprint(path: Path) -> Row:
    found = path.stat()
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns}


def _key_in(line: bytes) -> str | None:
    try:
        row = loads(line)
    except JsonError:
        return None
    key = row.get("key", row.get("custom_id")) if isinstance(row, dict) else None
    return key if isinstance(key, str) else None


def set_aside(path: Path) -> Path:
    """Renames a file to a free name that ends in `.bak`."""
    number, target = 1, path.with_name(f"{path.name}.bak")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.{number}.bak")
    try:
        os.replace(path, target)
    except OSError as error:
        raise JobError(f"{path} cannot be moved aside: {error.strerror or error}.") from None
    return target


class LiveOutput:
    """Appends answers to a .jsonl output as they come.

    Args:
        path: None for an output that is written at the end only.

    Attributes:
        size: bytes that it has; None where there is none.
    """

    def __init__(self, path: Path | None, note: Note, *, openai: bool = False) -> None:
        self._note, self._openai = note, openai
        self._file: IO[bytes] | None = None
        self.size: int | None = None
        if path is not None and path.suffix.lower() in _LINES:
            self._file = path.open("ab", buffering=0)
            self.size = self._file.tell()

    def append(self, answer: Row, columns: bytes | None) -> None:
        """Adds an answer. Where there is no room, the rest comes at the end: the answer is in the store."""
        if self._file is None:
            return
        try:
            line = line_of(with_input(to_json(answer), columns), self._openai)
            self.size = (self.size or 0) + self._file.write(line)
        except OSError as error:
            self._note(f"The output does not grow any more: {error.strerror or error}.")
            self.size = os.fstat(self._file.fileno()).st_size  # some of it may be written
            self.close()

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
