"""A job by calls, one for each row: asks, keeps what comes, and holds no more than what is under way."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from itertools import count
from typing import TYPE_CHECKING, Any

from aimlapi_batch.answer_writer import AnswerWriter
from aimlapi_batch.answers import blank, blank_media, failed, may_fit_another_time, unusable
from aimlapi_batch.ask import Asker, summed
from aimlapi_batch.budget import Budget, BudgetSpent
from aimlapi_batch.job import Job, JobError, Row
from aimlapi_batch.limiter import Rate, limiter_for
from aimlapi_batch.runnables import identity, names_cost
from aimlapi_batch.stops import MAX_ALIKE, OUTAGE_SECONDS, alike_error, is_pointless, with_advice
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Summary
from aimlapi_batch.tables import WAITING
from aimlapi_transport.config.retry import RetryPolicy
from aimlapi_transport.errors import AIMLAPIError, RateLimitError
from aimlapi_transport.json_codec import loads

if TYPE_CHECKING:
    from aimlapi_batch.media import MediaAsker
    from aimlapi_batch.workers import Workers
    from aimlapi_transport.client import AsyncClient

_PAGE = 256  # rows read from the store at a time
_BYTES_PER_TOKEN = 4
_STORMS = 100  # 429s in a row before a row fails
_OUTPUT_TOKENS = 100.0  # of an answer, until some are known


class CallRun:
    """One run of a job: asks for the rows that the store has selected and that wait.

    Args:
        objects: rows that a runnable gets as they are, by key: those JSON has no form for.
        stop: once set, nothing more is sent; what is sent is finished and kept.
        workers: those that send, where it is not this process.
    """

    def __init__(
        self,
        job: Job,
        store: Store,
        summary: Summary,
        answers: AnswerWriter,
        stop: asyncio.Event,
        *,
        objects: dict[str, Row],
        workers: Workers | None = None,
    ) -> None:
        self._job, self._store, self.summary = job, store, summary
        self._objects, self._stop = objects, stop
        self._workers = workers
        self._answers = answers
        priced, highest = store.priced()
        self._budget = Budget(summary.budget_usd, summary.spent_usd, answers=priced, highest=highest)
        self._requests, self._tokens = Rate(job.requests_per_minute), Rate(job.tokens_per_minute)
        self._output_tokens, self._counted = _OUTPUT_TOKENS, 0
        self._calls = count(1)
        self._blank = blank if job.kind == "chat" else blank_media
        self._waiting: set[asyncio.Task[Any]] = set()
        self._page: deque[DueRow] = deque()
        self._position, self._is_exhausted = -1, False
        self._alike: list[tuple[DueRow, Row, bool]] = []  # with whether they are asked again in this run
        self._answered_at = time.monotonic()
        settings = dict(job.client)
        self._sleep: Callable[[float], Awaitable[None]] = settings.get("sleep", asyncio.sleep)
        given = settings.pop("retry", None)
        self._retry = given or RetryPolicy(settings.pop("max_retries", 2))
        self._client_settings = {**settings, "max_retries": 0}  # each request is counted, so each is sent from here

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[Asker | MediaAsker]:
        from aimlapi_transport import AsyncClient

        job = self._job
        async with AsyncClient(base_url=job.base_url, api_key=job.api_key, **self._client_settings) as client:
            self._client: AsyncClient = client
            self._limiter = limiter_for(client.base_url, job.concurrency)
            if self._workers is not None:
                from aimlapi_batch.workers import RemoteAsker

                yield RemoteAsker(job, client, self._workers)
            elif job.kind != "chat":
                from aimlapi_batch.media import MediaAsker

                asker = MediaAsker(job, client, self._store, self._wait)
                with closing(asker.folder):
                    await asker.folder.fetch_deleted(self._store, self.summary.notes.append, self._stop)
                    yield asker
            else:
                yield Asker(job, client)

    async def all(self) -> None:
        """Asks for all rows that wait; those that failed for a passing reason once more, after all others.

        Raises:
            JobError: the job cannot go on; what is answered is kept.
            AIMLAPIError: no row can be answered: credits, the key, the model.
        """
        try:
            async with self._asking() as self._asker:
                await self._check_budget()
                for left in range(self._job.row_retries, -1, -1):
                    waiting = self._store.count(selected=True)[WAITING]
                    if self._stop.is_set() or not waiting:
                        break
                    await self._pass(min(waiting, self._job.concurrency), is_last=left == 0)
        finally:
            self.summary.paused_until, self.summary.under_way, self.summary.waiting = 0.0, 0, 0

    async def _check_budget(self) -> None:
        """A runnable whose cost nothing tells has no budget."""
        job = self._job
        if self._budget.limit is None:
            return
        model = job.model if job.runnable is None else identity(job.runnable)["model"]
        self._asker.prices = await self._client.pricing(model) if model else None
        is_unknown = job.runnable is not None and self._asker.prices is None and not names_cost(job.runnable)
        if job.kind != "chat" and not self._store.priced()[0]:
            first: Row = next((loads(due.asked) for due in self._store.due(-1, 1) if due.asked), {})
            is_unknown = "text" in first and self._asker.estimate(first, None) is None
        if is_unknown:
            raise JobError(
                "`budget_usd` needs to know what an answer costs, and neither the replies of "
                f"{model or 'the runnable'} nor the catalogue tell it: leave it out, or use `limit`."
            )

    async def _pass(self, count: int, *, is_last: bool) -> None:
        """Asks for the rows that wait, as many at a time as may be under way."""
        self._page.clear()
        self._position, self._is_exhausted, self._is_last = -1, False, is_last
        tasks = [asyncio.ensure_future(self._work()) for _ in range(count)]
        watch = asyncio.ensure_future(self._cancel_what_waits())
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _cancel_what_waits(self) -> None:
        await self._stop.wait()
        for task in list(self._waiting):
            task.cancel()

    async def _work(self) -> None:
        while not self._stop.is_set() and (group := self._next_group()):
            try:
                await self._answer(*group)
                await asyncio.sleep(0)  # what it came to is committed before another request is sent
            except asyncio.CancelledError:
                if not self._stop.is_set():
                    raise
                return
            except Exception as error:
                self._answers.end(error)

    def _next_group(self) -> tuple[list[DueRow], list[Row]] | None:
        """The next rows of a request, and what they are asked; None where there are no more."""
        size = self._job.texts_per_request if self._job.embeddings else 1
        dues, questions = list[DueRow](), list[Row]()
        while len(dues) < size:
            if not self._page:
                if self._is_exhausted:
                    break
                self._page.extend(self._store.due(self._position, _PAGE))
                self._is_exhausted = not self._page
                continue
            due = self._page.popleft()
            self._position = due.position
            asked = self._objects.get(due.key) or (None if due.asked is None else loads(due.asked))
            if asked is None or "problem" in asked:
                problem = "its values are not kept" if asked is None else asked["problem"]
                self._answers.keep(due, unusable(self._blank(due.key), problem))
                continue
            dues.append(due)
            questions.append(asked)
        return (dues, questions) if dues else None

    async def _answer(self, dues: list[DueRow], questions: list[Row]) -> None:
        """Asks until there is an answer, or no more tries."""
        tries = storms = refits = 0
        earlier: Row | None = None
        while True:
            try:
                request = self._asker.request(questions)
            except Exception as error:  # whatever a row holds that cannot be sent
                for due in dues:
                    self._answers.keep(due, unusable(self._blank(due.key), str(error) or type(error).__name__))
                return
            call = next(self._calls)
            try:
                tokens = await self._turn(call, request, dues, questions)
            except BudgetSpent:
                self.summary.stopped = self.summary.stopped or "budget"
                self._stop.set()
                return
            tries += 1
            try:
                answers = await self._send(dues, questions, request)
            except RateLimitError as error:
                self._budget.settle(call, None)
                storms += 1
                if storms > _STORMS or not error.is_retryable:
                    return self._failed(dues, error, tries)
                self._limiter.refused(error.retry_after, error.message.splitlines()[0][:80] if error.message else "429")
                self.summary.paused_until, self.summary.pause_reason = self._limiter.pause
                self._answers.report()
                continue
            except Exception as error:
                self._budget.settle(call, None)
                delay = self._retry.delay(tries, error) if isinstance(error, AIMLAPIError) else None
                if delay is None or self._stop.is_set():
                    return self._failed(dues, error, tries)
                await self._wait(self._sleep(delay))
                continue
            except BaseException:
                self._budget.settle(call, None)
                raise
            self._count(call, answers, tokens)
            answer = summed(earlier, answers[0])
            if refits < self._job.schema_retries and may_fit_another_time(answer) and not self._stop.is_set():
                again = self._asker.ask_to_fit(questions[0], answer)
                if again is not None:
                    refits, earlier, questions = refits + 1, answer, [again]
                    continue
            answers[0] = answer
            self._alike.clear()
            self._answered_at = time.monotonic()
            for due, one in zip(dues, answers, strict=True):
                self._answers.keep(due, {**one, "tries": due.tries + tries})
            return

    async def _wait(self, awaitable: Awaitable[Any]) -> Any:
        """Waits for what a stop need not wait for."""
        if self._stop.is_set() and asyncio.iscoroutine(awaitable):
            awaitable.close()
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        self.summary.waiting = len(self._waiting)
        try:
            return await awaitable
        finally:
            self._waiting.discard(task)
            self.summary.waiting = len(self._waiting)

    async def _turn(self, call: int, request: Any, dues: Sequence[DueRow], questions: Sequence[Row]) -> float:
        """Waits until a request may be sent: for the budget, the provider, and limits; the tokens it was counted as."""
        return float(await self._wait(self._take_turn(call, request, dues, questions)))

    async def _take_turn(self, call: int, request: Any, dues: Sequence[DueRow], questions: Sequence[Row]) -> float:
        if self._budget.limit is not None:
            await self._budget.reserve(call, self._asker.estimate(questions[0], request))
        size = len(request.body) if request is not None else sum(len(due.asked or b"") for due in dues)
        try:
            await self._limiter.begin()
            try:
                await self._requests.take()
                tokens = await self._tokens.take(
                    lambda: size / _BYTES_PER_TOKEN + (0 if self._job.embeddings else self._output_tokens)
                )
                if self._stop.is_set():
                    raise asyncio.CancelledError
            except BaseException:
                await self._limiter.end(succeeded=False)
                raise
        except BaseException:
            self._budget.settle(call, None)
            raise
        return tokens

    async def _send(self, dues: list[DueRow], questions: list[Row], request: Any) -> list[Row]:
        summary, succeeded = self.summary, False
        summary.under_way += 1
        summary.requests += 1
        summary.concurrency = self._limiter.limit
        summary.paused_until, summary.pause_reason = self._limiter.pause
        try:
            answers = await self._asker.ask(dues, questions, request)
            succeeded = True
            return answers
        finally:
            summary.under_way -= 1
            await self._limiter.end(succeeded=succeeded)

    def _count(self, call: int, answers: list[Row], tokens: float) -> None:
        """Adds what answers used and cost to all sums."""
        summary, before = self.summary, self.summary.input_tokens + self.summary.output_tokens
        if self._budget.limit is not None:
            for answer in answers:
                if answer["cost_usd"] is None:
                    answer["cost_usd"] = self._asker.priced(answer)
        for answer in answers:
            summary.count_usage(answer)
        costs = [answer["cost_usd"] for answer in answers]
        self._budget.settle(call, None if None in costs else sum(costs))
        if None in costs and self._budget.limit is not None:
            self._answers.end(
                JobError("`budget_usd` cannot be kept, for neither answers nor catalogue name a cost: use `limit`.")
            )
        used = summary.input_tokens + summary.output_tokens - before
        self._tokens.correct(used - tokens)
        written = sum((answer["usage"] or {}).get("output_tokens") or 0 for answer in answers)
        self._counted += 1
        self._output_tokens += (written - self._output_tokens) / min(self._counted, 20)

    def _failed(self, dues: Sequence[DueRow], error: Exception, tries: int) -> None:
        """Decides what becomes of rows whose call failed: the job ends, they are asked again, or are failures."""
        if is_pointless(error, self.summary.answered):
            self._answers.commit()
            return self._answers.end(with_advice(error, self._store.count(selected=True)[WAITING]))
        rows = [(due, {**failed(self._blank(due.key), error), "tries": due.tries + tries}) for due in dues]
        is_retryable = bool(getattr(error, "is_retryable", False))
        is_again = is_retryable and not self._is_last
        if is_retryable or not self.summary.answered:
            alike = [(due, answer, is_again) for due, answer in rows]
            kinds = {answer["error"]["class"] for _, answer, _ in (*self._alike, *alike)}
            self._alike = [*self._alike, *alike] if len(kinds) == 1 else alike
            is_outage = time.monotonic() - self._answered_at >= OUTAGE_SECONDS
            if self._answers.failure is not None:
                return
            if len(self._alike) >= MAX_ALIKE and (is_outage or not self.summary.answered):
                return self._end_alike(error, rows)
        for due, answer in rows:
            self._answers.keep(due, answer, again=is_again)

    def _end_alike(self, error: Exception, rows: Sequence[tuple[DueRow, Row]]) -> None:
        """The first rows, or the last ones for a while, all failed for one reason: they wait, as all others do."""
        self._answers.commit()
        self._store.ask_again_ids(due.id for due, *_ in self._alike)
        for due, answer, is_again in self._alike:
            if not is_again and all(due is not one for one, _ in rows):  # which are not counted yet
                self.summary.uncount(answer)
        which = f"first {len(self._alike)}"
        if self.summary.answered:
            which = f"last {len(self._alike)}"
        self._answers.end(alike_error(error, which, self._store.count(selected=True)[WAITING]))
