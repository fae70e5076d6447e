"""Calls: settings and messages -> a request -> LlamaIndex's responses; whole and streamed, sync and async."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from aimlapi_transport.chat.choices import OneChoice
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.request import Request
from aimlapi_transport.request_builder import build_request
from aimlapi_transport.request_options import RequestOptions
from aimlapi_transport.responses.background import Progress
from aimlapi_transport.usage_totals import CountedCall, used_by
from llama_index_aimlapi._chunks import Snapshots
from llama_index_aimlapi._instrumentation import AsyncResponses, responses
from llama_index_aimlapi._messages import cached_up_to, to_wire
from llama_index_aimlapi._responses import Reading, from_completion
from llama_index_aimlapi._schemas import to_response_format
from llama_index_aimlapi._settings import AIMLAPISettings
from llama_index_aimlapi._tools import forced_tool, to_tool_choice, to_tools, tool_list
from llama_index_aimlapi.usage import counted_call


class Call(NamedTuple):
    """A request, and what belongs to it.

    Attributes:
        timeout: the seconds of silence it may take.
        reading: what to know when its answer is read.
        usage: what counts it.
        llm: the LLM that makes it.
        on_progress: called while the answer is made in the background.
    """

    request: Request
    timeout: Any
    reading: Reading
    usage: CountedCall
    llm: AIMLAPISettings
    on_progress: Progress | None

    def counted(self, completion: Completion) -> None:
        """Counts the answer, and notes its id where the next call is to continue it."""
        if self.llm.track_previous_responses and (
            completion.choices[0].items or completion.native_finish_reason == "completed"
        ):
            self.llm._last_response_id = completion.id
        if self.usage.is_counted:
            self.usage.count(completion.model, used_by(completion.usage, completion.cost))

    def chunks(self, convert: Callable[[ChatResponse], Any] | None) -> tuple[OneChoice, Callable[[Delta], Any]]:
        """What reads the deltas of a streamed answer; `convert` makes something else of each response."""
        add = Snapshots(self.reading, self.counted).add
        return OneChoice(self.request.choices), add if convert is None else lambda delta: convert(add(delta))


def chat(llm: AIMLAPISettings, messages: Sequence[ChatMessage], kwargs: Json) -> ChatResponse:
    """The whole answer."""
    client, call = _begun(llm, messages, kwargs, stream=False)
    with call.usage:
        completion = client.complete(call.request, timeout=call.timeout, on_progress=call.on_progress)
        call.counted(completion)
    return from_completion(completion, call.reading)


async def achat(llm: AIMLAPISettings, messages: Sequence[ChatMessage], kwargs: Json) -> ChatResponse:
    """The whole answer."""
    client, call = await _abegun(llm, messages, kwargs, stream=False)
    with call.usage:
        completion = await client.complete(call.request, timeout=call.timeout, on_progress=call.on_progress)
        call.counted(completion)
    return from_completion(completion, call.reading)


def stream(
    llm: AIMLAPISettings,
    messages: Sequence[ChatMessage],
    convert: Callable[[ChatResponse], Any] | None = None,
    /,
    **kwargs: Any,
) -> Generator[Any, None, None]:
    """The answer piece by piece; `convert` makes something else of each response."""
    client, call = _begun(llm, messages, kwargs, stream=True)
    return responses(client.stream(call.request, timeout=call.timeout), *call.chunks(convert), call.usage.release)


async def astream(
    llm: AIMLAPISettings,
    messages: Sequence[ChatMessage],
    convert: Callable[[ChatResponse], Any] | None = None,
    /,
    **kwargs: Any,
) -> AsyncResponses[Any]:
    """As `stream`, for asyncio."""
    client, call = await _abegun(llm, messages, kwargs, stream=True)
    return AsyncResponses(client.stream(call.request, timeout=call.timeout), *call.chunks(convert), call.usage.release)


def _begun(llm: AIMLAPISettings, messages: Sequence[ChatMessage], kwargs: Json, *, stream: bool) -> tuple[Client, Call]:
    """A client and a call; what the call will cost is set aside, where there is a budget.

    Raises:
        BudgetExceededError: the budget would be passed.
    """
    client = llm._client()
    call = to_call(llm, client, messages, kwargs, stream=stream)
    if call.usage.has_budget:
        call.usage.reserve(client.sure_cost(call.request))
    return client, call


async def _abegun(
    llm: AIMLAPISettings, messages: Sequence[ChatMessage], kwargs: Json, *, stream: bool
) -> tuple[AsyncClient, Call]:
    """As `_begun`, for asyncio."""
    client = llm._async_client()
    call = to_call(llm, client, messages, kwargs, stream=stream)
    if call.usage.has_budget:
        call.usage.reserve(await client.sure_cost(call.request))
    return client, call


def to_call(
    llm: AIMLAPISettings, client: Client | AsyncClient, messages: Sequence[ChatMessage], kwargs: Json, *, stream: bool
) -> Call:
    """What to send for these messages: the LLM's settings, over them the call's; what the framework adds, apart.

    Raises:
        InvalidRequestError: an argument that is not what it must be.
    """
    kwargs = dict(kwargs)
    is_prepared = "allow_parallel_tool_calls" in kwargs
    parallel = kwargs.pop("allow_parallel_tool_calls", None)
    if parallel is not None:  # the framework's, below `additional_kwargs`
        parallel = kwargs.pop("parallel_tool_calls", parallel)
    call = llm._get_model_kwargs(**kwargs)
    added, forced = _set_tools(llm, call)
    if call.get("tools"):
        added["parallel_tool_calls"] = parallel
    stream_usage = call.pop("stream_usage", None)
    if stream and (llm.stream_usage if stream_usage is None else stream_usage):
        added["stream_options"] = {"include_usage": True}
    if not stream:
        call.pop("stream_options", None)
    if llm.track_previous_responses and llm._last_response_id and call.get("use_previous_response_id") is True:
        call["use_previous_response_id"] = llm._last_response_id
    sent = to_wire(messages, is_continued=bool(call.get("previous_response_id")))
    if llm.cache_idx is not None:
        sent = cached_up_to(sent, llm.cache_idx)
    model, timeout, on_progress = call.pop("model", None), call.pop("timeout", None), call.pop("on_progress", None)
    fields: Json = {}
    for name in _PER_CALL:
        fields[name] = call.pop(name, None)
    for name in _OVERRIDDEN:
        value = call.pop(name, None)
        fields[name] = getattr(llm, name) if value is None else value
    options = RequestOptions.for_host(client, parameters=call, added=added, stream=stream, **fields)
    request = build_request(model or llm.model, sent, options)
    user_parallel = call.get("parallel_tool_calls")
    single = is_prepared and (parallel if user_parallel is None else user_parallel) is False
    reading = Reading(single, forced, "tools" in kwargs, request.tools)
    return Call(request, timeout, reading, counted_call(request.model), llm, on_progress)


# Options of a request that only a call has, and those that a call sets over the LLM's.
_PER_CALL = ("extra_body", "extra_headers", "extra_query", "client_request_id")
_OVERRIDDEN = ("replay_reasoning", "repair_history", "parse_think", "use_responses_api")


def _set_tools(llm: AIMLAPISettings, call: Json) -> tuple[Json, Json | None]:
    """Puts the tools, their choice and the response format of a call into the API's format.

    Returns:
        The parameters that the framework added, and the definition of the one tool that has to be called, if any.
    """
    added: Json = {}
    forced: Json | None = None
    strict, refuse = call.pop("strict", None), llm.strict_parameters
    tools = [*(llm.tools or ()), *(llm.built_in_tools or ()), *(call.pop("built_in_tools", None) or ())]
    tools += tool_list(call.get("tools"))
    if tools or call.get("tool_choice") is not None:
        definitions = to_tools(tools, strict=llm.strict if strict is None else strict, refuse=refuse)
        if tools:
            call["tools"] = definitions
        call["tool_choice"] = to_tool_choice(call.get("tool_choice"), definitions)
        forced = forced_tool(call["tool_choice"], definitions)
    if call.get("response_format") is not None:
        call["response_format"] = to_response_format(call["response_format"], strict=strict, refuse=refuse)
    if "tool_required" in call:  # the choice is the framework's, not the user's
        del call["tool_required"]
        added["tool_choice"] = call.pop("tool_choice", None)
    return added, forced
