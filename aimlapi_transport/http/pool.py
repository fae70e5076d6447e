"""Connection pools: one per address for sync calls, and one per address and event loop for async calls.

A client holds a `PoolHandle`. The pool is made at the first call, belongs to its process and its loop, and is closed
when its last handle is closed, or some time after the last one was collected: no model and no client owns sockets, and
a program that makes a model for each of its requests does not connect for each. A forked child makes pools of its own;
a loop's pool is closed by the loop's own shutdown, so nothing is awaited in a dead loop.
"""

from __future__ import annotations

import _thread
import asyncio
import atexit
import os
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from functools import lru_cache, partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ReferenceType, WeakKeyDictionary, ref

from typing_extensions import Self

if TYPE_CHECKING:  # imported at the first call: whoever holds a pool_handle need not pay for it before
    import httpx

    from aimlapi_transport.config.settings import Route
    from aimlapi_transport.http.connections import Connections

    _AsyncConnections: TypeAlias = Connections[httpx.AsyncBaseTransport]

KEEP_SECONDS = 2.0
"""How long the connections outlive the last user, where that was collected and not closed."""

_lock = threading.RLock()  # reentrant: a pool_handle may be garbage-collected while its thread holds the lock
_pools: dict[tuple[Route | str | None, ...], Pool] = {}
_inherited: list[Pool] = []  # a forked child's: the sockets are its parent's, too, and must not be touched
_process = object()  # another one in each forked child
_closing = threading.Lock()  # held while kept pools are being closed
_has_watcher = False  # whether a thread waits for kept pools to be over

_Kept = AsyncGenerator[None, None]


class Pool:
    """The connections of this process by one route.

    Attributes:
        retry_budget: the retries that all users of the route have left together.
        kept_until: when it is closed, where nobody uses it: a time of `time.monotonic`.
    """

    def __init__(self, route: Route, key: tuple[Route | str | None, ...]) -> None:
        from aimlapi_transport.config.retry import RetryBudget

        self.route = route
        self.key = key
        self.process = _process
        self.users = 0
        self.kept_until = 0.0
        self.retry_budget = RetryBudget()
        self._sync: Connections[httpx.BaseTransport] | None = None
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[_AsyncConnections, _Kept]] = (
            WeakKeyDictionary()
        )

    def connections(self) -> Connections[httpx.BaseTransport]:
        """The connections for sync calls."""
        return self._connections()

    def async_connections(self) -> _AsyncConnections:
        """The connections of the running loop."""
        return self._connections_of(asyncio.get_running_loop())

    def _connections(self) -> Connections[httpx.BaseTransport]:
        if self._sync is None:
            import httpx

            from aimlapi_transport.http.connections import Connections
            from aimlapi_transport.http.transport_options import transport_options

            with _lock:
                if self._sync is None:
                    options = transport_options(self.route)
                    self._sync = Connections(lambda: httpx.HTTPTransport(**options))
        return self._sync

    def _connections_of(self, loop: asyncio.AbstractEventLoop) -> _AsyncConnections:
        found = self._by_loop.get(loop)
        if found is None or found[0].is_closed:
            import httpx

            from aimlapi_transport.http.connections import Connections
            from aimlapi_transport.http.transport_options import transport_options

            with _lock:
                for other in [other for other in self._by_loop if other.is_closed()]:
                    _abandon(self._by_loop.pop(other)[0])
                options = transport_options(self.route)
                connections: _AsyncConnections = Connections(lambda: httpx.AsyncHTTPTransport(**options))
                found = self._by_loop[loop] = (
                    connections,
                    at_loop_shutdown(partial(_closed, connections, ref(self), loop)),
                )
        return found[0]

    def shut(self, *, wait: bool = False) -> None:
        """Closes everything; other loops' connections as soon as their loops come to it.

        Args:
            wait: run a loop that stands still, to close its connections now.
        """
        if self._sync is not None:
            for connection in self._sync.drained():
                connection.close()
        while self._by_loop:
            try:
                loop, (connections, keeper) = self._by_loop.popitem()
            except KeyError:  # the last loop was collected meanwhile
                return
            if loop.is_closed():
                _abandon(connections)
            elif wait and not loop.is_running() and asyncio._get_running_loop() is None:
                loop.run_until_complete(keeper.aclose())
            # else: with its last reference gone, the loop closes the generator, and that the connections

    async def ashut(self) -> None:
        """Closes everything, the running loop's connections before it returns."""
        found = self._by_loop.pop(asyncio.get_running_loop(), None)
        if found is not None:
            await found[1].aclose()
        self.shut()

    def exit(self) -> None:
        """One user less, who did not close it: the pool is kept a while for the next one.

        Called by the garbage collector, too, so no lock of Python's is waited for that its thread may hold.
        """
        if self.process is not _process:
            return
        with _lock:
            self.users -= 1
            if self.users or _pools.get(self.key) is not self:
                return
            self.kept_until = time.monotonic() + KEEP_SECONDS
            for loop in [loop for loop in self._by_loop if loop.is_closed()]:
                _abandon(self._by_loop.pop(loop)[0])
            _watch()

    def leave(self) -> bool:
        """One user less; whether it was the last, who has to close the pool."""
        if self.process is not _process:
            return False
        with _lock:
            self.users -= 1
            if self.users or _pools.get(self.key) is not self:
                return False
            del _pools[self.key]
            return True


