"""Which published reply answers a request: the provider's own captures, replayed when the request is the same.

To add captures, rebuild `published.json` with `tools/build_emulator_recordings.py`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from aimlapi_emulator.dialects.identity import fingerprint


@dataclass(frozen=True, slots=True)
class Recording:
    """A published reply: a JSON body, or the data lines of a stream. `source` is the page it was read from."""

    status: int
    body: Any
    sse: tuple[str, ...] | None
    source: str


def published(endpoint: str, body: Any) -> Recording | None:
    """The published reply to exactly this request; None if nobody published one."""
    if not isinstance(body, dict) or not _models().get(str(body.get("model"))):
        return None
    return _all().get(f"{endpoint} {fingerprint(same_request(body))}")


def same_request(body: dict[str, Any]) -> dict[str, Any]:
    """A request without what changes nothing: `stream: false` is the default."""
    return {key: value for key, value in body.items() if not (key == "stream" and value is False)}


@functools.cache
def _rows() -> list[dict[str, Any]]:
    path = Path(__file__).parents[1] / "published.json"
    return list(orjson.loads(path.read_bytes())["recordings"]) if path.exists() else []


@functools.cache
def _models() -> dict[str, bool]:
    return {row["request"]["model"]: True for row in _rows()}


@functools.cache
def _all() -> dict[str, Recording]:
    found = {}
    for row in _rows():
        sse = tuple(row["sse"]) if "sse" in row else None
        key = f"{row['endpoint']} {fingerprint(same_request(row['request']))}"
        found[key] = Recording(row["status"], row.get("body"), sse, row["source"])
    return found
