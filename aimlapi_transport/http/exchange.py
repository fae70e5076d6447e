"""One exchange with a host, over httpx: the request as it is sent, the reply's body, and httpx's errors as ours.

What sync and asyncio share; `client` holds what they do one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

import httpx

from aimlapi_transport.chat.reader import ReplyReader
from aimlapi_transport.chat.request import Request
from aimlapi_transport.chat.response import Completion
from aimlapi_transport.config.settings import Secret, Settings
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    StreamError,
)
from aimlapi_transport.http._compat import AsyncBody, Body, BrokenEncodingError, error_names
from aimlapi_transport.http.limits import Limits
from aimlapi_transport.version import __version__

T_Http = TypeVar("T_Http", httpx.Client, httpx.AsyncClient)

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds of silence to bear; or (connect, silence); or httpx's own; None for the defaults."""

MAX_REDIRECTS = 5
CONNECT_SECONDS = 5.0
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream
DRAIN = 64 * 1024, 1.0  # bytes and seconds: read after the answer's end, to give the connection back in order
REFUSAL = 1024 * 1024, 5.0  # bytes and seconds: what is read of a refusal's body
_TRANSPORT_ERRORS = ("TransportError", "NetworkError", "ProtocolError", "ProxyError", "UnsupportedProtocol")
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")  # what we ask for; one alone unpacks a thousandfold at most


class TimeLimits:
    """How long one call may take: how much silence, and where a deadline is set, how much in all."""

    def __init__(self, settings: Settings, request: Request, timeout: Timeout) -> None:
        self._silence = _timeouts(timeout if timeout is not None else settings.timeout, request.stream)
        self._deadline = settings.deadline
        self.end = None if settings.deadline is None else time.monotonic() + settings.deadline

    def timeouts(self) -> httpx.Timeout:
        """What httpx is told: no more than what is left."""
        if self.end is None:
            return self._silence
        left = max(self.end - time.monotonic(), 0.001)
        return httpx.Timeout(**{k: left if v is None else min(v, left) for k, v in self._silence.as_dict().items()})

    @property
    def silence(self) -> float | None:
        """Seconds."""
        return self._silence.read

    def allows(self, pause: float) -> bool:
        """Whether there is time for a pause and another try."""
        return self.end is None or time.monotonic() + pause < self.end

    def check(self) -> None:
        """Raises `APITimeoutError` once the deadline is over."""
        if self.end is not None and time.monotonic() > self.end:
            raise APITimeoutError(f"The answer took longer than the deadline of {self._deadline:g} s.")


def reader_of(
    settings: Settings, request: Request, response: httpx.Response, scrub: Callable[[str], str], time_limits: TimeLimits
) -> ReplyReader:
    if response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    return ReplyReader(
        request.profile,
        headers=headers_of(response),
        scrub=scrub,
        silence=time_limits.silence,
        limits=settings.limits,
        check=None if time_limits.end is None else time_limits.check,
    )


class BodyBuffer:
    """Collects a body up to the limit of a reply."""

    def __init__(self, limits: Limits, time_limits: TimeLimits) -> None:
        self.data = bytearray()
        self._limits = limits
        self._time_limits = time_limits

    def add(self, chunk: bytes) -> None:
        self._time_limits.check()
        self.data += chunk
        self._limits.check_reply(len(self.data))


def _can_unpack(response: httpx.Response) -> bool:
    """Whether the body is packed in a way we asked for, and once: in layers, a kilobyte unpacks to a terabyte."""
    return response.headers.get("content-encoding", "").strip().lower() in _ENCODINGS


def check_encoding(response: httpx.Response, scrub: Callable[[str], str]) -> None:
    """Raises `BadResponseError` for a body that is not to be unpacked."""
    if not _can_unpack(response):
        name = scrub(response.headers["content-encoding"])[:80]
        raise BadResponseError(f"The reply's content-encoding is {name!r}; gzip or deflate, once, was asked for.")


def request_id_of(response: httpx.Response, scrub: Callable[[str], str]) -> str | None:
    found = response.headers.get("x-inference-id") or response.headers.get("x-request-id")
    return scrub(found) if found else None


