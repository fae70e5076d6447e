"""The I/O: Client and AsyncClient, side by side, the same calls and the same errors.

Everything that can be decided without I/O is decided elsewhere: what to send in `request`, when to try again
in `retry`, what came in `reading`. What both share of httpx is in `exchange`. One retry loop for each kind of call,
and none beneath it.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from typing_extensions import Unpack

from aimlapi_transport.chat.request import Request
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.config.settings import Secret, Settings, SettingsArguments, UnlistedParameterWarning, scrubber
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, error_for
from aimlapi_transport.http._compat import Body
from aimlapi_transport.http.exchange import (
    MAX_REDIRECTS,
    BodyBuffer,
    T_Http,
    TimeLimits,
    Timeout,
    before_first_delta,
    check_encoding,
    drain,
    headers_of,
    map_httpx_errors,
    map_read_errors,
    reader_of,
    redirect,
    refusal_of,
    request_id_of,
    require_answer,
    to_httpx,
    without_traceback,
)
from aimlapi_transport.http.limits import Limits
from aimlapi_transport.http.pool import Closable, PoolHandle, retry_budget_for
from aimlapi_transport.http.retry import RetryBudget
from aimlapi_transport.http.sender import Sender
from aimlapi_transport.http.stream import AsyncExchange, AsyncStream

if TYPE_CHECKING:  # imported by the first call for embeddings
    from aimlapi_transport.embeddings import Embeddings

T = TypeVar("T")
T_Whole = TypeVar("T_Whole")  # an answer, or what is awaited for one
T_Stream = TypeVar("T_Stream")  # an iterator of deltas, or an asynchronous one

__all__ = ["AsyncClient", "Client", "Limits", "Timeout", "UnlistedParameterWarning"]


class _Caller(Closable, Settings, Generic[T_Http, T_Whole, T_Stream]):
    """What both clients are made of: settings, whose connections they use, how they are asked, when they try again."""

    def __init__(self, http_client: T_Http | None, pool_handle: PoolHandle | None, config: SettingsArguments) -> None:
        super().__init__(**config)
        self._http_client: T_Http | None = http_client
        self._pool_handle = pool_handle or PoolHandle()

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
        parse_think: bool | None = None,
        **parameters: Any,
    ) -> T_Whole:
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
            parse_think=parse_think,
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
        parse_think: bool | None = None,
        **parameters: Any,
    ) -> T_Stream:
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
            parse_think=parse_think,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    @abstractmethod
    def complete(self, request: Request, *, timeout: Timeout = None) -> T_Whole:
        """The answer to a request, whole."""

    @abstractmethod
    def stream(self, request: Request, *, timeout: Timeout = None) -> T_Stream:
        """The answer to a request, delta by delta."""

    def _quota(self) -> RetryBudget:
        return (
            retry_budget_for(self._http_client)
            if self._http_client is not None
            else self._pool_handle.pool(self.route).quota
        )

    def _delay(self, attempt: int, error: AIMLAPIError, time_limits: TimeLimits) -> float | None:
        """Seconds to wait before the next try; None to give up."""
        delay = self.retry.delay(attempt, error)
        return None if delay is None or not time_limits.allows(delay) or not self._quota().take() else delay


class Client(_Caller[httpx.Client, Completion, Iterator[Delta]]):
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
        pool_handle: whose share in the connections to use; by default the client's own.
    """

    def __init__(
        self,
        *,
        http_client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pool_handle: PoolHandle | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(http_client, pool_handle, config)
        self._sleep = sleep

    def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""
        time_limits = TimeLimits(self, request, timeout)

        def once() -> Completion:
            completion = None
            for delta in self._deltas(request, time_limits):
                completion = delta.completion
            return require_answer(completion)

        return self._tried(once, time_limits)

    def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""
        from aimlapi_transport.embeddings import read_embeddings

        time_limits = TimeLimits(self, request, timeout)

        def once() -> Embeddings:
            key = self.key()
            scrub = scrubber(key)
            with self._response(request, key, scrub, time_limits) as response:
                whole, body = BodyBuffer(self.limits, time_limits), Body(response)
                with map_httpx_errors(scrub):
                    while chunk := body.read():
                        whole.add(chunk)
                return read_embeddings(whole.data, count, headers_of(response), scrub=scrub)

        return self._tried(once, time_limits)

    def _tried(self, once: Callable[[], T], time_limits: TimeLimits) -> T:
        attempt = 1
        while True:
            try:
                answer = once()
            except AIMLAPIError as error:
                delay = self._delay(attempt, error, time_limits)
                if delay is None:
                    raise without_traceback(error) from None
            else:
                self._quota().give_back(attempt - 1)
                return answer
            self._sleep(delay)
            attempt += 1

    def stream(self, request: Request, *, timeout: Timeout = None) -> Iterator[Delta]:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        time_limits = TimeLimits(self, request, timeout)
        attempt = 1
        while True:
            handed_out = False
            try:
                for delta in self._deltas(request, time_limits):
                    handed_out = True
                    yield delta
                self._quota().give_back(attempt - 1)
                return
            except AIMLAPIError as error:
                delay = None if handed_out else self._delay(attempt, before_first_delta(error), time_limits)
                if delay is None:
                    raise without_traceback(error) from None
            self._sleep(delay)
            attempt += 1

    def _deltas(self, request: Request, time_limits: TimeLimits) -> Iterator[Delta]:
        """One try: sends the request, reads the reply."""
        key = self.key()
        scrub = scrubber(key)
        with self._response(request, key, scrub, time_limits) as response:
            reader = reader_of(self, request, response, scrub, time_limits)
            body = Body(response)
            with map_read_errors(reader, request, scrub):
                while chunk := body.read():
                    for event in reader.events(chunk):
                        yield from reader.read(event)
                    if reader.is_done:
                        break
            yield from reader.close()
            drain(body)  # the answer is handed out: what happens to the rest does not matter

    @contextmanager
    def _response(
        self, request: Request, key: Secret, scrub: Callable[[str], str], time_limits: TimeLimits
    ) -> Iterator[httpx.Response]:
        url: httpx.URL | None = None
        for _ in range(MAX_REDIRECTS + 1):
            sent = to_httpx(self, self._http_client, request, key, time_limits, url)
            sender = Sender(self._http_client, self._pool_handle, self.route)
            response: httpx.Response | None = None
            try:
                with map_httpx_errors(scrub, sent.url):
                    response = sender.send(sent)
                url = redirect(response, scrub)
                if url is None:
                    if not response.is_success:
                        raise error_for(response.status_code, refusal_of(response), headers_of(response), scrub=scrub)
                    check_encoding(response, scrub)
                    yield response
                    return
            except AIMLAPIError as error:
                if response is not None and error.request_id is None:
                    error.request_id = request_id_of(response, scrub)
                raise
            finally:
                sender.close()
        raise BadResponseError(f"The provider redirected more than {MAX_REDIRECTS} times.")


class AsyncClient(_Caller[httpx.AsyncClient, Coroutine[Any, Any, Completion], AsyncStream]):
    """Chat completions, for asyncio. The same arguments as `Client`, save two. `await aclose()`, or `async with`.

    Args:
        http_client: an `httpx.AsyncClient` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
        pool_handle: whose share in the connections to use; by default the client's own.
    """

    def __init__(
        self,
        *,
        http_client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        pool_handle: PoolHandle | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(http_client, pool_handle, config)
        self._sleep = sleep

    async def complete(self, request: Request, *, timeout: Timeout = None) -> Completion:
        """The answer to a request, whole."""
        time_limits = TimeLimits(self, request, timeout)

        async def once() -> Completion:
            completion = None
            async with AsyncExchange(self, request, time_limits) as exchange:
                while deltas := await exchange.deltas():
                    completion = deltas[-1].completion
            return require_answer(completion)

        return await self._tried(once, time_limits)

    async def embed(self, request: Request, count: int, *, timeout: Timeout = None) -> Embeddings:
        """The vectors of the `count` texts of an `embeddings.embedding_request`."""
        from aimlapi_transport.embeddings import read_embeddings

        time_limits = TimeLimits(self, request, timeout)

        async def once() -> Embeddings:
            async with AsyncExchange(self, request, time_limits) as exchange:
                data = await exchange.read_all()
                return read_embeddings(data, count, exchange.headers(), scrub=exchange.scrub)

        return await self._tried(once, time_limits)

    async def _tried(self, once: Callable[[], Awaitable[T]], time_limits: TimeLimits) -> T:
        attempt = 1
        while True:
            try:
                answer = await once()
            except AIMLAPIError as error:
                delay = self._delay(attempt, error, time_limits)
                if delay is None:
                    raise without_traceback(error) from None
            else:
                self._quota().give_back(attempt - 1)
                return answer
            await self._sleep(delay)
            attempt += 1

    def stream(self, request: Request, *, timeout: Timeout = None) -> AsyncStream:
        """The answer to a request, delta by delta. Tries again only while nothing was handed out."""
        return AsyncStream(self, request, timeout)
