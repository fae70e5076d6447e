"""Client and AsyncClient: a method for each endpoint, the same calls and the same errors.

What to send is decided in `request_builder`, when to retry in `config.retry`; what came is read in `chat.reader`.
Each call is written once, as a coroutine, which `Client` runs with I/O that blocks.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from typing_extensions import Unpack

from aimlapi_transport.answers import read_answer
from aimlapi_transport.chat.request_warnings import warn_unlisted
from aimlapi_transport.chat.response import Completion
from aimlapi_transport.client_methods import client_method
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.config.settings import Secret, SettingsArguments
from aimlapi_transport.http.blocking import run_blocking
from aimlapi_transport.http.caller import Caller
from aimlapi_transport.http.connection import AsyncConnection, Connection
from aimlapi_transport.http.pool import PoolHandle
from aimlapi_transport.http.timeouts import TimeLimits, Timeout
from aimlapi_transport.media.methods import AsyncMedia, SyncMedia
from aimlapi_transport.request import Request
from aimlapi_transport.request_builder import build_request
from aimlapi_transport.request_options import RequestOptions
from aimlapi_transport.service.methods import AsyncService, ServiceMethods, SyncService
from aimlapi_transport.stream import AsyncStream, Stream
from aimlapi_transport.usage_totals import CountedCall, used_by_embeddings
from aimlapi_transport.user_warnings import UnlistedParameterWarning

if TYPE_CHECKING:  # imported by the first call for embeddings, or of a response in the background
    from aimlapi_transport.config.embedding_families import Task
    from aimlapi_transport.embeddings import Embeddings
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.responses.background import Progress

T_Whole = TypeVar("T_Whole")  # an answer, or what is awaited for one
T_Stream = TypeVar("T_Stream")  # an iterator of deltas, or an asynchronous one

__all__ = ["AsyncClient", "Client", "Limits", "Timeout", "UnlistedParameterWarning"]


class _Endpoints(ServiceMethods, Caller, Generic[T_Whole, T_Stream]):
    """The requests and the calls of both clients, each written once."""

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
        takes: Mapping[str, bool] | None = None,
        parse_think: bool | None = None,
        repair_history: bool = False,
        use_responses_api: bool | None = None,
    ) -> Request:
        """The request for an answer at this client's host; see `RequestOptions` for the arguments.

        Args:
            takes: whether the model takes content parts of a type (`RequestOptions.part_support`).
            parse_think: None for the client's own setting.

        Warns:
            UnlistedParameterWarning: as `build_request` does.
        """
        options = RequestOptions.for_host(
            self,
            parameters=parameters,
            added=added,
            extra_body=extra_body,
            extra_headers=extra_headers,
            extra_query=extra_query,
            client_request_id=client_request_id,
            stream=stream,
            replay_reasoning=replay_reasoning,
            part_support=takes,
            parse_think=parse_think,
            repair_history=repair_history,
            use_responses_api=use_responses_api,
        )
        return build_request(model, messages, options)

    def split_texts(self, model: str, texts: Iterable[str], most: int, *, alone: bool = False) -> list[list[str]]:
        """The texts in batches, one for each request to this client's host; see `embeddings.split_texts`."""
        from aimlapi_transport.embeddings import split_texts

        return split_texts(model, texts, most, alone=alone, preset=self.preset)

    def embedding_request(
        self,
        model: str,
        texts: Sequence[str],
        *,
        task: Task | None = None,
        alone: bool = False,
        parameters: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        client_request_id: str | None = None,
    ) -> Request:
        """The request for the vectors of these texts at this client's host; see `embeddings.embedding_request`.

        Warns:
            UnlistedParameterWarning: once for each model and parameter its documents do not list.
        """
        from aimlapi_transport.embeddings import embedding_request

        request = embedding_request(
            model,
            texts,
            task=task,
            alone=alone,
            parameters=parameters,
            extra_body=extra_body,
            headers={**self.headers, **(extra_headers or {})},
            query={**self.query, **(extra_query or {})},
            client_request_id=client_request_id,
            preset=self.preset,
            strict_parameters=self.strict_parameters,
        )
        warn_unlisted(request)
        return request

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
        repair_history: bool = False,
        parse_think: bool | None = None,
        use_responses_api: bool | None = None,
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
            repair_history=repair_history,
            parse_think=parse_think,
            use_responses_api=use_responses_api,
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
        repair_history: bool = False,
        parse_think: bool | None = None,
        use_responses_api: bool | None = None,
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
            repair_history=repair_history,
            parse_think=parse_think,
            use_responses_api=use_responses_api,
            stream=True,
        )
        return self.stream(request, timeout=timeout)

    def messages(self, model: str, messages: Sequence[Mapping[str, Any]], **parameters: Any) -> T_Whole:
        """A whole answer in Claude's own form (/v1/messages), read into the same values.

        Args:
            messages: in Claude's form; its content blocks, tools and `cache_control` are sent as they are.
            parameters: `system`, `max_tokens` (1024 by default), `tools`, `thinking`, ..., as Claude's API names them;
                and `timeout`, `extra_body`, `extra_headers`, `extra_query`, `client_request_id`.

        Returns:
            The completion; `raw` is Claude's own message, whose `content` can be sent back as it is.
        """
        timeout = parameters.pop("timeout", None)
        return self.complete(self._messages_request(model, messages, parameters), timeout=timeout)

    def stream_messages(self, model: str, messages: Sequence[Mapping[str, Any]], **parameters: Any) -> T_Stream:
        """An answer in Claude's own form piece by piece; see `messages` and `stream_chat`."""
        timeout = parameters.pop("timeout", None)
        return self.stream(self._messages_request(model, messages, parameters, stream=True), timeout=timeout)

    def _messages_request(
        self, model: str, messages: Sequence[Mapping[str, Any]], parameters: dict[str, Any], *, stream: bool = False
    ) -> Request:
        from aimlapi_transport.messages.request import messages_request

        return messages_request(
            model,
            messages,
            preset=self.preset,
            extra_body=parameters.pop("extra_body", None),
            extra_headers={**self.headers, **(parameters.pop("extra_headers", None) or {})},
            extra_query={**self.query, **(parameters.pop("extra_query", None) or {})},
            client_request_id=parameters.pop("client_request_id", None),
            parameters=parameters,
            stream=stream,
        )

    @abstractmethod
    def complete(self, request: Request, *, timeout: Timeout = None, on_progress: Progress | None = None) -> T_Whole:
        """The answer to a request, whole; see `Client.complete`."""

    @abstractmethod
    def stream(self, request: Request, *, timeout: Timeout = None) -> T_Stream:
        """The answer to a request, delta by delta."""

    async def _complete(self, request: Request, timeout: Timeout, on_progress: Progress | None) -> Completion:
        time_limits = TimeLimits(self, request, timeout)
        completion = await self._call(request, time_limits, read_answer)
        if request.is_background:
            from aimlapi_transport.responses.background import finished

            return await finished(self, read_answer, request, completion, time_limits, on_progress)
        return completion

    @client_method
    async def embed(
        self, request: Request, count: int, *, timeout: Timeout = None, call: CountedCall | None = None
    ) -> Embeddings:
        """The vectors of the `count` texts of an `embedding_request`.

        Args:
            call: where what it uses is counted, and its budget.
        """
        from aimlapi_transport.embeddings import read_embeddings

        async def read(exchange: Exchange) -> Embeddings:
            return read_embeddings(await exchange.read_all(), count, exchange.headers(), scrub=exchange.scrub)

        if call is None:
            return await self._call(request, timeout, read)
        with call:
            if call.has_budget:
                call.reserve(await self._sure_cost(request))
            embeddings = await self._call(request, timeout, read)
            call.count(embeddings.model, used_by_embeddings(embeddings))
        return embeddings


