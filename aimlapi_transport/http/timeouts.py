"""How long a call may take: silence between bytes, time to connect, and a deadline for everything together."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import httpx

from aimlapi_transport.config.fields import ACCEPTED
from aimlapi_transport.config.settings import is_timeout
from aimlapi_transport.errors import APITimeoutError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.config.settings import Settings

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds to wait without data; or (connect, read); or an httpx.Timeout; None for the defaults."""

CONNECT_SECONDS = 5.0
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream


class TimeLimits:
    """How long one call may take: how much silence, and where a deadline is set, how much in all."""

    def __init__(self, settings: Settings, request: Request, timeout: Timeout) -> None:
        self._silence = _timeouts(timeout if timeout is not None else settings.timeout, request.stream)
        self._deadline = settings.deadline
        self.end = None if settings.deadline is None else time.monotonic() + settings.deadline

    def timeouts(self) -> httpx.Timeout:
        """The timeouts of the next try: at most what is left until the deadline."""
        if self.end is None:
            return self._silence
        left = max(self.end - time.monotonic(), 0.001)
        return httpx.Timeout(**{k: left if v is None else min(v, left) for k, v in self._silence.as_dict().items()})

    @property
    def silence(self) -> float | None:
        """Seconds."""
        return self._silence.read

    def allows(self, pause: float) -> bool:
        """Whether a pause of so many seconds ends before the deadline."""
        return self.end is None or time.monotonic() + pause < self.end

    def check(self) -> None:
        """Raises `APITimeoutError` once the deadline is over."""
        if self.end is not None and time.monotonic() > self.end:
            raise APITimeoutError(f"The answer took longer than the deadline of {self._deadline:g} s.")


@lru_cache(maxsize=2)
def _default(stream: bool) -> httpx.Timeout:
    """One for all calls: making it is 3 us of each."""
    silence = _STREAM_SILENCE if stream else _CALL_SILENCE
    return httpx.Timeout(connect=CONNECT_SECONDS, read=silence, write=silence, pool=silence)


def _timeouts(timeout: Timeout, stream: bool) -> httpx.Timeout:
    if timeout is None:
        return _default(stream)
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if type(timeout).__module__.startswith("httpx2"):
        return httpx.Timeout(**cast(Any, timeout).as_dict())
    if not is_timeout(timeout):
        raise InvalidRequestError(f"`timeout` is {timeout!r}: pass {ACCEPTED['timeout']}.")
    timeout = tuple(timeout) if isinstance(timeout, list) else timeout  # a pair that went through JSON
    connect, silence = timeout if isinstance(timeout, tuple) else (min(CONNECT_SECONDS, timeout), timeout)
    return httpx.Timeout(connect=connect, read=silence, write=silence, pool=silence)
