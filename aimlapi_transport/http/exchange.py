"""One try of a call: sends the request, follows redirects, and reads the reply, whole or delta by delta."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from aimlapi_transport.chat.reader import ReplyParser, ReplyReader
from aimlapi_transport.config.settings import Secret, scrubber
from aimlapi_transport.error_replies import error_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError
from aimlapi_transport.http.error_mapping import is_broken, map_httpx_errors, read_error
from aimlapi_transport.http.request import (
    MAX_REDIRECTS,
    can_unpack,
    check_encoding,
    headers_of,
    redirect,
    request_id_of,
    to_httpx,
)

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.response import Delta
    from aimlapi_transport.config.limits import Limits
    from aimlapi_transport.config.settings import Settings
    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.sender import AsyncSender, Sender
    from aimlapi_transport.http.timeouts import TimeLimits

DRAIN = 64 * 1024, 1.0  # bytes and seconds: read after the answer's end, so that the connection can be used again
REFUSAL = 1024 * 1024, 5.0  # bytes and seconds: what is read of the body of an error status


class Exchange:
    """One try. Written for asyncio; a blocking client hands in a sender and a body that block."""

    __slots__ = (
        "_body",
        "_client",
        "_failure",
        "_is_read",
        "_reader",
        "_request",
        "_response",
        "_sender",
        "_time_limits",
        "scrub",
    )

    def __init__(self, client: Caller[Any], request: Request, time_limits: TimeLimits) -> None:
        self._client = client
        self._request = request
        self._time_limits = time_limits
        self._sender: Sender | AsyncSender | None = None
        self._response: httpx.Response | None = None
        self._failure: AIMLAPIError | None = None
        self._is_read = False
        self._reader: ReplyReader | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave(error)

    async def leave(self, error: BaseException | None) -> None:
        """Closes what is open: in order, or at once where the caller was cancelled."""
        if self._sender is None:
            return
        if isinstance(error, AIMLAPIError) and error.request_id is None and self._response is not None:
            error.request_id = request_id_of(self._response, self.scrub)
        if error is not None and not isinstance(error, Exception):
            self._sender.abandon()
            return
        try:
            await self._sender.close()
        except Exception:
            if error is None:
                raise

    def abandon(self) -> None:
        """Gives the reply up without waiting."""
        if self._sender is not None:
            self._sender.abandon()

    async def discard(self) -> None:
        """Gives the reply up: as `abandon`, and waits only where the connection cannot be closed otherwise."""
        if self._sender is not None:
            await self._sender.discard()

    async def open(self) -> None:
        """Sends the request, and reads the head of the reply.

        Raises:
            AIMLAPIError: the reply is none that can be read.
        """
        client, request = self._client, self._request
        key = await client._read_key() if request.needs_key else Secret("")
        self.scrub = scrubber(key)
        url: httpx.URL | None = None
        for _ in range(MAX_REDIRECTS + 1):
            sent = to_httpx(client, client._http_client, request, key, self._time_limits, url)
            sender = self._sender = client._sender(client._http_client, client._pool_handle, client.route)
            self._response = None
            try:
                with map_httpx_errors(self.scrub, sent.url):
                    response = self._response = await sender.send(sent)
                url = redirect(response, self.scrub)
                if url is None:
                    if not response.is_success and not (response.status_code == 304 and request.method == "GET"):
                        refusal = await self._refusal(response)
                        fallback = request.fallback
                        if fallback is not None and is_unknown_response(response.status_code, refusal):
                            await sender.close()
                            request = self._request = fallback
                            continue
                        raise error_for(response.status_code, refusal, headers_of(response), scrub=self.scrub)
                    check_encoding(response, self.scrub)
                    return
            except BaseException as error:
                await self.leave(error)
                raise
            await sender.close()
        raise BadResponseError(f"The provider redirected more than {MAX_REDIRECTS} times.")

    def _received(self) -> httpx.Response:
        assert self._response is not None, "not open"
        return self._response

    def headers(self) -> dict[str, str]:
        """The reply's headers, names in lower case."""
        return headers_of(self._received())

    @property
    def status(self) -> int:
        """The reply's status: of success, or 304."""
        return self._received().status_code

    async def read_all(self) -> bytearray:
        """The whole body."""
        whole, body = BodyBuffer(self._client.limits, self._time_limits), self._client._body(self._received())
        with map_httpx_errors(self.scrub):
            while chunk := await body.read():
                whole.add(chunk)
        return whole.data

    def begin(self) -> ReplyReader:
        """What reads the body as deltas."""
        reader = self._reader = reader_of(self._client, self._request, self._received(), self.scrub, self._time_limits)
        self._body = self._client._body(self._received())
        return reader

    async def deltas(self) -> list[Delta]:
        """What the next piece of the reply adds; empty at the end, when the connection is in order again.

        Raises:
            AIMLAPIError: the reply broke off, or reports a failure; what came before it has been returned.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_read:  # the answer is handed out: what happens to the rest does not matter
            await self._drain()
            return []
        deltas: list[Delta] = []
        try:
            reader = self._reader or self.begin()
            body = self._body
            while not deltas and not self._is_read:
                try:
                    chunk = await body.read()
                    for delta in reader.feed(chunk) if chunk else ():
                        deltas.append(delta)  # noqa: PERF402  # one by one: those before a failure count
                    self._is_read = reader.is_done or not chunk
                except Exception as error:
                    self._is_read = True  # also where the connection breaks after a complete answer
                    mapped = read_error(error, reader, self._request, self.scrub)
                    try:
                        if mapped is not None:
                            raise mapped from (error.__cause__ if mapped is error else None)
                    finally:
                        del mapped  # its traceback holds this frame
                if self._is_read:
                    deltas += reader.close()
        except AIMLAPIError as error:
            if not deltas:
                raise
            self._failure = error
        return deltas

    async def _drain(self) -> None:
        """Reads what follows an answer, so that its connection can be used again."""
        if self._body.is_at_end or not self._body.is_direct:
            return
        rest = Bounded(*DRAIN)
        try:
            while rest.add(await self._body.read(rest.left)):
                pass
        except Exception as error:
            if not is_broken(error):
                raise

    async def _refusal(self, response: httpx.Response) -> bytes:
        """The body of an error status. It may repeat the key, so no frame of an error's traceback keeps it."""
        rest = Bounded(*REFUSAL)
        if can_unpack(response):
            _shorten_silence(response, REFUSAL[1])
            body = self._client._body(response)
            try:
                while rest.add(await body.read(rest.left)):
                    pass
            except Exception as error:
                if not is_broken(error):
                    raise
        return bytes(rest.data)


