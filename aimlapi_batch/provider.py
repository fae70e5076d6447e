"""A job through the provider's batch endpoint: Claude's models, cheaper, within an hour or so.

The ids of the batches stand in the manifest, so that a job that was killed goes on with those it has paid for.
Source: https://docs.aimlapi.com/capabilities/batch-processing
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from aimlapi_batch.anthropic_body import body_of, completion_of
from aimlapi_batch.ask import blank, unusable, with_parsed
from aimlapi_batch.job import Job, JobError, Row, hash_of, messages_of, parameters_of
from aimlapi_batch.rows import Read, is_sampled, read
from aimlapi_batch.store import Store
from aimlapi_batch.summary import Progress, Summary
from aimlapi_transport.chat.tool_names import restore_names, with_wire_names
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, InvalidRequestError
from aimlapi_transport.service.calls import ServiceCalls, service_request
from aimlapi_transport.user_warnings import warn

if TYPE_CHECKING:
    from aimlapi_transport import AsyncClient

MOST_REQUESTS = 100_000
MOST_BYTES = 200 * 1024 * 1024  # of one batch
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 2.0, 60.0, 1.5  # seconds
_ENDED = ("ended", "completed", "canceled", "cancelled", "expired", "failed")


async def run_batches(
    job: Job,
    total: int | None,
    *,
    force: bool = False,
    on_progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Sends what has no answer in batches, waits for them, and writes what comes.

    Raises:
        JobError: the model is no Claude, or the job cannot be begun.
    """
    from aimlapi_transport import AsyncClient

    if profile_for(str(job.model)).family != "anthropic":
        raise JobError(
            f"The provider's batches take Claude's models only, and `model` is {job.model}: use via='calls'."
        )
    with closing(Store(job, force=force)) as store:
        summary = Summary(total=total, already=len(store.done))
        if total is not None:
            summary.total = min(total, job.sample or total)
        async with AsyncClient(base_url=job.base_url, api_key=job.api_key, **job.client) as client:
            batches = _Batches(job, store, client, summary, on_progress, stop or asyncio.Event())
            await batches.all(total)
        if summary.stopped is None:
            await asyncio.to_thread(store.finish, is_counted=total is not None)
        return summary


