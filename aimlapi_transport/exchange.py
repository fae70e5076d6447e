"""One exchange with a host, over httpx: the request as it is sent, the reply's body, and httpx's errors as ours.

What sync and asyncio share; `client` holds what they do one after the other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar, cast

import httpx

from aimlapi_transport.answer import Completion
from aimlapi_transport.cancelling import cancellable
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    StreamError,
)
from aimlapi_transport.limits import Limits
from aimlapi_transport.reading import ReplyReader
from aimlapi_transport.request import Request
from aimlapi_transport.settings import Secret, Settings
from aimlapi_transport.version import __version__

_log = logging.getLogger("httpx")

T_Http = TypeVar("T_Http", httpx.Client, httpx.AsyncClient)

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds of silence to bear; or (connect, silence); or httpx's own; None for the defaults."""

CONNECT_SECONDS = 5.0
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream
DRAIN = 64 * 1024, 1.0  # bytes and seconds: read after the answer's end, to give the connection back in order
_REFUSAL = 1024 * 1024, 5.0  # bytes and seconds: what is read of a refusal's body
BROKEN = (httpx.HTTPError, httpx.StreamError)
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")  # what we ask for; one alone unpacks a thousandfold at most


class Patience:
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
    settings: Settings, request: Request, response: httpx.Response, scrub: Callable[[str], str], patience: Patience
) -> ReplyReader:
    if response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    return ReplyReader(
        request.profile,
        headers=headers_of(response),
        scrub=scrub,
        silence=patience.silence,
        limits=settings.limits,
        check=None if patience.end is None else patience.check,
    )


class Whole:
    """Collects a body up to the limit of a reply."""

    def __init__(self, limits: Limits, patience: Patience) -> None:
        self.data = bytearray()
        self._limits = limits
        self._patience = patience

    def add(self, chunk: bytes) -> None:
        self._patience.check()
        self.data += chunk
        self._limits.check_reply(len(self.data))


def body_of(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes, unpacked."""
    return iter(cast(httpx.SyncByteStream, response.stream)) if _is_bare(response) else response.iter_bytes()


def abody_of(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """As `body_of`, for asyncio."""
    bare = cast(httpx.AsyncByteStream, response.stream).__aiter__ if _is_bare(response) else response.aiter_bytes
    return cast(AsyncGenerator[bytes, None], bare())


def _is_bare(response: httpx.Response) -> bool:
    """Whether the body is what its stream gives: httpx's own reading adds half a microsecond (async: 1) to a chunk."""
    return not response.is_stream_consumed and "content-encoding" not in response.headers


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


def still_open(own: T_Http) -> T_Http:
    if own.is_closed:
        raise InvalidRequestError("The HTTP client you passed is closed: pass one that is open.")
    return own


def headers_of(response: httpx.Response) -> dict[str, str]:
    """The reply's headers, names in lower case; httpx's own mapping guesses the encoding at every look."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


@contextmanager
def reading(reader: ReplyReader, request: Request, scrub: Callable[[str], str]) -> Iterator[None]:
    """Turns httpx's errors while reading into ours; a stream that broke off is incomplete."""
    try:
        with border(scrub):
            yield
    except APIConnectionError as error:
        if reader.has_answer:
            return  # complete, though the connection broke or fell silent after it
        if isinstance(error, APITimeoutError):
            error.partial = reader.partial()
            raise
        if not request.stream or not reader.count:
            raise
        raise reader.incomplete(f"The connection broke ({error.message})") from None


class Stretch:
    """The last stretch of a body, bounded in bytes and seconds: what follows an answer, or the body of a refusal.

    A server that keeps the connection open must not keep the caller waiting for the whole `timeout`: httpcore reads
    with the patience of the request, so for this stretch its stream is told to have less.
    """

    def __init__(self, response: httpx.Response, most: int, seconds: float) -> None:
        self.data = bytearray()
        self._most = most
        self._end = time.monotonic() + seconds
        self._stream = cast(Any, response.extensions.get("network_stream"))
        with suppress(AttributeError):  # no such stream, or not of a kind that can be told: then as it is
            read = self._stream.read
            self._stream.read = lambda size, timeout=None: read(
                size, seconds if timeout is None else min(timeout, seconds)
            )

    def is_full(self, chunk: bytes) -> bool:
        self.data += chunk
        return len(self.data) > self._most or time.monotonic() > self._end

    def close(self) -> None:
        """Gives the stream its patience back."""
        with suppress(AttributeError):
            del self._stream.read


def refusal_of(response: httpx.Response) -> bytes:
    """The body of a refusal. It may repeat the key: no frame of an error's traceback holds it in a variable."""
    with closing(Stretch(response, *_REFUSAL)) as body, suppress(*BROKEN):
        for chunk in response.iter_bytes() if _can_unpack(response) else ():
            if body.is_full(chunk):
                break
    return bytes(body.data)


async def arefusal_of(response: httpx.Response) -> bytes:
    """As `refusal_of`, for asyncio."""
    with closing(Stretch(response, *_REFUSAL)) as body, suppress(*BROKEN):
        if _can_unpack(response):
            async with aclosing(abody_of(response)) as chunks:
                async for chunk in chunks:
                    if body.is_full(chunk):
                        break
    return bytes(body.data)


class border:
    """Turns httpx's errors into ours. Theirs hold the request, and so the key: it is taken out of them first."""

    def __init__(self, scrub: Callable[[str], str], url: httpx.URL | None = None) -> None:
        self._scrub = scrub
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)):
            return
        if isinstance(error, httpx.RequestError):
            error._request = None
        error.__traceback__ = error.__cause__ = error.__context__ = None
        raise _ours(error, self._scrub, self._url) from None


