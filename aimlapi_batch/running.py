"""One run of a job: its rows go into the store, what waits is asked, the output is written."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aimlapi_batch.answer_writer import AnswerWriter
from aimlapi_batch.ask import Asker
from aimlapi_batch.calls import CallRun
from aimlapi_batch.earlier_jobs import import_earlier, manifest_of
from aimlapi_batch.job import DELETED, Job, JobError, Row, StoreError
from aimlapi_batch.lock import Lock, is_locked
from aimlapi_batch.output import LiveOutput, Output, set_aside
from aimlapi_batch.registration import check_settings, register
from aimlapi_batch.rescue import restore
from aimlapi_batch.schemas import AnswerCheck
from aimlapi_batch.store import Store, store_path
from aimlapi_batch.summary import Progress, Summary
from aimlapi_batch.tables import WAITING
from aimlapi_transport.user_warnings import warn

if TYPE_CHECKING:
    from aimlapi_batch.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")


async def run_job(
    job: Job,
    workers: Workers | None,
    *,
    force: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Runs a job to its end, by workers where there are some; see `engine.arun`."""
    check(job)
    if job.via == "provider":
        from aimlapi_batch.provider import check_model

        check_model(job)
    stop = stop or asyncio.Event()
    async with opened(job, force=force, overwrite=overwrite) as begun:
        store, summary = begun.store, begun.summary
        with AnswerWriter(store, summary, begun.live, on_progress, stop) as answers:
            if job.via == "provider":
                from aimlapi_batch.provider import BatchRun

                await BatchRun(job, store, summary, answers, stop).all()
            else:
                await CallRun(job, store, summary, answers, stop, objects=begun.objects, workers=workers).all()
    return summary


def check(job: Job) -> None:
    """Raises `JobError` for a job that makes no sense."""
    job.check()
    if job.schema is not None:
        AnswerCheck(job.schema)


@dataclass
class Begun:
    """A job whose rows are in its store, ready to be asked."""

    store: Store
    summary: Summary
    objects: dict[str, Row]
    output: Output
    live: LiveOutput


@asynccontextmanager
async def opened(job: Job, *, force: bool, overwrite: bool) -> AsyncIterator[Begun]:
    """Takes the rows of a job into its store; at the end, whatever it is, the output is written.

    Raises:
        JobError: the job cannot be begun: then nothing was changed.
    """
    base_url = await _check_client(job)
    if overwrite:
        _move_aside(job)
    summary = Summary()
    folder = Path(tempfile.mkdtemp(prefix="aimlapi-batch-")) if str(job.output) == "-" else None
    store = await _in_thread(Store, store_path(job.path) if folder is None else folder / "answers.job")
    try:
        begun = await _in_thread(_begin, job, store, summary, base_url, force)
        try:
            yield begun
        except asyncio.CancelledError:
            if folder is not None and store.one("SELECT count(answer) FROM rows"):
                warn(_kept_in(store))
                folder = None
            raise
        except BaseException as error:
            vars(error)["summary"] = summary
            await _written(job, begun, is_failure=True)
            raise
        try:
            await _written(job, begun, is_failure=False)
        except OSError as error:
            if folder is None:
                raise
            folder = None
            raise StoreError(
                f"The standard output cannot be written: {error.strerror or error}. {_kept_in(store)}"
            ) from error
    finally:
        if kept := store.keep():
            warn(kept)
        store.close()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _kept_in(store: Store) -> str:
    return f"All answers stand in {store.path}: `aimlapi batch export {store.path} -o FILE` writes them."


async def _in_thread(work: Callable[P, T], *args: P.args, **settings: P.kwargs) -> T:
    """As `asyncio.to_thread`; a cancellation waits for the thread, whose store is closed after it."""
    thread = asyncio.ensure_future(asyncio.to_thread(work, *args, **settings))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        while not thread.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        if not thread.cancelled():
            thread.exception()
        raise


