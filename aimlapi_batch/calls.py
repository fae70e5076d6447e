"""A job by calls, one for each row: asks, writes, and holds no more than what is under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from aimlapi_batch.ask import Asker, RowRetries, failed, unusable
from aimlapi_batch.job import Job, JobError, Row, hash_of
from aimlapi_batch.limiter import Rate, limiter_for
from aimlapi_batch.rows import Read, is_sampled, read
from aimlapi_batch.store import Store
from aimlapi_batch.summary import Progress, Summary
from aimlapi_transport.errors import (
    AIMLAPIError,
    AuthenticationError,
    BudgetExceededError,
    InvalidRequestError,
    RateLimitError,
)
from aimlapi_transport.usage_totals import ModelUsage, UsageTotals

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request

_MOST_KEPT = 10_000  # rows that wait for another try; further ones are reported as they failed
_BYTES_PER_TOKEN = 4
_STORMS = 100  # 429s in a row before a row fails
_call: ContextVar[int] = ContextVar("aimlapi_batch_call", default=0)


async def run_calls(
    job: Job,
    total: int | None = None,
    *,
    force: bool = False,
    on_progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Asks for all rows that have no answer yet, and writes what comes; see `engine.arun`.

    Args:
        total: rows there are; None where they come once.
    """
    with closing(Store(job, force=force)) as store:
        summary = await _Run(job, store, total, on_progress, stop).all()
        if summary.stopped is None:
            await asyncio.to_thread(store.finish, is_counted=total is not None)
        return summary


async def estimate(job: Job, total: int | None) -> Summary:
    """What a job will use, without asking anything but for the price."""
    return await _Run(job, None, total, None, None).estimate()


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

    @asynccontextmanager
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
        summary = self.summary
        cost, requests = 0.0, 0
        async with self._asking() as asker:
            for one in self._due():
                if one.error is not None:
                    continue
                try:
                    request = asker.request(one.row) if not self._job.embeddings else None
                except (KeyError, ValueError, InvalidRequestError):
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
