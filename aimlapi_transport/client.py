"""The I/O: Client and AsyncClient, side by side, the same calls and the same errors.

Everything that can be decided without I/O is decided elsewhere: what to send in `request`, when to try again
in `retry`, what came in `reading`. One retry loop for each kind of call, and none beneath it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from typing import Any, TypeVar, cast

import httpx
from typing_extensions import Unpack

from aimlapi_transport.completion import Completion, Delta
from aimlapi_transport.embeddings import Embeddings, read_embeddings
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    StreamError,
    error_for,
)
from aimlapi_transport.pools import shared_async_client, shared_client
from aimlapi_transport.reading import ReplyReader
from aimlapi_transport.request import Request
from aimlapi_transport.settings import Secret, Settings, SettingsArguments, UnlistedParameterWarning, scrubber
from aimlapi_transport.version import __version__

T = TypeVar("T")

__all__ = ["AsyncClient", "Client", "Timeout", "UnlistedParameterWarning"]

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds of silence to bear; or (connect, silence); or httpx's own; None for the defaults."""

CONNECT_SECONDS = 5.0
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream
_MAX_REDIRECTS = 5
_DRAIN_SECONDS = 1.0  # at most, for the end of a body to follow the end of its answer
_DRAIN = 64 * 1024  # bytes read after the answer's end, to give the connection back in order


class Client(Settings):
    """Chat completions, blocking. Cheap to build: connections belong to the process, not to the client.

    Args:
        api_key: the key, or a function that returns it (for `AsyncClient` also an async one); by default the host's
            environment variable.
        base_url: the host's address up to `/v1`; its host decides the preset unless one is given.
        preset: "aimlapi", "powertokens" or "anyfast": whose rules apply.
        timeout: seconds of silence before giving up; by default 600 for a whole answer, 120 between two events
            of a stream, 5 to connect.
        max_retries: further requests after the first, for connection failures, 408, 409, 429 and 5xx.
        headers, query: added to every request.
        strict_parameters: raise on parameters the model's documents do not list, instead of warning.
        http_client: an `httpx.Client` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
    """

    def __init__(
        self,
        *,
        http_client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(**config)
        self._http_client = http_client
        self._sleep = sleep

    def chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: Timeout = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
        replay_reasoning: bool | None = None,
        **parameters: Any,
    ) -> Completion:
        """A whole answer. Raises `AIMLAPIError` of the fitting class."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            client_request_id=client_request_id,
            replay_reasoning=replay_reasoning,
        )
        return self.complete(request, timeout=timeout)

    def stream_chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: Timeout = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
        replay_reasoning: bool | None = None,
        **parameters: Any,
    ) -> Iterator[Delta]:
        """An answer piece by piece; the last delta's `completion` is the whole of it."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            client_request_id=client_request_id,
            replay_reasoning=replay_reasoning,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""

        def once() -> Completion:
            completion = None
            for delta in self._deltas(request, timeout):
                completion = delta.completion
            return _answered(completion)

        return self._tried(once)

    def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""

        def once() -> Embeddings:
            key = self.key()
            scrub = scrubber(key)
            with self._response(request, key, scrub, timeout) as response:
                with _border(scrub):
                    body = response.read()
                return read_embeddings(body, count, _headers(response))

        return self._tried(once)

    def _tried(self, once: Callable[[], T]) -> T:
        attempt = 1
        while True:
            try:
                return once()
            except AIMLAPIError as error:
                delay = self.retry.delay(attempt, error)
                if delay is None:
                    raise
            self._sleep(delay)
            attempt += 1

    def stream(self, request: Request, *, timeout: Timeout = None) -> Iterator[Delta]:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        attempt = 1
        while True:
            handed_out = False
            try:
                for delta in self._deltas(request, timeout):
                    handed_out = True
                    yield delta
                return
            except AIMLAPIError as error:
                delay = None if handed_out else self.retry.delay(attempt, _at_start(error))
                if delay is None:
                    raise
            self._sleep(delay)
            attempt += 1

    def _deltas(self, request: Request, timeout: Timeout) -> Iterator[Delta]:
        """One try: sends the request, reads the reply."""
        key = self.key()
        scrub = scrubber(key)
        with self._response(request, key, scrub, timeout) as response:
            reader = _reader(request, response, scrub)
            chunks = response.iter_bytes()
            with _reading(reader, request, scrub):
                for chunk in chunks:
                    for event in reader.events(chunk):
                        for delta in reader.read(event):
                            yield delta
                    if reader.is_done:
                        break
            for delta in reader.close():
                yield delta
            # The answer is handed out: what happens to the rest does not matter.
            with closing(_Drain(response)) as drain, suppress(httpx.HTTPError, httpx.StreamError):
                for chunk in chunks:
                    if drain.is_full(chunk):
                        break

    @contextmanager
    def _response(
        self, request: Request, key: Secret, scrub: Callable[[str], str], timeout: Timeout
    ) -> Iterator[httpx.Response]:
        http = self._http_client or shared_client()
        sent = _http_request(self, self._http_client, request, key, timeout)
        for _ in range(_MAX_REDIRECTS + 1):
            with _border(scrub):
                response = http.send(sent, stream=True, follow_redirects=False)
            try:
                url = _redirect(response, scrub)
                if url is None:
                    if not response.is_success:
                        with _border(scrub):
                            body = _bounded(response.iter_bytes())
                        raise error_for(response.status_code, body, _headers(response), scrub=scrub)
                    yield response
                    return
            finally:
                response.close()
            sent = _http_request(self, self._http_client, request, key, timeout, url)
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")


