"""The JSON shapes of requests. To add a field that the provider documents, add it to its type.

Replies have no types: their shape varies by vendor, and `parser.py` reads them tolerantly.
Source: https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

Json = dict[str, Any]
"""A JSON object from or for the wire."""

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class FunctionCall(TypedDict):
    """The called function's name and its arguments as JSON text."""

    name: str
    arguments: str


class ToolCallPart(TypedDict):
    """One tool call of an assistant message; `extra_content` carries a vendor's signature."""

    id: str
    type: Literal["function"]
    function: FunctionCall
    extra_content: NotRequired[Json]


class Message(TypedDict):
    """One message of a chat request."""

    role: Role
    content: NotRequired[str | list[Json] | None]
    name: NotRequired[str]
    tool_call_id: NotRequired[str]
    tool_calls: NotRequired[list[ToolCallPart]]
    reasoning_content: NotRequired[str]
    reasoning: NotRequired[str]
    reasoning_details: NotRequired[list[Json]]
    extra_content: NotRequired[Json]
    encrypted_content: NotRequired[str]
    refusal: NotRequired[str]
    audio: NotRequired[Json]
