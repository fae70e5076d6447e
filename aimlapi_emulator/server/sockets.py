"""Which socket a request came on, so that a fault can cut it: uvicorn's protocol, with its transports noted by peer."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE_SECONDS = 0.5  # seconds an unfinished reply has once the server stops
_transports: dict[tuple[str, int], asyncio.Transport] = {}


class NotedProtocol(H11Protocol):
    """Uvicorn's HTTP protocol; each live connection can be found by its peer's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn names the transport more narrowly
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if peer:
            _transports[tuple(peer[:2])] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        peer = self.transport.get_extra_info("peername") if self.transport else None
        if peer and _transports.get(tuple(peer[:2])) is self.transport:
            del _transports[tuple(peer[:2])]
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        # a reply without an end is told that its reader left, as any reply is: nothing has to be cancelled
        if self.transport and not self.transport.is_closing():
            self.loop.call_later(GRACE_SECONDS, self.transport.abort)


def close(client: tuple[str, int]) -> None:
    """Ends the connection after what was written: the peer sees the end of the stream."""
    transport = _transports.get(client)
    if transport:
        transport.close()


def reset(client: tuple[str, int]) -> None:
    """Ends the connection with a TCP reset; what is not yet sent is lost."""
    transport = _transports.get(client)
    if transport:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            linger = "hh" if sys.platform == "win32" else "ii"  # struct linger: on, and seconds
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(linger, 1, 0))
        transport.abort()