class PoolHandle:
    """A share in the connections to an address, taken at the first call. No part of its holder's value.

    A closed pool_handle may be used again: it takes a new share.
    """

    __slots__ = ("__weakref__", "_pool")

    def __init__(self) -> None:
        self._pool: Pool | None = None

    def pool(self, route: Route) -> Pool:
        """The pool of a route, of this process."""
        pool = self._pool
        if pool is not None and pool.route == route and pool.process is _process:
            return pool
        from aimlapi_transport.http.environment import connection_variables

        key = (route, *connection_variables())
        with _lock:
            _begin()
            pool = _pools.get(key)
            if pool is None:
                pool = _pools[key] = Pool(route, key)
            pool.users += 1
            former, self._pool = self._pool, pool
        if former is not None:
            former.exit()
        return pool

    def enter(self, route: Route) -> Pool:
        """The pool of a route, kept open until `Pool.exit`, whoever closes the pool_handle meanwhile."""
        with _lock:
            pool = self.pool(route)
            pool.users += 1
        return pool

    def close(self) -> None:
        """Gives the share back. With the last one the connections are closed; calls under way end first."""
        pool, self._pool = self._pool, None
        if pool is not None and pool.leave():
            pool.shut(wait=True)

    async def aclose(self) -> None:
        """As `close`; the running loop's connections are closed when this returns."""
        pool, self._pool = self._pool, None
        if pool is not None and pool.leave():
            await pool.ashut()

    def __del__(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.exit()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PoolHandle)

    def __hash__(self) -> int:
        return 0

    def __copy__(self) -> PoolHandle:
        return PoolHandle()

    def __deepcopy__(self, memo: Any) -> PoolHandle:
        return PoolHandle()

    def __reduce__(self) -> tuple[type[PoolHandle], tuple[()]]:
        return PoolHandle, ()


class Closable:
    """`close`, `aclose`, `with` and `async with` for what holds a `_pool_handle`.

    Closing gives up the share in the connections. They are closed when nobody else in the process uses the same
    address, and after the calls under way. What was closed may be used again. An HTTP client of your own stays open.
    """

    _pool_handle: PoolHandle

    def close(self) -> None:
        """Gives up the connections, sync and async."""
        self._pool_handle.close()

    async def aclose(self) -> None:
        """Gives up the connections; the running loop's are closed when this returns."""
        await self._pool_handle.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def at_loop_shutdown(end: Callable[[], Awaitable[None]]) -> _Kept:
    """What awaits `end` in its loop, when that shuts down, or when nobody holds this generator any more.

    Both are what a loop does for every asynchronous generator begun in it: see PEP 525 on finalization.
    """

    async def keeper() -> _Kept:
        try:
            yield
        finally:
            await end()

    kept = keeper()
    with suppress(StopIteration):
        kept.asend(None).send(None)  # begun: from now on the loop knows it
    return kept


async def _closed(connections: _AsyncConnections, pool: ReferenceType[Pool], loop: asyncio.AbstractEventLoop) -> None:
    """Closes the connections of a loop, while it still runs."""
    owner = pool()
    if owner is not None:
        with _lock:
            owner._by_loop.pop(loop, None)
    from aimlapi_transport.http._compat import abort_connections

    # Without waiting where that can be had: a loop that ends cancels what waits in it.
    left = [connection for connection in connections.drained() if not abort_connections(connection)]
    await asyncio.sleep(0)  # until the sockets are closed
    for connection in left:
        await connection.aclose()


def _abandon(connections: _AsyncConnections) -> None:
    """Closes the sockets of a loop that cannot run any more: it was closed without its asynchronous generators."""
    from aimlapi_transport.http._compat import close_in_dead_loop

    for connection in connections.drained():
        close_in_dead_loop(connection)


def _watch() -> None:
    """Has kept pools closed when they are over, by a thread that ends with the last of them.

    The thread is the interpreter's own, without `threading` around it: `Thread.start` takes a lock of all threads, and
    whoever holds that one may collect a client and wait for ours, which is held here.
    """
    global _has_watcher
    if not _has_watcher:
        with suppress(RuntimeError):  # the interpreter ends, and `_end` closes them; or the platform has no threads
            _thread.start_new_thread(_close_kept, (_process,))
            _has_watcher = True


def _close_kept(process: object) -> None:
    while process is _process:
        seconds = _close_over()
        if seconds is None:
            return
        time.sleep(seconds)


def _close_over() -> float | None:
    """Closes the pools that were kept long enough; seconds until the next one is, None where none is left."""
    global _has_watcher
    with _closing:
        with _lock:
            _has_watcher = False  # first: a client that is collected from here on has a thread of its own started
            now = time.monotonic()
            unused = [pool for pool in list(_pools.values()) if not pool.users]
            over = [pool for pool in unused if pool.kept_until <= now]
            for pool in over:
                _pools.pop(pool.key, None)
            waiting = [pool.kept_until for pool in unused if pool not in over]
            if waiting:
                _has_watcher = True
        for pool in over:
            with suppress(Exception):  # whatever its sockets say, the other pools are closed, too
                pool.shut()
    return min(waiting) - now if waiting else None


@lru_cache(maxsize=1)
def _begin() -> None:
    """Registers what happens at the end of the process and in a forked child, at the first pool."""
    atexit.register(_end)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """In a forked child: the parent's connections are the parent's."""
    global _lock, _process, _closing, _has_watcher
    _lock, _process, _closing, _has_watcher = threading.RLock(), object(), threading.Lock(), False
    _inherited.extend(_pools.values())
    _pools.clear()


def _end() -> None:
    """At the end of the process: no socket is left to the garbage collector, which would warn of it."""
    global _process
    with _closing:
        left = list(_pools.values())
        _pools.clear()
        _process = object()  # handles that die from now on have nothing to close
    for pool in left:
        pool.shut(wait=True)
    for pool in _inherited:
        for connection in pool._sync.drained() if pool._sync is not None else ():
            connection.close()
        for connections, _ in pool._by_loop.values():
            _abandon(connections)
