"""Rows as they go into a store, and as they come out of it to be asked."""

from __future__ import annotations

from dataclasses import dataclass


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
