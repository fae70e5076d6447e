"""Whether and when to retry: one pure decision, used everywhere a request is sent."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aimlapi_transport.errors import AIMLAPIError


@dataclass(frozen=True)
class RetryPolicy:
    """At most `max_retries` + 1 requests for one call.

    Attributes:
        max_retries: further tries after the first; 0 means one request.
        longest_wait: seconds; a provider that asks for more is not waited for.
        jitter: a number in [0, 1) each time; injected in tests.
    """

    max_retries: int = 2
    longest_wait: float = 60.0
    jitter: Callable[[], float] = field(default=random.random, repr=False, compare=False)

    def delay(self, attempt: int, failure: AIMLAPIError) -> float | None:
        """Seconds to wait after the attempt-th try (1-based) failed; None to give up."""
        if attempt > self.max_retries or not failure.is_retryable:
            return None
        if failure.retry_after is not None:
            return failure.retry_after if failure.retry_after <= self.longest_wait else None
        return float(min(0.5 * 2 ** min(attempt - 1, 10), 8.0) * (0.5 + 0.5 * self.jitter()))


class RetryBudget:
    """The retries that all callers of one address have left together.

    It keeps a thousand callers from hammering a dead server three thousand times, as the standard mode of botocore
    does: a call that fails for good has used its retries up, one that succeeds gives them back, one that succeeds at
    once adds a fifth; and one comes back every second.

    Args:
        capacity: retries, when nothing has failed lately.
        clock: seconds that only grow; injected in tests.
    """

    _EARNED = 0.2  # retries, by a call that needed none

    def __init__(self, capacity: int = 400, clock: Callable[[], float] = time.monotonic) -> None:
        self.capacity = capacity
        self._clock = clock
        self._left = float(capacity)
        self._seen = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether there is a retry left; it is taken."""
        with self._lock:
            now = self._clock()
            self._left = min(self._left + now - self._seen, self.capacity)
            self._seen = now
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self, retries: int) -> None:
        """A call succeeded after so many retries."""
        if retries or self._left < self.capacity:
            with self._lock:
                self._left = min(self._left + (retries or self._EARNED), self.capacity)
