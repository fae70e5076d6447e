"""Runs a job: by calls, by the provider's batches, or on Ray."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aimlapi_batch.calls import estimate, run_calls
from aimlapi_batch.job import Job, JobError
from aimlapi_batch.rows import check_rows
from aimlapi_batch.summary import Progress, Summary


def run(
    job: Job,
    *,
    force: bool = False,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    on: str | None = None,
) -> Summary:
    """Runs a job to its end; one that was begun goes on.

    Args:
        force: go on although the output is of a job with other settings.
        on_progress: called with each answer.
        dry_run: ask nothing; count tokens and estimate the cost.
        on: address of a Ray cluster (`auto`, `local`, `ray://...`) to run it on; see `aimlapi_batch.ray.run_on_ray`.

    Raises:
        JobError: the job cannot be begun, or not go on. What is written stays.
    """
    if on is not None:
        from aimlapi_batch.ray import run_on_ray

        if force or dry_run or on_progress is not None:
            raise JobError("On Ray there is no `force`, `dry_run` or `on_progress`.")
        return run_on_ray(job, on)
    running = arun(job, force=force, on_progress=on_progress, dry_run=dry_run)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(running)
    with ThreadPoolExecutor(1) as beside:  # a notebook's loop is under way in this thread
        return beside.submit(asyncio.run, running).result()


async def arun(
    job: Job,
    *,
    force: bool = False,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    stop: asyncio.Event | None = None,
) -> Summary:
    """As `run`, in an event loop of yours.

    Args:
        stop: once set, nothing more is begun; what is under way is finished and written.
    """
    job.check()
    total = None
    if not hasattr(job.source, "__next__"):
        total = await asyncio.to_thread(check_rows, job)
    if job.sample is not None and total is None:
        raise JobError("`sample` needs rows that can be counted: pass a file or a list.")
    if dry_run:
        return await estimate(job, total)
    if job.via == "provider":
        from aimlapi_batch.provider import run_batches

        return await run_batches(job, total, force=force, on_progress=on_progress, stop=stop)
    return await run_calls(job, total, force=force, on_progress=on_progress, stop=stop)
