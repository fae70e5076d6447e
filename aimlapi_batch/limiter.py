"""How many requests are under way: as many as the provider takes. It grows by one a round, and halves at a 429.

One limiter serves all jobs of an event loop that go to the same host.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakKeyDictionary

_SHORTEST = 1.0  # seconds between two halvings: one storm is one
_MOST_CREDIT = 60.0  # seconds
_ROUNDING = 1e-9
_PAUSE = 1.0  # seconds without a new request, where a 429 does not say how long


class Limiter:
    """Requests that may be under way at a time, and how many may begin in a minute.

    Args:
        most: never more.
        clock: seconds that only grow; injected in tests.

    Attributes:
        limit: how many may be under way now.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.limit = float(most)
        self._clock = clock
        self._under_way = 0
        self._paused_until = 0.0
        self._reason = ""
        self._halved_at = float("-inf")
        self._changed = asyncio.Condition()

    async def begin(self) -> None:
        """Waits until another request may begin."""
        async with self._changed:
            while True:
                wait = self._paused_until - self._clock()
                if wait > 0:
                    try:
                        await asyncio.wait_for(self._changed.wait(), wait)
                    except asyncio.TimeoutError:
                        continue
                elif self._under_way >= int(self.limit):
                    await self._changed.wait()
                else:
                    self._under_way += 1
                    return

    async def end(self, *, succeeded: bool) -> None:
        """One is over."""
        async with self._changed:
            self._under_way -= 1
            if succeeded:
                self.limit = min(self.limit + 1 / max(self.limit, 1.0), float(self.most))
            self._changed.notify_all()

    @property
    def pause(self) -> tuple[float, str]:
        """By its clock, until when no request begins, and why."""
        return self._paused_until, self._reason

    def refused(self, retry_after: float | None, reason: str = "429") -> None:
        """The provider said 429."""
        now = self._clock()
        self._reason = reason
        self._paused_until = max(self._paused_until, now + (_PAUSE if retry_after is None else retry_after))
        if now - self._halved_at >= _SHORTEST:
            self._halved_at = now
            self.limit = max(self.limit / 2, 1.0)


class Rate:
    """At most so many units in a minute, requests or tokens, evenly over it.

    Units are what a request is expected to use; what it used less than that, others use in its stead.

    Args:
        per_minute: None for no limit.
    """

    def __init__(self, per_minute: float | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._each = None if per_minute is None else 60.0 / per_minute
        self._clock = clock
        self._next = 0.0  # when another may begin
        self._credit = 0.0  # seconds of the rate that requests did not use, and none has used since
        self._turn = asyncio.Lock()
        self._corrected = asyncio.Event()

    async def take(self, expected: Callable[[], float] = lambda: 1.0) -> float:
        """Waits until another may begin, in the order of those who ask.

        Args:
            expected: the units it will use; called when it begins, as more is known by then.

        Returns:
            The units that were taken.
        """
        if self._each is None:
            return expected()
        async with self._turn:
            while (wait := self._next - self._clock()) > _ROUNDING:
                self._corrected.clear()
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._corrected.wait(), wait)
            units = expected()
            seconds = units * self._each
            unused = min(self._credit, seconds)
            self._credit -= unused
            self._next = max(self._next, self._clock()) + seconds - unused
            return units

    def correct(self, units: float) -> None:
        """So many more were used than was taken; fewer, where it is negative."""
        if self._each is None:
            return
        now = self._clock()
        self._next = max(self._next, now) + units * self._each
        if self._next < now:
            self._credit = min(self._credit + now - self._next, _MOST_CREDIT)
            self._next = now
        self._corrected.set()


_limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Limiter]] = WeakKeyDictionary()


def limiter_for(route: str, most: int) -> Limiter:
    """The limiter of the running loop for a host; the largest `most` that was asked for counts."""
    limiters = _limiters.setdefault(asyncio.get_running_loop(), {})
    limiter = limiters.get(route)
    if limiter is None:
        limiter = limiters[route] = Limiter(most)
    elif most > limiter.most:
        limiter.limit += most - limiter.most
        limiter.most = most
    return limiter
