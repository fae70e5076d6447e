"""Answers for which a full disk had no room: into a file of the temporary folder, and from there into the store."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aimlapi_batch.job import Row
from aimlapi_batch.questions import hash_of, to_json
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Summary
from aimlapi_transport.json_codec import JsonError, loads


def rescue_path(store: Path) -> Path:
    """The file for the answers of a job."""
    digest = hashlib.sha256(str(store.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"aimlapi-batch-{digest}.jsonl"


def save(store: Store, answers: Sequence[tuple[DueRow, Row]]) -> str:
    """Puts answers aside; a sentence about it."""
    path = rescue_path(store.path)
    try:
        with path.open("ab") as file:
            for due, answer in answers:
                file.write(to_json({**answer, "asked": hash_of(due.asked or b"").hex()}) + b"\n")
    except OSError as error:
        return f" {len(answers)} answers that came meanwhile are lost: {path}: {error.strerror or error}."
    return f" {len(answers)} answers that came meanwhile are in {path}, from where the next run takes them."


def restore(store: Store) -> int:
    """Takes the answers put aside into the store, where their rows wait for them still; how many."""
    path, found, summary = rescue_path(store.path), list[tuple[DueRow, Row, bool]](), Summary()
    with suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with suppress(JsonError):
                answer: Row = loads(line)
                digest = bytes.fromhex(answer.pop("asked"))
                known = store.query(
                    "SELECT id FROM rows WHERE key = ? AND hash = ? AND state = 0", answer["key"], digest
                )
                for (number,) in known:
                    found.append((DueRow(0, number, answer["key"], 0, None, None), answer, False))
                    summary.count(answer)
                    summary.count_usage(answer)
    if found:
        run = store.begin_run()
        store.write(run, found, summary.counters())
        store.end_run(run, "restored")
    path.unlink(missing_ok=True)
    return len(found)
