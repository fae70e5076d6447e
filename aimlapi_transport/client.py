"""The I/O: Client and AsyncClient, side by side, the same calls and the same errors.

Everything that can be decided without I/O is decided elsewhere: what to send in `request`, when to try again
in `retry`, what came in `reading`. One retry loop for each kind of call, and none beneath it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar, cast

import httpx
from typing_extensions import Unpack

from aimlapi_transport.cancelling import cancellable
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
from aimlapi_transport.limits import Limits
from aimlapi_transport.pools import Closable, Lease, asend, quota_of, send
from aimlapi_transport.reading import ReplyReader
from aimlapi_transport.request import Request
from aimlapi_transport.retry import RetryQuota
from aimlapi_transport.settings import Secret, Settings, SettingsArguments, UnlistedParameterWarning, scrubber
from aimlapi_transport.version import __version__

T = TypeVar("T")
T_Http = TypeVar("T_Http", httpx.Client, httpx.AsyncClient)

__all__ = ["AsyncClient", "Client", "Limits", "Timeout", "UnlistedParameterWarning"]

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds of silence to bear; or (connect, silence); or httpx's own; None for the defaults."""

CONNECT_SECONDS = 5.0
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream
_MAX_REDIRECTS = 5
_DRAIN = 64 * 1024, 1.0  # bytes and seconds: read after the answer's end, to give the connection back in order
_REFUSAL = 1024 * 1024, 5.0  # bytes and seconds: what is read of a refusal's body
_BROKEN = (httpx.HTTPError, httpx.StreamError)
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")  # what we ask for; one alone unpacks a thousandfold at most


