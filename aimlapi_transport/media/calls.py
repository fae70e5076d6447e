"""What a client does at the media endpoints: each call once, as a coroutine; `methods` gives them to both clients."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aimlapi_transport import media_types
from aimlapi_transport.chat.request import Request
from aimlapi_transport.chat.request_warnings import warn_unlisted
from aimlapi_transport.chat.usage import Cost
from aimlapi_transport.error_bodies import message_and_id, retry_after
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
)
from aimlapi_transport.json_codec import JsonError, loads
from aimlapi_transport.media.failures import generation_failure
from aimlapi_transport.media.generations import Generation, GenerationStatus
from aimlapi_transport.media.inputs import address_of
from aimlapi_transport.media.operations import LATER, check_takes_minutes, operation_named
from aimlapi_transport.media.replies import read_bytes, read_result
from aimlapi_transport.media.requests import media_request, poll_request, upload_limits
from aimlapi_transport.media.states import payload_error, read_cost, read_id, read_state
from aimlapi_transport.media.values import DONE, FAILED, UNDER_WAY, MediaFile, MediaResult
from aimlapi_transport.request_options import REQUEST_OPTIONS, RequestOptions

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.http.timeouts import Timeout
    from aimlapi_transport.media.downloads import Run

OnProgress = Callable[[GenerationStatus], None]

_PAUSE_GROWTH = 1.5

_log = logging.getLogger(__name__)


class _Reply:
    """A reply: its JSON, or its bytes.

    Attributes:
        payload: the JSON; None where it is none.
        data: the bytes.
        headers: names in lower case.
        scrub: takes the key out of a text.
    """

    __slots__ = ("data", "headers", "payload", "scrub")

    def __init__(self, data: bytes, headers: Mapping[str, str], scrub: Callable[[str], str]) -> None:
        self.data, self.headers, self.scrub = data, headers, scrub
        self.payload: Any = None
        if media_types.sniff(data) is None:  # schemas list JSON and sound for one status: the bytes decide
            with suppress(JsonError):
                value = loads(data)
                self.payload = value if isinstance(value, (dict, list, str)) else None


class MediaCalls:
    """The media endpoints of a client.

    Args:
        client: whose settings, key and connections are used.
        run: runs what blocks.
    """

    def __init__(self, client: Caller, run: Run) -> None:
        self._client, self._run = client, run

    def request(self, operation: str, model: str, arguments: Mapping[str, Any]) -> Request:
        """The request of an operation at this client's host, with the client's headers and query.

        Args:
            arguments: the fields, and what each method takes beside them (`REQUEST_OPTIONS`).

        Warns:
            UnlistedParameterWarning: once for each model and name that its documents do not list.
        """
        operation_named(operation)
        options = {name: arguments[name] for name in REQUEST_OPTIONS if name in arguments}
        fields = {name: value for name, value in arguments.items() if name not in REQUEST_OPTIONS}
        request = media_request(operation, model, fields, RequestOptions.for_host(self._client, **options))
        warn_unlisted(request)
        return request

    async def make(
        self,
        operation: str,
        model: str,
        arguments: Mapping[str, Any],
        *,
        timeout: Timeout = None,
        wait_timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> MediaResult:
        """The answer, however long it takes."""
        if operation not in LATER:
            arguments = await self._with_uploads(operation, model, arguments)
            reply = await self._send(self.request(operation, model, arguments), timeout)
            return _result(reply, model, operation)
        _check_wait(wait_timeout, on_progress)  # before anything is paid for
        generation = await self.submit(operation, model, arguments, timeout=timeout)
        try:
            return await self.wait(generation, timeout=wait_timeout, on_progress=on_progress)
        except AIMLAPIError as error:
            error.generation = error.generation or generation  # a refused poll: what is paid for can still be fetched
            raise
        except BaseException as error:  # Ctrl-C, a cancelled task, an error of `on_progress`
            error.generation = generation  # type: ignore[attr-defined]  # an attribute of this exception only
            note = f"{model} goes on at the provider: `wait({generation.reference!r})` of a client gives it"
            _log.warning("%s", note)
            if hasattr(error, "add_note"):  # Python 3.11
                error.add_note(note)
            raise

    async def _with_uploads(self, operation: str, model: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Arguments, with the files behind addresses where the endpoint takes none."""
        limits, fetched = upload_limits(operation, model), dict(arguments)
        if limits:
            from aimlapi_transport.media.downloads import fetch
        for name, most in limits.items():
            values = fetched.get(name)
            several = list(values) if isinstance(values, (list, tuple)) else [values]
            addresses = [address_of(value) for value in several]
            if any(addresses):
                files = [
                    await fetch(self._client, address, name, most, self._run) if address else value
                    for address, value in zip(addresses, several, strict=True)
                ]
                fetched[name] = files if isinstance(values, (list, tuple)) else files[0]
        return fetched

    async def submit(
        self,
        operation: str,
        model: str,
        arguments: Mapping[str, Any],
        *,
        timeout: Timeout = None,
    ) -> Generation:
        """What was ordered; with its result, where the model answers at once.

        Raises:
            InvalidRequestError: the operation always answers at once.
            BadResponseError: the reply has neither an id nor a result.
        """
        check_takes_minutes(operation)
        request = self.request(operation, model, arguments)
        try:
            reply = await self._send(request, timeout, again=_was_refused)
        except APIConnectionError as error:  # also a timeout
            if not error.is_unsent:
                error.is_retryable = False
                error.message += " It was not sent again: it may have been ordered, and would be paid for twice."
            raise
        state, word = read_state(reply.payload)
        generation_id = read_id(reply.payload)
        if state == UNDER_WAY and word is not None:  # the header is documented to hold the same id
            generation_id = generation_id or reply.headers.get("x-inference-id")
        result = None
        if state != UNDER_WAY or generation_id is None:
            result = _result(reply, model, operation)
        cost = result.cost if result else read_cost(reply.payload, reply.headers)
        return Generation(
            id=generation_id or reply.headers.get("x-inference-id", ""),
            model=model,
            operation=operation,
            created_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            base_url=self._client.base_url,
            cost_usd=cost.usd if cost else None,
            credits=cost.credits if cost else None,
            result=result,
        )

    async def status(self, generation: Generation, *, timeout: Timeout = None) -> GenerationStatus:
        """How far a generation is.

        Raises:
            AIMLAPIError: of the class of its kind, where it failed; `cost_usd` is what was paid, where the reply says.
        """
        check_takes_minutes(generation.operation)
        if generation.result is not None:
            return GenerationStatus(generation, DONE, None, generation.result, 0.0)
        reply = await self._send(poll_request(generation.operation, generation.model, generation.id), timeout)
        seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(generation.created_at)).total_seconds()
        state, word = read_state(reply.payload)
        if state == UNDER_WAY and isinstance(reply.payload, dict):
            return GenerationStatus(generation, state, word, None, max(seconds, 0.0), retry_after(reply.headers))
        try:
            result = _result(reply, generation.model, generation.operation, generation)
        except AIMLAPIError as error:
            if state == UNDER_WAY:  # the page of a proxy, or half a reply: the next may be whole
                error.is_retryable = True
                raise
            cost = read_cost(reply.payload, reply.headers)
            error.cost_usd, error.generation = cost.usd if cost else None, generation
            error.request_id = error.request_id or reply.headers.get("x-inference-id")
            raise
        return GenerationStatus(generation, DONE, word, result, max(seconds, 0.0))

    async def wait(
        self,
        generation: Generation,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> MediaResult:
        """What was made, once it is there. It is asked for again and again, less often as time goes by.

        Args:
            timeout: seconds to wait in all; by default those of the operation (20 minutes for a video).
            on_progress: called with each status.

        Raises:
            APITimeoutError: it is not there yet. It goes on at the provider: wait again for `error.generation`.
        """
        _check_wait(timeout, on_progress)
        row = operation_named(generation.operation)
        limit = row.deadline if timeout is None else timeout
        start, paused, pause = time.monotonic(), 0.0, row.first_pause
        trouble: AIMLAPIError | None = None
        while True:
            delay = pause
            try:
                status = await self.status(generation)
            except AIMLAPIError as error:
                if error.generation is not None or not error.is_retryable:  # it failed, or asking does not help
                    raise
                trouble, delay = error, max(pause, error.retry_after or 0.0)
            else:
                trouble = None
                if on_progress is not None:
                    on_progress(status)
                if status.result is not None:
                    return status.result
                if status.retry_after is not None:
                    delay = min(status.retry_after, row.longest_pause)
            left = limit - max(time.monotonic() - start, paused)
            if left <= 0:
                raise _not_there_yet(generation, limit, trouble) from trouble
            delay = min(delay, left)
            await self._client._pause(delay)
            paused += delay
            pause = min(pause * _PAUSE_GROWTH, row.longest_pause)

    async def save(
        self, result: MediaResult | MediaFile | Sequence[MediaFile | str] | str, to: str | os.PathLike[str]
    ) -> list[Path]:
        """The paths of the files of a result on this machine."""
        from aimlapi_transport.media.downloads import files_of, save

        return await save(self._client, files_of(result), to, self._run)

    async def _send(
        self, request: Request, timeout: Timeout, again: Callable[[AIMLAPIError], bool] = lambda error: True
    ) -> _Reply:
        async def read(exchange: Exchange) -> _Reply:
            return _Reply(bytes(await exchange.read_all()), exchange.headers, exchange.scrub)

        return await self._client._call(request, timeout, read, again)


def _result(reply: _Reply, model: str, operation: str, generation: Generation | None = None) -> MediaResult:
    if reply.payload is None:
        return read_bytes(reply.data, model=model, operation=operation, headers=reply.headers)
    if read_state(reply.payload)[0] == FAILED:
        raise generation_failure(reply.payload, reply.scrub)
    quoted = None
    if generation is not None and generation.cost_usd is not None:
        quoted = Cost(generation.cost_usd, generation.credits)
    try:
        result = read_result(reply.payload, model=model, operation=operation, headers=reply.headers, cost=quoted)
    except BadResponseError:
        if payload_error(reply.payload) is None and not message_and_id(reply.payload)[0]:
            raise
        raise generation_failure(reply.payload, reply.scrub) from None
    return result if generation is None else replace(result, id=generation.id)  # a poll's reply may name another


def _check_wait(timeout: Any, on_progress: Any) -> None:
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0):
        raise InvalidRequestError(f"The seconds to wait are {timeout!r}: pass a number that is not negative.")
    if on_progress is not None and not callable(on_progress):
        raise InvalidRequestError(f"`on_progress` is {on_progress!r}: pass a function of a `GenerationStatus`.")


def _was_refused(error: AIMLAPIError) -> bool:
    """Whether an order was certainly not taken, so that it may be sent again: failed requests cost nothing."""
    return isinstance(error, (RateLimitError, ServerError)) or getattr(error, "is_unsent", False)


def _not_there_yet(generation: Generation, limit: float, trouble: AIMLAPIError | None) -> APITimeoutError:
    error = APITimeoutError(
        f"{generation.model} is not done after {limit:g} s. It goes on at the provider: wait again for `.generation` "
        f"({generation.reference})." + (f" The last question for it failed: {trouble}" if trouble else "")
    )
    error.generation, error.is_retryable = generation, False
    return error
