"""A job on many machines: stages for `dataset.map_batches` of Ray Data, and `run_on_ray` for a whole job.

    import ray
    from aimlapi_batch import Job
    from aimlapi_batch.ray import ChatStage

    job = Job([], "unused.jsonl", model="openai/gpt-4o", prompt="Label this: {text}", key="id")
    answers = ray.data.read_parquet("s3://bucket/rows").map_batches(
        ChatStage, fn_constructor_args=(job,), fn_constructor_kwargs={"commit": "s3://bucket/done", "actors": 4},
        concurrency=4, batch_size=256, batch_format="pyarrow", num_cpus=0.1,
    )

Ray is the engine: it splits the rows, moves them, and begins a block again whose worker died. A stage is an actor with
an event loop and connections of its own. What it has answered of a block is committed row by row, before the block is
handed on: a worker that is killed costs the requests that were under way, at most.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from aimlapi_batch.ask import blank
from aimlapi_batch.calls import run_calls
from aimlapi_batch.job import Job, JobError, Row, hash_of, key_of
from aimlapi_batch.rows import check_rows
from aimlapi_batch.store import Store, from_columns, lines_of, parquet_schema, to_columns
from aimlapi_batch.summary import Summary

BLOCK_ROWS = 256
_CPUS = 0.1  # of a worker, which mostly waits: with whole ones, none would be left to read the rows


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
            keep_order=False,
        )
        self._commit = Path(commit) if commit else None
        self._loop = asyncio.new_event_loop()

    def __call__(self, batch: Any) -> Any:
        """The answers to a block, as a table."""
        import pyarrow as pa

        rows = batch.to_pylist()
        answers = {row["key"]: row for row in self._answered(rows)}
        keys = [key_of(row, self._job.key) for row in rows]
        return pa.Table.from_pylist([to_columns(answers.get(key) or blank(key)) for key in keys], parquet_schema())

    def _answered(self, rows: list[Row]) -> Iterable[Row]:
        keys = "\n".join(key_of(row, self._job.key) for row in rows)
        name = hashlib.sha256(keys.encode()).hexdigest()[:24]
        if self._commit is None:
            import tempfile

            with tempfile.TemporaryDirectory() as folder:
                return self._run(rows, Path(folder) / f"{name}.jsonl")
        return self._run(rows, self._commit / f"{name}.jsonl")

    def _run(self, rows: list[Row], output: Path) -> list[Row]:
        """Asks what has no answer yet; a block that was begun by a worker that died goes on."""
        job = replace(self._job, source=rows, output=output)
        job.check()
        self._loop.run_until_complete(run_calls(job, check_rows(job)))
        return [row for _, _, row in lines_of(output) if row is not None]


class EmbedStage(ChatStage):
    """Vectors for each block of rows; as `ChatStage`."""

    def __init__(self, job: Job, *, commit: str | None = None, actors: int = 1) -> None:
        super().__init__(replace(job, embeddings=True), commit=commit, actors=actors)


def run_on_ray(job: Job, address: str = "auto", *, actors: int | None = None, block_rows: int = BLOCK_ROWS) -> Summary:
    """Runs a job on a Ray cluster, as `run(job, on=address)`; what all of its answers came to.

    The source is a path as Ray knows it (a file, a folder, s3://...). An output that ends in `.jsonl` is written here,
    as by `run`; any other is a folder, which Ray writes as Parquet.

    Args:
        address: of the cluster; `local` begins one on this machine.
        actors: workers; by default one for each CPU of the cluster, four at most.
        block_rows: rows that a worker takes at a time; at least ten times what it keeps under way, for it takes the
            next ones when the last of them is answered.

    Raises:
        JobError: the job asks for something that one process has to see all rows for: a budget, a sample, their order.
    """
    job.check()
    if job.runnable is not None or job.via != "calls":
        raise JobError("On Ray a job asks a model by calls: no runnable, no provider's batches.")
    if not isinstance(job.source, (str, Path)):
        raise JobError("On Ray the source is a path that all workers see.")
    if job.budget_usd is not None or job.sample is not None or job.keep_order:
        raise JobError("On Ray there is no `budget_usd`, `sample` or `keep_order`: use `limit`, or one process.")
    try:
        ray: Any = import_module("ray")
    except ImportError:
        raise JobError("Ray is not installed: pip install 'aimlapi-integrations[ray]'.") from None
    _check_key(job)
    if not ray.is_initialized():
        ray.init(address=None if address == "local" else address, log_to_driver=False)
    summary = Summary()
    workers = actors or max(min(int(ray.cluster_resources().get("CPU", 1)), 4), 1)
    commit = str(Path(f"{job.output}.blocks").absolute())
    rows = _read(ray, str(job.source), block_rows)
    answers = (rows if job.limit is None else rows.limit(job.limit)).map_batches(
        ChatStage if not job.embeddings else EmbedStage,
        fn_constructor_args=(replace(job, source=[], output="unused.jsonl", limit=None),),
        fn_constructor_kwargs={"commit": commit, "actors": workers},
        concurrency=workers,
        batch_size=block_rows,
        batch_format="pyarrow",
        num_cpus=_CPUS,
    )
    if Path(str(job.output)).suffix.lower() not in (".jsonl", ".ndjson"):
        answers.write_parquet(str(job.output))
        for row in ray.data.read_parquet(str(job.output), columns=["error", "cost_usd"]).iter_rows():
            _count(summary, row)
        return summary
    with closing(Store(job)) as store:
        summary.already = len(store.done)
        for row in answers.iter_rows():
            held = from_columns(row)
            if hash_of(held["key"]) not in store.done:
                _count(summary, held)
                store.write(held)
        store.finish(is_counted=False)
    summary.seconds = time.monotonic() - summary.begun
    return summary


def _check_key(job: Job) -> None:
    """A key that is missing is said here, not by a worker."""
    from aimlapi_transport import Client

    with Client(base_url=job.base_url, api_key=job.api_key) as client:
        client.read_key()


def _count(summary: Summary, row: Row) -> None:
    summary.answered += row["error"] is None
    summary.errors += row["error"] is not None
    summary.cost_usd += row["cost_usd"] or 0.0


def _read(ray: Any, source: str, block_rows: int) -> Any:
    kind = source.removesuffix(".gz").rpartition(".")[2].lower()
    if kind in ("jsonl", "ndjson", "json"):
        found = ray.data.read_json(source)
    elif kind == "csv":
        found = ray.data.read_csv(source)
    else:
        found = ray.data.read_parquet(source)
    return found.repartition(target_num_rows_per_block=block_rows)