class _Batches:
    def __init__(
        self,
        job: Job,
        store: Store,
        client: AsyncClient,
        summary: Summary,
        on_progress: Progress | None,
        stop: asyncio.Event,
    ) -> None:
        self._job = job
        self._store = store
        self._client = client
        self._calls = ServiceCalls(client)
        self._summary = summary
        self._tell = on_progress or (lambda _: None)
        self._stop = stop
        self._answered: set[int] = set()
        _, self._tool_names = with_wire_names({"tools": parameters_of(job).get("tools")})

    async def all(self, total: int | None) -> None:
        """First what is under way from before, then what was never sent; what expired is sent again."""
        if rows := self._store.manifest.pop("unconfirmed", None):
            warn(
                f"When this job last ended it was sending a batch of {rows} rows, and no id came back: whether it was "
                "made is not known. Its rows are sent again, so they may be charged for twice."
            )
        for _ in range(self._job.row_retries + 1):
            held: dict[str, list[str]] = self._store.manifest.setdefault("batches", {})
            for requests, keys in self._parts(total, {hash_of(key) for names in held.values() for key in names}):
                if self._stop.is_set():
                    break
                held[await self._create(requests)] = keys
                del self._store.manifest["unconfirmed"]
                self._store.write_manifest()
            again = False
            for batch_id in list(held):
                again = await self._collect(batch_id, held[batch_id]) or again
                if self._stop.is_set():
                    self._summary.stopped = "interrupted"
                    return
                del held[batch_id]
                self._store.write_manifest()
            if not again:
                break
        self._summary.seconds = time.monotonic() - self._summary.begun

    def _parts(self, total: int | None, sent: set[int]) -> Iterator[tuple[list[Row], list[str]]]:
        """What is to be sent, in batches of the size that is taken."""
        requests: list[Row] = []
        keys: list[str] = []
        size = 0
        for one in self._due(total):
            number = hash_of(one.key)
            if number in self._store.done or number in self._answered or number in sent:
                continue
            if one.error is not None:
                self._write(unusable(one.key, one.error))
                continue
            try:
                body = body_of(str(self._job.model), messages_of(self._job, one.row), parameters_of(self._job))
            except (KeyError, ValueError, InvalidRequestError) as error:
                reason = f"it has no column {error}" if isinstance(error, KeyError) else str(error)
                self._write(unusable(one.key, reason))
                continue
            request = {"custom_id": f"r{number:x}", "params": body}
            length = len(json.dumps(request))
            if requests and (len(requests) == MOST_REQUESTS or size + length > MOST_BYTES):
                yield requests, keys
                requests, keys, size = [], [], 0
            requests.append(request)
            keys.append(one.key)
            size += length
        if requests:
            yield requests, keys

    def _due(self, total: int | None) -> Iterator[Read]:
        sample = self._job.sample
        for one in read(self._job):
            if sample is None or total is None or is_sampled(one.key, sample, total):
                yield one

    async def _create(self, requests: list[Row]) -> str:
        """A batch; its id. Never sent twice where it may have been made, but by a job that was killed meanwhile."""
        self._store.manifest["unconfirmed"] = len(requests)
        self._store.write_manifest()
        try:
            found = await self._calls.once("POST", "/batches", {"requests": requests})
        except AIMLAPIError as error:
            if error.status_code is not None and error.status_code < 500:  # refused: nothing was made
                del self._store.manifest["unconfirmed"]
                self._store.write_manifest()
            raise
        batch_id = found.get("id") if isinstance(found, dict) else None
        if not isinstance(batch_id, str):
            raise BadResponseError("The provider's reply names no batch.", body=found)
        return batch_id

    async def _collect(self, batch_id: str, keys: list[str]) -> bool:
        """Waits for a batch and writes its answers; whether some rows have to be sent again."""
        named = {f"r{hash_of(key):x}": key for key in keys}
        pause, again = _FIRST_PAUSE, False
        self._summary.under_way = len(named)
        while True:
            request = service_request("/batches", [("batch_id", batch_id)])
            status, results = read_status(await self._calls.raw(request))
            for result in results:
                key = named.pop(str(result.get("custom_id")), None)
                if key is not None:
                    again = self._take(key, result.get("result") or {}) or again
            self._summary.under_way = len(named)
            self._tell(self._summary)
            if not named or (status in _ENDED and results):
                break
            if status in ("canceled", "cancelled", "expired", "failed"):
                break
            if self._stop.is_set():
                return again
            await self._client._pause(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        for key in named.values():  # ended without a line in the results
            again = self._take(key, {"type": "expired"}) or again
        return again

    def _take(self, key: str, result: Row) -> bool:
        """Writes what became of a row; whether it has to be sent again."""
        kind = result.get("type")
        if kind == "succeeded" and isinstance(result.get("message"), dict):
            restore_names(result["message"], self._tool_names)
            text, reasoning, calls, finish, usage = completion_of(result["message"])
            row = {**blank(key), "text": text, "reasoning": reasoning, "tool_calls": calls, "usage": usage}
            row |= {"request_id": result["message"].get("id")}
            self._write(with_parsed(row, self._job, finish))
            return False
        error = result.get("error") or {}
        message = error.get("message") or (error.get("error") or {}).get("message") or f"the row was {kind}"
        failure = {"class": f"Batch{str(kind).title()}", "message": str(message), "retryable": kind == "expired"}
        if kind == "expired" and key not in self._store.manifest.setdefault("expired", []):
            self._store.manifest["expired"].append(key)
            return True
        self._write({**blank(key), "error": failure})
        return False

    def _write(self, row: Row) -> None:
        self._store.write(row)
        self._answered.add(hash_of(row["key"]))
        summary = self._summary
        summary.asked += 1
        if row["error"] is None:
            summary.answered += 1
            usage = row["usage"] or {}
            summary.input_tokens += usage.get("input_tokens") or 0
            summary.output_tokens += usage.get("output_tokens") or 0
        else:
            summary.errors += 1
        summary.seconds = time.monotonic() - summary.begun
        self._tell(summary)


async def cancel(client: AsyncClient, batch_id: str) -> None:
    """Asks the provider to stop a batch; rows that are answered already stay so."""
    await ServiceCalls(client).once("POST", f"/batches/cancel/{batch_id}", {})


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
