"""Keeps the journal in a SQLite file, so that it is there after a restart. What is kept holds no secret (`secrets`)."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from aimlapi_emulator.secrets import public
from aimlapi_emulator.server.request_log import MAX_BYTES, Exchange, Journal, Received

_APPLICATION = 0x41494D4A  # marks the file as one of these: another program's is not touched
_VERSION = 2  # 1 had no summaries
_TABLE = """
CREATE TABLE exchanges (
    number INTEGER PRIMARY KEY, begun REAL, method TEXT, path TEXT, query TEXT, request_headers TEXT, body BLOB,
    status INTEGER, headers TEXT, reply BLOB, pieces TEXT, seconds REAL, error TEXT, size INTEGER, summary TEXT
)
"""


def keep(journal: Journal, file: str | Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Reads what the file holds into the journal, and from now on writes each exchange as it ends.

    As in memory, the file holds the journal's last requests, and of their bytes the newest `max_bytes`.

    Raises:
        ValueError: the file is not one of these, is damaged, or another emulator has it open.
        OSError: it cannot be opened.
    """
    path = Path(file).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"The journal cannot be kept in {path}: pass a file in a folder that exists.")
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # what programs say is for its owner
    try:
        kept = _File(path, journal.kept.maxlen or 10_000, max_bytes)
        known = {one.exchange.number for one in journal.kept if one.exchange is not None}
        for received in kept.exchanges():
            if received.exchange is not None and received.exchange.number not in known:
                journal.restore(received)
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise ValueError(f"The journal cannot be kept in {path}: {error}.") from error

    def add(received: Received) -> None:
        try:
            kept.add(received)
        except sqlite3.Error as error:  # a full disk: the program that is looked at goes on
            sys.stderr.write(f"The journal is no longer kept in {path}: {error}.\n")
            close()

    def close() -> None:
        journal.listeners.remove(add)
        journal.clear_listeners.remove(kept.clear)
        if close in journal.close_listeners:
            journal.close_listeners.remove(close)
        with suppress(sqlite3.Error):
            kept.add_summaries(journal)
        kept.close()

    journal.listeners.append(add)
    journal.clear_listeners.append(kept.clear)
    journal.close_listeners.append(close)


class _File:
    """The open file; the exchanges in it, oldest first."""

    def __init__(self, path: Path, most: int, max_bytes: int) -> None:
        self._most, self._max_bytes = most, max_bytes
        # opened by the thread that starts the server, used by the one that serves
        self._database = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        application = self._database.execute("PRAGMA application_id").fetchone()[0]
        is_new = not self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not is_new and application != _APPLICATION:
            raise ValueError("it is a database of another program")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("BEGIN IMMEDIATE")
        if is_new:
            self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._database.execute(_TABLE)
        self._database.execute("COMMIT")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 1:
            self._database.execute("ALTER TABLE exchanges ADD COLUMN summary TEXT")
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise ValueError(f"it is of version {version}, and this emulator reads version {_VERSION}")
        self._sizes: dict[int, int] = dict(self._database.execute("SELECT number, size FROM exchanges ORDER BY number"))
        self._bytes = sum(self._sizes.values())
        self._bound()

    def exchanges(self) -> Iterator[Received]:
        for row in self._database.execute("SELECT * FROM exchanges ORDER BY number"):
            yield _received(*row)

    def add(self, received: Received) -> None:
        """Writes an exchange that has ended, once."""
        exchange = received.exchange
        if exchange is None or exchange.seconds is None or exchange.number in self._sizes:
            return
        data = b"".join(piece for _, piece in exchange.pieces)
        row = (
            *(exchange.number, exchange.begun, received.method, received.path, received.query),
            *(json.dumps(received.headers), bytes(exchange.body), exchange.status, json.dumps(exchange.headers), data),
            json.dumps([[after, len(piece)] for after, piece in exchange.pieces]),
            *(exchange.seconds, exchange.error, len(exchange.body) + len(data), _summary(exchange)),
        )
        self._database.execute(f"INSERT INTO exchanges VALUES ({', '.join('?' * len(row))})", row)
        self._sizes[exchange.number] = row[-2]
        self._bytes += row[-2]
        self._bound()

    def add_summaries(self, journal: Journal) -> None:
        """Writes what was derived since of exchanges that are in the file without it."""
        missing = {row[0] for row in self._database.execute("SELECT number FROM exchanges WHERE summary IS NULL")}
        found = [one.exchange for one in journal.kept if one.exchange is not None]
        rows = [(_summary(one), one.number) for one in found if one.number in missing and one.summary is not None]
        self._database.executemany("UPDATE exchanges SET summary = ? WHERE number = ?", rows)

    def clear(self) -> None:
        self._database.execute("DELETE FROM exchanges")
        self._database.execute("VACUUM")
        self._sizes, self._bytes = {}, 0

    def close(self) -> None:
        self._database.close()

    def _bound(self) -> None:
        """Forgets the oldest of too many."""
        while len(self._sizes) > self._most or (self._bytes > self._max_bytes and len(self._sizes) > 1):
            number = next(iter(self._sizes))
            self._database.execute("DELETE FROM exchanges WHERE number = ?", (number,))
            self._bytes -= self._sizes.pop(number)


def _received(
    number: int,
    begun: float,
    method: str,
    path: str,
    query: str,
    request_headers: str,
    body: bytes,
    status: int | None,
    headers: str,
    reply: bytes,
    pieces: str,
    seconds: float,
    error: str | None,
    _size: int,
    summary: str | None,
) -> Received:
    """A row as it was in the journal."""
    exchange = Exchange(number, begun, 0.0, bytearray(body), status, json.loads(headers), seconds=seconds, error=error)
    exchange.summary = None if summary is None else json.loads(summary)
    at = 0
    for after, length in json.loads(pieces):
        exchange.pieces.append((after, reply[at : at + length]))
        at += length
    return Received(method, path, query, json.loads(request_headers), _json(body), exchange)


def _summary(exchange: Exchange) -> str | None:
    """The summary as JSON, without secrets: what pieces add up to may be one, though no piece is."""
    if exchange.summary is None:
        return None
    return public(json.dumps(exchange.summary, ensure_ascii=False).encode("utf-8", "replace")).decode()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
