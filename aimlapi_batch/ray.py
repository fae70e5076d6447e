"""A job on many machines: `run_on_ray` for a whole job, and stages for `dataset.map_batches` of Ray Data.

    import ray
    from aimlapi_batch import Job
    from aimlapi_batch.ray import ChatStage

    job = Job([], "unused.jsonl", model="openai/gpt-4o", prompt="Label this: {text}", key="id")
    answers = ray.data.read_parquet("s3://bucket/rows").map_batches(
        ChatStage, fn_constructor_args=(job,), fn_constructor_kwargs={"commit": "s3://bucket/done", "actors": 4},
        concurrency=4, batch_size=256, batch_format="pyarrow", num_cpus=0.1,
    )

Of a whole job, this process reads the rows and keeps the answers, in the same store as any other; workers ask, and hand
each answer over as it comes: one that is killed costs the requests that were under way. A stage commits the answers of
its block to a folder, row by row, before the block is handed on.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from aimlapi_batch.answers import blank
from aimlapi_batch.formats import parquet_schema, to_columns
from aimlapi_batch.job import Job, JobError, Row
from aimlapi_batch.questions import key_of
from aimlapi_batch.running import run_job
from aimlapi_batch.store import Store, store_path
from aimlapi_batch.summary import Progress, Summary
from aimlapi_transport.json_codec import loads

BLOCK_ROWS = 256


class ChatStage:
    """Answers for each block of rows: an actor for `map_batches`, with `batch_format="pyarrow"`.

    Args:
        job: what is asked; its source and output do not matter here.
        commit: a folder that all workers see: answers are kept there, so that no block is asked twice.
        actors: how many there are: each takes its share of `concurrency` and of the limits a minute.
    """

    def __init__(self, job: Job, *, commit: str | None = None, actors: int = 1) -> None:
        self._job = replace(
            job,
            concurrency=max(job.concurrency // actors, 1),
            requests_per_minute=job.requests_per_minute and job.requests_per_minute / actors,
            tokens_per_minute=job.tokens_per_minute and job.tokens_per_minute / actors,
        )
        self._commit = Path(commit) if commit else None
        self._loop = asyncio.new_event_loop()

    def __call__(self, batch: Any) -> Any:
        """The answers to a block, as a table."""
        import pyarrow as pa

        rows = batch.to_pylist()
        answers = {row["key"]: row for row in self._answered(rows)}
        keys = [key_of(row, self._job.key, place) for place, row in enumerate(rows, 1)]
        return pa.Table.from_pylist([to_columns(answers.get(key) or blank(key)) for key in keys], parquet_schema())

    def _answered(self, rows: list[Row]) -> list[Row]:
        keys = "\n".join(key_of(row, self._job.key, place) for place, row in enumerate(rows, 1))
        name = hashlib.sha256(keys.encode()).hexdigest()[:24]
        if self._commit is None:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                return self._run(rows, Path(folder) / f"{name}.jsonl")
        return self._run(rows, self._commit / f"{name}.jsonl")

    def _run(self, rows: list[Row], output: Path) -> list[Row]:
        """Asks what has no answer yet; a block that was begun by a worker that died goes on."""
        self._loop.run_until_complete(run_job(replace(self._job, source=rows, output=output, live=False), None))
        with closing(Store(store_path(output), is_writer=False)) as store:
            return [loads(answer) for (answer,) in store.query("SELECT answer FROM rows WHERE answer IS NOT NULL")]


class EmbedStage(ChatStage):
    """Vectors for each block of rows; as `ChatStage`."""

    def __init__(self, job: Job, *, commit: str | None = None, actors: int = 1) -> None:
        super().__init__(replace(job, embeddings=True), commit=commit, actors=actors)


def run_on_ray(
    job: Job,
    address: str = "auto",
    *,
    actors: int | None = None,
    block_rows: int = BLOCK_ROWS,
    force: bool = False,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Summary:
    """Runs a job on a Ray cluster, as `run(job, on=address)`; what all of its answers came to.

    The source is anything `run` takes, or a path as Ray knows it (a folder, s3://...). The output is written here, as
    by `run`; one without an ending is a folder, which gets a Parquet file.

    Args:
        address: of the cluster; `local` begins one on this machine.
        actors: workers, among which `concurrency` is spread; by default one for each CPU of the cluster, four at most.
        block_rows: rows of a folder or an address that are read at a time.
        force, overwrite, on_progress: as of `run`.

    Raises:
        JobError: the job cannot be begun, or not go on. What is answered stays.
    """
    from aimlapi_batch.workers import Workers

    if job.runnable is not None or job.via != "calls" or job.kind != "chat":
        raise JobError("On Ray a job asks a chat model by calls: no runnable, no provider's batches, no media.")
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise JobError("Ray is not installed: pip install 'aimlapi-integrations[ray]'.") from None
    folder = Path(job.output) if not Path(job.output).suffix and str(job.output) != "-" else None
    if folder is not None:
        job = replace(job, output=folder.with_name(f"{folder.name}.parquet"))
        if any(folder.glob("*")) and not store_path(job.path).exists():
            raise JobError(f"{folder} exists and is not of this job: pass another output.")
    job.check()
    if not ray.is_initialized():
        ray.init(address=None if address == "local" else address, log_to_driver=False)
    count = actors or max(min(int(ray.cluster_resources().get("CPU", 1)), 4), 1)
    job = replace(job, source=_source(ray, job.source, block_rows))
    workers = Workers(ray, job, count)
    try:
        summary = asyncio.run(run_job(job, workers, force=force, overwrite=overwrite, on_progress=on_progress))
    finally:
        workers.close()
    if folder is not None:
        folder.mkdir(exist_ok=True)
        job.path.replace(folder / "answers.parquet")
    return summary


def _source(ray: Any, source: Any, block_rows: int) -> Any:
    """The rows: of a folder or an address they are read by Ray."""
    if not isinstance(source, (str, Path)) or str(source) == "-":
        return source
    is_remote = "://" in str(source)
    if not is_remote and not Path(source).is_dir():
        return source
    kind = str(source).removesuffix(".gz").rpartition(".")[2].lower()
    readers = {"jsonl": "read_json", "ndjson": "read_json", "json": "read_json", "csv": "read_csv"}
    found = getattr(ray.data, readers.get(kind, "read_parquet"))(str(source))
    return (
        row for batch in found.iter_batches(batch_size=block_rows, batch_format="pyarrow") for row in batch.to_pylist()
    )
