"""Rows as they go into a store, and as they come out of it to be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

_CHUNK = 500  # rows
_CHUNK_BYTES = 8 * 1024 * 1024  # of what they are asked


@dataclass(slots=True)
class NewRow:
    """A row of the source: its key, the hash and the JSON of what it is asked, the JSON of columns to keep."""

    place: int
    key: str
    hash: bytes
    asked: bytes
    input: bytes | None


@dataclass(slots=True)
class DueRow:
    """A row that waits for its answer."""

    position: int
    id: int
    key: str
    tries: int
    asked: bytes | None
    input: bytes | None


AnyRow = TypeVar("AnyRow", NewRow, DueRow)


def next_chunk(rows: Iterator[AnyRow]) -> list[AnyRow]:
    """The next rows, so many as may be in memory."""
    chunk, size = list[AnyRow](), 0
    for row in islice(rows, _CHUNK):
        chunk.append(row)
        size += len(row.asked or b"") + len(row.input or b"")
        if size >= _CHUNK_BYTES:
            break
    return chunk
