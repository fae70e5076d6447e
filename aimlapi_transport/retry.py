"""Whether and when to try again: one pure decision, used everywhere a request is sent."""

from __future__ import annotations

import random
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
