"""A scripted server on 127.0.0.1: raw bytes and cuts, exactly as the script says. The requests it got are kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What to do with one request; return for a kept connection, close the writer for a closed one."""


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Plays its acts one request after the other, the last one again and again."""

    acts: Sequence[Act]
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    closed: int = 0
    port: int = 0
    scheme: str = "http"
    is_stopping: bool = False

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.received.append(Received(head[0].split(" ")[1], headers, json.loads(body) if body else None))
                await self.acts[min(len(self.received), len(self.acts)) - 1](writer)
                await writer.drain()
        self.closed += 1
        writer.transport.abort() if self.is_stopping else writer.close()


@contextmanager
def scripted(*acts: Act, context: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """A server that plays these acts, in a thread of its own; over TLS where a context is given."""
    server = ScriptedServer(acts, scheme="http" if context is None else "https")
    loop = asyncio.new_event_loop()
    loop.slow_callback_duration = 60  # asyncio's debug mode complains of a busy machine
    loop.set_exception_handler(lambda loop, details: None)  # clients that break off a handshake are expected
    listener = loop.run_until_complete(asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**26, ssl=context))
    server.port = listener.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:

        async def stop() -> None:
            listener.close()
            server.is_stopping = True
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.01)  # until the sockets are closed

        asyncio.run_coroutine_threadsafe(stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def reply(status: int = 200, body: Any = b"", *, cut: bool = False, **headers: str) -> Act:
    """A whole reply; a value that is no bytes goes as JSON. Header names take underscores for dashes.

    `cut` promises twice the body and closes the connection after it.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content_type": "application/json", "content_length": str(len(data) * (1 + cut)), **headers}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items()) + "\r\n"

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + data)
        if cut or headers.get("connection") == "close":
            await drop(writer, reset=False)

    return act


def stream(*pieces: bytes, end: str = "clean", pause: float = 0.0, **headers: str) -> Act:
    """A chunked reply. `end`: clean, cut (closed inside the body), reset, stall, or open (kept open after it)."""
    lines = {"content_type": "text/event-stream", "transfer_encoding": "chunked", **headers}
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in lines.items()) + "\r\n"

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode())
        for piece in pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(pause)
        if end == "clean":
            writer.write(b"0\r\n\r\n")
        elif end == "stall":
            await asyncio.sleep(60)
        else:
            await drop(writer, reset=end == "reset")

    return act


def close(*, reset: bool = False) -> Act:
    """The connection is closed without an answer."""

    async def act(writer: asyncio.StreamWriter) -> None:
        await drop(writer, reset=reset)

    return act


async def drop(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    await writer.drain()
    await asyncio.sleep(0.02)  # what was written must arrive before the end does
    if reset:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort() if reset else writer.close()


def event(payload: Any) -> bytes:
    """One event of a stream."""
    return b"data: " + (payload if isinstance(payload, bytes) else json.dumps(payload).encode()) + b"\n\n"


def chunk(text: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    """One chat chunk as an event."""
    if text is not None:
        delta["content"] = text
    return event({"id": "c1", "model": "served", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def answer(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        **fields,
    }


DONE = event(b"[DONE]")