async def _check_client(job: Job) -> str | None:
    """The address that is asked; a key that is missing is an error now."""
    from aimlapi_transport import AsyncClient

    if job.runnable is not None:
        return None
    async with AsyncClient(base_url=job.base_url, api_key=job.api_key, **job.client) as client:
        await client.aread_key()
        if job.kind == "chat" and not job.is_openai_format:  # parameters that no request takes
            asked: Row = {"text": "-"} if job.embeddings else {"messages": [{"role": "user", "content": "-"}]}
            Asker(job, client).request([asked])
        return str(client.base_url)


def _move_aside(job: Job) -> None:
    if str(job.output) == "-":
        return
    if is_locked(store_path(job.path)):
        Lock(store_path(job.path)).release()  # raises, with the pid of the other process
    for path in (job.path, store_path(job.path), job.path.with_name(f"{job.path.name}.manifest.json")):
        if path.exists():
            set_aside(path)


def _begin(job: Job, store: Store, summary: Summary, base_url: str | None, force: bool) -> Begun:
    """Looks at what there is, takes the rows in, and counts them."""
    is_new = store.is_new
    note = summary.notes.append
    try:
        manifest = manifest_of(job.path) if is_new else None
        settings = store.get("settings")
        if manifest is not None:
            store.put(settings=_earlier_settings(manifest["settings"]))
            check_settings(store, job, base_url, force=force)
            note(f"{import_earlier(store, job.path, manifest):,} rows of a job that was begun before were taken over.")
            store.is_new = False
        is_openai = job.output_format == "openai" or (job.output_format is None and job.is_openai_format)
        output = Output(store, job.path, note, openai=is_openai)
        if settings is not None:
            check_settings(store, job, base_url, force=force)
        output.check()
        if settings is None and manifest is None:
            check_settings(store, job, base_url, force=force)
        classes = ["*"] if job.retry_errors is True else _names(job.retry_errors)
        if DELETED in classes and job.source is not None:
            store.ask_again_ids(store.get("deleted", ()))
        summary.changed, objects = register(store, job, note, accept=force)
        if count := restore(store):
            note(f"{count:,} answers are taken over for which there was no room before.")
    except BaseException:
        if is_new:
            store.discard()
        raise
    if job.kind != "chat":
        from aimlapi_batch.media import lose_orders

        if count := lose_orders(store):
            note(
                f"{count:,} rows were being ordered when the job last ended: whether they were made, and are charged "
                "for, is not known. `--retry-errors LostOrderError` orders them again."
            )
    store.ask_again(classes, retryable=True)
    counts = store.count(selected=True)
    summary.total = sum(counts.values())
    summary.already = summary.total - counts[WAITING]
    summary.spent_usd = store.spent()[0]
    summary.budget_usd = job.budget_usd or store.get("budget_usd")
    if job.live and str(job.output) != "-" and job.path.suffix.lower() in (".jsonl", ".ndjson"):
        output.write(in_order=job.keep_order)
    live = LiveOutput(job.path if job.live else None, note, openai=is_openai)
    return Begun(store, summary, objects, output, live)


def _names(classes: Iterable[str] | bool) -> list[str]:
    return [] if isinstance(classes, bool) else [classes] if isinstance(classes, str) else list(classes)


def _earlier_settings(settings: Row) -> Row:
    """The settings of a job begun before there was a store, as far as they mean the same."""
    source = settings.get("source")
    kept = {name: value for name, value in settings.items() if name not in ("source", "runnable")}
    return {**kept, "source": source and (source if "://" in source else str(Path(source).resolve()))}


async def _written(job: Job, begun: Begun, *, is_failure: bool) -> None:
    """Writes the output; where the job failed already, that is what is reported."""
    begun.live.close()
    try:
        begun.output.check_unchanged(begun.live.size)
        await _in_thread(begun.output.write, in_order=job.keep_order)
    except JobError:
        if not is_failure:
            raise
