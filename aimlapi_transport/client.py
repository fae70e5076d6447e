"""The I/O: Client and AsyncClient, side by side, the same calls and the same errors.

Everything that can be decided without I/O is decided elsewhere: what to send in `request`, when to try again
in `retry`, what came in `reading`. One retry loop for each kind of call, and none beneath it.
"""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Any, cast

import httpx

from aimlapi_transport.completion import Completion, Delta
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    StreamError,
    error_for,
)
from aimlapi_transport.pools import shared_async_client, shared_client
from aimlapi_transport.presets import PRESETS, Preset, preset_for
from aimlapi_transport.reading import ReplyReader
from aimlapi_transport.request import Request, chat_request
from aimlapi_transport.retry import RetryPolicy
from aimlapi_transport.sse import Event
from aimlapi_transport.version import __version__

__all__ = ["AsyncClient", "Client", "Timeout", "UnlistedParameterWarning"]

Timeout = float | tuple[float | None, float | None] | httpx.Timeout | None
"""Seconds of silence to bear; or (connect, silence); or httpx's own; None for the defaults."""

_CONNECT = 5.0  # seconds
_CALL_SILENCE = 600.0  # seconds without a byte of a whole answer
_STREAM_SILENCE = 120.0  # seconds without an event of a stream
_MAX_REDIRECTS = 5
_MAX_REPLY = 256 * 1024 * 1024  # bytes
_SHORTEST_SECRET = 6  # characters; a stand-in key such as "k" is no secret, and is part of many a word
_DRAIN = 64 * 1024  # bytes read after the answer's end, to give the connection back in order

_warned: set[tuple[str, str]] = set()


class UnlistedParameterWarning(UserWarning):
    """A parameter is sent that the provider's documents do not list for the model."""


class _Config:
    """What both clients are made of: where to, with which key, how patiently. Does no I/O."""

    def __init__(
        self,
        *,
        api_key: str | Callable[[], str] | None = None,
        base_url: str | None = None,
        preset: str | Preset | None = None,
        timeout: Timeout = None,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        strict_parameters: bool = False,
        retry: RetryPolicy | None = None,
    ) -> None:
        if not isinstance(max_retries, int) or max_retries < 0:
            raise InvalidRequestError(f"`max_retries` is {max_retries!r}: pass 0 or a positive whole number.")
        self.preset = _preset(preset, base_url)
        self.base_url = _base_url(base_url, self.preset)
        self.strict_parameters = strict_parameters
        self.retry = retry or RetryPolicy(max_retries)
        self.timeout = timeout
        self._api_key = api_key
        self._headers = dict(headers or {})
        self._query = dict(query or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r}, preset={self.preset.name!r})"

    def request(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]],
        *,
        parameters: Mapping[str, Any] | None = None,
        added: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
        stream: bool = False,
        replay_reasoning: bool | None = None,
    ) -> Request:
        """The request for a chat completion at this client's host; see `request.chat_request`.

        Warns:
            UnlistedParameterWarning: once for each model and parameter its documents do not list.
        """
        request = chat_request(
            model,
            messages,
            parameters=parameters,
            added=added,
            extra_body=extra_body,
            extra_headers={**self._headers, **(extra_headers or {})},
            extra_query={**self._query, **(extra_query or {})},
            client_request_id=client_request_id,
            stream=stream,
            preset=self.preset,
            strict_parameters=self.strict_parameters,
            replay_reasoning=replay_reasoning,
        )
        for name in request.unlisted:
            if (model, name) not in _warned:
                _warned.add((model, name))
                warnings.warn(
                    f"The documents do not list `{name}` for {model}. It is sent all the same; "
                    "`strict_parameters=True` raises instead.",
                    UnlistedParameterWarning,
                    stacklevel=3,
                )
        return request

    def _key(self) -> str:
        """The key to send, read when it is needed so that an instance never holds the environment's."""
        key: Any = self._api_key() if callable(self._api_key) else self._api_key
        if key is None:
            key = next((value for name in self.preset.key_variables if (value := os.environ.get(name))), None)
        key = key.strip() if isinstance(key, str) else key
        if not key:
            raise AuthenticationError(
                f"No API key for {self.preset.title}: pass `api_key` or set {' or '.join(self.preset.key_variables)}."
            )
        if not isinstance(key, str) or not key.isascii() or not key.isprintable() or " " in key:
            raise AuthenticationError(
                "The API key holds a character no key has (a space, a control or a non-ASCII character): "
                "copy it again. It is not shown here."
            )
        return key

    def _http_request(
        self, request: Request, key: str, timeout: Timeout, url: httpx.URL | None = None
    ) -> httpx.Request:
        url = url or httpx.URL(self.base_url + request.path)
        if request.query:
            url = url.copy_merge_params(dict(request.query))
        headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": f"aimlapi-integrations/{__version__}",
        }
        for name, value in request.headers:
            headers[name.lower()] = value
        limits = _timeouts(timeout if timeout is not None else self.timeout, request.stream)
        return httpx.Request(
            "POST", url, headers=headers, content=request.body, extensions={"timeout": limits.as_dict()}
        )


