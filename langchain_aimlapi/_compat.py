"""LangChain's chunks without validation, for what is copied with every piece of a stream. Pure.

A validated chunk costs 5 us instead of 1, one with a fragment of a call's arguments 50 instead of 3, since LangChain
tries to read every fragment as JSON: more than all else of a piece together. This is what Pydantic's `model_construct`
does, without asking each field for its default. A test holds that a chunk so built equals the validated one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel

from langchain_aimlapi._content_blocks import PROVIDER

Model = TypeVar("Model", bound=BaseModel)

_EMPTY_MESSAGE = AIMessageChunk(content="", additional_kwargs={}, response_metadata={})
_EMPTY_GENERATION = ChatGenerationChunk(message=_EMPTY_MESSAGE)


def message_chunk(text: str, kwargs: dict[str, Any]) -> AIMessageChunk:
    """A piece of text and of `additional_kwargs`."""
    return _like(
        _EMPTY_MESSAGE,
        content=text,
        additional_kwargs=kwargs,
        response_metadata={"model_provider": PROVIDER},
        tool_calls=[],
        invalid_tool_calls=[],
        tool_call_chunks=[],
    )


def call_chunk(text: str, kwargs: dict[str, Any], pieces: list[ToolCallChunk]) -> AIMessageChunk:
    """A piece with fragments of calls, none of which begins an object.

    What LangChain makes of those is known without reading them: nothing is a call without arguments, and any other
    fragment an invalid call.
    """
    message = message_chunk(text, kwargs)
    message.tool_call_chunks.extend(pieces)
    for piece in pieces:
        name, arguments, call_id = piece["name"], piece["args"], piece["id"]
        if arguments:
            message.invalid_tool_calls.append(
                {"name": name, "args": arguments, "id": call_id, "error": None, "type": "invalid_tool_call"}
            )
        else:
            message.tool_calls.append({"name": name or "", "args": {}, "id": call_id, "type": "tool_call"})
    return message


def generation_chunk(message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    """The chunk around a message of this text."""
    return _like(_EMPTY_GENERATION, message=message, text=text)


def _like(model: Model, **fields: Any) -> Model:
    """A model with these fields, and all others as in another. It shares their values: none of them may be changed."""
    copied = model.__class__.__new__(model.__class__)
    # Past Pydantic's own assignment, which validates.
    object.__setattr__(copied, "__dict__", {**model.__dict__, **fields})
    object.__setattr__(copied, "__pydantic_fields_set__", model.model_fields_set.copy())
    object.__setattr__(copied, "__pydantic_extra__", None if model.model_extra is None else {})
    object.__setattr__(copied, "__pydantic_private__", None)
    return copied