class BodyBuffer:
    """Collects a body up to the limit of a reply."""

    def __init__(self, limits: Limits, time_limits: TimeLimits) -> None:
        self.data = bytearray()
        self._limits = limits
        self._time_limits = time_limits

    def add(self, chunk: bytes) -> None:
        self._time_limits.check()
        self.data += chunk
        self._limits.check_reply(len(self.data))


class Bounded:
    """Bytes and seconds in which the rest of a body is read: what follows an answer, or the body of a refusal.

    A server that keeps the connection open must not keep the caller waiting for the whole `timeout`.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.data = bytearray()
        self._most = most
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return max(self._end - time.monotonic(), 0.001)

    def add(self, data: bytes) -> bool:
        """Whether to read on after this piece."""
        self.data += data
        return bool(data) and len(self.data) <= self._most and time.monotonic() <= self._end


def is_unknown_response(status: int, body: bytes) -> bool:
    """Whether a refusal says that the provider does not know the response a request continues."""
    return status == 404 or (status in (400, 422) and b"previous_response" in body)


def reader_of(
    settings: Settings, request: Request, response: httpx.Response, scrub: Callable[[str], str], time_limits: TimeLimits
) -> ReplyReader:
    if response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    headers = headers_of(response)
    return ReplyReader(
        request.profile,
        headers=headers,
        scrub=scrub,
        silence=time_limits.silence,
        limits=settings.limits,
        parser=_parser(request, headers, scrub, settings.limits),
        tool_names=request.tool_names,
        check=None if time_limits.end is None else time_limits.check,
    )


def _parser(
    request: Request, headers: dict[str, str], scrub: Callable[[str], str], limits: Limits
) -> ReplyParser | None:
    """What reads the events of this endpoint, None for chat completions."""
    if not request.path.startswith("/responses"):
        return None
    from aimlapi_transport.responses.reader import ResponsesReader

    return ResponsesReader(
        headers=headers,
        scrub=scrub,
        max_choices=limits.choices,
        stop=request.stop,
        answer_only=request.wants_json,
    )


def _shorten_silence(response: httpx.Response, seconds: float) -> None:
    """Sets how long httpx waits for a piece of a body of which nothing was read yet."""
    timeouts = response.request.extensions.get("timeout")
    if timeouts:
        timeouts["read"] = min(timeouts.get("read") or seconds, seconds)
