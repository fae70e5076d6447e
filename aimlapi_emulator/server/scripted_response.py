"""A reply sent step by step, down to the socket: bytes, pauses, and an end no web framework would give it."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable, Mapping

from starlette.types import Receive, Scope, Send

from aimlapi_emulator.server import sockets as wires


class End(enum.Enum):
    """How a connection ends before its time."""

    CLOSE = "close"
    RESET = "reset"


Step = bytes | float | End  # a float is a pause, in seconds


class Scripted:
    """An ASGI reply that does what its steps say; it stops early when the client leaves.

    `status` None: the steps come before any answer (a pause, a close, a reset). Without an `End` the reply
    ends as HTTP wants it to.
    """

    def __init__(self, status: int | None, headers: Mapping[str, str], steps: Iterable[Step]) -> None:
        self.status = status
        self.headers = headers
        self.steps = steps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # the connection is looked up by its peer: `wires` knows its transport
        client = tuple(scope["client"])
        gone = asyncio.ensure_future(_gone(receive))
        try:
            if self.status is not None:
                headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
                await send({"type": "http.response.start", "status": self.status, "headers": headers})
            for step in self.steps:
                if gone.done():
                    return
                if isinstance(step, bytes):
                    await send({"type": "http.response.body", "body": step, "more_body": True})
                    await asyncio.sleep(0)
                elif isinstance(step, End):
                    await asyncio.sleep(0.01)  # let what was written leave first
                    (wires.close if step is End.CLOSE else wires.reset)((client[0], client[1]))
                    await gone
                    return
                else:
                    await asyncio.wait([gone], timeout=step)
            if self.status is not None and not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            elif not gone.done():
                wires.close((client[0], client[1]))
                await gone
        finally:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
