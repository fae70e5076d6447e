"""A running emulator: in a thread for a test or a notebook, in the foreground for a terminal."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import uvicorn

from aimlapi_emulator.inspector.guard import INSPECTOR
from aimlapi_emulator.server.app import build_app
from aimlapi_emulator.server.hosts import HOSTS
from aimlapi_emulator.server.request_log import Journal, Received
from aimlapi_emulator.server.sockets import NotedProtocol
from aimlapi_emulator.server.upstream import Upstream


def config(
    journal: Journal,
    *,
    balance_usd: float | None = None,
    upstream: Upstream | None = None,
    record_to: str | Path | None = None,
    keep: str | Path | None = None,
) -> uvicorn.Config:
    """How the app is served: quietly, and over a protocol that faults can cut."""
    return uvicorn.Config(
        build_app(journal, balance_usd=balance_usd, upstream=upstream, record_to=record_to, keep=keep),
        http=NotedProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off" if upstream is None else "on",
        log_level="error",  # what a client sends wrong is its own affair
        access_log=False,
        proxy_headers=False,
        date_header=False,  # the same request has to get the same bytes, headers included
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        backlog=2048,
    )


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only for sockets that name their protocol: without it each reply waits 40 ms
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # On Windows SO_REUSEADDR would let a second emulator take the same port, and requests go to either.
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR if exclusive is None else exclusive, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.listen(2048)
    return sock


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class EmulatorServer:
    """The emulator in a thread of its own.

    `base_url` ends in `/v1`; `url` is the root; `host_url("powertokens")` is another host's base URL.
    `requests` is what it received, oldest first. `balance_usd` is what its account has to spend.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        balance_usd: float | None = None,
        inspect: bool = False,
        upstream: str | None = None,
        record_to: str | Path | None = None,
        keep: str | Path | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._balance_usd = balance_usd
        self._upstream = None if upstream is None else Upstream(upstream)
        self._record_to = record_to
        self._keep = keep
        self._journal = Journal(keeps_replies=inspect or record_to is not None or keep is not None)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._sock: socket.socket | None = None
        self.url = ""

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def inspector_url(self) -> str:
        """The inspector's page, where it was asked for."""
        return f"{self.url}{INSPECTOR}"

    @property
    def requests(self) -> list[Received]:
        return list(self._journal.kept)

    def clear(self) -> None:
        """Forgets what was received so far."""
        self._journal.clear()

    def host_url(self, name: str) -> str:
        """The base URL of a host of `hosts.HOSTS`."""
        return f"{self.url}{HOSTS[name].prefix}/v1"

    def start(self) -> EmulatorServer:
        """Serves until `stop`; its thread and event loop are at work when this returns."""
        if self._thread is not None:
            raise RuntimeError("This server is already running; stop it first.")
        self._sock = listen(self._host, self._port)
        self.url = url_of(self._sock)
        try:
            served = config(
                self._journal,
                balance_usd=self._balance_usd,
                upstream=self._upstream,
                record_to=self._record_to,
                keep=self._keep,
            )
        except BaseException:
            self._sock.close()
            raise
        self._server = uvicorn.Server(served)
        self._thread = threading.Thread(target=self._serve, name="aimlapi-emulator", daemon=True)
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)
        return self

    def _serve(self) -> None:
        assert self._server is not None and self._sock is not None
        self._server.run(sockets=[self._sock])

    def stop(self) -> None:
        """Closes every connection and waits for the thread. Harmless when it is not running."""
        if self._server is not None and self._thread is not None and self._sock is not None:
            self._server.should_exit = True
            self._thread.join(timeout=5)
            self._sock.close()
            self._journal.close()
        self._server = self._thread = self._sock = None

    def __enter__(self) -> EmulatorServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.contextmanager
def emulator(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    balance_usd: float | None = None,
    inspect: bool = False,
    upstream: str | None = None,
    record_to: str | Path | None = None,
    keep: str | Path | None = None,
) -> Iterator[EmulatorServer]:
    """A running emulator for the length of a `with` block.

    Args:
        balance_usd: what its account has, 1,000 by default.
        inspect: keep replies, too, and show what passes on a page, `server.inspector_url`.
        upstream: address of a provider that answers in its place (`https://api.aimlapi.com/v1`).
        record_to: a folder for a cassette of each exchange, labelled live where a provider answered.
        keep: a SQLite file that holds what passed across restarts, without secrets; it is shown, too.
    """
    with EmulatorServer(
        host, port, balance_usd=balance_usd, inspect=inspect, upstream=upstream, record_to=record_to, keep=keep
    ) as server:
        yield server


def run(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    inspect: bool = False,
    upstream: str | None = None,
    record_to: str | Path | None = None,
    keep: str | Path | None = None,
) -> None:
    """Serves in the foreground until SIGINT or SIGTERM, after printing the base URL; the rest as in `emulator`."""
    passed_to = None if upstream is None else Upstream(upstream)
    journal = Journal(keeps_replies=inspect or record_to is not None or keep is not None)
    sock = listen(host, port)
    server = uvicorn.Server(config(journal, upstream=passed_to, record_to=record_to, keep=keep))
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn takes these over, then raises them again for whoever had them before: being stopped is no error
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    sys.stdout.write(f"{url_of(sock)}/v1\n")
    if inspect or keep is not None:
        sys.stdout.write(f"inspector: {url_of(sock)}{INSPECTOR}\n")
    sys.stdout.flush()
    server.run(sockets=[sock])
    sock.close()
    journal.close()