def headers_of(response: httpx.Response) -> dict[str, str]:
    """The reply's headers, names in lower case; httpx's own mapping guesses the encoding at every look."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


class map_read_errors:
    """Turns httpx's errors while reading into ours; a stream that broke off is incomplete.

    Leaves the block as if nothing had been where the connection broke or fell silent after a complete answer.
    """

    __slots__ = ("_reader", "_request", "_scrub")

    def __init__(self, reader: ReplyReader, request: Request, scrub: Callable[[str], str]) -> None:
        self._reader = reader
        self._request = request
        self._scrub = scrub

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        if _is_broken(error):
            error = _own(error, self._scrub)
        elif not isinstance(error, APIConnectionError):
            return False
        if isinstance(error, APIConnectionError):
            if self._reader.has_answer:
                return True
            if isinstance(error, APITimeoutError):
                error.partial = self._reader.partial()
            elif self._request.stream and self._reader.count:
                error = self._reader.incomplete(f"The connection broke ({error.message})")
        try:
            raise error from None
        finally:
            del error


class Bounded:
    """Bytes and seconds in which the rest of a body is read: what follows an answer, or the body of a refusal.

    A server that keeps the connection open must not keep the caller waiting for the whole `timeout`.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.data = bytearray()
        self._most = most
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds."""
        return max(self._end - time.monotonic(), 0.001)

    def add(self, data: bytes) -> bool:
        """Whether to read on after this piece."""
        self.data += data
        return bool(data) and len(self.data) <= self._most and time.monotonic() <= self._end


def drain(body: Body) -> None:
    """Reads what follows an answer, so that its connection can be used again."""
    rest = Bounded(*DRAIN)
    try:
        while body.is_direct and rest.add(body.read(rest.left)):
            pass
    except Exception as error:
        if not _is_broken(error):
            raise


async def adrain(body: AsyncBody) -> None:
    """As `drain`, for asyncio."""
    rest = Bounded(*DRAIN)
    try:
        while body.is_direct and rest.add(await body.read(rest.left)):
            pass
    except Exception as error:
        if not _is_broken(error):
            raise


def refusal_of(response: httpx.Response) -> bytes:
    """The body of a refusal. It may repeat the key: no frame of an error's traceback holds it in a variable."""
    rest = Bounded(*REFUSAL)
    if _can_unpack(response):
        _shorten_silence(response, REFUSAL[1])
        body = Body(response)
        try:
            while rest.add(body.read(rest.left)):
                pass
        except Exception as error:
            if not _is_broken(error):
                raise
    return bytes(rest.data)


async def arefusal_of(response: httpx.Response) -> bytes:
    """As `refusal_of`, for asyncio."""
    rest = Bounded(*REFUSAL)
    if _can_unpack(response):
        _shorten_silence(response, REFUSAL[1])
        body = AsyncBody(response)
        try:
            while rest.add(await body.read(rest.left)):
                pass
        except Exception as error:
            if not _is_broken(error):
                raise
    return bytes(rest.data)


def _shorten_silence(response: httpx.Response, seconds: float) -> None:
    """Sets how long httpx waits for a piece of a body of which nothing was read yet."""
    timeouts = response.request.extensions.get("timeout")
    if timeouts:
        timeouts["read"] = min(timeouts.get("read") or seconds, seconds)


def _is_broken(error: Exception) -> bool:
    return isinstance(error, BrokenEncodingError) or bool(error_names(error))


class map_httpx_errors:
    """Turns httpx's errors into ours. Theirs hold the request, and so the key: it is taken out of them first."""

    def __init__(self, scrub: Callable[[str], str], url: httpx.URL | None = None) -> None:
        self._scrub = scrub
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, Exception) or not _is_broken(error):
            return
        raise _own(error, self._scrub, self._url) from None


def _own(error: Exception, scrub: Callable[[str], str], url: httpx.URL | None = None) -> AIMLAPIError:
    """The error of ours, and nothing left in theirs that holds the key."""
    if getattr(error, "_request", None) is not None:
        error._request = None  # type: ignore[attr-defined]
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return _ours(error, scrub, url)


