"""A job through the provider's batch endpoint: Claude's models, cheaper, within an hour or so.

The ids of the batches are in the store, so that a job that was killed continues with those it has paid for.
Source: https://docs.aimlapi.com/capabilities/batch-processing
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aimlapi_batch.answer_writer import AnswerWriter
from aimlapi_batch.answers import blank, checked, failed, from_completion, unusable
from aimlapi_batch.anthropic_body import body_of
from aimlapi_batch.ask import parameters_of
from aimlapi_batch.job import Job, JobError, Row
from aimlapi_batch.questions import hash_of, number_of
from aimlapi_batch.store import DueRow, Store
from aimlapi_batch.summary import Summary
from aimlapi_transport.chat.tool_names import restore_names, with_wire_names
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError
from aimlapi_transport.json_codec import loads
from aimlapi_transport.messages.reader import MessagesReader
from aimlapi_transport.service.calls import ServiceCalls, service_request
from aimlapi_transport.user_warnings import warn

if TYPE_CHECKING:
    from aimlapi_transport import AsyncClient

MAX_REQUESTS = 100_000
MAX_BYTES = 200 * 1024 * 1024  # of one batch
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 2.0, 60.0, 1.5  # seconds
_ENDED = ("ended", "completed", "canceled", "cancelled", "expired", "failed")
_PAGE = 256  # rows read from the store at a time


def check_model(job: Job) -> None:
    """Raises `JobError` for a model that has no batches."""
    if profile_for(str(job.model)).family != "anthropic":
        raise JobError(
            f"The provider's batches take Claude's models only, and `model` is {job.model}: use via='calls'."
        )
    try:
        body_of(str(job.model), [{"role": "user", "content": "-"}], parameters_of(job)[0])
    except ValueError as error:  # a parameter that no batch takes
        raise JobError(f"{error}.") from None


class BatchRun:
    """One run of a job: sends what waits in batches, waits for them, and keeps what comes."""

    def __init__(self, job: Job, store: Store, summary: Summary, answers: AnswerWriter, stop: asyncio.Event) -> None:
        self._job, self._store, self._summary = job, store, summary
        self._answers, self._stop = answers, stop
        self._under_way: dict[str, dict[str, str]] = {
            batch: dict(rows) if isinstance(rows, dict) else {_earlier_id(key): key for key in rows}
            for batch, rows in store.get("batches", {}).items()
        }  # by its id: the keys of its rows by their `custom_id`
        self._outdated = 0
        self._expired: set[str] = set(store.get("expired", ()))
        self._parameters, self._schema = parameters_of(job)
        _, self._tool_names = with_wire_names({"tools": self._parameters.get("tools")})

    async def all(self) -> None:
        """First what is under way from before, then what was never sent; what expired is sent again."""
        from aimlapi_transport import AsyncClient

        job = self._job
        async with AsyncClient(base_url=job.base_url, api_key=job.api_key, **job.client) as client:
            self._calls = ServiceCalls(client)
            await self._all()

    async def _all(self) -> None:
        if rows := self._store.get("unconfirmed"):
            warn(
                f"When this job last ended it was sending a batch of {rows} rows, and no id came back: whether it was "
                "made is not known. Its rows are sent again, so they may be charged for twice."
            )
            self._store.put(unconfirmed=None)
        for _ in range(self._job.row_retries + 1):
            for requests, keys in self._parts():
                if self._stop.is_set():
                    break
                self._under_way[await self._create(requests)] = keys
                self._store.put(batches=self._under_way, unconfirmed=None)
            again = False
            for batch_id in list(self._under_way):
                again = await self._collect(batch_id, self._under_way[batch_id]) or again
                if self._stop.is_set():
                    self._summary.stopped = "interrupted"
                    return
                del self._under_way[batch_id]
                self._store.put(batches=self._under_way or None)
            if not again:
                break

    def _parts(self) -> Iterator[tuple[list[Row], dict[str, str]]]:
        """What is to be sent, in batches of the size that is taken."""
        requests: list[Row] = []
        keys: dict[str, str] = {}
        size = 0
        sent = {name for rows in self._under_way.values() for name in rows}
        for due in self._due():
            custom_id = _custom_id(due.key, hash_of(due.asked or b""))
            if custom_id in sent or _earlier_id(due.key) in sent:
                continue
            asked = {"problem": "its values are not kept"} if due.asked is None else loads(due.asked)
            try:
                if "problem" in asked:
                    raise ValueError(asked["problem"])
                body = self._body(asked)
            except (KeyError, TypeError, ValueError, InvalidRequestError) as error:
                self._keep(due, unusable(blank(due.key), str(error)))
                continue
            request = {"custom_id": custom_id, "params": body}
            length = len(json.dumps(request))
            if requests and (len(requests) == MAX_REQUESTS or size + length > MAX_BYTES):
                yield requests, keys
                requests, keys, size = [], {}, 0
            requests.append(request)
            keys[custom_id] = due.key
            size += length
        if requests:
            yield requests, keys

    def _body(self, asked: Row) -> Row:
        if "body" not in asked:
            return body_of(str(self._job.model), asked["messages"], self._parameters)
        body = dict(asked["body"])
        model, messages = self._job.model or body["model"], body.pop("messages")
        body.pop("model", None)
        return body_of(str(model), messages, {**body, **self._parameters})

    def _due(self) -> Iterator[DueRow]:
        position = -1
        while page := self._store.due(position, _PAGE):
            yield from page
            position = page[-1].position

    async def _create(self, requests: list[Row]) -> str:
        """A batch; its id. Never sent twice where it may have been made, but by a job that was killed meanwhile."""
        self._store.put(unconfirmed=len(requests))
        try:
            found = await self._calls.send_without_retry("POST", "/batches", {"requests": requests})
        except AIMLAPIError as error:
            if error.status_code is not None and error.status_code < 500:  # refused: nothing was made
                self._store.put(unconfirmed=None)
            raise
        batch_id = found.get("id") if isinstance(found, dict) else None
        if not isinstance(batch_id, str):
            raise BadResponseError("The provider's reply names no batch.", body=found)
        self._summary.requests += 1
        return batch_id

    async def _collect(self, batch_id: str, keys: dict[str, str]) -> bool:
        """Waits for a batch and keeps its answers; whether some rows have to be sent again."""
        left = dict(keys)
        pause, again = _FIRST_PAUSE, False
        self._summary.under_way = len(left)
        while True:
            request = service_request("/batches", [("batch_id", batch_id)])
            status, results = read_status(await self._calls.raw(request))
            for result in results:
                custom_id = str(result.get("custom_id"))
                key = left.pop(custom_id, None)
                if key is not None:
                    again = self._take(custom_id, key, result.get("result") or {}) or again
            self._summary.under_way = len(left)
            self._answers.commit()  # before the batch is forgotten
            self._answers.report()
            if not left or (status in _ENDED and results):
                break
            if status in ("canceled", "cancelled", "expired", "failed"):
                break
            if self._stop.is_set():
                return again
            await self._pause(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        for custom_id, key in left.items():  # ended without a line in the results
            again = self._take(custom_id, key, {"type": "expired"}) or again
        self._answers.commit()
        if self._outdated:
            self._summary.notes.append(
                f"{self._outdated:,} answers were to rows that have changed since they were sent: they are asked again."
            )
            self._outdated = 0
        return again

    async def _pause(self, seconds: float) -> None:
        """Waits, but for no longer than until the job is stopped."""
        sleep = self._job.client.get("sleep", asyncio.sleep)
        waits = [asyncio.ensure_future(sleep(seconds)), asyncio.ensure_future(self._stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()

    def _take(self, custom_id: str, key: str, result: Row) -> bool:
        """Keeps what became of a row; whether it has to be sent again."""
        sql = "SELECT id, tries, input, hash FROM rows WHERE key = ? AND state = 0"
        found = next(self._store.query(sql, key), None)
        if found is None:  # answered meanwhile, or no row of the job any more
            return False
        if custom_id not in (_earlier_id(key), _custom_id(key, found[3] or b"")):
            self._outdated += 1
            return False
        due = DueRow(0, found[0], key, found[1], None, found[2])
        kind = result.get("type")
        if kind == "succeeded" and isinstance(result.get("message"), dict):
            restore_names(result["message"], self._tool_names)
            reader = MessagesReader()
            try:
                reader.read(result["message"], whole=True)
            except AIMLAPIError as unreadable:
                self._keep(due, failed(blank(key), unreadable))
                return False
            row = from_completion(key, reader.completion(), None)
            self._summary.count_usage(row)
            self._keep(due, checked(row, self._job, self._schema))
            return False
        error = result.get("error") or {}
        reason = error.get("message") or (error.get("error") or {}).get("message") or f"the row was {kind}"
        failure = {"class": f"Batch{str(kind).title()}", "message": str(reason), "retryable": kind == "expired"}
        if kind == "expired" and key not in self._expired:
            self._expired.add(key)
            self._store.put(expired=sorted(self._expired))
            return True
        self._keep(due, {**blank(key), "error": failure})
        return False

    def _keep(self, due: DueRow, row: Row) -> None:
        self._answers.keep(due, {**row, "tries": due.tries + 1})


def _custom_id(key: str, digest: bytes) -> str:
    """What names a row in a batch: another one, where what is asked has changed."""
    return f"h{number_of(key, digest.hex()):x}"


def _earlier_id(key: str) -> str:
    """As jobs named a row whose batches were sent before its question was part of the name."""
    return f"r{number_of(key):x}"


async def cancel(client: AsyncClient, batch_id: str) -> None:
    """Asks the provider to stop a batch; rows that are answered already stay so."""
    await ServiceCalls(client).send_without_retry("POST", f"/batches/cancel/{batch_id}", {})


def read_status(data: bytes) -> tuple[str, list[Row]]:
    """The state of a batch and its results, out of an object, a list, or JSON Lines.

    Raises:
        BadResponseError: it is none of these.
    """
    try:
        value: Any = json.loads(data)
    except ValueError:
        value = None
    rows = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    if value is None:
        try:
            rows = [json.loads(line) for line in data.splitlines() if line.strip()]
        except ValueError:
            raise BadResponseError("The provider's reply is neither the state of a batch nor its results.") from None
    results = [row for row in rows if isinstance(row, dict) and "custom_id" in row]
    if results:
        return "ended", results
    state = next((row for row in rows if isinstance(row, dict)), {})
    inner = state.get("results")
    found = [row for row in inner if isinstance(row, dict)] if isinstance(inner, list) else []
    return str(state.get("status") or state.get("processing_status") or "unknown"), found
