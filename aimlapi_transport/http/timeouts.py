"""How long a call may take: silence, time to connect, and a deadline for everything together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import httpx

from aimlapi_transport.config.fields import ACCEPTED
from aimlapi_transport.config.settings import is_timeout
from aimlapi_transport.errors import APITimeoutError, InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.config.settings import Settings
    from aimlapi_transport.request import Request

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds to wait without data; or (connect, read); or an httpx.Timeout; None for the defaults."""

CONNECT_SECONDS = 5.0
FIRST_CHUNK_SECONDS = 600.0  # without a byte of a whole answer, or an event of a stream: a model may think for minutes
CHUNK_SECONDS = 120.0  # without a further event of a stream


class Timeouts(NamedTuple):
    """Seconds for each step of a request, as httpx has them; None for ever."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


T_Seconds = TypeVar("T_Seconds", float, float | None)

_DEFAULT = Timeouts(CONNECT_SECONDS, FIRST_CHUNK_SECONDS, FIRST_CHUNK_SECONDS, FIRST_CHUNK_SECONDS)


class TimeLimits:
    """How long one call may take: how much silence, and where a deadline is set, how much in all.

    Attributes:
        first_silence: seconds until the first event of a stream, or for each piece of a whole answer; None for ever.
        silence: seconds until each further event of a stream; None for ever.
        end: when the call has to be over, a time of `time.monotonic`; None where it never has.
    """

    def __init__(self, settings: Settings, request: Request, timeout: Timeout) -> None:
        timeout = timeout if timeout is not None else settings.timeout
        self._timeouts = _DEFAULT if timeout is None else _timeouts(timeout)
        self.first_silence = self.silence = self._timeouts.read
        if request.stream:
            whole = None if timeout is None else self._timeouts
            self.first_silence = _silence(whole, settings.first_chunk_timeout, FIRST_CHUNK_SECONDS)
            self.silence = _silence(whole, settings.stream_chunk_timeout, CHUNK_SECONDS)
        self._is_stream, self._is_set = request.stream, timeout is not None
        self._deadline = settings.deadline
        self.end = None if settings.deadline is None else time.monotonic() + settings.deadline

    def timeouts(self) -> Timeouts:
        """The timeouts of the next try: at most what is left until the deadline. Raises as `check`."""
        timeouts = self._timeouts._replace(read=self.first_silence)
        if self.end is None:
            return timeouts
        self.check()
        return Timeouts(*map(self.until_end, timeouts))

    def until_end(self, seconds: T_Seconds) -> T_Seconds | float:
        """So many seconds, or those that are left until the deadline."""
        if self.end is None:
            return seconds
        left = max(self.end - time.monotonic(), 0.001)
        return left if seconds is None else min(seconds, left)

    def allows(self, pause: float) -> bool:
        """Whether a pause of so many seconds ends before the deadline."""
        return self.end is None or time.monotonic() + pause < self.end

    def check(self) -> None:
        """Raises `APITimeoutError` once the deadline is over."""
        if self.end is not None and time.monotonic() > self.end:
            raise APITimeoutError(
                f"The answer took longer than the deadline of {self._deadline:g} s: raise `deadline`."
            )

    def reached(self, step: str, *, has_begun: bool = False) -> str:
        """The limit that a step of a request reached, and the setting that raises it.

        Args:
            step: connect, read, write or pool, as httpx has them.
            has_begun: whether an event of the stream came before.
        """
        if self.end is not None and time.monotonic() >= self.end - 0.01:  # a timer may end a little early
            return f"the deadline of {self._deadline:g} s was reached; raise `deadline`"
        seconds = getattr(self._timeouts, step)
        if step == "pool":
            free = f"no connection of the pool was free for {_shown(seconds)}"
            return f"{free}; make fewer calls at a time, or raise `timeout`"
        name = "timeout"
        if step == "read" and self._is_stream:
            seconds = self.silence if has_begun else self.first_silence
            if seconds != self._timeouts.read or not self._is_set:
                name = "stream_chunk_timeout" if has_begun else "first_chunk_timeout"
        return f"the limit of {_shown(seconds)} was reached; raise `{name}`"


def _shown(seconds: float | None) -> str:
    """A limit in words; a client of the user's own may have set one that is not known here."""
    return "the client's own" if seconds is None else f"{seconds:g} s"


def _silence(whole: Timeouts | None, chunk: float | None, default: float) -> float | None:
    """Seconds of silence in a stream.

    Args:
        whole: the timeouts that were set; None where none were.
        chunk: what was set for this silence, 0 for no limit; the shorter of both counts.
    """
    if chunk is None:
        return default if whole is None else whole.read
    bounds = [seconds for seconds in (chunk or None, whole and whole.read) if seconds is not None]
    return min(bounds, default=None)


def _timeouts(timeout: Any) -> Timeouts:
    if isinstance(timeout, httpx.Timeout) or type(timeout).__module__.startswith("httpx2"):
        return Timeouts(**cast(Any, timeout).as_dict())
    if not is_timeout(timeout):
        raise InvalidRequestError(f"`timeout` is {timeout!r}: pass {ACCEPTED['timeout']}.")
    timeout = tuple(timeout) if isinstance(timeout, list) else timeout  # a pair that went through JSON
    connect, silence = timeout if isinstance(timeout, tuple) else (min(CONNECT_SECONDS, timeout), timeout)
    return Timeouts(connect, silence, silence, silence)
