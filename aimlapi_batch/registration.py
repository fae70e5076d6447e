"""From the rows of a source to those of the store, and whether the job is the one that was begun there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aimlapi_batch.job import Job, JobError, Row
from aimlapi_batch.questions import Questions, RowProblem, hash_of, to_json, wanted_columns
from aimlapi_batch.rows import Note, SourceRow, read, source_name
from aimlapi_batch.runnables import identity
from aimlapi_batch.selection import select_all, take_in
from aimlapi_batch.store import Store
from aimlapi_batch.store_rows import NewRow
from aimlapi_batch.tables import ANSWERED

_COLUMNS = 1000  # names that are kept for a message


def check_settings(store: Store, job: Job, base_url: str | None, *, force: bool) -> None:
    """Whether a store is of this job; a new one is from now on.

    Raises:
        JobError: it is of a job that asks something else, or somebody else.
    """
    settings: Row = json.loads(to_json(settings_of(job, base_url)))
    known: Row | None = store.get("settings")
    if known is not None and not force:
        different = [
            name for name, value in settings.items() if name in known and not _is_same(name, known[name], value)
        ]
        if different:
            names = " and another ".join(f"`{name}`" for name in different)
            raise JobError(
                f"{store.path.name.removesuffix('.job')} is of a job with another {names}: pass another output, "
                "`overwrite` to move this one aside, or `force` to go on anyway."
            )
    if known is not None and settings["source"] is None:
        settings["source"] = known["source"]
    options = {name: getattr(job, name) for name in _OPTIONS}
    if job.include:
        options["include"] = job.include if isinstance(job.include, bool) else list(job.include)
    store.put(settings=settings, options=options, **({} if job.budget_usd is None else {"budget_usd": job.budget_usd}))


def settings_of(job: Job, base_url: str | None) -> Row:
    """What two runs of one job have in common: all that decides what a row is asked, and of whom."""
    names = ("model", "prompt", "system", "messages", "parameters", "schema", "embeddings", "via", "kind")
    return {
        "source": job.source_path,
        "runnable": None if job.runnable is None else identity(job.runnable),
        "key": job.key if job.key is None or isinstance(job.key, str) else list(job.key),
        "base_url": base_url,
        **{name: getattr(job, name) for name in names},
    }


_OPTIONS = ("on_cut", "null", "schema_retries", "texts_per_request", "keep_order", "output_format", "save")


def _is_same(name: str, known: Any, value: Any) -> bool:
    """A file that was moved is the same; another one, beside the first, is not."""
    if name != "source" or known == value or known is None or value is None:
        return bool(known == value) or name == "source"
    return not Path(known).exists()


def register(store: Store, job: Job, note: Note, *, accept: bool) -> tuple[int, dict[str, Row]]:
    """Takes the rows of a job's source into its store.

    Args:
        accept: whether answers stay that were given to other questions.

    Returns:
        How many rows had changed, and those that JSON has no form for, by key.

    Raises:
        JobError: two rows have the same key, a column is in no row, or a row cannot be used.
    """
    if job.source is None:  # the rows that stand in the store
        select_all(store)
        return 0, {}
    objects: dict[str, Row] = {}
    # the answers of the provider's batches that are under way may be those of rows that the source has no more
    is_all = job.reads_all and not store.get("batches")
    changed = take_in(
        store, _new_rows(job, note, objects), is_all=is_all, sample=job.sample, seed=job.seed, accept=accept
    )
    if changed:
        note(f"{changed:,} rows have changed since they were answered: they are asked again.")
    if is_all and (gone := store.count()[ANSWERED] - store.count(selected=True)[ANSWERED]):
        note(f"{gone:,} answered rows are not in {source_name(job)} any more: their answers stay in the output.")
    return changed, objects


def _new_rows(job: Job, note: Note, objects: dict[str, Row]) -> Iterator[NewRow]:
    questions = Questions(job)
    include = () if isinstance(job.include, bool) else tuple(job.include)
    missing = wanted_columns(job) | set(include)
    columns: dict[str, None] = {}
    count = usable = 0
    for one in read(job, note):
        count += 1
        usable += one.error is None
        missing -= one.row.keys()
        if len(columns) < _COLUMNS:
            columns.update(dict.fromkeys(one.row))
        yield _new_row(one, questions, objects, job.include is True, include)
    if not count:
        note(f"There is no row in {source_name(job)}.")
    if missing and usable:
        if job.is_openai_format and "body" in missing:
            raise JobError(
                "Pass either `prompt`, a template over the columns, or `messages`, the column of them; without both, "
                "rows are of OpenAI's batch format, and none has a `body`."
            )
        raise JobError(
            f"No row has a column {', '.join(f'`{name}`' for name in sorted(missing))}: the columns are "
            f"{', '.join(columns) or 'none'}."
        )


def _new_row(
    one: SourceRow, questions: Questions, objects: dict[str, Row], is_whole: bool, include: tuple[str, ...]
) -> NewRow:
    try:
        asked = {"problem": one.error} if one.error is not None else questions.ask(one.row)
    except RowProblem as problem:
        asked = {"problem": str(problem)}
    data = to_json(asked)
    if "row" in asked and json.loads(data) != asked:  # a runnable gets its values as they are
        objects[one.key] = asked
    kept = None
    if is_whole or include:
        kept = to_json(one.row if is_whole else {name: one.row.get(name) for name in include})
    return NewRow(one.place, one.key, hash_of(data), data, kept)
