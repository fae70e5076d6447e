"""What is used of httpx and httpcore beyond their documented interface, for httpx and httpx2 alike.

Each has a documented way that is taken where a response is not of the expected shape (HTTP/2, a mock, a cassette).
`tests/transport/test_httpx_compat.py` says what is lost when the shape changes.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from contextlib import suppress
from typing import Any, cast

_LIBRARIES = frozenset(("httpx", "httpx2", "httpcore", "httpcore2", "h11"))


def error_names(error: BaseException) -> frozenset[str]:
    """The names of an exception's classes that are of httpx, httpx2 and beneath; empty for any other exception."""
    kind = type(error)
    return frozenset(base.__name__ for base in kind.__mro__ if base.__module__.partition(".")[0] in _LIBRARIES)


def is_client(value: object, name: str) -> bool:
    """Whether a value is the `Client` or `AsyncClient` of httpx, or of httpx2 where somebody imported that."""
    modules = (sys.modules.get(library) for library in ("httpx", "httpx2"))
    return any(isinstance(value, getattr(module, name)) for module in modules if module is not None)


def connection_of(response: Any) -> Any | None:
    """httpcore's HTTP/1.1 connection, whose response this is; None where it is carried in another way.

    Reading the body from the connection leaves out four generators between it and the reader. Async ones are closed by
    the event loop, all at the same time, when it ends while they are suspended: they then get into each other's way.
    """
    stream = response.stream
    for _ in range(8):
        connection = getattr(stream, "_connection", None)
        if connection is not None:
            is_known = hasattr(connection, "_network_stream") and hasattr(connection, "_h11_state")
            return connection if is_known else None
        stream = getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None)
        if stream is None:
            return None
    return None


def content_encoding(response: Any) -> str:
    """How a body is packed, empty where nothing is said. httpx's own mapping first guesses the encoding of headers."""
    found = next((value for name, value in response.headers.raw if name.lower() == b"content-encoding"), b"")
    return str(found, "latin-1").strip().lower()


_READ_BYTES = 64 * 1024


class _Body:
    """What both kinds of body share.

    Attributes:
        is_direct: whether it is read from the connection, rather than through httpx's generators.
        is_at_end: whether nothing of it is left; known only where it is read directly.
    """

    __slots__ = (
        "_data",
        "_failure",
        "_h11",
        "_need_data",
        "_pieces",
        "_stream",
        "_timeout",
        "_unpacker",
        "is_at_end",
        "is_direct",
    )

    def __init__(self, response: Any) -> None:
        connection = None if response.is_stream_consumed else connection_of(response)
        self.is_direct = connection is not None
        self._pieces: Any = None
        self._timeout: float | None = (response.request.extensions.get("timeout") or {}).get("read")
        self._unpacker: _Unpacker | None = None
        self.is_at_end = False
        self._failure: Exception | None = None
        if connection is not None:
            h11 = sys.modules["h11"]  # which made the connection's events
            self._data, self._need_data = h11.Data, h11.NEED_DATA
            self._h11 = connection._h11_state
            self._stream = connection._network_stream
            self._unpacker = _Unpacker() if content_encoding(response) not in ("", "identity") else None

    def _seconds(self, timeout: float | None) -> float | None:
        return self._timeout if timeout is None else min(timeout, self._timeout or timeout)

    def _arrived(self) -> bytes | None:
        """All of the body that has arrived and is not read; empty at the end, None where more must come first.

        All of it at once: in a burst, each step through the layers would cost as much as reading an event.
        """
        if self._failure is not None:
            raise self._failure
        data = b""
        try:
            while not self.is_at_end:
                event = self._h11.next_event()
                if event is self._need_data:
                    return data or None
                if event.__class__ is self._data:
                    piece = event.data if self._unpacker is None else self._unpacker.add(bytes(event.data))
                    data = data + piece if data else bytes(piece)
                else:  # EndOfMessage, PAUSED
                    self.is_at_end = True
                    if self._unpacker is not None:
                        data += self._unpacker.rest()
        except Exception as error:
            if not data:
                raise
            self._failure = error  # what came before it counts
        return data


class Body(_Body):
    """A response's body, unpacked, read piece by piece. Its coroutine blocks: it is awaited without waiting."""

    __slots__ = ()

    def __init__(self, response: Any) -> None:
        super().__init__(response)
        if not self.is_direct:
            self._pieces = response.iter_bytes()

    async def read(self, timeout: float | None = None) -> bytes:
        """The next piece, empty at the end.

        Args:
            timeout: seconds of silence, where they are fewer than the request's own; without effect where the body is
                not read directly.
        """
        if not self.is_direct:
            return next(self._pieces, b"")
        while True:
            data = self._arrived()
            if data is not None:
                return data
            self._h11.receive_data(self._stream.read(_READ_BYTES, timeout=self._seconds(timeout)))


