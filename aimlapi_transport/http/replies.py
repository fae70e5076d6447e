"""A response whose body is still to be read: piece by piece, unpacked, and left at any moment.

The body is read from `response.stream`, the iterable of bytes that every httpx transport gives, so that connections of
ours, a client of the user's own, a mock and a cassette are read alike.
"""

from __future__ import annotations

import asyncio
import sys
from abc import abstractmethod
from collections.abc import Awaitable, Generator, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import httpx

from aimlapi_transport.http.decoding import PACKED, PLAIN, Decoder
from aimlapi_transport.http.loops import LoopResources


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


class _Reply:
    """What both kinds of reply share.

    Args:
        response: of httpx or httpx2, its body unread.
        trace: of its request.

    Attributes:
        can_be_read: whether the body is packed in a way that was asked for, or not at all.
    """

    def __init__(self, response: Any, trace: Trace) -> None:
        self.response: httpx.Response = response
        encoding = response.headers.get("content-encoding", "").strip().lower()
        self._decoder = None if encoding in PLAIN else Decoder()
        self.can_be_read = encoding in PLAIN or encoding in PACKED
        self._stream: Any = response.stream
        if response.is_stream_consumed:  # by whoever made it: a mock
            self._stream, self._decoder = httpx.ByteStream(response.content), None
        self._pieces = self._iterate()
        self._left: list[Any] = []  # iterators that began: one that is dropped would close the connection
        self._trace = trace
        trace.is_body_live = False  # a recorder reads a body before it gives the response
        self._is_over = False

    @abstractmethod
    async def read(self) -> bytes:
        """The next piece of the body, unpacked; empty at its end."""

    def _rest(self) -> bytes:
        """What is left to unpack at the end of the body."""
        self._trace.is_body_live = False
        return b"" if self._decoder is None else self._decoder.flush()

    @abstractmethod
    def _iterate(self) -> Any: ...

    def limit_silence(self, seconds: float | None) -> None:
        """Sets how many seconds each piece that follows is waited for; None for ever.

        httpcore looks at the timeout when an iteration begins, so another one goes on where the last one stopped. Other
        bodies, a mock's or a cassette's, would begin anew, and are not waited for.
        """
        timeouts = self.response.request.extensions.get("timeout")
        if timeouts and timeouts.get("read") != seconds:
            timeouts["read"] = seconds
            if self.is_live:
                self._left.append(self._pieces)
                self._pieces = self._iterate()

    @property
    def is_live(self) -> bool:
        """Whether the body is being read from a connection."""
        return self._trace.is_body_live


class Reply(_Reply):
    """A reply that is read blocking: what is awaited of it waits for no event loop."""

    def _iterate(self) -> Any:
        return iter(self._stream)

    async def read(self) -> bytes:
        for piece in self._pieces:
            unpacked: bytes = piece if self._decoder is None else self._decoder.add(piece)
            if unpacked:
                return unpacked
        return self._rest()

    async def close(self) -> None:
        """Gives the connection back, or closes it where the body was not read to its end."""
        if not self._is_over:
            self._is_over = True
            self.response.close()
            self.response.stream = _EMPTY

    def abandon(self) -> None:
        """As `close`; never fails."""
        if not self._is_over:
            self._is_over = True
            with suppress(Exception):
                if sys.is_finalizing():  # httpx's `close` asks for the time, which Python 3.13.0 crashes on by now
                    self.response.extensions["network_stream"].close()
                else:
                    self.response.close()
                    self.response.stream = _EMPTY

    async def discard(self) -> None:
        """As `abandon`."""
        self.abandon()


class AsyncReply(_Reply):
    """A reply that is read in an event loop.

    Args:
        loop: of the running loop.
    """

    def __init__(self, response: Any, trace: Trace, loop: LoopResources) -> None:
        super().__init__(response, trace)
        self._loop = loop
        loop.replies.add(self)

    def _iterate(self) -> Any:
        self._has_begun = False
        return self._stream.__aiter__()

    async def read(self) -> bytes:
        while (piece := await self._next()) is not None:
            unpacked = piece if self._decoder is None else self._decoder.add(piece)
            if unpacked:
                return unpacked
        return self._rest()

    def _next(self) -> Awaitable[bytes | None]:
        """The next piece unchanged, None at the end."""
        piece: Awaitable[bytes | None] = anext(self._pieces, None)
        if self._has_begun:
            return piece
        self._has_begun = True
        return _unknown_to_loop(piece)

    async def close(self) -> None:
        """Gives the connection back, or closes it where the body was not read to its end."""
        if not self._is_over:
            try:
                await self.response.aclose()
            except BaseException:
                self.abandon()
                raise
            self._end()
            self.response.stream = _EMPTY

    def abandon(self) -> None:
        """Breaks the connection off, from any thread and without waiting; it is never used again."""
        if not self._is_over:
            self._end()
            if not sys.is_finalizing():
                self._loop.break_off(self.response)

    async def discard(self) -> None:
        """As `abandon`; in its own loop, returns when the connection is closed."""
        if not self._is_over:
            self._end()
            closing = self._loop.break_off(self.response)
            if closing is not None:
                await asyncio.wait([closing])

    def _end(self) -> None:
        self._is_over = True
        self._loop.replies.discard(self)


class _unknown_to_loop:
    """Awaits the first piece of a body; the event loop does not learn of the asynchronous generators that begin in it.

    A loop that ends closes those it knows, all at the same time: generators in generators then get in each other's way.
    These need no end of their own, as their response is closed instead. The hooks are a provisional interface of `sys`,
    and law 9 of CONTRIBUTING.md needs them: httpx's bodies are generators in generators.
    """

    def __init__(self, first: Awaitable[Any]) -> None:
        self._steps: Any = first.__await__()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __iter__(self) -> _unknown_to_loop:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(_ignore, _ignore)
        try:
            return self._steps.send(value)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def throw(self, *error: Any) -> Any:
        return self._steps.throw(*error)

    def close(self) -> None:
        self._steps.close()


def _ignore(generator: Any) -> None:
    pass
