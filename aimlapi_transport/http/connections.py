"""httpx transports that keep a connection for each exchange under way: taken for one, then given back.

httpx's own pool looks at all its connections at the start and the end of each request: with fifty calls at once, a call
takes four times the CPU. So each connection is an ordinary httpx transport of its own, and recorders and tracers, which
replace methods of those, see every exchange.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import partial
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx

if TYPE_CHECKING:
    from aimlapi_transport.http.loops import LoopResources

T_Connection = TypeVar("T_Connection", bound=httpx.BaseTransport | httpx.AsyncBaseTransport)

T_Client = TypeVar("T_Client", httpx.Client, httpx.AsyncClient)

MAX_IDLE = 100  # idle connections kept
IDLE_SECONDS = 60.0  # keep-alive of an idle connection


class _Connections(Generic[T_Connection]):
    """Connections that are taken for an exchange and then given back; the last one given back is taken first.

    Args:
        make: a further connection.
        clock: seconds that only grow; injected in tests.

    Attributes:
        idle: those that no exchange uses, with the times since when.
        is_closed: whether what is given back is closed.
    """

    def __init__(self, make: Callable[[], T_Connection], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self.idle: deque[tuple[float, T_Connection]] = deque()
        self.is_closed = False

    def _take(self) -> T_Connection:
        try:
            return self.idle.pop()[1]
        except IndexError:
            return self._make()

    def _give_back(self, connection: T_Connection) -> None:
        self.idle.append((self._clock(), connection))
        self._close_expired()

    def _expired(self) -> list[T_Connection]:
        """Those that were idle too long, are too many or are not wanted any more, which are idle no more."""
        expired = []
        with suppress(IndexError):  # another thread may be quicker
            while self.is_closed or len(self.idle) > MAX_IDLE or self._clock() - self.idle[0][0] > IDLE_SECONDS:
                expired.append(self.idle.popleft()[1])
        return expired

    @abstractmethod
    def _close_expired(self) -> None: ...


class Connections(_Connections[httpx.HTTPTransport], httpx.BaseTransport):
    """The connections to one address, for blocking calls from any thread."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        connection = self._take()
        response = connection.handle_request(request)  # where it fails, it has closed its connection
        response.stream = _Stream(response.stream, partial(self._give_back, connection))
        return response

    def close(self) -> None:
        """Closes the idle connections, and those in use when they are given back."""
        self.is_closed = True
        self._close_expired()

    def _close_expired(self) -> None:
        for connection in self._expired():
            connection.close()


class AsyncConnections(_Connections[httpx.AsyncHTTPTransport], httpx.AsyncBaseTransport):
    """The connections of one event loop to one address.

    Args:
        loop: of the running loop.
    """

    def __init__(self, make: Callable[[], httpx.AsyncHTTPTransport], loop: LoopResources) -> None:
        super().__init__(make)
        self._loop = loop
        self._has_timer = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        connection = self._take()
        response = await connection.handle_async_request(request)
        response.stream = _Stream(response.stream, partial(self._give_back, connection))
        return response

    async def aclose(self) -> None:
        """Closes the idle connections, and those in use when they are given back."""
        self.is_closed = True
        for connection in self._expired():
            await connection.aclose()

    def _close_expired(self) -> None:
        if expired := self._expired():
            self._loop.close_later(*expired)
        if self.idle and not self._has_timer:
            self._has_timer = True
            asyncio.get_running_loop().call_later(IDLE_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._has_timer = False
        self._close_expired()


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response's body, blocking or not, whose end gives its connection back."""

    def __init__(self, stream: Any, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        self._stream.close()
        self._give_back()

    def __aiter__(self) -> AsyncIterator[bytes]:
        iterator: AsyncIterator[bytes] = self._stream.__aiter__()
        return iterator

    async def aclose(self) -> None:
        await self._stream.aclose()
        self._give_back()


class _NoCookies(CookieJar):
    """A jar that stays empty."""

    def extract_cookies(self, response: object, request: object) -> None:
        """Takes none."""


def client_of(kind: type[T_Client], transport: Connections | AsyncConnections) -> T_Client:
    """A client that adds nothing of its own to a request: it is everybody's who uses the address."""
    options: dict[str, Any] = {"transport": transport, "cookies": _NoCookies(), "auth": httpx.Auth()}
    client = kind(trust_env=False, **options)
    client.headers.clear()
    return client
