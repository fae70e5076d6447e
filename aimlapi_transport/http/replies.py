"""One httpx request sent, and its response read: piece by piece, unpacked, and left at any moment.

The body is read from `response.stream`, the iterable of bytes that every httpx transport gives, so that connections of
ours, a client of the user's own, a mock and a cassette are read alike.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Generator, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import httpx
from typing_extensions import Self

from aimlapi_transport.http.decoding import PACKED, PLAIN, Decoder
from aimlapi_transport.http.loops import LoopResources, resources_of, shut_down

_AGAIN = 0.05  # seconds between two cancellations of a task that goes on all the same


class Trace:
    """What httpcore says of a request by its `trace` extension.

    Source: https://www.encode.io/httpcore/extensions/#trace

    Args:
        streams: to which network streams that are opened are added.

    Attributes:
        opened: the network streams that the request opened for itself; none where others share them (HTTP/2).
        is_body_live: whether the body is being read from a connection now.
    """

    __slots__ = ("_streams", "is_body_live", "opened")

    def __init__(self, streams: WeakSet[Any] | None = None) -> None:
        self._streams = streams
        self.opened: list[Any] = []
        self.is_body_live = False

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """An event, as httpcore gives it."""
        if event.endswith("receive_response_body.started"):
            self.is_body_live = True
        elif event.endswith(("connect_tcp.complete", "connect_unix_socket.complete", "start_tls.complete")):
            stream = info["return_value"]
            self.opened.append(stream)
            if self._streams is not None:
                self._streams.add(stream)
            tls = stream.get_extra_info("ssl_object")
            if tls is not None and tls.selected_alpn_protocol() == "h2":
                self.opened.clear()

    async def anote(self, event: str, info: Mapping[str, Any]) -> None:
        """The same, for asyncio."""
        self.note(event, info)


# In the place of a body that is closed: httpx's holds its response, and in this circle what was sent would stay.
_EMPTY = httpx.ByteStream(b"")


class Reply:
    """A reply, and how its request is sent: blocking, so that what is awaited of it waits for no event loop.

    Args:
        response: of httpx or httpx2, its body unread.
        trace: of its request.

    Attributes:
        headers: names in lower case; httpx's own mapping guesses the encoding at every look.
        can_be_read: whether the body is packed in a way that was asked for, or not at all.
    """

    _iterate: Any = iter

    def __init__(self, response: Any, trace: Trace) -> None:
        self.response: httpx.Response = response
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        encoding = self.headers.get("content-encoding", "").strip().lower()
        self._decoder = None if encoding in PLAIN else Decoder()
        self.can_be_read = encoding in PLAIN or encoding in PACKED
        self._stream: Any = response.stream
        if response.is_stream_consumed:  # by whoever made it: a mock
            self._stream, self._decoder = httpx.ByteStream(response.content), None
        self._pieces = self._iterate(self._stream)
        self._has_begun = False  # an iterator's first piece was asked for
        self._left: list[Any] = []  # iterators that began: one that is dropped would close the connection
        self.trace = trace
        trace.is_body_live = False  # a recorder reads a body before it gives the response
        self._is_over = False

    @classmethod
    async def send(cls, client: Any, request: httpx.Request) -> Self:
        """The reply to a request, its body unread."""
        trace = Trace()
        request.extensions["trace"] = trace.note
        return cls(client.send(request, stream=True, follow_redirects=False), trace)

    async def read(self) -> bytes:
        """The next piece of the body, unpacked; empty at its end."""
        for piece in self._pieces:
            unpacked: bytes = piece if self._decoder is None else self._decoder.add(piece)
            if unpacked:
                return unpacked
        self.trace.is_body_live = False
        return b"" if self._decoder is None else self._decoder.flush()

    def limit_silence(self, seconds: float | None) -> None:
        """Sets how many seconds each piece that follows is waited for; None for ever.

        httpcore looks at the timeout when an iteration begins, so another one goes on where the last one stopped. Other
        bodies, a mock's or a cassette's, would begin anew, and are not waited for.
        """
        timeouts = self.response.request.extensions.get("timeout")
        if timeouts and timeouts.get("read") != seconds:
            timeouts["read"] = seconds
            if self.trace.is_body_live:
                self._left.append(self._pieces)
                self._pieces, self._has_begun = self._iterate(self._stream), False

    async def close(self) -> None:
        """Gives the connection back, or closes it where the body was not read to its end."""
        if not self._is_over:
            self._is_over = True
            self.response.close()
            self.response.stream = _EMPTY

    def abandon(self) -> asyncio.Task[None] | None:
        """Breaks the connection off, from any thread and without waiting; it is never used again. Never fails.

        Returns:
            What closes it, where that takes a while in the running loop.
        """
        if not self._is_over:
            self._is_over = True
            with suppress(Exception):
                if sys.is_finalizing():  # httpx's `close` asks for the time, which Python 3.13.0 crashes on by now
                    self.response.extensions["network_stream"].close()
                else:
                    self.response.close()
                    self.response.stream = _EMPTY
        return None


class AsyncReply(Reply):
    """A reply that is read in an event loop.

    Args:
        loop: of the running loop.
    """

    _iterate = aiter

    def __init__(self, response: Any, trace: Trace, loop: LoopResources) -> None:
        super().__init__(response, trace)
        self._loop = loop
        loop.replies.add(self)

    @classmethod
    async def send(cls, client: Any, request: httpx.Request) -> Self:
        """The reply to a request, its body unread.

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
            return cls(task.result(), trace, loop)
        except asyncio.CancelledError:
            for stream in trace.opened:
                shut_down(stream)
            ending = loop.keep(asyncio.ensure_future(_end(task, trace.opened)), trace.opened)
            await asyncio.shield(ending)
            raise
        finally:
            del task  # its error holds this frame

    async def read(self) -> bytes:
        while (piece := await self._next()) is not None:
            unpacked = piece if self._decoder is None else self._decoder.add(piece)
            if unpacked:
                return unpacked
        self.trace.is_body_live = False
        return b"" if self._decoder is None else self._decoder.flush()

    def _next(self) -> Awaitable[bytes | None]:
        """The next piece unchanged, None at the end."""
        piece: Awaitable[bytes | None] = anext(self._pieces, None)
        if self._has_begun:
            return piece
        self._has_begun = True
        return _unknown_to_loop(piece)

    async def close(self) -> None:
        if not self._is_over:
            try:
                await self.response.aclose()
            except BaseException:
                self.abandon()
                raise
            self._end()
            self.response.stream = _EMPTY

    def abandon(self) -> asyncio.Task[None] | None:
        if self._is_over:
            return None
        self._end()
        return None if sys.is_finalizing() else self._loop.break_off(self.response)

    def _end(self) -> None:
        self._is_over = True
        self._loop.replies.discard(self)


async def _end(task: asyncio.Task[httpx.Response], opened: list[Any]) -> None:
    """Ends the sending of a request, and closes what it opened."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN)
    for stream in opened:
        with suppress(Exception):
            await stream.aclose()
    if not task.cancelled() and task.exception() is None:
        with suppress(Exception):
            await task.result().aclose()


class _unknown_to_loop(Generator[Any, Any, Any]):
    """Awaits the first piece of a body; the event loop does not learn of the asynchronous generators that begin in it.

    A loop that ends closes those it knows, all at the same time: generators in generators then get in each other's way.
    These need no end of their own, as their response is closed instead. The hooks are a provisional interface of `sys`,
    and law 9 of CONTRIBUTING.md needs them: the bodies of httpx2 are generators that close one another.
    """

    def __init__(self, first: Awaitable[Any]) -> None:
        self._steps: Any = first.__await__()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def send(self, value: Any) -> Any:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(_ignore, _ignore)
        try:
            return self._steps.send(value)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def throw(self, *error: Any) -> Any:
        return self._steps.throw(*error)


def _ignore(generator: Any) -> None:
    pass