class AsyncClient(Settings):
    """Chat completions, for asyncio. The same arguments as `Client`, save two.

    Args:
        http_client: an `httpx.AsyncClient` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
    """

    def __init__(
        self,
        *,
        http_client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(**config)
        self._http_client = http_client
        self._sleep = sleep

    async def chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: Timeout = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
        replay_reasoning: bool | None = None,
        **parameters: Any,
    ) -> Completion:
        """A whole answer. Raises `AIMLAPIError` of the fitting class."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            client_request_id=client_request_id,
            replay_reasoning=replay_reasoning,
        )
        return await self.complete(request, timeout=timeout)

    def stream_chat(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        timeout: Timeout = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
        replay_reasoning: bool | None = None,
        **parameters: Any,
    ) -> AsyncGenerator[Delta, None]:
        """An answer piece by piece; the last delta's `completion` is the whole of it."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            client_request_id=client_request_id,
            replay_reasoning=replay_reasoning,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    async def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""

        async def once() -> Completion:
            completion = None
            async with aclosing(self._deltas(request, timeout)) as deltas:
                async for delta in deltas:
                    completion = delta.completion
            return _answered(completion)

        return await self._tried(once)

    async def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""

        async def once() -> Embeddings:
            key = await self.akey()
            scrub = scrubber(key)
            async with self._response(request, key, scrub, timeout) as response:
                with _border(scrub):
                    body = await response.aread()
                return read_embeddings(body, count, _headers(response))

        return await self._tried(once)

    async def _tried(self, once: Callable[[], Awaitable[T]]) -> T:
        attempt = 1
        while True:
            try:
                return await once()
            except AIMLAPIError as error:
                delay = self.retry.delay(attempt, error)
                if delay is None:
                    raise
            await self._sleep(delay)
            attempt += 1

    async def stream(self, request: Request, *, timeout: Timeout = None) -> AsyncGenerator[Delta, None]:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        attempt = 1
        while True:
            handed_out = False
            try:
                async with aclosing(self._deltas(request, timeout)) as deltas:
                    async for delta in deltas:
                        handed_out = True
                        yield delta
                return
            except AIMLAPIError as error:
                delay = None if handed_out else self.retry.delay(attempt, _at_start(error))
                if delay is None:
                    raise
            await self._sleep(delay)
            attempt += 1

    async def _deltas(self, request: Request, timeout: Timeout) -> AsyncGenerator[Delta, None]:
        """One try: sends the request, reads the reply."""
        key = await self.akey()
        scrub = scrubber(key)
        async with self._response(request, key, scrub, timeout) as response:
            reader = _reader(request, response, scrub)
            body = cast(AsyncGenerator[bytes, None], response.aiter_bytes())
            async with aclosing(body) as chunks:
                with _reading(reader, request, scrub):
                    async for chunk in chunks:
                        for event in reader.events(chunk):
                            for delta in reader.read(event):
                                yield delta
                        if reader.is_done:
                            break
                for delta in reader.close():
                    yield delta
                with closing(_Drain(response)) as drain, suppress(httpx.HTTPError, httpx.StreamError):
                    async for chunk in chunks:
                        if drain.is_full(chunk):
                            break

    @asynccontextmanager
    async def _response(
        self, request: Request, key: Secret, scrub: Callable[[str], str], timeout: Timeout
    ) -> AsyncIterator[httpx.Response]:
        http = self._http_client or shared_async_client()
        sent = _http_request(self, self._http_client, request, key, timeout)
        for _ in range(_MAX_REDIRECTS + 1):
            with _border(scrub):
                response = await http.send(sent, stream=True, follow_redirects=False)
            try:
                url = _redirect(response, scrub)
                if url is None:
                    if not response.is_success:
                        with _border(scrub):
                            body = await _abounded(response.aiter_bytes())
                        raise error_for(response.status_code, body, _headers(response), scrub=scrub)
                    yield response
                    return
            finally:
                await response.aclose()
            sent = _http_request(self, self._http_client, request, key, timeout, url)
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")


def _reader(request: Request, response: httpx.Response, scrub: Callable[[str], str]) -> ReplyReader:
    if response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    silence = response.request.extensions["timeout"]["read"] if request.stream else None
    return ReplyReader(request.profile, headers=_headers(response), scrub=scrub, silence=silence)


def _headers(response: httpx.Response) -> dict[str, str]:
    """The reply's headers, names in lower case; httpx's own mapping guesses the encoding at every look."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


@contextmanager
def _reading(reader: ReplyReader, request: Request, scrub: Callable[[str], str]) -> Iterator[None]:
    """Turns httpx's errors while reading into ours; a stream that broke off is incomplete."""
    try:
        with _border(scrub):
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