def _ours(error: Exception, scrub: Callable[[str], str], url: httpx.URL | None) -> AIMLAPIError:
    if isinstance(error, httpx.TimeoutException):
        what = "connect" if isinstance(error, httpx.ConnectTimeout) else "answer"
        return APITimeoutError(f"The provider did not {what} in time ({type(error).__name__}).")
    if isinstance(error, httpx.DecodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if isinstance(error, httpx.TransportError):
        return _connection_error(error, scrub, url)
    if isinstance(error, httpx.InvalidURL):
        return InvalidRequestError(scrub(f"The address is no URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def _connection_error(error: httpx.TransportError, scrub: Callable[[str], str], url: httpx.URL | None) -> AIMLAPIError:
    text = scrub(str(error)) or type(error).__name__
    if isinstance(error, httpx.ConnectError) and url is not None:
        text += scrub(f" (on the way to {url.netloc.decode()})")  # the address may be the mistake
    if isinstance(error, httpx.UnsupportedProtocol):
        return InvalidRequestError(f"The address cannot be used: {text}")
    untrusted = "certificate" in text.lower()
    return APIConnectionError(f"The connection to the provider failed: {text}", is_retryable=not untrusted)


def bare(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


def at_start(error: AIMLAPIError) -> AIMLAPIError:
    """An error before anything was handed out: what a stream only reported may pass when asked again."""
    if type(error) in (StreamError, IncompleteStreamError):
        error.is_retryable = True
    return error


def answered(completion: Completion | None) -> Completion:
    if completion is None:
        raise BadResponseError("The provider's reply holds no answer.")
    return completion


def redirect(response: httpx.Response, scrub: Callable[[str], str]) -> httpx.URL | None:
    """Where to send the request again, None if this is no redirect; only within the same origin."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    here = response.request.url
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
    patience: Patience,
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
    patience.check()
    limits = patience.timeouts()
    if own is not None:  # with the headers, cookies and query of its own
        query = dict(request.query) or None
        return own.build_request("POST", url, params=query, headers=headers, content=request.body, timeout=limits)
    return httpx.Request("POST", url, headers=headers, content=request.body, extensions={"timeout": limits.as_dict()})


_url = lru_cache(maxsize=64)(httpx.URL)  # 30 us a call


def send(lane: httpx.BaseTransport, request: httpx.Request) -> httpx.Response:
    """Sends through one of httpx's transports, without a client around it.

    A client's cookies, which would be shared by everyone who uses it, its redirects and its authentication are not
    wanted here, and cost a seventh of a small call and a twentieth of each chunk. Its line in the log is.
    """
    response = lane.handle_request(request)
    response.request = request
    _log_reply(response)
    return response


async def asend(lane: httpx.AsyncBaseTransport, request: httpx.Request) -> httpx.Response:
    """As `send`, for asyncio."""
    response = await cancellable(lane.handle_async_request(request))
    response.request = request
    _log_reply(response)
    return response


def _log_reply(response: httpx.Response) -> None:
    if _log.isEnabledFor(logging.INFO):
        request, reason = response.request, response.reason_phrase
        told = (request.method, request.url, response.http_version, response.status_code, reason)
        _log.info('HTTP Request: %s %s "%s %d %s"', *told)


def _timeouts(timeout: Timeout, stream: bool) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
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
