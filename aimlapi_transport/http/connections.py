"""The connections to one address, each an httpx transport of its own: taken for one exchange, then given back.

httpx's own pool iterates over all its connections at the start and the end of each request: with fifty concurrent
calls, a call takes five times the CPU of a single one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Transport = TypeVar("Transport")

MAX_IDLE = 100  # idle connections kept
IDLE_SECONDS = 60.0  # keep-alive of an idle connection


class Connections(Generic[Transport]):
    """httpx's transports, one for each exchange in progress. The last one given back is taken first.

    Args:
        make: a further transport.

    Attributes:
        is_closed: whether `drained` was called.
    """

    def __init__(self, make: Callable[[], Transport], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._all = set[Transport]()
        self._idle: deque[tuple[float, Transport]] = deque()
        self.is_closed = False

    def take(self) -> Transport:
        """A transport that no other exchange uses."""
        try:
            return self._idle.pop()[1]
        except IndexError:
            connection = self._make()
            self._all.add(connection)
            return connection

    def give_back(self, connection: Transport) -> Transport | None:
        """Keeps a transport for the next exchange. Returns a transport to close: one that was idle too long."""
        now = self._clock()
        self._idle.append((now, connection))
        try:  # another thread may be quicker
            if self.is_closed or len(self._idle) > MAX_IDLE or now - self._idle[0][0] > IDLE_SECONDS:
                spare = self._idle.popleft()[1]
                self._all.discard(spare)
                return spare
        except IndexError:
            pass
        return None

    def discard(self, connection: Transport) -> None:
        """Removes a transport whose connection was closed."""
        self._all.discard(connection)

    def drained(self) -> list[Transport]:
        """All transports, also those in use, for the caller to close."""
        self.is_closed = True
        self._idle.clear()
        drained, self._all = list(self._all), set()
        return drained