def _ours(error: Exception, scrub: Callable[[str], str], url: httpx.URL | None) -> AIMLAPIError:
    """The error of ours for one of httpx, httpx2 or httpcore: their classes have the same names."""
    names = error_names(error)
    if "TimeoutException" in names:
        what = "connect" if "ConnectTimeout" in names else "answer"
        return APITimeoutError(f"The provider did not {what} in time ({type(error).__name__}).")
    if "DecodingError" in names or isinstance(error, BrokenEncodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if not names.isdisjoint(_TRANSPORT_ERRORS):
        return _connection_error(error, names, scrub, url)
    if "InvalidURL" in names:
        return InvalidRequestError(scrub(f"The address is no URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def _connection_error(
    error: Exception, names: frozenset[str], scrub: Callable[[str], str], url: httpx.URL | None
) -> AIMLAPIError:
    text = scrub(str(error)) or type(error).__name__
    if "ConnectError" in names and url is not None:
        text += scrub(f" (on the way to {url.netloc.decode()})")  # the address may be the mistake
    if "UnsupportedProtocol" in names:
        return InvalidRequestError(f"The address cannot be used: {text}")
    untrusted = "certificate" in text.lower()
    return APIConnectionError(f"The connection to the provider failed: {text}", is_retryable=not untrusted)


def without_traceback(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


def before_first_delta(error: AIMLAPIError) -> AIMLAPIError:
    """An error before anything was handed out: what a stream only reported may pass when asked again."""
    if type(error) in (StreamError, IncompleteStreamError):
        error.is_retryable = True
    return error


def require_answer(completion: Completion | None) -> Completion:
    if completion is None:
        raise BadResponseError("The provider's reply holds no answer.")
    return completion


def redirect(response: httpx.Response, scrub: Callable[[str], str]) -> httpx.URL | None:
    """Where to send the request again, None if this is no redirect; only within the same origin."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    here = httpx.URL(str(response.request.url))  # httpx2's are other objects
    try:
        target = here.join(response.headers.get("location", ""))
    except (httpx.InvalidURL, ValueError):
        raise BadResponseError(
            "The provider redirected to something that is no address.", status_code=response.status_code
        ) from None
    if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
        raise BadResponseError(
            f"The provider redirected to another host ({scrub(target.host)[:200]}); the key was not sent there.",
            status_code=response.status_code,
        )
    if response.status_code not in (307, 308):
        raise BadResponseError(
            f"The provider redirected with {response.status_code}, which would drop the request's body.",
            status_code=response.status_code,
        )
    return target


def to_httpx(
    settings: Settings,
    own: httpx.Client | httpx.AsyncClient | None,
    request: Request,
    key: Secret,
    time_limits: TimeLimits,
    url: httpx.URL | None,
) -> httpx.Request:
    url = url or _url(settings.base_url + request.path)
    if request.query:
        url = url.copy_merge_params(dict(request.query))
    headers = {
        "authorization": f"Bearer {key.value}",
        "content-type": "application/json",
        "accept": "text/event-stream" if request.stream else "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": f"aimlapi-integrations/{__version__}",
    }
    for name, value in request.headers:
        headers[name.lower()] = value
    time_limits.check()
    limits = time_limits.timeouts()
    if own is not None:  # with the headers, cookies and query of its own
        query = dict(request.query) or None
        seconds = (limits.connect, limits.read, limits.write, limits.pool)  # as a tuple, httpx2 takes them as well
        return own.build_request("POST", str(url), params=query, headers=headers, content=request.body, timeout=seconds)
    return httpx.Request("POST", url, headers=headers, content=request.body, extensions={"timeout": limits.as_dict()})


_url = lru_cache(maxsize=64)(httpx.URL)  # 30 us a call


def _timeouts(timeout: Timeout, stream: bool) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    if timeout is not None and type(timeout).__module__.startswith("httpx2"):
        return httpx.Timeout(**cast(Any, timeout).as_dict())
    connect: float | None = CONNECT_SECONDS
    silence: float | None = _STREAM_SILENCE if stream else _CALL_SILENCE
    timeout = tuple(timeout) if isinstance(timeout, list) else timeout  # a pair that went through JSON
    given = timeout if isinstance(timeout, tuple) and len(timeout) == 2 else (timeout, timeout)
    if not all(value is None or (isinstance(value, (int, float)) and value > 0) for value in given):
        raise InvalidRequestError(f"`timeout` is {timeout!r}: pass seconds, (connect, silence), or an httpx.Timeout.")
    if isinstance(timeout, tuple):
        connect, silence = timeout
    elif timeout is not None:
        silence = timeout
        connect = min(CONNECT_SECONDS, timeout)
    return httpx.Timeout(connect=connect, read=silence, write=silence, pool=silence)