class Client(_Endpoints[Completion, Stream], SyncService, SyncMedia):
    """Chat completions, blocking. Cheap to build: connections belong to the process, not to the client.

    Connections are kept while any client or model of the process that used the address lives and is not closed; so keep
    one, rather than make one for each call. `close()`, or a `with` block, gives them up early.

    Args:
        api_key: the key, or a function that returns it (for `AsyncClient` also an async one); by default the host's
            environment variable.
        base_url: the host's address up to `/v1`; its host decides the preset unless one is given.
        preset: "aimlapi", "powertokens" or "anyfast": whose rules apply.
        timeout: seconds of silence before giving up; by default 600 for a whole answer and before the first event of a
            stream, 120 before each further one, 5 to connect.
        first_chunk_timeout, stream_chunk_timeout: seconds until the first event of a stream, and until each further
            one; 0 for no limit. With `timeout`, the shorter counts.
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

    _connection_type = Connection

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

    async def _read_key(self) -> Secret:
        return self.read_key()

    async def _pause(self, seconds: float) -> None:
        self._sleep(seconds)

    def complete(self, request: Request, *, timeout: Timeout = None, on_progress: Progress | None = None) -> Completion:
        """The answer to a request, whole.

        Args:
            on_progress: called while a response is made in the background (`background=True` under /v1/responses),
                with what there is of it. Such a call ends with the client's `deadline`; given up, it is cancelled.
        """
        return run_blocking(self._complete(request, timeout, on_progress))

    def stream(self, request: Request, *, timeout: Timeout = None) -> Stream:
        """The answer to a request, delta by delta. Tries again only while nothing was returned."""
        return Stream(self, request, timeout)


class AsyncClient(_Endpoints[Coroutine[Any, Any, Completion], AsyncStream], AsyncService, AsyncMedia):
    """Chat completions, for asyncio. The same arguments as `Client`, save two. `await aclose()`, or `async with`.

    Args:
        http_client: an `httpx.AsyncClient` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
        pool_handle: whose share in the connections to use; by default the client's own.
    """

    _connection_type = AsyncConnection

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

    async def _read_key(self) -> Secret:
        return await self.aread_key()

    async def _pause(self, seconds: float) -> None:
        await self._sleep(seconds)

    async def complete(
        self, request: Request, *, timeout: Timeout = None, on_progress: Progress | None = None
    ) -> Completion:
        """The answer to a request, whole; see `Client.complete`."""
        return await self._complete(request, timeout, on_progress)

    def stream(self, request: Request, *, timeout: Timeout = None) -> AsyncStream:
        """The answer to a request, delta by delta. Tries again only while nothing was returned."""
        return AsyncStream(self, request, timeout)
