"""The benchmark's server: ready-made bytes over raw asyncio, in a process of its own.

It looks at no more of a request than its first line and its length. `GET /stats` says how many connections it has
taken and how much CPU time it has used, so that the report can show that it never was what was waited for; and when a
connection was last closed in the middle of a stream.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.benchmarks.payloads import Scene, scene

_scene = lru_cache(maxsize=None)(scene)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_connections = 0
_left: list[float] = []  # when connections were closed in the middle of a stream, by the monotonic clock


class _Connection(asyncio.Protocol):
    """One client's connection: requests one after another."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        global _connections
        _connections += 1
        self._transport: Any = transport
        self._data = b""
        self._head = b""
        self._missing = -1  # bytes of the body still to come; -1 while there is no whole head
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumed = asyncio.Event()
        self._resumed.set()

    def pause_writing(self) -> None:
        self._resumed.clear()

    def resume_writing(self) -> None:
        self._resumed.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._resumed.set()
        if self._tasks:
            _left.append(time.monotonic())
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._data += data
            head, mark, rest = self._data.partition(b"\r\n\r\n")
            if not mark:
                return
            length = _LENGTH.search(head)
            self._head, self._data = head, b""
            self._missing = (int(length[1]) if length else 0) - len(rest)
        else:
            self._missing -= len(data)
        if self._missing <= 0:
            self._missing = -1
            self._answer(self._head.split(b" ", 2)[1].decode())

    def _answer(self, path: str) -> None:
        if path == "/stats":
            stats = {"connections": _connections, "cpu": time.process_time()}
            stats |= {"left": len(_left), "left_at": _left[-1] if _left else None}
            body = json.dumps(stats).encode()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            return
        answer = _scene(path.split("/")[1])
        if answer.is_stream or answer.pause:
            task = asyncio.ensure_future(self._send(answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._transport.write(answer.head)
            self._transport.write(answer.pieces[0])

    async def _send(self, answer: Scene) -> None:
        if not answer.is_stream:
            await asyncio.sleep(answer.pause)
            self._transport.writelines([answer.head, *answer.pieces])
            return
        self._transport.write(answer.head)
        if answer.pause:
            due = time.monotonic()
            for piece in answer.pieces:
                self._transport.write(piece)
                due += answer.pause
                await asyncio.sleep(due - time.monotonic())
            return
        for piece in answer.pieces:
            self._transport.write(piece)
            await self._resumed.wait()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the one who started us is gone


@contextmanager
def serving() -> Iterator[tuple[int, int]]:
    """Starts the server; gives its port and its process id."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.server"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(_serve())
