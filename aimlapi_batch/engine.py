"""Runs a job: by calls, by the provider's batches, or on Ray."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aimlapi_batch.estimate import estimate
from aimlapi_batch.job import Job, JobError
from aimlapi_batch.running import run_job
from aimlapi_batch.summary import Progress, Summary


def run(
    job: Job,
    *,
    force: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    calibrate: int = 0,
    on: str | None = None,
) -> Summary:
    """Runs a job to its end; one that was begun goes on.

    Args:
        force: go on although the output is of a job with other settings; its answers stay.
        overwrite: move the output there is aside, to a name that ends in `.bak`, and begin anew.
        on_progress: called with each answer.
        dry_run: ask nothing; count tokens and estimate the cost.
        calibrate: of a dry run: so many rows are asked for real, and what they cost is what the others are expected
            to; their answers are kept.
        on: address of a Ray cluster (`auto`, `local`, `ray://...`) to run it on; see `aimlapi_batch.ray.run_on_ray`.

    Raises:
        JobError: the job cannot be begun, or not go on. What is answered stays.
        AIMLAPIError: no row can be answered: the key, the credits, the model. The rows wait for another run; the
            `summary` of the error tells how far it came.
    """
    if on is not None:
        from aimlapi_batch.ray import run_on_ray

        if dry_run or calibrate:
            raise JobError("On Ray there is no `dry_run`: estimate on this machine.")
        return run_on_ray(job, on, force=force, overwrite=overwrite, on_progress=on_progress)
    running = arun(job, force=force, overwrite=overwrite, on_progress=on_progress, dry_run=dry_run, calibrate=calibrate)
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
    overwrite: bool = False,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    calibrate: int = 0,
    stop: asyncio.Event | None = None,
) -> Summary:
    """As `run`, in an event loop of yours.

    Args:
        stop: once set, nothing more is sent; what is under way is finished and kept.
    """
    if dry_run:
        return await estimate(job, calibrate, stop)
    return await run_job(job, None, force=force, overwrite=overwrite, on_progress=on_progress, stop=stop)