class _Drain:
    """Reads out what follows an answer, so that its connection can be used again; bounded in bytes and seconds.

    A server that keeps the connection open must not keep the caller waiting for the whole `timeout`: httpcore reads
    with the patience of the request, so for this last stretch its stream is told to have less.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._size = 0
        self._end = time.monotonic() + _DRAIN_SECONDS
        self._stream = cast(Any, response.extensions.get("network_stream"))
        with suppress(AttributeError):  # no such stream, or not of a kind that can be told: then as it is
            read = self._stream.read
            self._stream.read = lambda size, timeout=None: read(size, _DRAIN_SECONDS)

    def is_full(self, chunk: bytes) -> bool:
        self._size += len(chunk)
        return self._size > _DRAIN or time.monotonic() > self._end

    def close(self) -> None:
        """Gives the stream its patience back."""
        with suppress(AttributeError):
            del self._stream.read


class _border:
    """Turns httpx's errors into ours. Theirs hold the request, and so the key: it is taken out of them first."""

    def __init__(self, scrub: Callable[[str], str]) -> None:
        self._scrub = scrub

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)):
            return
        if isinstance(error, httpx.RequestError):
            error._request = None
        error.__traceback__ = error.__cause__ = error.__context__ = None
        raise _ours(error, self._scrub) from None


def _ours(error: Exception, scrub: Callable[[str], str]) -> AIMLAPIError:
    if isinstance(error, httpx.TimeoutException):
        what = "connect" if isinstance(error, httpx.ConnectTimeout) else "answer"
        return APITimeoutError(f"The provider did not {what} in time ({type(error).__name__}).")
    if isinstance(error, httpx.DecodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if isinstance(error, httpx.TransportError):
        return _connection_error(error, scrub)
    if isinstance(error, httpx.InvalidURL):
        return InvalidRequestError(scrub(f"The address is no URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def _connection_error(error: httpx.TransportError, scrub: Callable[[str], str]) -> AIMLAPIError:
    text = scrub(str(error)) or type(error).__name__
    if isinstance(error, httpx.UnsupportedProtocol):
        return InvalidRequestError(f"The address cannot be used: {text}")
    untrusted = "certificate" in text.lower()
    return APIConnectionError(f"The connection to the provider failed: {text}", is_retryable=not untrusted)


def _at_start(error: AIMLAPIError) -> AIMLAPIError:
    """An error before anything was handed out: what a stream only reported may pass when asked again."""
    if type(error) in (StreamError, IncompleteStreamError):
        error.is_retryable = True
    return error


def _answered(completion: Completion | None) -> Completion:
    if completion is None:
        raise BadResponseError("The provider's reply holds no answer.")
    return completion


def _redirect(response: httpx.Response, scrub: Callable[[str], str]) -> httpx.URL | None:
    """Where to send the request again, None if this is no redirect; only within the same origin."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    with _border(scrub):
        target = response.request.url.join(response.headers.get("location", ""))
    here = response.request.url
    if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
        raise BadResponseError(
            f"The provider redirected to another host ({target.host}); the key was not sent there.",
            status_code=response.status_code,
        )
    if response.status_code not in (307, 308):
        raise BadResponseError(
            f"The provider redirected with {response.status_code}, which would drop the request's body.",
            status_code=response.status_code,
        )
    return target


def _bounded(chunks: Iterator[bytes], limit: int = 1_000_000) -> bytes:
    body = b""
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            break
    return body


async def _abounded(chunks: AsyncIterator[bytes], limit: int = 1_000_000) -> bytes:
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            break
    return body


def _http_request(
    settings: Settings,
    own: httpx.Client | httpx.AsyncClient | None,
    request: Request,
    key: Secret,
    timeout: Timeout,
    url: httpx.URL | None = None,
) -> httpx.Request:
    url = url or httpx.URL(settings.base_url + request.path)
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
    limits = _timeouts(timeout if timeout is not None else settings.timeout, request.stream)
    if own is not None:  # with the headers, cookies and query of its own
        query = dict(request.query) or None
        return own.build_request("POST", url, params=query, headers=headers, content=request.body, timeout=limits)
    return httpx.Request("POST", url, headers=headers, content=request.body, extensions={"timeout": limits.as_dict()})


def _timeouts(timeout: Timeout, stream: bool) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    connect: float | None = CONNECT_SECONDS
    silence: float | None = _STREAM_SILENCE if stream else _CALL_SILENCE
    given = timeout if isinstance(timeout, tuple) and len(timeout) == 2 else (timeout, timeout)
    if not all(value is None or (isinstance(value, (int, float)) and value > 0) for value in given):
        raise InvalidRequestError(f"`timeout` is {timeout!r}: pass seconds, (connect, silence), or an httpx.Timeout.")
    if isinstance(timeout, tuple):
        connect, silence = timeout
    elif timeout is not None:
        silence = timeout
        connect = min(CONNECT_SECONDS, timeout)
    return httpx.Timeout(connect=connect, read=silence, write=silence, pool=silence)
