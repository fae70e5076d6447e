"""Jobs begun before there was a store: a manifest and JSON Lines, which are read into a new store once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from aimlapi_batch.answers import blank
from aimlapi_batch.job import Row
from aimlapi_batch.questions import to_json
from aimlapi_batch.store import Store
from aimlapi_batch.tables import ANSWERED, FAILED
from aimlapi_transport.json_codec import JsonError, loads

_KEPT = ("batches", "unconfirmed", "expired")  # batches of the provider that are under way


def manifest_of(output: Path) -> Row | None:
    """The manifest beside an output; None where there is none."""
    try:
        kept = json.loads(output.with_name(f"{output.name}.manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and isinstance(kept.get("settings"), dict) else None


def import_earlier(store: Store, output: Path, manifest: Row) -> int:
    """Takes the answers of an earlier job into its store; how many there were."""
    rows = output if output.suffix.lower() != ".parquet" else output.with_name(f"{output.name}.rows.jsonl")
    count = 0
    with store.transaction() as db:
        for row in _rows(rows):
            error, usage = row["error"], row["usage"] or {}
            tokens = [
                None if (n := usage.get(name)) is None else round(n) for name in ("input_tokens", "output_tokens")
            ]
            state, kind = (ANSWERED, None) if error is None else (FAILED, error.get("class"))
            count += db.execute(
                "INSERT OR REPLACE INTO rows (position, key, state, tries, error, cost_usd, input_tokens, "
                "output_tokens, seconds, answer) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
                (count, row["key"], state, kind, row["cost_usd"], *tokens, row["seconds"], to_json(row)),
            ).rowcount
        db.execute(
            "INSERT INTO runs (seconds, answered, cost_usd, stopped) SELECT 0, count(*), coalesce(sum(cost_usd), 0), "
            "'imported' FROM rows"
        )
    store.put(**{name: manifest[name] for name in _KEPT if manifest.get(name)})
    if output.exists():
        found = output.stat()
        store.put(output={"size": found.st_size, "mtime_ns": found.st_mtime_ns})
    return count


def _rows(path: Path) -> Iterator[Row]:
    """Its lines that are whole."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with suppress(JsonError):
                row: Any = loads(line)
                if line.endswith(b"\n") and isinstance(row, dict) and isinstance(row.get("key"), str):
                    yield {**blank(row["key"]), **row}
