"""Connection pools shared by the whole process: one for sync, one per event loop for async.

A pool belongs to the process and the loop that made it: after a fork the child makes its own. A loop that ends in
order (`asyncio.run`) closes its pool; one that is just closed takes its pool along when it is collected.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import lru_cache

import httpx

_lock = threading.Lock()
_sync: dict[int, httpx.Client] = {}
# On the loop itself: connections refer to their loop, so that a table of them here would keep both alive.
_ON_LOOP = "_aimlapi_transport_pool"

# No cap on connections: a cap makes the 101st stream wait in silence. Idle ones are few and short-lived.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=60.0)


def shared_client() -> httpx.Client:
    """This process's pool for sync calls."""
    pid = os.getpid()
    client = _sync.get(pid)
    if client is None:
        with _lock:
            client = _sync.get(pid)
            if client is None:
                _sync.clear()
                client = _sync[pid] = httpx.Client(verify=_tls(), limits=_LIMITS)
    return client


def shared_async_client() -> httpx.AsyncClient:
    """The running loop's pool for async calls."""
    loop = asyncio.get_running_loop()
    pid, client, _ = getattr(loop, _ON_LOOP, (None, None, None))
    if client is None or client.is_closed or pid != os.getpid():
        client = httpx.AsyncClient(verify=_tls(), limits=_LIMITS)
        keeper = _until_the_loop_ends(client)
        with suppress(StopIteration):
            keeper.asend(None).send(None)  # up to its yield, where nothing waits: now the loop knows of it
        setattr(loop, _ON_LOOP, (os.getpid(), client, keeper))
    return client


async def _until_the_loop_ends(client: httpx.AsyncClient) -> AsyncGenerator[None, None]:
    """Closes the client when the loop closes its asynchronous generators, as `asyncio.run` does at its end."""
    try:
        yield
    finally:
        await client.aclose()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One TLS context for all pools: reading the certificates costs more than a hundred requests."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)
    return httpx.create_ssl_context()


def _forget() -> None:
    """In a forked child: the parent's connections are the parent's."""
    global _lock
    _lock = threading.Lock()
    _sync.clear()
