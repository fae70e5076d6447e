"""Completion and Delta -> LangChain's messages and chunks. Pure.

Chunks of text are built by hand: validating one costs four times as much, on every token of every stream.
A test holds that a chunk so built equals the validated one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from aimlapi_transport.completion import Choice, Completion, Delta
from aimlapi_transport.tool_calls import ToolCall as WireToolCall
from aimlapi_transport.usage import Usage
from langchain_aimlapi._content_blocks import PROVIDER

# Fields of the reply that stand elsewhere, under LangChain's own names.
_PLACED = ("meta", "choices", "usage")


def from_choice(completion: Completion, choice: Choice) -> AIMessage:
    """One answer of a whole reply as a message."""
    calls = choice.tool_calls
    return AIMessage(
        content=choice.text,
        additional_kwargs=_additional_kwargs(choice, with_text=True),
        tool_calls=[
            ToolCall(name=call.name, args=call.parsed, id=call.id, type="tool_call")
            for call in calls
            if call.parsed is not None
        ],
        invalid_tool_calls=[
            InvalidToolCall(
                name=call.name or None, args=call.arguments, id=call.id, error=call.error, type="invalid_tool_call"
            )
            for call in calls
            if call.parsed is None
        ],
        response_metadata=response_metadata(completion, choice),
        usage_metadata=usage_metadata(completion.usage),
    )


def from_delta(delta: Delta) -> ChatGenerationChunk:
    """One piece of a stream as a chunk."""
    if delta.tool_calls:
        message = AIMessageChunk(
            content=delta.text,
            additional_kwargs={"reasoning_content": delta.reasoning} if delta.reasoning else {},
            tool_call_chunks=[
                tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=call.index)
                for call in delta.tool_calls
            ],
            response_metadata={"model_provider": PROVIDER},
        )
    else:
        message = _text_chunk(delta.text, delta.reasoning)
    return _generation_chunk(message, delta.text)


def last_chunk(completion: Completion) -> ChatGenerationChunk:
    """The end of a stream: everything that may be said only once, because LangChain adds chunks up."""
    choice = completion.choices[0]
    message = AIMessageChunk(
        content="",
        additional_kwargs=_additional_kwargs(choice, with_text=False),
        tool_call_chunks=[
            tool_call_chunk(name=None, args=_spoiler(call), id=None, index=index)
            for index, call in enumerate(choice.tool_calls)
            if call.error is not None
        ],
        response_metadata=response_metadata(completion, choice),
        usage_metadata=usage_metadata(completion.usage),
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message)


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Token counts in LangChain's terms; details only where the provider sent them."""
    if usage is None:
        return None
    counts = UsageMetadata(input_tokens=usage.input, output_tokens=usage.output, total_tokens=usage.total)
    inputs = {"cache_read": usage.cache_read, "cache_creation": usage.cache_write, "audio": usage.input_audio}
    outputs = {"reasoning": usage.reasoning, "audio": usage.output_audio}
    if any(value is not None for value in inputs.values()):
        counts["input_token_details"] = cast(InputTokenDetails, _set(inputs))
    if any(value is not None for value in outputs.values()):
        counts["output_token_details"] = cast(OutputTokenDetails, _set(outputs))
    return counts


def response_metadata(completion: Completion, choice: Choice) -> dict[str, Any]:
    """Where an answer came from, how it ended and what it cost (`cost_usd`, in US dollars)."""
    metadata: dict[str, Any] = {
        "model_provider": PROVIDER,
        "model_name": completion.model,
        "id": completion.id,
        "created": completion.created,
        "finish_reason": choice.finish_reason,
        "native_finish_reason": choice.native_finish_reason,
        "inference_id": completion.inference_id,
        "client_request_id": completion.client_request_id,
        "logprobs": choice.logprobs,
        "token_usage": completion.usage.raw if completion.usage else None,
    }
    if completion.cost is not None:
        metadata["cost_usd"] = completion.cost.usd
        metadata["cost"] = {"usd": completion.cost.usd, "credits": completion.cost.credits}
    for name, value in completion.extra.items():
        if name not in _PLACED:
            metadata.setdefault(name, value)
    return _set(metadata)


def _additional_kwargs(choice: Choice, *, with_text: bool) -> dict[str, Any]:
    """The message's further fields; the running texts only where no chunk has carried them."""
    kwargs: dict[str, Any] = dict(choice.extra)
    if with_text and choice.reasoning:
        kwargs["reasoning_content"] = choice.reasoning
    if choice.refusal:
        kwargs["refusal"] = choice.refusal
    extras = {call.id: call.extra for call in choice.tool_calls if call.extra}
    if extras:
        kwargs["tool_call_extras"] = extras
    return kwargs


def _spoiler(call: WireToolCall) -> str:
    """An ending that keeps LangChain from completing arguments that were cut or never were an object.

    It parses streamed arguments leniently, so half of a call would become a whole one with other arguments.
    """
    for ending in ("", *_ENDINGS):
        try:
            if not isinstance(parse_partial_json(call.arguments + ending), dict):
                return ending
        except ValueError:
            return ending
    return _ENDINGS[0]


# A bracket that closes what is not open, behind the end of a string, of a string that ends in a backslash, or of none.
_ENDINGS = tuple(quote + bracket for quote in ('"', '""', "") for bracket in ("]", "}"))


def _set(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@lru_cache(maxsize=1)
def _templates() -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of an empty message chunk and of an empty generation chunk, as this LangChain has them."""
    message = AIMessageChunk(content="", additional_kwargs={}, response_metadata={})
    return dict(message.__dict__), dict(ChatGenerationChunk(message=message).__dict__)


def _text_chunk(text: str, reasoning: str) -> AIMessageChunk:
    message = AIMessageChunk.__new__(AIMessageChunk)
    fields = _templates()[0].copy()
    fields["content"] = text
    fields["additional_kwargs"] = {"reasoning_content": reasoning} if reasoning else {}
    fields["response_metadata"] = {"model_provider": PROVIDER}
    fields["tool_calls"] = []
    fields["invalid_tool_calls"] = []
    fields["tool_call_chunks"] = []
    _assign(message, "__dict__", fields)
    _assign(message, "__pydantic_fields_set__", {"content", "additional_kwargs", "response_metadata"})
    _assign(message, "__pydantic_extra__", {})
    _assign(message, "__pydantic_private__", None)
    return message


def _generation_chunk(message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    chunk = ChatGenerationChunk.__new__(ChatGenerationChunk)
    fields = _templates()[1].copy()
    fields["text"] = text
    fields["message"] = message
    _assign(chunk, "__dict__", fields)
    _assign(chunk, "__pydantic_fields_set__", {"message", "text"})
    _assign(chunk, "__pydantic_extra__", None)
    _assign(chunk, "__pydantic_private__", None)
    return chunk


_assign = object.__setattr__  # past pydantic's own, which validates
