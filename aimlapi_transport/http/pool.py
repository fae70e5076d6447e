"""Connection pools of this process: one by route for blocking calls, and one by route and event loop for asyncio.

No client and no model owns a connection. Each holds a `PoolHandle`, which takes a share in the pool of its route at the
first call. When the last share is closed, so are the idle connections. When the last one is garbage, those for blocking
calls are closed at once, and those of an event loop some seconds later, so that a program that makes a model for each
request does not connect for each. What is idle for a minute is closed by the loop's timer, or at the next blocking
call; what is left, at the end of its loop or of the process. A forked child makes pools of its own.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Hashable
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary, finalize

from typing_extensions import Self

from aimlapi_transport.http.loops import (
    LoopResources,
    PooledClient,
    all_resources,
    end_closed_loops,
    resources_of,
    running_loop,
)

if TYPE_CHECKING:  # imported at the first call: whoever holds a `PoolHandle` need not pay for it before
    import httpx

    from aimlapi_transport.config.settings import Route
    from aimlapi_transport.http.connections import Connections

KEEP_SECONDS = 2.0
"""How long the connections of an event loop outlive their last user, where that was garbage and not closed."""

_lock = threading.Lock()  # for what is made or closed on purpose; no finalizer waits for it
_pools: WeakValueDictionary[Hashable, Pool] = WeakValueDictionary()


class Pool:
    """The connections of this process by one route.

    Attributes:
        connections: for blocking calls.
        client: sends blocking calls by them.
        key: the route, and the variables of the environment that say how to connect.
        process: the id of the process it is of.
        proxy: in use; None where there is none.
        retry_budget: the retries that all users of the route have left together.
        shares: of those who use it.
    """

    def __init__(self, key: tuple[Route, tuple[str | None, ...]]) -> None:
        import httpx

        from aimlapi_transport.config.retry import RetryBudget
        from aimlapi_transport.http.connections import Connections, client_of
        from aimlapi_transport.http.proxies import proxy_for, transport_options

        self.proxy = proxy_for(key[0])
        self._options = transport_options(key[0], self.proxy)
        self.key = key
        self.process = os.getpid()
        self.retry_budget = RetryBudget()
        self.shares: WeakSet[_Share] = WeakSet()
        options = self._options
        self.connections = Connections(lambda: httpx.HTTPTransport(**options))
        self.client = client_of(httpx.Client, self.connections)
        finalize(self, _release, key, self.process, self.connections)

    def async_client(self) -> httpx.AsyncClient:
        """A client for the running event loop."""
        import httpx

        from aimlapi_transport.http.connections import AsyncConnections, client_of

        loop = resources_of(asyncio.get_running_loop())
        client = loop.clients.get(self.key)
        if client is None:
            options = self._options
            connections = AsyncConnections(lambda: httpx.AsyncHTTPTransport(**options), loop)
            client = PooledClient(client_of(httpx.AsyncClient, connections), connections)
            loop.clients[self.key] = client
        return client.http

    def close(self) -> asyncio.Task[None] | None:
        """Closes the idle connections, other loops' as soon as these run, and those in use when they are given back.

        Returns:
            What closes those of the running loop.
        """
        closing = None
        self.connections.close()
        end_closed_loops()
        for loop, resources in all_resources():
            client = resources.clients.pop(self.key, None)
            if client is None:
                continue
            if resources.is_current():
                closing = resources.close_later(client.connections)
            elif loop.is_running() or running_loop() is not None:
                with suppress(RuntimeError):  # closed meanwhile
                    loop.call_soon_threadsafe(resources.close_later, client.connections)
            else:
                loop.run_until_complete(client.connections.aclose())
        return closing


class _Share:
    """What keeps a pool."""

    __slots__ = ("__weakref__", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        pool.shares.add(self)


class NoValue:
    """What an object holds that is no part of its value: it equals any other of its class, and copies get a new one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return 0

    def __copy__(self) -> Self:
        return type(self)()

    def __deepcopy__(self, memo: Any) -> Self:
        return type(self)()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()


class PoolHandle(NoValue):
    """A share in the connections by a route, taken at the first call. No part of its holder's value.

    A closed handle may be used again: it takes a new share.
    """

    __slots__ = ("_share",)

    def __init__(self) -> None:
        self._share: _Share | None = None

    def pool(self, route: Route) -> Pool:
        """The pool of a route, of this process."""
        share = self._share
        if share is not None and share.pool.key[0] == route and share.pool.process == os.getpid():
            return share.pool
        from aimlapi_transport.http.proxies import connection_variables

        _at_fork()
        key = (route, connection_variables())
        with _lock:
            pool = _pools.get(key)
            if pool is None:
                pool = _pools[key] = Pool(key)
            self._share = _Share(pool)
        return pool

    def close(self) -> asyncio.Task[None] | None:
        """Gives the share back. With the last one the connections are closed; calls under way end first.

        Returns:
            What closes those of the running loop.
        """
        share, self._share = self._share, None
        if share is None or share.pool.process != os.getpid():
            return None
        pool = share.pool
        with _lock:
            pool.shares.discard(share)
            if len(pool.shares):
                return None
            if _pools.get(pool.key) is pool:  # nobody takes another share
                del _pools[pool.key]
        return pool.close()


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
        closing = self._pool_handle.close()
        if closing is not None:
            await asyncio.wait([closing])

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


def _release(key: Hashable, process: int, connections: Connections) -> None:
    """A pool is garbage, or the process ends: closes its idle connections, those of event loops after a while."""
    connections.close()
    if process != os.getpid():
        return
    end_closed_loops()
    for loop, resources in all_resources():
        if key in resources.clients:
            with suppress(RuntimeError):  # closed meanwhile
                loop.call_soon_threadsafe(loop.call_later, KEEP_SECONDS, _close_unused, key, resources)


def _close_unused(key: Hashable, loop: LoopResources) -> None:
    """In the loop: closes the connections that have no pool any more."""
    if key not in _pools and (client := loop.clients.pop(key, None)) is not None:
        loop.close_later(client.connections)


@lru_cache(maxsize=1)
def _at_fork() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """In a forked child: the parent's connections are the parent's."""
    global _lock, _pools
    _lock, _pools = threading.Lock(), WeakValueDictionary()
