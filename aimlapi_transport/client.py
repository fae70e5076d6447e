"""Client and AsyncClient: a method for each endpoint, the same calls and the same errors.

What to send is decided in `request_builder`, when to retry in `config.retry`; what came is read in `chat.reader`.
Each call is written once, as a coroutine, which `Client` runs with I/O that blocks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import httpx
from typing_extensions import Unpack

from aimlapi_transport.answers import read_answer
from aimlapi_transport.chat.request_warnings import warn_unlisted
from aimlapi_transport.chat.response import Completion
from aimlapi_transport.client_methods import client_method
from aimlapi_transport.config.embedding_families import Task
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.config.settings import SettingsArguments
from aimlapi_transport.embeddings import Embeddings, embedding_request, read_embeddings, split_texts
from aimlapi_transport.http.caller import Caller
from aimlapi_transport.http.exchange import Exchange
from aimlapi_transport.http.pool import PoolHandle
from aimlapi_transport.http.timeouts import TimeLimits, Timeout
from aimlapi_transport.media.counted_methods import AsyncMedia, SyncMedia
from aimlapi_transport.messages.request import messages_request
from aimlapi_transport.request import Request
from aimlapi_transport.request_builder import build_request
from aimlapi_transport.request_options import CALL_OPTIONS, REQUEST_OPTIONS, RequestOptions
from aimlapi_transport.responses.background import Progress, finished
from aimlapi_transport.service.methods import AsyncService, ServiceMethods, SyncService
from aimlapi_transport.stream import AsyncStream, Stream
from aimlapi_transport.usage_totals import CountedCall, used_by_embeddings
from aimlapi_transport.user_warnings import UnlistedParameterWarning

T_Stream = TypeVar("T_Stream")  # an iterator of deltas, or an asynchronous one

__all__ = ["AsyncClient", "Client", "Limits", "Timeout", "UnlistedParameterWarning"]


class _Endpoints(ServiceMethods, Caller, Generic[T_Stream]):
    """The requests and the calls of both clients, each written once."""

    _stream_type: Callable[[Caller, Request, Timeout], T_Stream]

    def request(self, model: str, messages: Sequence[Mapping[str, Any]], **options: Any) -> Request:
        """The request for an answer at this client's host.

        Args:
            options: of `RequestOptions`, by their names; those of the host are this client's own.

        Warns:
            UnlistedParameterWarning: as `build_request` does.
        """
        return build_request(model, messages, RequestOptions.for_host(self, **options))

    def split_texts(self, model: str, texts: Iterable[str], most: int, *, alone: bool = False) -> list[list[str]]:
        """The texts in batches, one for each request to this client's host; see `embeddings.split_texts`."""
        return split_texts(model, texts, most, alone=alone, preset=self.preset)

    def embedding_request(
        self, model: str, texts: Sequence[str], *, task: Task | None = None, alone: bool = False, **options: Any
    ) -> Request:
        """The request for the vectors of these texts at this client's host; see `embeddings.embedding_request`.

        Warns:
            UnlistedParameterWarning: once for each model and parameter its documents do not list.
        """
        request = embedding_request(model, texts, RequestOptions.for_host(self, **options), task=task, alone=alone)
        warn_unlisted(request)
        return request

    @client_method
    async def chat(
        self, /, model: str, messages: Sequence[Mapping[str, Any]], *, timeout: Timeout = None, **parameters: Any
    ) -> Completion:
        """A whole answer.

        Args:
            messages: in the form of chat completions, at least one.
            timeout: seconds of silence before giving up; by default the client's.
            parameters: of the body (`temperature`, `tools`, ...); and `extra_body`, `extra_headers`, `extra_query`,
                `client_request_id`, `replay_reasoning`, `repair_history`, `parse_think` and `use_responses_api`,
                which `RequestOptions` describes.

        Raises:
            AIMLAPIError: of the fitting class.
        """
        return await self._complete(self._chat_request(model, messages, parameters), timeout=timeout)

    def stream_chat(
        self, model: str, messages: Sequence[Mapping[str, Any]], *, timeout: Timeout = None, **parameters: Any
    ) -> T_Stream:
        """An answer piece by piece; the last delta's `completion` is the whole of it. The arguments are `chat`'s."""
        return self.stream(self._chat_request(model, messages, parameters, stream=True), timeout=timeout)

    def _chat_request(
        self, model: str, messages: Sequence[Mapping[str, Any]], parameters: dict[str, Any], *, stream: bool = False
    ) -> Request:
        options = {name: parameters.pop(name) for name in CALL_OPTIONS if name in parameters}
        return self.request(model, messages, parameters=parameters, stream=stream, **options)

    @client_method
    async def messages(
        self, /, model: str, messages: Sequence[Mapping[str, Any]], *, timeout: Timeout = None, **parameters: Any
    ) -> Completion:
        """A whole answer in Claude's own form (/v1/messages), read into the same values.

        Args:
            messages: in Claude's form; its content blocks, tools and `cache_control` are sent as they are.
            parameters: `system`, `max_tokens` (1024 by default), `tools`, `thinking`, ..., as Claude's API names them;
                and `extra_body`, `extra_headers`, `extra_query`, `client_request_id`.

        Returns:
            The completion; `raw` is Claude's own message, whose `content` can be sent back as it is.
        """
        return await self._complete(self._messages_request(model, messages, parameters), timeout=timeout)

    def stream_messages(
        self, model: str, messages: Sequence[Mapping[str, Any]], *, timeout: Timeout = None, **parameters: Any
    ) -> T_Stream:
        """An answer in Claude's own form piece by piece; see `messages` and `stream_chat`."""
        return self.stream(self._messages_request(model, messages, parameters, stream=True), timeout=timeout)

    def _messages_request(
        self, model: str, messages: Sequence[Mapping[str, Any]], parameters: dict[str, Any], *, stream: bool = False
    ) -> Request:
        options = {name: parameters.pop(name) for name in REQUEST_OPTIONS if name in parameters}
        return messages_request(
            model, messages, RequestOptions.for_host(self, parameters=parameters, stream=stream, **options)
        )

    @client_method
    async def complete(
        self, request: Request, *, timeout: Timeout = None, on_progress: Progress | None = None
    ) -> Completion:
        """The answer to a request, whole.

        Args:
            on_progress: called while a response is made in the background (`background=True` under /v1/responses),
                with what there is of it. Such a call ends with the client's `deadline`; given up, it is cancelled.
        """
        time_limits = TimeLimits(self, request, timeout)
        completion = await self._call(request, time_limits, read_answer)
        if request.is_background:
            return await finished(self, read_answer, request, completion, time_limits, on_progress)
        return completion

    _complete = complete.asynchronous

    def stream(self, request: Request, *, timeout: Timeout = None) -> T_Stream:
        """The answer to a request, delta by delta. Tries again only while nothing was returned."""
        return self._stream_type(self, request, timeout)

    @client_method
    async def embed(
        self, request: Request, count: int, *, timeout: Timeout = None, call: CountedCall | None = None
    ) -> Embeddings:
        """The vectors of the `count` texts of an `embedding_request`.

        Args:
            call: where what it uses is counted, and its budget.
        """

        async def read(exchange: Exchange) -> Embeddings:
            return read_embeddings(await exchange.read_all(), count, exchange.headers, scrub=exchange.scrub)

        if call is None:
            return await self._call(request, timeout, read)
        with call:
            if call.has_budget:
                call.reserve(await self._sure_cost(request))
            embeddings = await self._call(request, timeout, read)
            call.count(embeddings.model, used_by_embeddings(embeddings))
        return embeddings


class Client(_Endpoints[Stream], SyncService, SyncMedia):
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

    _is_async = False
    _stream_type = Stream

    def __init__(
        self,
        *,
        http_client: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        pool_handle: PoolHandle | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(http_client, sleep, pool_handle, config)


class AsyncClient(_Endpoints[AsyncStream], AsyncService, AsyncMedia):
    """Chat completions, for asyncio. The same arguments as `Client`, save two. `await aclose()`, or `async with`.

    Args:
        http_client: an `httpx.AsyncClient` of your own, used as it is and never closed here.
        sleep: waits between tries; injected in tests.
        pool_handle: whose share in the connections to use; by default the client's own.
    """

    _is_async = True
    _stream_type = AsyncStream

    def __init__(
        self,
        *,
        http_client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        pool_handle: PoolHandle | None = None,
        **config: Unpack[SettingsArguments],
    ) -> None:
        super().__init__(http_client, sleep, pool_handle, config)
