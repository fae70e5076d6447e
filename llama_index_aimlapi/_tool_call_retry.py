"""Asking a model again whose tool call cannot be run: what `AIMLAPI.invalid_tool_call_retries` does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
    ToolCallBlock,
)

from aimlapi_transport.chat.tool_call_retry import NOT_RUN, broken_call_result
from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi._tools import FINISH_REASON, selections
from llama_index_aimlapi.errors import ToolCallError

if TYPE_CHECKING:
    from llama_index_aimlapi.llm import AIMLAPI


def correction(response: ChatResponse) -> list[ChatMessage]:
    """What is added to the conversation for the model to write its calls again; nothing where all of them can be run.

    The answer goes back with empty arguments in the place of broken ones, which providers refuse, and each of its calls
    is answered: a broken one by its fault, another by that it was not run.
    """
    if response.delta is not None and FINISH_REASON not in response.additional_kwargs:
        return []
    try:
        selections(response)
    except ToolCallError:
        pass
    else:
        return []
    blocks: list[Any] = []
    answers: list[ChatMessage] = []
    for number, block in enumerate(response.message.blocks):
        if not isinstance(block, ToolCallBlock):
            blocks.append(block)
            continue
        name, call_id = block.tool_name or "unknown_tool", block.tool_call_id or f"call_invalid_{number}"
        error = None
        if isinstance(block.tool_kwargs, str):
            error = parse_arguments(block.tool_kwargs)[1]
        if not block.tool_name:
            error = "it names no tool"
        text = broken_call_result(error, str(block.tool_kwargs)) if error else NOT_RUN
        arguments = {} if error else block.tool_kwargs
        blocks.append(ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments))
        answers.append(
            ChatMessage(role=MessageRole.TOOL, content=text, additional_kwargs={"tool_call_id": call_id, "name": name})
        )
    if not answers:
        return []
    extra = {key: value for key, value in response.message.additional_kwargs.items() if key != "tool_calls"}
    return [ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra), *answers]


def chat(llm: AIMLAPI, messages: Sequence[ChatMessage], kwargs: Json, retries: int) -> ChatResponse:
    """The answer of the first try whose calls can be run; of the last one, whatever it is."""
    conversation = list(messages)
    while True:
        response: ChatResponse = llm.chat(conversation, **kwargs)
        more = correction(response) if retries > 0 else []
        if not more:
            return response
        conversation += more
        retries -= 1


async def achat(llm: AIMLAPI, messages: Sequence[ChatMessage], kwargs: Json, retries: int) -> ChatResponse:
    """As `chat`, for asyncio."""
    conversation = list(messages)
    while True:
        response: ChatResponse = await llm.achat(conversation, **kwargs)
        more = correction(response) if retries > 0 else []
        if not more:
            return response
        conversation += more
        retries -= 1


def stream(llm: AIMLAPI, messages: Sequence[ChatMessage], kwargs: Json, retries: int) -> ChatResponseGen:
    """The answers of all tries piece by piece; the last piece of a try that is repeated is left out."""
    conversation = list(messages)
    while True:
        more: list[ChatMessage] = []
        with closing(llm.stream_chat(conversation, **kwargs)) as responses:
            for response in responses:
                more = correction(response) if retries > 0 else []
                if not more:
                    yield response
        if not more:
            return
        conversation += more
        retries -= 1


async def astream(llm: AIMLAPI, messages: Sequence[ChatMessage], kwargs: Json, retries: int) -> ChatResponseAsyncGen:
    """As `stream`, for asyncio."""
    conversation = list(messages)
    while True:
        more: list[ChatMessage] = []
        async with aclosing(await llm.astream_chat(conversation, **kwargs)) as responses:
            async for response in responses:
                more = correction(response) if retries > 0 else []
                if not more:
                    yield response
        if not more:
            return
        conversation += more
        retries -= 1