class Client(Closable, Settings):
    """Chat completions, blocking. Cheap to build: connections belong to the process, not to the client.

    Connections are kept while any client or model of the process that used the address lives and is not closed; so keep
    one, rather than make one for each call. `close()`, or a `with` block, gives them up early.

    Args:
        api_key: the key, or a function that returns it (for `AsyncClient` also an async one); by default the host's
            environment variable.
        base_url: the host's address up to `/v1`; its host decides the preset unless one is given.
        preset: "aimlapi", "powertokens" or "anyfast": whose rules apply.
        timeout: seconds of silence before giving up; by default 600 for a whole answer, 120 between two events
            of a stream, 5 to connect.
        deadline: seconds a call may take in all, its retries and pauses included; by default without end.
        limits: how long a reply may be, so that no server exhausts the memory.
        max_retries: further requests after the first, for connection failures, 408, 409, 429 and 5xx.
        headers, query: added to every request.
        strict_parameters: raise on parameters the model's documents do not list, instead of warning.
        proxy: URL of the proxy to go through; by default the environment's (HTTPS_PROXY and the like).
        socket_options: what to set on each socket, in `socket.setsockopt`'s form.
        http_client: an `httpx.Client` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
        lease: whose share in the connections to use; by default the client's own.
    """

    def __init__(
        self,
        *,
        http_client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        lease: Lease | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(**config)
        self._http_client = http_client
        self._sleep = sleep
        self._lease = lease or Lease()

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
        patience = _Patience(self, request, timeout)

        def once() -> Completion:
            completion = None
            for delta in self._deltas(request, patience):
                completion = delta.completion
            return _answered(completion)

        return self._tried(once, patience)

    def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""
        patience = _Patience(self, request, timeout)

        def once() -> Embeddings:
            key = self.key()
            scrub = scrubber(key)
            with self._response(request, key, scrub, patience) as response:
                body = _Whole(self.limits, patience)
                with _border(scrub):
                    for chunk in _chunks(response):
                        body.add(chunk)
                return read_embeddings(bytes(body.data), count, _headers(response), scrub=scrub)

        return self._tried(once, patience)

    def _tried(self, once: Callable[[], T], patience: _Patience) -> T:
        attempt = 1
        while True:
            try:
                answer = once()
            except AIMLAPIError as error:
                delay = self.retry.delay(attempt, error)
                if delay is None or not patience.allows(delay) or not self._quota().take():
                    raise _bare(error) from None
            else:
                self._quota().give_back(attempt - 1)
                return answer
            self._sleep(delay)
            attempt += 1

    def stream(self, request: Request, *, timeout: Timeout = None) -> Iterator[Delta]:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        patience = _Patience(self, request, timeout)
        attempt = 1
        while True:
            handed_out = False
            try:
                for delta in self._deltas(request, patience):
                    handed_out = True
                    yield delta
                self._quota().give_back(attempt - 1)
                return
            except AIMLAPIError as error:
                delay = None if handed_out else self.retry.delay(attempt, _at_start(error))
                if delay is None or not patience.allows(delay) or not self._quota().take():
                    raise _bare(error) from None
            self._sleep(delay)
            attempt += 1

    def _deltas(self, request: Request, patience: _Patience) -> Iterator[Delta]:
        """One try: sends the request, reads the reply."""
        key = self.key()
        scrub = scrubber(key)
        with self._response(request, key, scrub, patience) as response:
            reader = _reader(self, request, response, scrub, patience)
            chunks = _chunks(response)
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
            with closing(_Stretch(response, *_DRAIN)) as rest, suppress(*_BROKEN):
                for chunk in chunks:
                    if rest.is_full(chunk):
                        break

    @contextmanager
    def _response(
        self, request: Request, key: Secret, scrub: Callable[[str], str], patience: _Patience
    ) -> Iterator[httpx.Response]:
        url: httpx.URL | None = None
        with self._connections() as http:
            for _ in range(_MAX_REDIRECTS + 1):
                sent = _http_request(self, self._http_client, request, key, patience, url)
                with _border(scrub, sent.url):
                    if self._http_client is None:
                        response = send(http, sent)
                    else:
                        response = http.send(sent, stream=True, follow_redirects=False)
                try:
                    url = _redirect(response, scrub)
                    if url is None:
                        if not response.is_success:
                            raise error_for(response.status_code, _refusal(response), _headers(response), scrub=scrub)
                        if not _can_unpack(response):
                            raise _unknown_encoding(response, scrub)
                        yield response
                        return
                except AIMLAPIError as error:
                    if error.request_id is None:
                        error.request_id = _request_id(response, scrub)
                    raise
                finally:
                    response.close()
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")

    def _quota(self) -> RetryQuota:
        return quota_of(self._http_client) if self._http_client is not None else self._lease.pool(self.route).quota

    @contextmanager
    def _connections(self) -> Iterator[httpx.Client]:
        if self._http_client is not None:
            yield _open(self._http_client)
            return
        with self._lease.in_use(self.route) as pool:
            yield pool.client()


class AsyncClient(Closable, Settings):
    """Chat completions, for asyncio. The same arguments as `Client`, save two. `await aclose()`, or `async with`.

    Args:
        http_client: an `httpx.AsyncClient` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
        lease: whose share in the connections to use; by default the client's own.
    """

    def __init__(
        self,
        *,
        http_client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        lease: Lease | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(**config)
        self._http_client = http_client
        self._sleep = sleep
        self._lease = lease or Lease()

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
        patience = _Patience(self, request, timeout)

        async def once() -> Completion:
            completion = None
            async with aclosing(self._deltas(request, patience)) as deltas:
                async for delta in deltas:
                    completion = delta.completion
            return _answered(completion)

        return await self._tried(once, patience)

    async def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""
        patience = _Patience(self, request, timeout)

        async def once() -> Embeddings:
            key = await self.akey()
            scrub = scrubber(key)
            async with self._response(request, key, scrub, patience) as response:
                body = _Whole(self.limits, patience)
                with _border(scrub):
                    async with aclosing(_achunks(response)) as chunks:
                        async for chunk in chunks:
                            body.add(chunk)
                return read_embeddings(bytes(body.data), count, _headers(response), scrub=scrub)

        return await self._tried(once, patience)

    async def _tried(self, once: Callable[[], Awaitable[T]], patience: _Patience) -> T:
        attempt = 1
        while True:
            try:
                answer = await once()
            except AIMLAPIError as error:
                delay = self.retry.delay(attempt, error)
                if delay is None or not patience.allows(delay) or not self._quota().take():
                    raise _bare(error) from None
            else:
                self._quota().give_back(attempt - 1)
                return answer
            await self._sleep(delay)
            attempt += 1

    async def stream(self, request: Request, *, timeout: Timeout = None) -> AsyncGenerator[Delta, None]:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        patience = _Patience(self, request, timeout)
        attempt = 1
        while True:
            handed_out = False
            try:
                async with aclosing(self._deltas(request, patience)) as deltas:
                    async for delta in deltas:
                        handed_out = True
                        yield delta
                self._quota().give_back(attempt - 1)
                return
            except AIMLAPIError as error:
                delay = None if handed_out else self.retry.delay(attempt, _at_start(error))
                if delay is None or not patience.allows(delay) or not self._quota().take():
                    raise _bare(error) from None
            await self._sleep(delay)
            attempt += 1

    async def _deltas(self, request: Request, patience: _Patience) -> AsyncGenerator[Delta, None]:
        """One try: sends the request, reads the reply."""
        key = await self.akey()
        scrub = scrubber(key)
        async with self._response(request, key, scrub, patience) as response:
            reader = _reader(self, request, response, scrub, patience)
            async with aclosing(_achunks(response)) as chunks:
                with _reading(reader, request, scrub):
                    async for chunk in chunks:
                        for event in reader.events(chunk):
                            for delta in reader.read(event):
                                yield delta
                        if reader.is_done:
                            break
                for delta in reader.close():
                    yield delta
                with closing(_Stretch(response, *_DRAIN)) as rest, suppress(*_BROKEN):
                    async for chunk in chunks:
                        if rest.is_full(chunk):
                            break

    @asynccontextmanager
    async def _response(
        self, request: Request, key: Secret, scrub: Callable[[str], str], patience: _Patience
    ) -> AsyncIterator[httpx.Response]:
        url: httpx.URL | None = None
        with self._connections() as http:
            for _ in range(_MAX_REDIRECTS + 1):
                sent = _http_request(self, self._http_client, request, key, patience, url)
                with _border(scrub, sent.url):
                    if self._http_client is None:
                        response = await asend(http, sent)
                    else:
                        response = await cancellable(http.send(sent, stream=True, follow_redirects=False))
                try:
                    url = _redirect(response, scrub)
                    if url is None:
                        if not response.is_success:
                            raise error_for(
                                response.status_code, await _arefusal(response), _headers(response), scrub=scrub
                            )
                        if not _can_unpack(response):
                            raise _unknown_encoding(response, scrub)
                        yield response
                        return
                except AIMLAPIError as error:
                    if error.request_id is None:
                        error.request_id = _request_id(response, scrub)
                    raise
                finally:
                    await response.aclose()
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")

    def _quota(self) -> RetryQuota:
        return quota_of(self._http_client) if self._http_client is not None else self._lease.pool(self.route).quota

    @contextmanager
    def _connections(self) -> Iterator[httpx.AsyncClient]:
        if self._http_client is not None:
            yield _open(self._http_client)
            return
        with self._lease.in_use(self.route) as pool:
            yield pool.async_client()


class _Patience:
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


def _reader(
    settings: Settings, request: Request, response: httpx.Response, scrub: Callable[[str], str], patience: _Patience
) -> ReplyReader:
    if response.status_code == 204:
        raise BadResponseError("The provider answered 204, without content.", status_code=204)
    return ReplyReader(
        request.profile,
        headers=_headers(response),
        scrub=scrub,
        silence=patience.silence,
        limits=settings.limits,
        check=None if patience.end is None else patience.check,
    )


class _Whole:
    """Collects a body up to the limit of a reply."""

    def __init__(self, limits: Limits, patience: _Patience) -> None:
        self.data = bytearray()
        self._limits = limits
        self._patience = patience

    def add(self, chunk: bytes) -> None:
        self._patience.check()
        self.data += chunk
        self._limits.check_reply(len(self.data))


def _chunks(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes, unpacked."""
    return iter(cast(httpx.SyncByteStream, response.stream)) if _is_bare(response) else response.iter_bytes()


def _achunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """As `_chunks`, for asyncio."""
    bare = cast(httpx.AsyncByteStream, response.stream).__aiter__ if _is_bare(response) else response.aiter_bytes
    return cast(AsyncGenerator[bytes, None], bare())


def _is_bare(response: httpx.Response) -> bool:
    """Whether the body is what its stream gives: httpx's own reading adds half a microsecond (async: 1) to a chunk."""
    return not response.is_stream_consumed and "content-encoding" not in response.headers


def _can_unpack(response: httpx.Response) -> bool:
    """Whether the body is packed in a way we asked for, and once: in layers, a kilobyte unpacks to a terabyte."""
    return response.headers.get("content-encoding", "").strip().lower() in _ENCODINGS


def _unknown_encoding(response: httpx.Response, scrub: Callable[[str], str]) -> BadResponseError:
    name = scrub(response.headers["content-encoding"])[:80]
    return BadResponseError(f"The reply's content-encoding is {name!r}; gzip or deflate, once, was asked for.")


def _request_id(response: httpx.Response, scrub: Callable[[str], str]) -> str | None:
    found = response.headers.get("x-inference-id") or response.headers.get("x-request-id")
    return scrub(found) if found else None


def _open(own: T_Http) -> T_Http:
    if own.is_closed:
        raise InvalidRequestError("The HTTP client you passed is closed: pass one that is open.")
    return own


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


class _Stretch:
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


def _refusal(response: httpx.Response) -> bytes:
    """The body of a refusal. It may repeat the key: no frame of an error's traceback holds it in a variable."""
    with closing(_Stretch(response, *_REFUSAL)) as body, suppress(*_BROKEN):
        for chunk in response.iter_bytes() if _can_unpack(response) else ():
            if body.is_full(chunk):
                break
    return bytes(body.data)


async def _arefusal(response: httpx.Response) -> bytes:
    """As `_refusal`, for asyncio."""
    with closing(_Stretch(response, *_REFUSAL)) as body, suppress(*_BROKEN):
        if _can_unpack(response):
            async with aclosing(_achunks(response)) as chunks:
                async for chunk in chunks:
                    if body.is_full(chunk):
                        break
    return bytes(body.data)


class _border:
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


def _bare(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


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


def _http_request(
    settings: Settings,
    own: httpx.Client | httpx.AsyncClient | None,
    request: Request,
    key: Secret,
    patience: _Patience,
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
