"""Connection pools shared by the whole process: one for sync, one per event loop for async.

A pool belongs to the process and the loop that made it: after a fork the child makes its own, and a closed
loop's pool is dropped without being awaited.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from functools import lru_cache
from weakref import WeakKeyDictionary

import httpx

_lock = threading.Lock()
_sync: dict[int, httpx.Client] = {}
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

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
    client = _by_loop.get(loop)
    if client is None:
        with _lock:
            for other in [other for other in _by_loop if other.is_closed()]:
                del _by_loop[other]
            client = _by_loop[loop] = httpx.AsyncClient(verify=_tls(), limits=_LIMITS)
    return client


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
    _by_loop.clear()
