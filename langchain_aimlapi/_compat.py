"""LangChain's chunks without validation, for what is copied with every piece of a stream. Pure.

A validated chunk costs 5 us instead of 1, one with a fragment of a call's arguments 50 instead of 3, since LangChain
tries to read every fragment as JSON: more than all else of a piece together. This is what Pydantic's `model_construct`
does, without asking each field for its default. A test holds that a chunk so built equals the validated one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from langchain_core.messages import AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel

from langchain_aimlapi._content_blocks import PROVIDER

Model = TypeVar("Model", bound=BaseModel)

_MESSAGE = AIMessageChunk(content="").__dict__
_GENERATION = ChatGenerationChunk(message=AIMessageChunk(content="")).__dict__


def message_chunk(text: str, kwargs: dict[str, Any], pieces: list[ToolCallChunk] | None = None) -> AIMessageChunk:
    """A piece of text, of `additional_kwargs`, and of calls, no fragment of which begins an object.

    What LangChain makes of those is known without reading them: nothing is a call without arguments, and any other
    fragment an invalid call.
    """
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    given = {"content", "additional_kwargs", "response_metadata"}
    if pieces is None:
        pieces = []
    else:
        given.add("tool_call_chunks")
    for piece in pieces:
        name, arguments, call_id = piece["name"], piece["args"], piece["id"]
        if arguments:
            invalid.append({"name": name, "args": arguments, "id": call_id, "error": None, "type": "invalid_tool_call"})
        else:
            calls.append({"name": name or "", "args": {}, "id": call_id, "type": "tool_call"})
    fields = {
        **_MESSAGE,
        "content": text,
        "additional_kwargs": kwargs,
        "response_metadata": {"model_provider": PROVIDER},
        "tool_calls": calls,
        "invalid_tool_calls": invalid,
        "tool_call_chunks": pieces,
    }
    return _built(AIMessageChunk, fields, given, {})


def generation_chunk(message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    """The chunk around a message of this text."""
    return _built(ChatGenerationChunk, {**_GENERATION, "message": message, "text": text}, {"message", "text"}, None)


def _built(kind: type[Model], fields: dict[str, Any], given: set[str], extra: dict[str, Any] | None) -> Model:
    """A model of these fields, some of which were given."""
    model = kind.__new__(kind)
    # Past Pydantic's own assignment, which validates.
    object.__setattr__(model, "__dict__", fields)
    object.__setattr__(model, "__pydantic_fields_set__", given)
    object.__setattr__(model, "__pydantic_extra__", extra)
    object.__setattr__(model, "__pydantic_private__", None)
    return model


def forget_serialized(model: BaseModel) -> None:
    """Has LangChain serialize a copy anew: it keeps what it wrote of an instance among its attributes."""
    model.__dict__.pop("_serialized", None)
