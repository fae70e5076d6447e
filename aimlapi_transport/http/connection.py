"""How the requests of a client reach its host: by an httpx client, ours or the user's own, and never another way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aimlapi_transport.http.loops import resources_of, shut_down
from aimlapi_transport.http.replies import AsyncReply, Reply, Trace

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.config.limits import Limits
    from aimlapi_transport.config.retry import RetryBudget
    from aimlapi_transport.http.proxies import Proxy

_AGAIN = 0.05  # seconds between two cancellations of a task that goes on all the same


class Source(Protocol):
    """Where httpx clients come from: a pool, or the user."""

    @property
    def retry_budget(self) -> RetryBudget:
        """The retries that all users of its clients have left together."""

    @property
    def proxy(self) -> Proxy | None:
        """What requests go through, where that is known."""

    def client(self) -> httpx.Client:
        """One for blocking calls."""

    def async_client(self) -> httpx.AsyncClient:
        """One for the running event loop."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What an exchange is made with.

    Attributes:
        source: of the httpx client; its connections stay open while it is referenced.
        base_url: of the host.
        limits: how long a reply may be.
    """

    source: Source
    base_url: str
    limits: Limits

    def client(self) -> Any:
        """The httpx client."""
        return self.source.client()

    async def send(self, client: Any, request: httpx.Request) -> Reply | AsyncReply:
        """The reply, its body unread; blocking, so that nothing is waited for in an event loop."""
        trace = Trace()
        request.extensions["trace"] = trace.note
        return Reply(client.send(request, stream=True, follow_redirects=False), trace)


@dataclass(frozen=True, slots=True)
class AsyncConnection(Connection):
    """The same in an event loop."""

    def client(self) -> Any:
        return self.source.async_client()

    async def send(self, client: Any, request: httpx.Request) -> Reply | AsyncReply:
        """The reply, its body unread.

        A task of its own sends the request. httpcore leaves its socket open where it is cancelled twice or in the TLS
        handshake, and before Python 3.11 anyio, in whose scopes it connects, may take a cancellation for its own. So
        this task is cancelled until it ends, and what it had opened is closed.
        """
        loop = resources_of(asyncio.get_running_loop())
        trace = Trace(loop.streams)
        request.extensions["trace"] = trace.anote
        task = asyncio.ensure_future(client.send(request, stream=True, follow_redirects=False))
        try:
            await asyncio.wait([task])
            return AsyncReply(task.result(), trace, loop)
        except asyncio.CancelledError:
            for stream in trace.opened:
                shut_down(stream)
            ending = loop.keep(asyncio.ensure_future(_end(task, trace.opened)), trace.opened)
            await asyncio.shield(ending)
            raise
        finally:
            del task  # its error holds this frame


async def _end(task: asyncio.Task[httpx.Response], opened: list[Any]) -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN)
    for stream in opened:
        with suppress(Exception):
            await stream.aclose()
    if not task.cancelled() and task.exception() is None:
        with suppress(Exception):
            await task.result().aclose()