class AsyncBody(_Body):
    """As `Body`, for asyncio."""

    __slots__ = ()

    def __init__(self, response: Any) -> None:
        super().__init__(response)
        if not self.is_direct:
            self._pieces = response.aiter_bytes()

    async def read(self, timeout: float | None = None) -> bytes:
        """The next piece, empty at the end. Arguments as of `Body.read`."""
        if not self.is_direct:
            return await anext(self._pieces, b"")
        while True:
            data = self._arrived()
            if data is not None:
                return data
            self._h11.receive_data(await self._stream.read(_READ_BYTES, timeout=self._seconds(timeout)))


class BrokenEncodingError(Exception):
    """A body is not packed as its header says."""


class _Unpacker:
    """Unpacks gzip or deflate, cut anywhere."""

    def __init__(self) -> None:
        self._inflate: Any = None
        self._head = b""

    def add(self, data: bytes) -> bytes:
        try:
            if self._inflate is None:
                data = self._head = self._head + data
                if len(data) < 2:  # the first two bytes say how it is framed
                    return b""
                is_framed = data[:2] == b"\x1f\x8b" or (data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0)
                # gzip, or deflate in zlib's frame; else without a frame, as some servers send it
                self._inflate = zlib.decompressobj(wbits=47 if is_framed else -15)
            unpacked: bytes = self._inflate.decompress(data)
        except zlib.error as error:
            raise BrokenEncodingError(str(error)) from None
        return unpacked

    def rest(self) -> bytes:
        """What is left at the end of the body, once."""
        try:
            return b"" if self._inflate is None else bytes(self._inflate.flush())
        except zlib.error as error:
            raise BrokenEncodingError(str(error)) from None


def _transport_of(stream: Any) -> Any | None:
    """The asyncio transport below httpcore's stream: below anyio's TLS stream, of anyio's socket stream."""
    for _ in range(8):
        if stream is None:
            return None
        transport = getattr(stream, "_transport", None)
        if transport is not None:
            return transport if hasattr(transport, "abort") else None
        stream = getattr(stream, "transport_stream", None) or getattr(stream, "_stream", None)
    return None


def _transport_under(response: Any) -> Any | None:
    return _transport_of(response.extensions.get("network_stream"))


def can_abort(response: Any) -> bool:
    """Whether `abort` can close the connection of a response."""
    return _transport_under(response) is not None


def abort(response: Any) -> bool:
    """Closes a response's connection without waiting, in its running event loop; False where that is not possible."""
    transport = _transport_under(response)
    if transport is None:
        return False
    transport.abort()
    return True


def abort_in_dead_loop(response: Any) -> None:
    """Closes the socket of a response whose event loop is closed."""
    _close_transport(_transport_under(response))


def abort_cancelled(error: asyncio.CancelledError) -> list[Any]:
    """Closes, without waiting, the connections that a request was cancelled in; those are left that are to be closed.

    httpcore leaves the socket open when a request is cancelled in the TLS handshake, before its first byte, or a second
    time while it closes (as when `asyncio.run` ends right after a cancellation). Only its frames still know which.
    """
    found: list[Any] = []
    trace = error.__traceback__
    while trace is not None:
        owner: Any = trace.tb_frame.f_locals.get("self")
        is_connection = hasattr(owner, "_h11_state")
        if is_connection or hasattr(owner, "start_tls"):
            transport = _transport_of(owner._network_stream if is_connection else owner)
            if transport is not None:
                transport.abort()
        if is_connection and owner not in found:
            found.append(owner)
        trace = trace.tb_next
    return found


def abort_connections(transport: Any) -> bool:
    """Closes all connections of an httpx transport without waiting, in their running event loop; False if it cannot."""
    found = _transports_of(transport)
    for one in found or ():
        one.abort()
    return found is not None


def close_in_dead_loop(transport: Any) -> None:
    """Closes the sockets of an httpx transport whose event loop was closed without its asynchronous generators.

    httpx has no way to do this without awaiting. The worst that happens where the connections are not as expected is
    that the garbage collector closes them, with a ResourceWarning.
    """
    for one in _transports_of(transport) or ():
        _close_transport(one)


def _transports_of(transport: Any) -> list[Any] | None:
    """The asyncio transports of an httpx transport's connections; None where any of them is not known."""
    found: list[Any] = []
    for connection in getattr(getattr(transport, "_pool", None), "connections", (None,)):
        if connection is not None and getattr(connection, "_connection", connection) is None:
            continue  # not connected
        under = _transport_of(getattr(getattr(connection, "_connection", None), "_network_stream", None))
        if under is None:
            return None
        found.append(under)
    return found


def _close_transport(transport: Any) -> None:
    with suppress(Exception):
        if isinstance(transport, asyncio.BaseTransport) and getattr(transport, "_sock", None) is not None:
            cast(Any, transport)._call_connection_lost(None)
