"""A scripted OpenAI-compatible server on 127.0.0.1: answers as the script says, keeps what it was asked. Stdlib only."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .answers import Answer


@dataclass(frozen=True)
class Reply:
    """A reply that is no plain answer: a status, a body (JSON or bytes), headers; names take underscores for dashes."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """A stream of events.

    `end`: "clean"; "cut" closes the connection inside the body; "hang" sends nothing more until the client goes.
    """

    events: Sequence[Any]
    end: str = "clean"
    headers: Mapping[str, str] = field(default_factory=dict)


class Silence:
    """No answer at all until the client goes."""


class Drop:
    """The connection is closed without an answer."""


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


class Server:
    """Plays its replies one after the other, the last one again and again; an `Answer` streams where it is asked to.

    A reply is an Answer, a dict (a whole reply), a list (the events of a stream), Reply, Stream, Silence(), Drop(), or
    a function from the request's body to one of these.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._replies: Sequence[Any] = ()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = _Listener(("127.0.0.1", 0), _Handler)
        self._listener.owner = self
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        with self._lock:
            for connection in self._open:
                _hang_up(connection)
        self._thread.join(5)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.server_port}/v1"

    @property
    def bodies(self) -> list[Any]:
        """The bodies of the requests since the last `play`."""
        return [request.body for request in self.requests]

    @property
    def open_connections(self) -> int:
        """How many connections clients hold open now."""
        return len(self._open)

    def play(self, *replies: Any) -> Server:
        """Begins another script; forgets the requests."""
        self._replies, self.requests = replies, []
        return self

    def wait_for_connections(self, count: int, seconds: float = 15.0) -> int:
        """How many are open once at most `count` are, or after this many seconds."""
        end = time.monotonic() + seconds
        while self.open_connections > count and time.monotonic() < end:
            time.sleep(0.01)
        return self.open_connections

    def wait_for_requests(self, count: int, seconds: float = 15.0) -> int:
        """How many came, once at least `count` did or after this many seconds."""
        end = time.monotonic() + seconds
        while len(self.requests) < count and time.monotonic() < end:
            time.sleep(0.005)
        return len(self.requests)

    def next_reply(self, received: Received) -> Any:
        with self._lock:
            self.requests.append(received)
            reply = self._replies[min(len(self.requests), len(self._replies)) - 1]
        return reply(received.body) if callable(reply) else reply

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self.connections += 1
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: Server

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.owner.closed(request)  # now, for who counts sockets counts ours, too


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.owner.opened(self.connection)

    def finish(self) -> None:
        with suppress(OSError):  # the client went first
            super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, json.loads(text) if text else None)
        reply = self.server.owner.next_reply(received)
        if isinstance(reply, Answer):
            if (received.body or {}).get("stream"):
                reply = Stream(reply.events(), headers=reply.headers)
            else:
                reply = Reply(200, reply.whole(), reply.headers)
        if isinstance(reply, dict):
            reply = Reply(200, reply)
        if isinstance(reply, list):
            reply = Stream(reply)
        if isinstance(reply, Reply):
            self._send(reply)
        elif isinstance(reply, Stream):
            self._stream(reply)
        else:
            if isinstance(reply, Silence):
                self._until_gone()
            self.close_connection = True

    do_GET = do_POST

    def _send(self, reply: Reply) -> None:
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self._head(reply.status, {"content-type": "application/json", "content-length": str(len(data))}, reply.headers)
        self.wfile.write(data)

    def _stream(self, stream: Stream) -> None:
        self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}, stream.headers)
        data = b"".join(map(_sse, stream.events))
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        if stream.end == "clean":
            self.wfile.write(b"0\r\n\r\n")
            return
        self.wfile.flush()
        if stream.end == "hang":
            self._until_gone()
        self.close_connection = True

    def _head(self, status: int, own: Mapping[str, str], further: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**own, **further}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _until_gone(self) -> None:
        while True:
            readable, _, _ = select.select([self.connection], [], [], 10.0)
            if not readable or not self.connection.recv(1, socket.MSG_PEEK):
                return


def _sse(event: Any) -> bytes:
    return event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # is closed already