class Client(_Config):
    """Chat completions, blocking. Cheap to build: connections belong to the process, not to the client.

    Args:
        api_key: the key, or a function that returns it; by default the host's environment variable.
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
        **config: Any,
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
        client_request_id: str | None = None,
        **parameters: Any,
    ) -> Completion:
        """A whole answer. Raises `AIMLAPIError` of the fitting class."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            client_request_id=client_request_id,
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
        client_request_id: str | None = None,
        **parameters: Any,
    ) -> Iterator[Delta]:
        """An answer piece by piece; the last delta's `completion` is the whole of it."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            client_request_id=client_request_id,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""
        attempt = 1
        while True:
            try:
                completion = None
                for delta in self._deltas(request, timeout):
                    completion = delta.completion
                return _answered(completion)
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
        key = self._key()
        scrub = _scrubber(key)
        with self._response(request, key, scrub, timeout) as response:
            reading = _Reading(request, response, scrub)
            chunks = response.iter_bytes()
            with reading.border():
                for chunk in chunks:
                    for event in reading.events(chunk):
                        for delta in reading.read(event):
                            yield delta
                    if reading.is_done:
                        break
            for delta in reading.close():
                yield delta
            with reading.quiet():
                for chunk in chunks:
                    if reading.is_drained(chunk):
                        break

    @contextmanager
    def _response(
        self, request: Request, key: str, scrub: Callable[[str], str], timeout: Timeout
    ) -> Iterator[httpx.Response]:
        http = self._http_client or shared_client()
        sent = self._http_request(request, key, timeout)
        for _ in range(_MAX_REDIRECTS + 1):
            with _border(scrub):
                response = http.send(sent, stream=True, follow_redirects=False)
            try:
                url = _redirect(response, scrub)
                if url is None:
                    if not response.is_success:
                        with _border(scrub):
                            body = _bounded(response.iter_bytes())
                        raise error_for(response.status_code, body, response.headers, scrub=scrub)
                    yield response
                    return
            finally:
                response.close()
            sent = self._http_request(request, key, timeout, url)
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")


class AsyncClient(_Config):
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
        **config: Any,
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
        client_request_id: str | None = None,
        **parameters: Any,
    ) -> Completion:
        """A whole answer. Raises `AIMLAPIError` of the fitting class."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            client_request_id=client_request_id,
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
        client_request_id: str | None = None,
        **parameters: Any,
    ) -> AsyncGenerator[Delta, None]:
        """An answer piece by piece; the last delta's `completion` is the whole of it."""
        request = self.request(
            model,
            messages,
            parameters=parameters,
            extra_body=extra_body,
            extra_headers=extra_headers,
            client_request_id=client_request_id,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    async def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""
        attempt = 1
        while True:
            try:
                completion = None
                async with aclosing(self._deltas(request, timeout)) as deltas:
                    async for delta in deltas:
                        completion = delta.completion
                return _answered(completion)
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
        key = self._key()
        scrub = _scrubber(key)
        async with self._response(request, key, scrub, timeout) as response:
            reading = _Reading(request, response, scrub)
            body = cast(AsyncGenerator[bytes, None], response.aiter_bytes())
            async with aclosing(body) as chunks:
                with reading.border():
                    async for chunk in chunks:
                        for event in reading.events(chunk):
                            for delta in reading.read(event):
                                yield delta
                        if reading.is_done:
                            break
                for delta in reading.close():
                    yield delta
                with reading.quiet():
                    async for chunk in chunks:
                        if reading.is_drained(chunk):
                            break

    @asynccontextmanager
    async def _response(
        self, request: Request, key: str, scrub: Callable[[str], str], timeout: Timeout
    ) -> AsyncIterator[httpx.Response]:
        http = self._http_client or shared_async_client()
        sent = self._http_request(request, key, timeout)
        for _ in range(_MAX_REDIRECTS + 1):
            with _border(scrub):
                response = await http.send(sent, stream=True, follow_redirects=False)
            try:
                url = _redirect(response, scrub)
                if url is None:
                    if not response.is_success:
                        with _border(scrub):
                            body = await _abounded(response.aiter_bytes())
                        raise error_for(response.status_code, body, response.headers, scrub=scrub)
                    yield response
                    return
            finally:
                await response.aclose()
            sent = self._http_request(request, key, timeout, url)
        raise BadResponseError(f"The provider redirected more than {_MAX_REDIRECTS} times.")


class _Reading(ReplyReader):
    """Reading a reply off a connection: silence, size, and foreign errors, the same for both clients."""

    def __init__(self, request: Request, response: httpx.Response, scrub: Callable[[str], str]) -> None:
        if response.status_code == 204:
            raise BadResponseError("The provider answered 204, without content.", status_code=204)
        super().__init__(request.profile, headers=response.headers, scrub=scrub)
        self._streamed = request.stream
        self._silence: float | None = response.request.extensions["timeout"]["read"]
        self._size = 0
        self._last_event = time.monotonic()
        self._drained = 0

    def events(self, data: bytes) -> list[Event]:
        """The events in these bytes.

        Raises:
            APITimeoutError: for too long only comments came, which keep the connection alive, not the answer.
            BadResponseError: the reply is longer than any answer.
        """
        self._size += len(data)
        if self._size > _MAX_REPLY:
            raise BadResponseError(f"The reply is longer than {_MAX_REPLY // 2**20} MB.")
        events = super().events(data)
        if events or self.is_json:
            self._last_event = time.monotonic()
        elif self._streamed and self._silence is not None and time.monotonic() - self._last_event > self._silence:
            raise APITimeoutError(f"No event came for {self._silence:g} s, only keep-alives.", partial=self.partial())
        return events

    @contextmanager
    def border(self) -> Iterator[None]:
        """Turns httpx's errors while reading into ours; a stream that broke off is incomplete."""
        try:
            with _border(self._scrub):
                yield
        except APITimeoutError as error:
            error.partial = self.partial()
            raise
        except APIConnectionError as error:
            if not self._streamed or not self.count:
                raise
            if self.has_answer:
                return  # complete, though the connection broke after it
            raise self.incomplete(f"The connection broke ({error.message})") from None

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """The answer is handed out: whatever happens to the rest of the body does not matter."""
        with suppress(httpx.HTTPError, httpx.StreamError):
            yield

    def is_drained(self, chunk: bytes) -> bool:
        """Whether enough was read after the answer's end."""
        self._drained += len(chunk)
        return self._drained > _DRAIN


@contextmanager
def _border(scrub: Callable[[str], str]) -> Iterator[None]:
    """Turns httpx's errors into ours. Never chained: theirs hold the request, and so the key."""
    try:
        yield
        return
    except httpx.TimeoutException as error:
        what = "connect" if isinstance(error, httpx.ConnectTimeout) else "answer"
        ours: AIMLAPIError = APITimeoutError(f"The provider did not {what} in time ({type(error).__name__}).")
    except httpx.DecodingError as error:
        ours = BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    except httpx.TransportError as error:
        ours = _connection_error(error, scrub)
    except httpx.InvalidURL as error:
        ours = InvalidRequestError(scrub(f"The address is no URL: {error}."))
    except httpx.StreamError as error:
        ours = APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))
    raise ours from None


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


