"""Answers for which the disk had no room: in a file beside the output or in the user's folder, until the next run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from aimlapi_batch.job import Row
from aimlapi_batch.questions import hash_of, to_json
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Summary
from aimlapi_transport.json_codec import JsonError, loads

_APPLICATION = "aimlapi-integrations"


def _folders(store: Path) -> tuple[Path, Path]:
    """Where such files are: beside the output; where that is full, in the user's folder for what programs keep."""
    from platformdirs import user_state_path

    return store.parent, user_state_path(_APPLICATION, appauthor=False)


def _prefix(store: Path) -> str:
    digest = hashlib.sha256(str(store.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return f".aimlapi-batch-{digest}-"


def save(store: Store, answers: Sequence[tuple[DueRow, Row]]) -> str:
    """Puts answers aside, in a file that only the user can read; a sentence about it."""
    data = b"".join(to_json({**answer, "asked": hash_of(due.asked or b"").hex()}) + b"\n" for due, answer in answers)
    reason = ""
    for folder in _folders(store.path):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".jsonl", _prefix(store.path), folder)
        except OSError as error:
            reason = f"{folder}: {error.strerror or error}"
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            reason = f"{name}: {error.strerror or error}"
            with suppress(OSError):
                os.unlink(name)
            continue
        return f" {len(answers)} answers that came meanwhile are in {name}, from where the next run takes them."
    return f" {len(answers)} answers that came meanwhile are lost: {reason}."


def _saved(store: Path) -> Iterator[Path]:
    """The files of a job, those that another user may have put there left out."""
    for folder in _folders(store):
        for path in sorted(folder.glob(f"{_prefix(store)}*.jsonl")):
            if not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid():
                yield path


def restore(store: Store) -> int:
    """Takes the answers put aside into the store, where their rows wait for them still; how many."""
    paths, found, summary = list(_saved(store.path)), list[tuple[DueRow, Row, bool]](), Summary()
    for line in (line for path in paths for line in path.read_bytes().splitlines()):
        with suppress(JsonError):
            answer: Row = loads(line)
            digest = bytes.fromhex(answer.pop("asked"))
            known = store.query("SELECT id FROM rows WHERE key = ? AND hash = ? AND state = 0", answer["key"], digest)
            for (number,) in known:
                found.append((DueRow(0, number, answer["key"], 0, None, None), answer, False))
                summary.count(answer)
                summary.count_usage(answer)
    if found:
        run = store.begin_run()
        store.write(run, found, summary.counters())
        store.end_run(run, "restored")
    for path in paths:
        path.unlink(missing_ok=True)
    return len(found)
