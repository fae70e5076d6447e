"""How a job stands, read from its store: also while another process works on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from aimlapi_batch.job import Job, JobError, Row
from aimlapi_batch.lock import is_locked
from aimlapi_batch.output import remove_leftovers
from aimlapi_batch.store import Store, store_path
from aimlapi_batch.tables import ANSWERED, FAILED, WAITING


def path_of(output: Path) -> Path:
    """The store of an output; or of its own name."""
    if not output.name:  # ., / or nothing
        raise JobError(f"{output} is not the output of a job: pass the file that its answers go to.")
    path = output if output.suffix == ".job" else store_path(output)
    if not path.exists():
        raise JobError(f"{output} is not the output of a job: there is no {path.name} beside it.")
    return path


def output_of(store: Path) -> Path:
    """The output of a store."""
    return store.with_name(store.name.removesuffix(".job"))


def status_of(output: Path) -> Row:
    """Rows by what became of them, what was spent, how fast it goes, and whether a process works on it.

    Raises:
        JobError: it is the output of no job, or its store cannot be read.
    """
    path = path_of(output)
    remove_leftovers(output_of(path))
    is_running = is_locked(path)
    store = Store(path, is_writer=False)
    try:
        counts, spent = store.count(), store.spent()
        runs = list(store.query("SELECT began, seconds, answered + failed FROM runs ORDER BY run DESC LIMIT 1"))
        began, seconds, done = runs[0] if runs else (None, 0, 0)
        rate = done / seconds if seconds else None
        budget = store.get("budget_usd")
        paid = counts[ANSWERED] and spent[1] >= counts[ANSWERED] + counts[FAILED] and not spent[0]
        return {
            "model": store.get("settings", {}).get("model"),
            "total": sum(counts.values()),
            "waiting": counts[WAITING],
            "answered": counts[ANSWERED],
            "failed": counts[FAILED],
            "failures": {kind: {"count": n, "example": text} for kind, (n, text) in store.failures().items()},
            "spent_usd": None if paid else round(spent[0], 9),
            "unpriced": spent[1],
            "budget_usd": budget,
            "rows_per_second": rate and round(rate, 3),
            "seconds_left": round(counts[WAITING] / rate, 1) if rate and is_running else None,
            "running": is_running,
            "pid": store.get("pid") if is_running else None,
            "began": began and time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began)),
            "ordered": _ordered(store),
            "batches": list(store.get("batches", {})),
        }
    finally:
        store.close()


def _ordered(store: Store) -> int:
    """Rows of media that are ordered, or paid for and not saved; a store that was made before orders has none."""
    if not store.one("SELECT count(*) FROM sqlite_master WHERE name = 'orders'"):
        return 0
    return int(store.one("SELECT count(*) FROM orders JOIN rows USING (id) WHERE state <> 1 AND generation <> ''"))


def job_of(output: Path, **settings: Any) -> Job:
    """The job that writes an output, as it was begun, to ask for its rows again.

    Args:
        settings: fields that are to be others.

    Raises:
        JobError: it is the output of no job, or one that a runnable answers.
    """
    path = path_of(output)
    store = Store(path, is_writer=False)
    try:
        known, options = store.get("settings", {}), store.get("options", {})
    finally:
        store.close()
    if known.get("runnable") is not None:
        raise JobError("A runnable answers this job: run it again from Python, with `retry_errors`.")
    names = ("model", "prompt", "system", "messages", "parameters", "schema", "embeddings", "via", "base_url", "key")
    asked = {name: known.get(name) for name in names} | {"kind": known.get("kind", "chat")}
    return Job(**{"source": None, "output": output_of(path), **asked, **options, **settings})
