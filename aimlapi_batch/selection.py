"""Which rows of a store are of this run: those of its source, new, changed or known, or a sample of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from aimlapi_batch.job import JobError
from aimlapi_batch.questions import number_of
from aimlapi_batch.store import Store
from aimlapi_batch.store_rows import NewRow, next_chunk

_ASKED = "CASE state WHEN 1 THEN NULL ELSE excluded.asked END"
_NEW_QUESTION = f"hash = excluded.hash, asked = {_ASKED}"
# of a row that is there, while it is not known whether this run asks it
_KEPT_ASKED = f"CASE WHEN hash <> excluded.hash THEN asked ELSE {_ASKED} END"
_KEPT_QUESTION = f"hash = coalesce(hash, excluded.hash), asked = {_KEPT_ASKED}"


def take_in(store: Store, rows: Iterable[NewRow], *, is_all: bool, sample: int | None, seed: int, accept: bool) -> int:
    """Takes the rows of the source into the job, all of them or none; how many had changed and are asked again.

    Args:
        is_all: whether the source was read to its end: rows it has no more are left out, unless they are answered.
        sample: so many of them, the same ones for the same seed.
        accept: whether an answer stays that was given to another question.

    Raises:
        JobError: two rows have the same key.
    """
    position, iterator = 0, iter(rows)
    keeps_question = not store.is_new and not accept
    question = _KEPT_QUESTION if keeps_question else _NEW_QUESTION
    with store.transaction() as db:
        db.execute("DELETE FROM temp.selected")
        db.execute("DROP TABLE IF EXISTS temp.changed")
        db.execute("CREATE TEMP TABLE changed (id INTEGER PRIMARY KEY, hash BLOB, asked BLOB)")
        while chunk := next_chunk(iterator):
            if keeps_question:
                db.executemany(
                    "INSERT OR REPLACE INTO temp.changed SELECT id, ?, ? FROM rows WHERE key = ? AND hash <> ?",
                    [(row.hash, row.asked, row.key, row.hash) for row in chunk],
                )
            db.executemany(
                "INSERT INTO rows (position, key, hash, asked, input) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO "
                f"UPDATE SET position = excluded.position, input = excluded.input, {question} "
                "WHERE position <> excluded.position OR hash IS NOT excluded.hash "
                "OR input IS NOT excluded.input OR (asked IS NULL AND state <> 1)",
                [(position + at, row.key, row.hash, row.asked, row.input) for at, row in enumerate(chunk)],
            )
            try:
                db.executemany(
                    "INSERT INTO temp.selected SELECT ?, id, ? FROM rows WHERE key = ?",
                    [(position + at, row.place, row.key) for at, row in enumerate(chunk)],
                )
            except sqlite3.IntegrityError:
                raise _same_key(store, chunk, position) from None
            position += len(chunk)
        if sample is not None and sample < position:
            _select_sample(db, sample, seed)
        # only the rows of this run: another's answer stays, though its question has changed
        changed = db.execute(
            "UPDATE rows SET state = 0, answer = NULL, error = NULL, "
            "hash = (SELECT hash FROM temp.changed WHERE id = rows.id), "
            "asked = (SELECT asked FROM temp.changed WHERE id = rows.id) "
            "WHERE id IN (SELECT id FROM temp.changed) AND id IN (SELECT id FROM temp.selected)"
        ).rowcount
        if is_all:
            db.execute(
                "DELETE FROM rows WHERE state <> 1 AND cost_usd IS NULL AND id NOT IN (SELECT id FROM temp.selected)"
            )
    return changed


def _same_key(store: Store, chunk: Sequence[NewRow], first: int) -> JobError:
    for at, row in enumerate(chunk):
        other = store.one(
            "SELECT place FROM temp.selected JOIN rows USING (id) WHERE key = ? AND selected.position <> ?",
            *(row.key, first + at),
        )
        if other is not None and store.one("SELECT 1 FROM temp.selected WHERE position = ?", first + at) is None:
            return JobError(
                f"The key {row.key!r} is there twice, in rows {other} and {row.place}: keys have to differ; pass "
                "`key`, a column (or several) that names each row, or `line`."
            )
    return JobError("A key is there twice: pass `key`, a column that names each row, or `line`.")


def _select_sample(db: sqlite3.Connection, sample: int, seed: int) -> None:
    """Keeps exactly so many of the selected rows, and takes the others back where this run brought them."""
    db.create_function("chance", 1, lambda key: number_of(key, f"{seed} ") >> 1, deterministic=True)
    db.execute(
        "DELETE FROM temp.selected WHERE id NOT IN "
        "(SELECT id FROM temp.selected JOIN rows USING (id) ORDER BY chance(key), key LIMIT ?)",
        (sample,),
    )
    db.execute("DELETE FROM rows WHERE state = 0 AND tries = 0 AND id NOT IN (SELECT id FROM temp.selected)")


def select_all(store: Store) -> None:
    """Every row of the job is one of this run."""
    with store.transaction() as db:
        db.execute("DELETE FROM temp.selected")
        db.execute("INSERT INTO temp.selected SELECT row_number() OVER (ORDER BY position, id), id, 0 FROM rows")
