"""What the server received: a list a test can read. What has the name or form of a secret is not kept (`secrets`)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aimlapi_emulator.secrets import public_headers, public_query

MAX_BYTES = 256 * 1024 * 1024


@dataclass(slots=True)
class Exchange:
    """What passed, to be looked at; kept where replies are inspected.

    Attributes:
        number: counts the requests.
        begun: seconds since the epoch.
        body: of the request.
        status, headers: of the reply; the status is None until it began.
        pieces: of the reply: seconds after the request, and the bytes.
        seconds: until the end of the reply; None while it is under way.
        error: why it is not whole.
        is_dropped: whether the bytes were dropped, for newer ones.
        summary: what a list and a search need of it, as JSON has it, derived once; None until somebody looks.
    """

    number: int
    begun: float
    started: float
    body: bytearray = field(default_factory=bytearray)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    seconds: float | None = None
    error: str | None = None
    is_dropped: bool = False
    size: int = 0
    summary: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(slots=True)
class Received:
    """One request. `json` is its parsed body, None if it had none or it was no JSON."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    exchange: Exchange | None = field(default=None, repr=False, compare=False)


class Journal:
    """The last requests, oldest first; what falls off the far end is only counted.

    Args:
        most: requests that are kept.
        keeps_replies: whether bodies and replies are kept, too, of the newest requests up to `max_bytes`.
    """

    def __init__(self, most: int = 10_000, *, keeps_replies: bool = False, max_bytes: int = MAX_BYTES) -> None:
        self.kept: deque[Received] = deque(maxlen=most)
        self.keeps_replies = keeps_replies
        self.listeners: list[Callable[[Received], None]] = []
        self.clear_listeners: list[Callable[[], None]] = []
        self.close_listeners: list[Callable[[], None]] = []
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: deque[Exchange] = deque()
        self._count = 0

    def note(self, method: str, path: str, query: str, headers: list[tuple[str, str]]) -> Received:
        received = Received(method, path, public_query(query), public_headers(headers))
        if self.keeps_replies:
            self._count += 1
            received.exchange = Exchange(self._count, time.time(), time.monotonic())
            self._held.append(received.exchange)
        self.kept.append(received)
        return received

    def restore(self, received: Received) -> None:
        """Appends a request of an earlier run, with an exchange that has ended; numbers grow."""
        assert received.exchange is not None
        self._count = max(self._count, received.exchange.number)
        self._held.append(received.exchange)
        self.kept.append(received)
        self.hold(
            received.exchange, len(received.exchange.body) + sum(len(piece) for _, piece in received.exchange.pieces)
        )

    def hold(self, exchange: Exchange, size: int) -> None:
        """Counts bytes that were kept (below 0: given up), and drops those of the oldest where they are too many."""
        exchange.size += size
        self._bytes += size
        while self._held and (self._bytes > self._max_bytes or len(self._held) > (self.kept.maxlen or 0)):
            oldest = self._held[0]
            if oldest is exchange and len(self._held) == 1:
                return  # one that is larger than all there is room for
            self._held.popleft()
            self._bytes -= oldest.size
            oldest.body, oldest.pieces, oldest.size, oldest.is_dropped = bytearray(), [], 0, True

    def changed(self, received: Received) -> None:
        """Tells those who look on that a request came, or its reply went on."""
        for listener in tuple(self.listeners):
            listener(received)

    def close(self) -> None:
        """Ends whatever keeps the journal elsewhere; what is in memory stays."""
        listeners, self.close_listeners = self.close_listeners, []
        for listener in listeners:
            listener()

    def clear(self) -> None:
        """Forgets all."""
        self.kept.clear()
        self._held.clear()
        self._bytes = 0
        for listener in tuple(self.clear_listeners):
            listener()
