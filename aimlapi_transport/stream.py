"""An answer delta by delta, sync and async: objects rather than generators, so that they can be left at any moment.

An event loop that ends closes every asynchronous generator that is suspended in it, all at the same time; of generators
in generators, each then finds the others running. A stream of this module awaits nothing to be given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from typing import TYPE_CHECKING

from typing_extensions import Self

from aimlapi_transport.answers import AnswerReader
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.http.blocking import run_blocking
from aimlapi_transport.http.error_mapping import without_traceback
from aimlapi_transport.http.timeouts import TimeLimits, Timeout

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Delta
    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.request import Request


class _DeltaStream:
    """What both kinds of stream share: reading, trying again while nothing was returned, and being left early."""

    def __init__(self, client: Caller, request: Request, timeout: Timeout) -> None:
        self._exchange: Exchange | None = None  # first: also a stream that could not be made is left
        self._client = client
        self._request = request
        self._time_limits = TimeLimits(client, request, timeout)
        self._answer: AnswerReader | None = None  # once its first deltas have come
        self._ready: Iterator[Delta] = iter(())
        self._is_over = False
        self._is_reading = False

    async def _read(self) -> list[Delta]:
        """All deltas of the next piece of the reply. Empty at the end."""
        if self._is_over:
            return []
        if self._is_reading:
            raise RuntimeError("The stream is being read by another task or thread.")
        self._is_reading = True
        deltas: list[Delta] = []
        try:
            if self._answer is None:
                deltas = await self._client._with_retries(self._begin, self._time_limits, lambda _: not self._is_over)
            else:
                deltas = await self._answer.deltas()
        except AIMLAPIError as error:
            if not self._is_over:  # else it was closed by whoever else has the stream
                raise without_traceback(error) from None
        finally:
            self._is_reading = False
            if not deltas:
                self._give_up()
        return deltas

    async def _begin(self) -> list[Delta]:
        """One try, up to its first deltas; none where the stream was closed during the pause before it."""
        if self._is_over:
            return []
        exchange = await self._client._exchange(self._request, self._time_limits)
        await exchange.open()
        if self._is_over:  # closed meanwhile
            exchange.abandon()
            return []
        self._exchange = exchange
        answer = AnswerReader(exchange)
        deltas = await answer.deltas()
        self._answer = answer
        return deltas

    def _give_up(self) -> asyncio.Task[None] | None:
        """Ends the stream, in whatever state; see `Exchange.abandon`."""
        self._is_over = True
        self._ready = iter(())
        exchange, self._exchange = self._exchange, None
        return None if exchange is None else exchange.abandon()

    def __del__(self) -> None:
        if self._exchange is not None:
            self._give_up()


class Stream(_DeltaStream):
    """An answer delta by delta: `for delta in stream`. The last delta's `completion` is the whole of it.

    Left early, it closes its connection: by `stream.close()`, or when it is no longer referenced.

    Raises:
        AIMLAPIError: while iterating; `partial` holds what arrived.
    """

    def __iter__(self) -> Self:
        return self

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

    def deltas(self) -> Awaitable[list[Delta]]:
        """All deltas of the next piece of the reply: what `async for` gives one by one. Empty at the end."""
        return self._read()

    async def aclose(self) -> None:
        """Ends the stream. What had not been read is not read any more, and the connection is not used again."""
        closing = self._give_up()
        if closing is not None:
            await asyncio.wait([closing])
