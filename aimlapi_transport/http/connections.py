"""httpx transports that keep a connection for each exchange under way: taken for one, then given back.

httpx's own pool looks at all its connections at the start and the end of each request: with fifty calls at once, a call
takes four times the CPU. So each connection is an ordinary httpx transport of its own, and recorders and tracers, which
replace methods of those, see every exchange.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

if TYPE_CHECKING:
    from aimlapi_transport.http.loops import LoopResources

T_Connection = TypeVar("T_Connection", bound=httpx.BaseTransport | httpx.AsyncBaseTransport)

MAX_IDLE = 100  # idle connections kept
IDLE_SECONDS = 60.0  # keep-alive of an idle connection


class _Idle(Generic[T_Connection]):
    """Idle connections: the last one given back is taken first.

    Args:
        make: a further connection.
        clock: seconds that only grow; injected in tests.

    Attributes:
        is_closed: whether what is given back is closed.
    """

    def __init__(self, make: Callable[[], T_Connection], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._idle: deque[tuple[float, T_Connection]] = deque()
        self.is_closed = False

    def take(self) -> T_Connection:
        """A connection that no other exchange uses."""
        try:
            return self._idle.pop()[1]
        except IndexError:
            return self._make()

    def give_back(self, connection: T_Connection) -> None:
        """Keeps a connection for the next exchange."""
        self._idle.append((self._clock(), connection))

    def expired(self) -> list[T_Connection]:
        """Those that were idle too long, are too many or are not wanted any more: for the caller to close."""
        expired = []
        with suppress(IndexError):  # another thread may be quicker
            while self.is_closed or len(self._idle) > MAX_IDLE or self._clock() - self._idle[0][0] > IDLE_SECONDS:
                expired.append(self._idle.popleft()[1])
        return expired

    def __len__(self) -> int:
        return len(self._idle)


class Connections(httpx.BaseTransport):
    """The connections to one address, for blocking calls from any thread."""

    def __init__(self, make: Callable[[], httpx.HTTPTransport], **options: Any) -> None:
        self.idle: _Idle[httpx.HTTPTransport] = _Idle(make, **options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._close_expired()
        connection = self.idle.take()
        response = connection.handle_request(request)  # where it fails, it has closed its connection
        response.stream = _Stream(response.stream, connection, self)
        return response

    def give_back(self, connection: httpx.HTTPTransport) -> None:
        """Keeps a connection for the next exchange."""
        self.idle.give_back(connection)
        self._close_expired()

    def close(self) -> None:
        """Closes the idle connections, and those in use when they are given back."""
        self.idle.is_closed = True
        self._close_expired()

    def _close_expired(self) -> None:
        for connection in self.idle.expired():
            connection.close()


class _Stream(httpx.SyncByteStream):
    """A response's body, whose end gives the connection back."""

    def __init__(self, stream: Any, connection: httpx.HTTPTransport, connections: Connections) -> None:
        self._stream = stream
        self._connection = connection
        self._connections = connections

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        self._stream.close()
        self._connections.give_back(self._connection)


class AsyncConnections(httpx.AsyncBaseTransport):
    """The connections of one event loop to one address.

    Args:
        loop: of the running loop.
    """

    def __init__(self, make: Callable[[], httpx.AsyncHTTPTransport], loop: LoopResources, **options: Any) -> None:
        self.idle: _Idle[httpx.AsyncHTTPTransport] = _Idle(make, **options)
        self._loop = loop
        self._has_timer = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = self.idle.take()
        response = await connection.handle_async_request(request)
        response.stream = _AsyncStream(response.stream, connection, self)
        return response

    def give_back(self, connection: httpx.AsyncHTTPTransport) -> None:
        """Keeps a connection for the next exchange."""
        self.idle.give_back(connection)
        self._close_expired()

    async def aclose(self) -> None:
        """Closes the idle connections, and those in use when they are given back."""
        self.idle.is_closed = True
        for connection in self.idle.expired():
            await connection.aclose()

    def _close_expired(self) -> None:
        expired = self.idle.expired()
        if expired:
            self._loop.close_later(*expired)
        if len(self.idle) and not self._has_timer:
            self._has_timer = True
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._has_timer = False
        self._close_expired()


class _AsyncStream(httpx.AsyncByteStream):
    """A response's body, whose end gives the connection back."""

    def __init__(self, stream: Any, connection: httpx.AsyncHTTPTransport, connections: AsyncConnections) -> None:
        self._stream = stream
        self._connection = connection
        self._connections = connections

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = self._stream.__aiter__()
        return iterator

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._connections.give_back(self._connection)


class _NoCookies(CookieJar):
    """A jar that stays empty."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Takes none."""


def client_options() -> dict[str, Any]:
    """A client that adds nothing of its own: it is everybody's who uses the address."""
    return {"trust_env": False, "cookies": _NoCookies(), "auth": lambda request: request}
