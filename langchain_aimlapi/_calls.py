"""One call of a ChatAIMLAPI: its request, what its budgets set aside, and its reply as LangChain's messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from aimlapi_transport.chat.choices import OneChoice
from aimlapi_transport.chat.response import Choice, Completion
from aimlapi_transport.request import Request
from langchain_aimlapi import _lazy
from langchain_aimlapi._budget import areserve, reserve
from langchain_aimlapi._output_stream import stream_reader
from langchain_aimlapi._output_versions import in_version, version_for
from langchain_aimlapi._request import to_request
from langchain_aimlapi._responses import from_choice, generation_info
from langchain_aimlapi.error_translation import translated

if TYPE_CHECKING:
    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun

    from langchain_aimlapi._settings import ChatSettings

Messages = list[BaseMessage]
Stop = list[str] | None


def generate(
    model: ChatSettings, messages: Messages, stop: Stop, run: CallbackManagerForLLMRun | None, call: dict[str, Any]
) -> ChatResult:
    """The whole answer.

    Args:
        call: the arguments of the call.
    """
    with translated():
        client = model._client()
        request = to_request(model, client, messages, stop, call, stream=False)
        reserve(run, client, request)
        completion = client.complete(request, timeout=call.get("timeout"), on_progress=call.get("on_progress"))
        return _result(model, completion, request, call)


async def agenerate(
    model: ChatSettings, messages: Messages, stop: Stop, run: AsyncCallbackManagerForLLMRun | None, call: dict[str, Any]
) -> ChatResult:
    """As `generate`, for asyncio."""
    with translated():
        client = model._async_client()
        request = to_request(model, client, messages, stop, call, stream=False)
        await areserve(run, client, request)
        completion = await client.complete(request, timeout=call.get("timeout"), on_progress=call.get("on_progress"))
        return _result(model, completion, request, call)


def stream(
    model: ChatSettings, messages: Messages, stop: Stop, run: CallbackManagerForLLMRun | None, call: dict[str, Any]
) -> Iterator[ChatGenerationChunk]:
    """The pieces of an answer."""
    with translated():
        client = model._client()
        request = to_request(model, client, messages, stop, call, stream=True)
        reserve(run, client, request)
        reader, choice = stream_reader(model.output_version, request), OneChoice(request.choices)
        reply = client.stream(request, timeout=call.get("timeout"))
        try:
            while deltas := reply.deltas():
                for delta in choice.of(deltas):
                    chunk = reader.chunk(delta)
                    if delta.completion is not None:
                        _finish(model, chunk.message, delta.completion, delta.completion.choices[0], call)
                    yield chunk
        finally:
            reply.close()


async def astream(
    model: ChatSettings, messages: Messages, stop: Stop, run: AsyncCallbackManagerForLLMRun | None, call: dict[str, Any]
) -> AsyncIterator[ChatGenerationChunk]:
    """As `stream`, for asyncio."""
    with translated():
        client = model._async_client()
        request = to_request(model, client, messages, stop, call, stream=True)
        await areserve(run, client, request)
        reader, choice = stream_reader(model.output_version, request), OneChoice(request.choices)
        reply = client.stream(request, timeout=call.get("timeout"))
        try:
            while deltas := await reply.deltas():
                for delta in choice.of(deltas):
                    chunk = reader.chunk(delta)
                    if delta.completion is not None:
                        _finish(model, chunk.message, delta.completion, delta.completion.choices[0], call)
                    yield chunk
        finally:
            await reply.aclose()


def _result(model: ChatSettings, completion: Completion, request: Request, call: dict[str, Any]) -> ChatResult:
    messages = [from_choice(completion, choice, request.tools) for choice in completion.choices]
    if version := version_for(model.output_version, request.path):
        messages = [in_version(messages[0], version, completion, completion.choices[0])]
    for choice, message in zip(completion.choices, messages, strict=False):
        _finish(model, message, completion, choice, call)
    usage = completion.usage
    return ChatResult(
        generations=[ChatGeneration(message=message, generation_info=generation_info(message)) for message in messages],
        llm_output={"model_name": completion.model, "token_usage": usage.raw if usage else {}},
    )


def _finish(
    model: ChatSettings, message: BaseMessage, completion: Completion, choice: Choice, call: dict[str, Any]
) -> None:
    """Adds to a whole message, or to the end of a stream, what it is asked to tell of the reply and of its answer."""
    if not isinstance(message, AIMessage):
        return
    if model.include_response_headers:
        message.response_metadata["headers"] = dict(completion.headers)
    schema = call["response_format"] if "response_format" in call else model.model_kwargs.get("response_format")
    if schema is not None:
        _lazy._parsed.add_parsed(message, schema, completion, choice)