def _scrubber(key: str) -> Callable[[str], str]:
    if len(key) < _SHORTEST_SECRET:
        return lambda text: text
    return lambda text: text.replace(key, "[key removed]")


def _timeouts(timeout: Timeout, stream: bool) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    connect: float | None = _CONNECT
    silence: float | None = _STREAM_SILENCE if stream else _CALL_SILENCE
    if isinstance(timeout, tuple):
        connect, silence = timeout
    elif timeout is not None:
        silence = timeout
        connect = min(_CONNECT, timeout)
    return httpx.Timeout(connect=connect, read=silence, write=silence, pool=silence)


def _preset(preset: str | Preset | None, base_url: str | None) -> Preset:
    if isinstance(preset, Preset):
        return preset
    if preset is None:
        return preset_for(base_url)
    if preset not in PRESETS:
        raise InvalidRequestError(f"`preset` is {preset!r}: pass one of {', '.join(PRESETS)}.")
    return PRESETS[preset]


def _base_url(base_url: str | None, preset: Preset) -> str:
    if base_url is None:
        base_url = next((value for name in preset.base_variables if (value := os.environ.get(name))), preset.base_url)
    address = base_url.strip().rstrip("/")
    if not address.startswith(("https://", "http://")):
        raise InvalidRequestError(f"`base_url` is {base_url!r}: pass an address that starts with https:// or http://.")
    return address
