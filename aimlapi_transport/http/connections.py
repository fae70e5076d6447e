"""One address's connections, each in a pool of its own: what is used for one exchange and given back.

httpx's own pool looks at every connection it holds, at each request and at each end of one: of fifty calls at once, one
costs five times the CPU that it costs alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Transport = TypeVar("Transport")

MOST_IDLE = 100  # connections kept
IDLE_SECONDS = 60.0  # for which a connection is kept


class Connections(Generic[Transport]):
    """httpx's transports, one for each exchange under way. What was given back last is taken first.

    Args:
        make: a further transport.
        shared: one transport for all, in place of connections.

    Attributes:
        is_closed: whether `drained` was called.
    """

    def __init__(
        self,
        make: Callable[[], Transport],
        *,
        shared: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._shared = shared
        self._clock = clock
        self._all = set[Transport]() if shared is None else {shared}
        self._idle: deque[tuple[float, Transport]] = deque()
        self.is_closed = False

    @property
    def is_shared(self) -> bool:
        """Whether all exchanges go over one transport."""
        return self._shared is not None

    def take(self) -> Transport:
        """A transport nobody else uses, unless it is shared by all."""
        if self._shared is not None:
            return self._shared
        try:
            return self._idle.pop()[1]
        except IndexError:
            connection = self._make()
            self._all.add(connection)
            return connection

    def give_back(self, connection: Transport) -> Transport | None:
        """Keeps a transport for the next exchange. Returns one that is to be closed: it was idle too long."""
        if connection is self._shared:
            return None
        now = self._clock()
        self._idle.append((now, connection))
        try:  # another thread may be quicker
            if self.is_closed or len(self._idle) > MOST_IDLE or now - self._idle[0][0] > IDLE_SECONDS:
                spare = self._idle.popleft()[1]
                self._all.discard(spare)
                return spare
        except IndexError:
            pass
        return None

    def discard(self, connection: Transport) -> None:
        """Forgets a transport whose connection was broken off."""
        self._all.discard(connection)

    def drained(self) -> list[Transport]:
        """All transports, also those in use: they are to be closed."""
        self.is_closed = True
        self._idle.clear()
        drained, self._all = list(self._all), set()
        return drained
