"""An answer delta by delta, sync and async: objects rather than generators, so that they can be left at any moment.

An event loop that ends closes every asynchronous generator that is suspended in it, all at the same time; of generators
in generators, each then finds the others running. A stream of this module awaits nothing to be given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.http.blocking import run_blocking
from aimlapi_transport.http.error_mapping import without_traceback
from aimlapi_transport.http.exchange import Exchange
from aimlapi_transport.http.timeouts import TimeLimits, Timeout

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.chat.response import Delta
    from aimlapi_transport.http.caller import Caller


class _DeltaStream:
    """What both kinds of stream share: reading, trying again while nothing was handed out, and being left early."""

    def __init__(self, client: Caller[Any], request: Request, timeout: Timeout) -> None:
        self._client = client
        self._request = request
        self._exchange: Exchange | None = None
        self._time_limits = TimeLimits(client, request, timeout)
        self._ready: Iterator[Delta] = iter(())
        self._attempt = 1
        self._handed_out = False
        self._is_over = False
        self._is_reading = False

    async def _read(self) -> list[Delta]:
        """All deltas of the next piece of the reply. Empty at the end."""
        if self._is_over:
            return []
        if self._is_reading:
            raise RuntimeError("The stream is being read by another task or thread.")
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
                        delay = self._client._retry_delay(self._attempt, error, self._time_limits)
                    if delay is None:
                        self._is_over = True
                        raise without_traceback(error) from None
                else:
                    if not deltas and not self._is_over:
                        await self._leave(None)
                        self._is_over = True
                        self._client._retry_budget().give_back(self._attempt - 1)
                    self._handed_out = True
                    return deltas
                await self._client._pause(delay)
                self._attempt += 1
        except BaseException:
            self._give_up()
            raise
        finally:
            self._is_reading = False

    async def _begin(self) -> Exchange:
        exchange = Exchange(self._client, self._request, self._time_limits)
        await exchange.open()
        self._exchange = exchange
        if self._is_over:  # closed meanwhile
            self._give_up()
        return exchange

    async def _leave(self, error: AIMLAPIError | None) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            await exchange.leave(error)

    def _give_up(self) -> None:
        self._is_over = True
        self._ready = iter(())
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.abandon()

    def __del__(self) -> None:
        if self._exchange is not None:
            self._give_up()


class Stream(_DeltaStream):
    """An answer delta by delta: `for delta in stream`. The last delta's `completion` is the whole of it.

    Left early, it closes its connection: by `stream.close()`, or when it is no longer referenced.

    Raises:
        AIMLAPIError: while iterating; `partial` holds what arrived.
    """

    def __iter__(self) -> Iterator[Delta]:
        # A generator gives a delta in half the time of `__next__`; its `yield from` runs the coroutine, which never
        # suspends, without the StopIteration that `run_blocking` has to catch: a sixth of a chunk.
        yield from self._ready
        while deltas := (yield from self._read().__await__()):
            self._ready = iter(deltas)
            yield from self._ready

    def __next__(self) -> Delta:
        for delta in self._ready:
            return delta
        self._ready = iter(self.deltas())
        for delta in self._ready:
            return delta
        raise StopIteration

    def deltas(self) -> list[Delta]:
        """All deltas of the next piece of the reply: what `for` gives one by one. Empty at the end."""
        return run_blocking(self._read())

    def close(self) -> None:
        """Ends the stream. What had not been read is not read any more, and the connection is not used again."""
        self._give_up()


class AsyncStream(_DeltaStream):
    """An answer delta by delta: `async for delta in stream`. The last delta's `completion` is the whole of it.

    Left early in whatever way, it breaks its connection off at once: by `await stream.aclose()`, by
    `contextlib.aclosing`, when it is no longer referenced, or with its event loop.

    Raises:
        AIMLAPIError: while iterating; `partial` holds what arrived.
    """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        for delta in self._ready:
            return delta
        self._ready = iter(await self._read())
        for delta in self._ready:
            return delta
        raise StopAsyncIteration

    async def deltas(self) -> list[Delta]:
        """All deltas of the next piece of the reply: what `async for` gives one by one. Empty at the end."""
        return await self._read()

    async def aclose(self) -> None:
        """Ends the stream. What had not been read is not read any more, and the connection is not used again."""
        exchange = self._exchange
        self._exchange = None
        self._give_up()
        if exchange is not None:
            await exchange.discard()
