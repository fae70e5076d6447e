"""What is open in an event loop, and how it ends: with the loop, or without it where nothing can run in it any more."""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet

from aimlapi_transport.http._compat import close_in_closed_loop

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.http.connections import AsyncConnections
    from aimlapi_transport.http.replies import AsyncReply


class AsyncClosable(Protocol):
    """A response, or one of httpcore's network streams."""

    def aclose(self) -> Awaitable[None]: ...


_resources: dict[asyncio.AbstractEventLoop, LoopResources] = {}
_inherited: list[object] = []  # a forked child's: the loops are its parent's, too, and must not be touched


class PooledClient(NamedTuple):
    """A client of ours, with what it connects by."""

    http: httpx.AsyncClient
    connections: AsyncConnections


class LoopResources:
    """The connections and replies of one event loop.

    Attributes:
        clients: by what they are for: a route, and the environment that says how to connect.
        replies: those that are not closed.
        streams: httpcore's network streams that requests have opened.
        keeper: ends all of this when it is closed, as the loop does with it when it shuts down.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.clients: dict[object, PooledClient] = {}
        self.replies: WeakSet[AsyncReply] = WeakSet()
        self._loop = loop
        self.streams: WeakSet[Any] = WeakSet()
        self._closing: dict[asyncio.Task[None], Sequence[AsyncClosable]] = {}
        self.keeper = _at_loop_shutdown(self)

    def is_current(self) -> bool:
        """Whether the loop is the running one."""
        return running_loop() is self._loop

    def break_off(self, response: Any) -> asyncio.Task[None] | None:
        """Ends an exchange in the middle of its reply, without waiting; from any thread, also when the loop is closed.

        Returns:
            What closes it, where the loop is the running one.
        """
        stream = response.extensions.get("network_stream") if response.http_version != "HTTP/2" else None
        if stream is not None:
            shut_down(stream)
        if self._loop.is_closed():
            if stream is not None:
                close_in_closed_loop(self._loop, stream)
            return None
        closables = (response,) if stream is None else (response, stream)
        if self.is_current():
            return self.close_later(*closables)
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(self.close_later, *closables)
        return None

    def close_later(self, *closables: AsyncClosable) -> asyncio.Task[None]:
        """Closes things by a task, in the running loop."""
        return self.keep(self._loop.create_task(_close(closables)), closables)

    def keep(self, task: asyncio.Task[None], closables: Sequence[AsyncClosable]) -> asyncio.Task[None]:
        """Has the end of the loop wait for a task that closes things, which stay referenced until it has."""
        self._closing[task] = closables
        task.add_done_callback(self._closed)
        return task

    def _closed(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():  # a loop that ends cancels its tasks
            del self._closing[task]

    async def end(self) -> None:
        """Closes everything, in the running loop."""
        for reply in list(self.replies):
            reply.abandon()
        for client in list(self.clients.values()):
            await client.connections.aclose()
        while tasks := [task for task in self._closing if not task.done()]:
            await asyncio.wait(tasks)
        # Those whose tasks were cancelled, too, and idle ones of a user's client: they are of no use in another loop.
        await _close(list(self.streams))
        await asyncio.sleep(0)  # until the sockets are closed

    def end_in_closed_loop(self) -> None:
        """Closes everything of a loop that was closed without its asynchronous generators."""
        for reply in list(self.replies):
            reply.abandon()
        for stream in list(self.streams):
            close_in_closed_loop(self._loop, stream)


async def _close(closables: Sequence[AsyncClosable]) -> None:
    for one in closables:
        with suppress(Exception):
            await one.aclose()


def resources_of(loop: asyncio.AbstractEventLoop) -> LoopResources:
    """What is open in a running loop."""
    resources = _resources.get(loop)
    if resources is None:
        end_closed_loops()
        _at_exit_and_fork()
        resources = _resources[loop] = LoopResources(loop)
    return resources


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def all_resources() -> list[tuple[asyncio.AbstractEventLoop, LoopResources]]:
    """What is open in all loops."""
    return list(_resources.items())


def end_closed_loops() -> None:
    """Closes what is open in loops that are closed."""
    for loop, resources in all_resources():
        if loop.is_closed() and _resources.pop(loop, None) is not None:
            resources.end_in_closed_loop()


def shut_down(stream: Any) -> None:
    """Ends a connection at once, from any thread: the other side sees it, and a reader here wakes up."""
    sock = stream.get_extra_info("socket")
    with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as same:  # uvloop's sockets have no `shutdown`
        same.shutdown(socket.SHUT_RDWR)


def _at_loop_shutdown(resources: LoopResources) -> AsyncGenerator[None, None]:
    """What ends the resources when their loop shuts down, as it does with all asynchronous generators (PEP 525)."""

    async def keeper() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            _resources.pop(resources._loop, None)
            await resources.end()

    kept = keeper()
    with suppress(StopIteration):
        kept.asend(None).send(None)  # begun: from now on the loop knows it
    return kept


@lru_cache(maxsize=1)
def _at_exit_and_fork() -> None:
    """Once in a process: what was open in its parent stays the parent's, and nothing is left open at its end."""
    atexit.register(_end)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """In a forked child."""
    _inherited.append(dict(_resources))
    _resources.clear()


def _end() -> None:
    end_closed_loops()
    for loop, resources in all_resources():
        if not loop.is_running() and running_loop() is None:
            with suppress(Exception):
                loop.run_until_complete(resources.keeper.aclose())
