"""An answer as it comes, for asyncio: objects rather than generators, so that they can be left at any moment.

An event loop that ends closes every asynchronous generator that is suspended in it, all at the same time; of generators
in generators, each then finds the others running. A stream of this module awaits nothing to be given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from typing_extensions import Self

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.config.settings import scrubber
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, error_for
from aimlapi_transport.http._compat import AsyncBody
from aimlapi_transport.http.exchange import (
    MAX_REDIRECTS,
    BodyBuffer,
    TimeLimits,
    Timeout,
    adrain,
    arefusal_of,
    before_first_delta,
    check_encoding,
    headers_of,
    map_httpx_errors,
    map_read_errors,
    reader_of,
    redirect,
    request_id_of,
    to_httpx,
    without_traceback,
)
from aimlapi_transport.http.sender import AsyncSender

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.chat.reader import ReplyReader
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.client import AsyncClient


class AsyncExchange:
    """One try: sends the request, reads the reply."""

    __slots__ = (
        "_body",
        "_client",
        "_failure",
        "_is_read",
        "_reader",
        "_reading",
        "_request",
        "_response",
        "_sender",
        "_time_limits",
        "scrub",
    )

    def __init__(self, client: AsyncClient, request: Request, time_limits: TimeLimits) -> None:
        self._client = client
        self._request = request
        self._time_limits = time_limits
        self._sender: AsyncSender | None = None
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
        key = await client.akey()
        self.scrub = scrubber(key)
        url: httpx.URL | None = None
        for _ in range(MAX_REDIRECTS + 1):
            sent = to_httpx(client, client._http_client, request, key, self._time_limits, url)
            sender = self._sender = AsyncSender(client._http_client, client._pool_handle, client.route)
            self._response = None
            try:
                with map_httpx_errors(self.scrub, sent.url):
                    response = self._response = await sender.send(sent)
                url = redirect(response, self.scrub)
                if url is None:
                    if not response.is_success:
                        refusal = await arefusal_of(response)
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

    async def read_all(self) -> bytearray:
        """The whole body."""
        whole, body = BodyBuffer(self._client.limits, self._time_limits), AsyncBody(self._received())
        with map_httpx_errors(self.scrub):
            while chunk := await body.read():
                whole.add(chunk)
        return whole.data

    def begin(self) -> ReplyReader:
        """What reads the body as deltas."""
        reader = self._reader = reader_of(self._client, self._request, self._received(), self.scrub, self._time_limits)
        self._body = AsyncBody(self._received())
        self._reading = map_read_errors(reader, self._request, self.scrub)
        return reader

    async def deltas(self) -> list[Delta]:
        """What the next piece of the reply adds; empty at the end, when the connection is in order again.

        Raises:
            AIMLAPIError: the reply broke off, or reports a failure; what came before it has been returned.
        """
        if self._failure is not None:
            raise self._failure
        if self._is_read:  # the answer is handed out: what happens to the rest does not matter
            await adrain(self._body)
            return []
        deltas: list[Delta] = []
        try:
            reader = self._reader or self.begin()
            while not deltas and not self._is_read:
                self._is_read = True  # also where the connection breaks after a complete answer
                with self._reading:
                    chunk = await self._body.read()
                    if chunk:
                        for event in reader.events(chunk):
                            deltas += reader.read(event)
                        self._is_read = reader.is_done
                if self._is_read:
                    deltas += reader.close()
        except AIMLAPIError as error:
            if not deltas:
                raise
            self._failure = error
        return deltas


class AsyncStream:
    """An answer delta by delta: `async for delta in stream`. The last delta's `completion` is the whole of it.

    Left early in whatever way, it breaks its connection off at once: by `await stream.aclose()`, by
    `contextlib.aclosing`, when it is no longer referenced, or with its event loop.

    Raises:
        AIMLAPIError: while iterating; `partial` holds what arrived.
    """

    def __init__(self, client: AsyncClient, request: Request, timeout: Timeout) -> None:
        self._client = client
        self._request = request
        self._time_limits = TimeLimits(client, request, timeout)
        self._exchange: AsyncExchange | None = None
        self._ready: Iterator[Delta] = iter(())
        self._attempt = 1
        self._handed_out = False
        self._is_over = False
        self._is_reading = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        for delta in self._ready:
            return delta
        self._ready = iter(await self.deltas())
        for delta in self._ready:
            return delta
        raise StopAsyncIteration

    async def deltas(self) -> list[Delta]:
        """All deltas of the next piece of the reply: what `async for` gives one by one. Empty at the end."""
        if self._is_over:
            return []
        if self._is_reading:
            raise RuntimeError("The stream is being read by another task.")
        self._is_reading = True
        try:
            while True:
                try:
                    exchange = self._exchange or await self._begin()
                    deltas = [] if self._is_over else await exchange.deltas()
                except AIMLAPIError as error:
                    await self._leave(error)
                    if self._is_over:  # closed meanwhile
                        return []
                    delay = None
                    if not self._handed_out:
                        delay = self._client._delay(self._attempt, before_first_delta(error), self._time_limits)
                    if delay is None:
                        self._is_over = True
                        raise without_traceback(error) from None
                else:
                    if not deltas and not self._is_over:
                        await self._leave(None)
                        self._is_over = True
                        self._client._quota().give_back(self._attempt - 1)
                    self._handed_out = True
                    return deltas
                await self._client._sleep(delay)
                self._attempt += 1
        except BaseException:
            self._give_up()
            raise
        finally:
            self._is_reading = False

    async def _begin(self) -> AsyncExchange:
        exchange = AsyncExchange(self._client, self._request, self._time_limits)
        await exchange.open()
        self._exchange = exchange
        if self._is_over:  # closed meanwhile
            self._give_up()
        return exchange

    async def _leave(self, error: AIMLAPIError | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.leave(error)

    async def aclose(self) -> None:
        """Ends the stream. What had not been read is not read any more, and the connection is not used again."""
        exchange = self._exchange
        self._exchange = None
        self._give_up()
        if exchange is not None:
            await exchange.discard()

    def _give_up(self) -> None:
        self._is_over = True
        self._ready = iter(())
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()

    def __del__(self) -> None:
        if self._exchange is not None:
            self._give_up()
