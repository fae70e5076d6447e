"""Pictures, film, sound, transcripts and pages as a job: what is made is saved, one file for each, and paid for once.

What is ordered is in the store until its files are saved: a job that was killed continues with it. To add a kind, add a
row to `job.MEDIA`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from aimlapi_batch.answers import LostOrderError, blank_media, error_of
from aimlapi_batch.job import MEDIA, Job, Row
from aimlapi_batch.media_files import MediaFolder
from aimlapi_batch.questions import hash_of, to_json
from aimlapi_batch.store import DueRow, Store
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    GenerationError,
    NotFoundError,
)
from aimlapi_transport.media.generations import Generation
from aimlapi_transport.media.operations import LATER
from aimlapi_transport.media.prices import media_cost
from aimlapi_transport.media.values import MediaFile, MediaResult

if TYPE_CHECKING:
    from aimlapi_transport.client import AsyncClient
    from aimlapi_transport.service.catalogue import Pricing

_LOST = "The connection ended while this was ordered: whether it was made, and is charged for, is not known"
_ORDER_AGAIN = "`--retry-errors LostOrderError` orders it again"


class MediaAsker:
    """Has media made for rows, one by one, and saves them.

    Args:
        wait: waits for what a stop of the job need not wait for.

    Attributes:
        folder: where files are saved.
        prices: of the model, by which a reply without a cost is counted; None where the job has no budget.
    """

    def __init__(
        self, job: Job, client: AsyncClient, store: Store, wait: Callable[[Awaitable[Any]], Awaitable[Any]]
    ) -> None:
        self._job, self._client, self._store, self._wait = job, client, store, wait
        self._operation, self._argument = MEDIA[job.kind]
        self.folder = MediaFolder(job, client)
        self._parameters = dict(job.parameters)
        self._wait_timeout = self._parameters.pop("wait_timeout", None)
        self.prices: Pricing | None = None

    def request(self, questions: Sequence[Row]) -> None:
        """None: the client builds it."""

    def ask_to_fit(self, asked: Row, answer: Row) -> None:
        """None: there is no schema."""

    def priced(self, answer: Row) -> None:
        """None: an answer has its price already, where there is one."""

    def estimate(self, question: Row, request: Any) -> float | None:
        """US dollars that a row will cost; None where nothing tells."""
        cost = media_cost(self.prices, self._fields(question))
        return None if cost is None else float(cost)

    def _fields(self, question: Row) -> Row:
        return {self._argument: question["text"], **self._parameters}

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> list[Row]:
        """The answer to a row.

        Raises:
            AIMLAPIError: of the client; `DownloadError` where only the file is missing.
        """
        due, begun = dues[0], time.perf_counter()
        digest = hash_of(due.asked or b"")
        sql = "SELECT generation FROM orders WHERE id = ? AND hash = ?"
        kept: str = self._store.one(sql, due.id, digest) or ""
        generation = Generation.from_json(kept) if kept else await self._ordered(due, digest, questions[0])
        try:
            result = generation.result or await self._waited(due, generation)
        except AIMLAPIError as error:
            if not error.cost_usd:
                raise
            return [{**blank_media(due.key), "cost_usd": error.cost_usd, "error": error_of(error)}]  # paid all the same
        answer = self._answer(due, result, questions[0])
        try:
            answer |= await self._saved(due.key, result)
        except NotFoundError as error:  # the address expired: it has to be made again, and was paid for
            answer["error"] = {**error_of(error), "retryable": True}
        remove_order(self._store, due.id)
        return [{**answer, "seconds": round(time.perf_counter() - begun, 3)}]

    async def _ordered(self, due: DueRow, digest: bytes, question: Row) -> Generation:
        """What was ordered; with its result, where the model answers at once. In the store before it is waited for.

        Raises:
            LostOrderError: no answer came, or half of one. There is neither an idempotency key nor a list of
                generations by which one could ask for it.
        """
        put_order(self._store, due.id, digest, "")  # a job that is killed now cannot tell either
        try:
            generation = await self._sent(question)
        except (APIConnectionError, BadResponseError) as error:
            if not getattr(error, "is_unsent", False):
                raise LostOrderError(f"{_LOST} ({error.message.rstrip('.')}). {_ORDER_AGAIN}.") from error
            remove_order(self._store, due.id)
            raise
        except AIMLAPIError:  # refused, which costs nothing
            remove_order(self._store, due.id)
            raise
        put_order(self._store, due.id, digest, generation.to_json())
        return generation

    async def _sent(self, question: Row) -> Generation:
        operation, model, fields = self._operation, str(self._job.model), self._fields(question)
        if operation in LATER:
            return await self._client.submit(operation, model, **fields)
        result = await getattr(self._client, operation)(model, **fields)
        return Generation("", model, operation, time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()), result=result)

    async def _waited(self, due: DueRow, generation: Generation) -> MediaResult:
        """What was ordered, once it is there; a stop of the job leaves it to the next run, which finds its id."""
        try:
            found: MediaResult = await self._wait(self._client.wait(generation, timeout=self._wait_timeout))
        except APITimeoutError:  # it is not there yet
            raise
        except AIMLAPIError as error:
            is_lost = isinstance(error, NotFoundError) and error.generation is None
            if is_lost or error.generation is not None:  # another try is another order
                remove_order(self._store, due.id)
            if is_lost:
                raise GenerationError(
                    "The provider does not know any more what was ordered.", is_retryable=True
                ) from error
            raise
        return found

    def _answer(self, due: DueRow, result: MediaResult, question: Row) -> Row:
        cost = result.cost_usd
        if cost is None:
            cost = self.estimate(question, None)
        return {
            **blank_media(due.key),
            "url": next(iter(result.urls), None),
            "text": result.text,
            "segments": [_segment(one) for one in result.segments] or None,
            "turns": [_segment(one) for one in result.turns] or None,
            "language": result.language,
            "duration": result.seconds,
            "model": result.reply_model or result.model,
            "usage": result.usage and {"input_tokens": result.usage.input, "output_tokens": result.usage.output},
            "cost_usd": cost,
            "request_id": result.id or result.request_id,
        }

    async def _saved(self, key: str, result: MediaResult) -> Row:
        """Where the files of a result are, and the figures of its pages. Raises as `MediaFolder.save`."""
        files = [await self.folder.save(file, key) for file in result.files]
        pages = []
        for page in result.pages:
            figures = []
            for image in page.images:
                figure: Row = {"id": image.id, "box": image.box, "path": None}
                if image.data is not None:
                    file = MediaFile(data=image.data, media_type=image.media_type, name=image.id)
                    files.append(await self.folder.save(file, key))
                    figure["path"] = files[-1]["path"]
                figures.append(figure)
            pages.append({"index": page.index, "markdown": page.markdown, "images": figures})
        seconds = next((file["seconds"] for file in files if file["seconds"]), None)
        return {
            "path": files[0]["path"] if files else None,
            "files": files or None,
            "pages": pages or None,
            "duration": result.seconds or seconds,
        }


def lose_orders(store: Store) -> int:
    """Has the rows fail of which it is not known whether they were ordered when the job last ended; how many."""
    sql = (
        "SELECT r.id, key, tries FROM orders o JOIN rows r USING (id) WHERE generation = '' AND state = 0 "
        "AND o.hash = coalesce(r.hash, o.hash) AND r.id IN (SELECT id FROM temp.selected)"
    )
    error = error_of(LostOrderError(f"{_LOST} (the job ended). {_ORDER_AGAIN}."))
    with store.transaction() as db:
        lost = db.execute(sql).fetchall()
        for row, key, tries in lost:
            answer = to_json({**blank_media(key), "tries": tries + 1, "error": error})
            db.execute("UPDATE rows SET state = 2, error = ?, answer = ? WHERE id = ?", (error["class"], answer, row))
            db.execute("DELETE FROM orders WHERE id = ?", (row,))
    return len(lost)


def put_order(store: Store, row: int, digest: bytes, generation: str) -> None:
    """Keeps what was ordered for a row, before it is waited for."""
    with store.transaction() as db:
        db.execute("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", (row, digest, generation))


def remove_order(store: Store, row: int) -> None:
    """Forgets what was ordered for a row."""
    with store.transaction() as db:
        db.execute("DELETE FROM orders WHERE id = ?", (row,))


def _segment(one: Any) -> Row:
    return {name: getattr(one, name) for name in ("start", "end", "speaker", "text")}
