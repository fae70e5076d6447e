"""Sends one exchange by a connection of the pool, or by an HTTP client of the user's own.

`close` waits until the connection can be used again. `abandon` never waits: it closes the connection at once, wherever
it is called from (a generator that is closed, the garbage collector, another thread, a loop that has ended), where
nothing can be awaited any more.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, ref

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.http._compat import abort, abort_cancelled, abort_connections, abort_in_dead_loop, can_abort
from aimlapi_transport.http.cancellation import cancellable
from aimlapi_transport.http.pool import PoolHandle, at_loop_shutdown

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.config.settings import Route

_log = logging.getLogger("httpx")


class _Closable(Protocol):
    def aclose(self) -> Awaitable[None]: ...


class Sender:
    """Sends one exchange, blocking: what it returns is awaited without waiting."""

    __slots__ = ("_connection", "_is_over", "_own", "_pool", "_response")

    def __init__(self, own: httpx.Client | None, pool_handle: PoolHandle, route: Route) -> None:
        self._own = own
        self._is_over = False
        self._response: httpx.Response | None = None
        if own is not None:
            _check_open(own)
            return
        self._pool = pool_handle.enter(route)
        self._connection = self._pool.connections().take()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The reply, its body unread."""
        if self._own is not None:
            self._response = self._own.send(request, stream=True, follow_redirects=False)
        else:
            self._response = self._connection.handle_request(request)
            self._response.request = request
            _log_reply(self._response)
        return self._response

    async def close(self) -> None:
        """Gives the connection back, or closes it where its reply was not read to the end."""
        self._close()

    def abandon(self) -> None:
        """Closes the connection in the middle of its reply."""
        with suppress(Exception):
            self._close()

    async def discard(self) -> None:
        """As `abandon`."""
        self.abandon()

    def _close(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            if self._response is not None:
                self._response.close()
        finally:
            if self._own is None:
                spare = self._pool.connections().give_back(self._connection)
                if spare is not None:
                    spare.close()
                self._pool.exit()


class AsyncSender:
    """Sends one exchange in the running event loop."""

    __slots__ = ("__weakref__", "_connection", "_connections", "_is_over", "_loop", "_own", "_pool", "_response")

    def __init__(self, own: httpx.AsyncClient | None, pool_handle: PoolHandle, route: Route) -> None:
        self._own = own
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._response: httpx.Response | None = None
        if own is not None:
            _check_open(own)
        _guard(self._loop)
        if own is not None:
            _senders.setdefault(self._loop, WeakSet()).add(self)
            return
        self._pool = pool_handle.enter(route)
        self._connections = self._pool.async_connections()
        self._connection = self._connections.take()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The reply, its body unread."""
        if self._own is not None:
            sent = self._own.send(request, stream=True, follow_redirects=False)
            self._response = await cancellable(self._aborting(sent))
        else:
            # Without a client around it: its cookies, which all who use it would share, its redirects and its
            # authentication are not wanted here, and cost a seventh of a small call. Its line in the log is.
            sent = self._connection.handle_async_request(request)
            self._response = await cancellable(self._aborting(sent))
            self._response.request = request
            _log_reply(self._response)
        return self._response

    async def _aborting(self, sent: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        try:
            return await sent
        except asyncio.CancelledError as error:
            for connection in abort_cancelled(error):
                _close_later(self._loop, connection)
            raise

    async def close(self) -> None:
        """Gives the connection back, or closes it where its reply was not read to the end."""
        if self._is_over:
            return
        try:
            if self._response is not None:
                await self._response.aclose()
        except BaseException:
            self.abandon()
            raise
        self._is_over = True
        if self._own is None:
            spare = self._connections.give_back(self._connection)
            self._pool.exit()
            if spare is not None and not abort_connections(spare):
                await spare.aclose()

    def abandon(self) -> None:
        """Breaks the connection off in the middle of its reply; it is never used again."""
        if self._is_over:
            return
        self._is_over = True
        response, self._response = self._response, None
        if response is not None:
            if sys.is_finalizing():
                return
            self._in_loop(response)
        if self._own is None:
            if response is None:  # nothing was sent, or httpx has tidied up after what went wrong
                self._connections.give_back(self._connection)
            self._pool.exit()

    async def discard(self) -> None:
        """As `abandon`; waits for the end of a reply that has no connection to break off, such as a mock's."""
        if self._response is None or can_abort(self._response):
            self.abandon()
        else:
            await self.close()

    def _in_loop(self, response: httpx.Response) -> None:
        loop, connections = self._loop, None if self._own is not None else self._connections
        connection = None if connections is None else self._connection

        def break_off() -> None:
            is_aborted = abort(response)
            if is_aborted and connections is not None:
                connections.discard(cast(Any, connection))
            else:  # a client of the user's own has to know that the exchange is over
                _close_later(loop, response)

        if asyncio._get_running_loop() is loop:
            break_off()
            return
        try:
            loop.call_soon_threadsafe(break_off)
        except RuntimeError:  # the loop is closed
            abort_in_dead_loop(response)


def _check_open(own: httpx.Client | httpx.AsyncClient) -> None:
    if own.is_closed:
        raise InvalidRequestError("The HTTP client you passed is closed: pass one that is open.")


_closing: WeakKeyDictionary[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = WeakKeyDictionary()
_senders: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[AsyncSender]] = WeakKeyDictionary()
_guards: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = WeakKeyDictionary()


def _close_later(loop: asyncio.AbstractEventLoop, response: _Closable) -> None:
    """Closes a response by a task of its own, which the end of the loop waits for."""
    tasks = _closing.setdefault(loop, set())
    task = loop.create_task(_close(response))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _close(response: _Closable) -> None:
    with suppress(Exception):
        await response.aclose()


def _guard(loop: asyncio.AbstractEventLoop) -> None:
    """Lets a loop that shuts down wait for what is still being closed in it."""
    if loop not in _guards:
        _guards[loop] = at_loop_shutdown(partial(_closed, ref(loop)))


async def _closed(loop: ReferenceType[asyncio.AbstractEventLoop]) -> None:
    """Ends what is under way in a loop that shuts down: a pool's connections end with the pool."""
    for sender in list(_senders.get(cast(Any, loop()), ())):
        sender.abandon()
    while (alive := loop()) is not None and (tasks := _closing.get(alive)):
        await asyncio.wait(tasks)


def _log_reply(response: httpx.Response) -> None:
    if _log.isEnabledFor(logging.INFO):
        request, reason = response.request, response.reason_phrase
        arguments = (request.method, request.url, response.http_version, response.status_code, reason)
        _log.info('HTTP Request: %s %s "%s %d %s"', *arguments)
