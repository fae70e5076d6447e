"""Pictures, speech and transcripts as a job: what is made is saved, one file for each, and paid for once.

What was ordered, or answered with addresses, is in the store until its files are saved: a job that was killed continues
with it. To add a kind, add a row to `KINDS`.
"""

from __future__ import annotations

import asyncio
import filecmp
import hashlib
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from aimlapi_batch.answers import blank_media, error_of
from aimlapi_batch.job import Job, Row
from aimlapi_batch.questions import hash_of
from aimlapi_batch.store import DueRow, Store
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, GenerationError, NotFoundError
from aimlapi_transport.media.generations import Generation
from aimlapi_transport.media.measures import Measures, measures_of
from aimlapi_transport.media.operations import LATER
from aimlapi_transport.media.prices import media_cost
from aimlapi_transport.media.values import MediaResult

if TYPE_CHECKING:
    from aimlapi_transport.client import AsyncClient
    from aimlapi_transport.media.values import MediaFile
    from aimlapi_transport.service.catalogue import Pricing


class Kind(NamedTuple):
    """One kind of work.

    Attributes:
        operation: the method of the client.
        argument: which of its arguments the prompt is.
    """

    operation: str
    argument: str


KINDS = {
    "image": Kind("images", "prompt"),
    "speech": Kind("speech", "text"),
    "transcript": Kind("transcribe", "audio"),
}
_UNSAFE = re.compile(r"[^\w.-]+")
_MOST_NAME = 80  # characters
_INCOMING = ".incoming"  # the folder in which a file is until it is whole


class DownloadError(AIMLAPIError):
    """What was made could not be fetched. It is paid for: the row is asked again for the file only."""

    is_retryable = True


class MediaAsker:
    """Has media made for rows, one by one, and saves them.

    Args:
        wait: waits for what a stop of the job need not wait for.

    Attributes:
        prices: of the model, by which a reply without a cost is counted; None where the job has no budget.
    """

    def __init__(
        self, job: Job, client: AsyncClient, store: Store, wait: Callable[[Awaitable[Any]], Awaitable[Any]]
    ) -> None:
        self._job, self._client, self._store, self._wait = job, client, store, wait
        self._kind = KINDS[job.kind]
        self._folder = job.save_folder
        self._parameters = dict(job.parameters)
        self._wait_timeout = self._parameters.pop("wait_timeout", None)
        self.prices: Pricing | None = None

    def close(self) -> None:
        """Takes the folder away in which files were until they were whole, if nothing is in it."""
        with suppress(OSError):
            (self._folder / _INCOMING).rmdir()

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
        return {self._kind.argument: question["text"], **self._parameters}

    async def ask(self, dues: Sequence[DueRow], questions: Sequence[Row], request: Any) -> list[Row]:
        """The answer to a row.

        Raises:
            AIMLAPIError: of the client; `DownloadError` where only the file is missing.
        """
        due, begun = dues[0], time.perf_counter()
        digest = hash_of(due.asked or b"")
        kept = _order(self._store, due.id, digest)
        generation = await self._ordered(questions[0]) if kept is None else Generation.from_json(kept)
        if kept is None and (generation.result is None or generation.result.urls):
            put_order(self._store, due.id, digest, generation.to_json())
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

    async def _ordered(self, question: Row) -> Generation:
        """What was ordered; with its result, where the model answers at once."""
        operation, model, fields = self._kind.operation, str(self._job.model), self._fields(question)
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
        """Where the files of a result are: fetched into a folder of their own, then moved to their names.

        Raises:
            DownloadError: a file cannot be fetched.
            NotFoundError: its address has expired.
        """
        files = []
        for file in result.files:
            try:
                (path,) = await self._client.save(file, f"{self._folder / _INCOMING}{os.sep}")
            except NotFoundError:
                raise
            except AIMLAPIError as error:
                raise DownloadError(f"What was made is paid for, and was not fetched: {error.message}") from error
            target = await asyncio.to_thread(_placed, path, self._folder, file_stem(key))
            files.append(await asyncio.to_thread(_file, file, target))
        seconds = next((file["seconds"] for file in files if file["seconds"]), None)
        return {
            "path": files[0]["path"] if files else None,
            "files": files or None,
            "duration": result.seconds or seconds,
        }


def _order(store: Store, row: int, digest: bytes) -> str | None:
    """What was ordered for a row, as JSON; None where nothing was, or the row has changed since."""
    found: str | None = store.one("SELECT generation FROM orders WHERE id = ? AND hash = ?", row, digest)
    return found


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


def _file(file: MediaFile, path: Path) -> Row:
    """What is known of a file: what the reply says, else what the file is."""
    found = measures_of(path)
    known = {name: getattr(file, name) or getattr(found, name) for name in Measures._fields}
    return {"path": path.as_posix(), "url": file.url, **known}


def file_stem(key: str) -> str:
    """The name of a row's files, without ending: its key, with a digest where a file cannot be called that."""
    plain = _UNSAFE.sub("_", key).strip(".")[:_MOST_NAME] or "_"
    if plain == key and (os.name == "posix" or key == key.lower()):
        return plain
    return f"{plain}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def _placed(path: Path, folder: Path, stem: str) -> Path:
    """Moves a whole file to its name; a number stands behind it where another file has the name already."""
    for number in count(1):
        target = folder / f"{stem}{'' if number == 1 else f'~{number}'}{path.suffix}"
        if not target.exists():
            os.replace(path, target)
            return target
        if filecmp.cmp(path, target, shallow=False):  # the job was killed behind this point
            path.unlink()
            return target
    raise AssertionError
