"""Runs a job: reads, asks, writes, and holds no more than what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aimlapi_batch.ask import Asker, RowRetries, failed, unusable
from aimlapi_batch.job import Job, JobError, Row, hash_of
from aimlapi_batch.limiter import Rate, limiter_for
from aimlapi_batch.rows import Read, check_rows, is_sampled, read
from aimlapi_batch.store import Store
from aimlapi_transport.errors import AIMLAPIError, AuthenticationError, BudgetExceededError, RateLimitError
from aimlapi_transport.usage_totals import ModelUsage, UsageTotals

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request

_MOST_KEPT = 10_000  # rows that wait for another try; further ones are reported as they failed
_BYTES_PER_TOKEN = 4
_STORMS = 100  # 429s in a row before a row fails
_call: ContextVar[int] = ContextVar("aimlapi_batch_call", default=0)


@dataclass
class Summary:
    """How a job stands.

    Attributes:
        total: rows there are, as far as that is known; `already` were answered before this run.
        asked, answered, errors: rows of this run.
        cost_usd: US dollars of this run; input_tokens, output_tokens its tokens.
        under_way, concurrency: requests now, and how many the provider takes.
        stopped: why it ended early: `budget`, `interrupted`; None where it did not.
    """

    total: int | None = None
    already: int = 0
    asked: int = 0
    answered: int = 0
    errors: int = 0
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    under_way: int = 0
    concurrency: float = 0.0
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    stopped: str | None = None
    estimated_usd: float | None = None

    @property
    def rows_per_second(self) -> float:
        """Answers a second."""
        return (self.answered + self.errors) / max(self.seconds, 1e-9)

    @property
    def left(self) -> int | None:
        """Rows still to be answered."""
        return None if self.total is None else max(self.total - self.already - self.answered - self.errors, 0)


Progress = Callable[[Summary], None]


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
        return await _Run(job, None, total, on_progress, stop).estimate()
    if job.via == "provider":
        from aimlapi_batch.provider import run_batches

        return await run_batches(job, total, force=force, on_progress=on_progress, stop=stop)
    store = Store(job, force=force)
    try:
        running = _Run(job, store, total, on_progress, stop)
        summary = await running.all()
        if summary.stopped is None:
            order = (lambda: (one.key for one in read(job))) if job.keep_order and total is not None else None
            await asyncio.to_thread(store.finish, order)
        return summary
    finally:
        store.close()


class _Run:
    def __init__(
        self, job: Job, store: Store | None, total: int | None, on_progress: Progress | None, stop: asyncio.Event | None
    ) -> None:
        self._job = job
        self._store = store
        self._tell = on_progress or (lambda _: None)
        self._stop = stop or asyncio.Event()
        self.summary = Summary(total=total, already=len(store.done) if store else 0)
        self._rows = total
        if total is not None:
            self.summary.total = min(total, job.sample or total)
        self._usage = UsageTotals(budget_usd=job.budget_usd)
        self._requests, self._tokens = Rate(job.requests_per_minute), Rate(job.tokens_per_minute)
        self._again: list[tuple[Read, Exception]] = []
        self._failure: BaseException | None = None
        self._seen: set[int] = set()
        self._next_call = 0

    @contextlib.asynccontextmanager
    async def _asking(self) -> AsyncIterator[Asker]:
        from aimlapi_transport import AsyncClient

        job = self._job
        settings: dict[str, Any] = {"retry": RowRetries(2), **job.client}
        async with AsyncClient(base_url=job.base_url, api_key=job.api_key, **settings) as client:
            self._client = client
            self._limiter = limiter_for(client.base_url, job.concurrency)
            yield Asker(job, client, self._reserve)

    async def all(self) -> Summary:
        """Asks for all rows that have no answer yet."""
        async with self._asking() as asker:
            await self._pass(asker, self._due())
            for left in reversed(range(self._job.row_retries)):
                if not self._again or self._stop.is_set():
                    break
                again, self._again = self._again, []
                await self._pass(asker, iter([one for one, _ in again]), last=left == 0)
            for one, error in self._again:
                self._write(failed(one.key, error))
        self.summary.seconds = time.monotonic() - self.summary.begun
        if self._stop.is_set() and self.summary.stopped is None:
            self.summary.stopped = "interrupted"
        if self._failure is not None:
            raise self._failure
        return self.summary

    def _due(self) -> Iterator[Read]:
        job, store = self._job, self._store
        for one in read(job):
            if job.sample is not None and self._rows is not None and not is_sampled(one.key, job.sample, self._rows):
                continue
            number = hash_of(one.key)
            if self._rows is None:  # rows that come once: twice the same key is seen only now
                if number in self._seen:
                    self._write(unusable(one.key, "its key was there before", "DuplicateKey"))
                    continue
                self._seen.add(number)
            if store is not None and number in store.done:
                continue
            yield one

    async def _pass(self, asker: Asker, rows: Iterator[Read], *, last: bool = False) -> None:
        """Asks for some rows, as many at a time as may be under way."""
        job = self._job
        room = asyncio.Semaphore(job.concurrency)
        tasks: set[asyncio.Task[None]] = set()
        group: list[Read] = []
        size = job.texts_per_request if job.embeddings else 1

        def over(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            room.release()
            if not task.cancelled() and (error := task.exception()) is not None:
                self._end(error)

        async def begin(taken: list[Read]) -> None:
            await room.acquire()
            if self._stop.is_set():
                room.release()
                return
            task = asyncio.ensure_future(self._answer(asker, taken, last=last))
            tasks.add(task)
            task.add_done_callback(over)

        try:
            for one in rows:
                if self._stop.is_set():
                    break
                if one.error is not None:
                    self._write(unusable(one.key, one.error))
                    continue
                group.append(one)
                if len(group) == size:
                    taken, group = group, []
                    await begin(taken)
            if group and not self._stop.is_set():
                await begin(group)
            while tasks:
                await asyncio.wait(tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _answer(self, asker: Asker, rows: list[Read], *, last: bool) -> None:
        summary, storms = self.summary, 0
        self._next_call += 1
        call = self._next_call
        while not self._stop.is_set():
            await self._limiter.begin()
            succeeded = False
            summary.under_way += 1
            summary.concurrency = self._limiter.limit
            try:
                _call.set(call)
                await self._requests.take()
                if self._job.embeddings:
                    answers = await asker.embed([(one.key, one.row) for one in rows])
                else:
                    answers = [await asker.ask(rows[0].key, rows[0].row)]
                succeeded = True
                self._count(call, answers)
                for answer in answers:
                    self._write(answer)
                return
            except RateLimitError as error:
                self._usage.release(call)
                storms += 1
                if not error.is_retryable or storms > _STORMS:
                    self._failed(rows, error, last)
                    return
                self._limiter.refused(error.retry_after)
            except BudgetExceededError:
                summary.stopped = "budget"
                self._stop.set()
                return
            except AuthenticationError as error:
                self._end(error)  # the next row would not fare better
                return
            except JobError as error:
                self._end(error)
                return
            except AIMLAPIError as error:
                self._usage.release(call)
                self._failed(rows, error, last)
                return
            except (KeyError, ValueError, LookupError, TypeError, AttributeError) as error:
                reason = f"it has no column {error}" if isinstance(error, KeyError) else str(error)
                for one in rows:
                    self._write(unusable(one.key, reason))
                return
            except Exception as error:  # whatever a user's runnable raises
                self._failed(rows, error, last)
                return
            finally:
                summary.under_way -= 1
                await self._limiter.end(succeeded=succeeded)

    def _end(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stop.set()

    def _failed(self, rows: list[Read], error: Exception, last: bool) -> None:
        retryable = getattr(error, "is_retryable", False) and not last and self._job.row_retries > 0
        for one in rows:
            if retryable and len(self._again) < _MOST_KEPT:
                self._again.append((one, error))
            else:
                self._write(failed(one.key, error))

    async def _reserve(self, request: Request) -> None:
        await self._tokens.take(len(request.body) / _BYTES_PER_TOKEN)
        if self._job.budget_usd is not None:
            cost = await self._client.estimate_cost(request)
            self._usage.reserve(_call.get(), request.model, None if cost is None else float(cost))

    def _count(self, call: int, answers: list[Row]) -> None:
        cost = sum(answer["cost_usd"] or 0.0 for answer in answers)
        self._usage.add(str(self._job.model), ModelUsage(calls=1, cost_usd=cost))
        self._usage.release(call)
        self.summary.cost_usd += cost
        for answer in answers:
            usage = answer["usage"] or {}
            self.summary.input_tokens += round(usage.get("input_tokens") or 0)
            self.summary.output_tokens += round(usage.get("output_tokens") or 0)

    def _write(self, row: Row) -> None:
        if self._store is not None:
            try:
                self._store.write(row)
            except JobError as error:
                self._end(error)
                return
        summary = self.summary
        summary.asked += 1
        if row["error"] is None:
            summary.answered += 1
        else:
            summary.errors += 1
        summary.seconds = time.monotonic() - summary.begun
        self._tell(summary)

    async def estimate(self) -> Summary:
        """What the job will use, without asking anything but for the price."""
        summary = self.summary
        cost, requests = 0.0, 0
        async with self._asking() as asker:
            for one in self._due():
                if one.error is not None:
                    continue
                try:
                    request = asker.request(one.row) if not self._job.embeddings else None
                except (KeyError, ValueError):
                    summary.errors += 1
                    continue
                if request is None:
                    summary.input_tokens += len(str(one.row)) // _BYTES_PER_TOKEN
                    continue
                summary.input_tokens += len(request.body) // _BYTES_PER_TOKEN
                estimate = await self._client.estimate_cost(request)
                if estimate is not None:
                    cost += float(estimate)
                    requests += 1
                summary.asked += 1
        summary.estimated_usd = cost if requests else None
        summary.seconds = time.monotonic() - summary.begun
        return summary
