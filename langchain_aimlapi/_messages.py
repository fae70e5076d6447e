"""LangChain messages -> the API's messages. Pure; the caller's messages are left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from aimlapi_transport.chat.wire_types import Json
from langchain_aimlapi._ai_messages import ai_to_wire
from langchain_aimlapi._content_parts import is_of_type, text_or_parts, to_content, unwrapped
from langchain_aimlapi.errors import InvalidRequestError

_TEXT_ROLES: dict[type[BaseMessage], str] = {HumanMessage: "user", AIMessage: "assistant"}


def to_wire(messages: Sequence[BaseMessage], *, for_responses: bool = False) -> list[Json]:
    """The messages as a request carries them.

    Args:
        for_responses: whether they go to /v1/responses, whose items may stand among the parts of a content: a block
            of an unknown type is one of them, and the transport checks it.

    Raises:
        InvalidRequestError: a message or a block that cannot be carried; it is named.
    """
    sent: list[Json] = []
    for position, message in enumerate(messages):
        # a fast path: most messages of a long history are a text and nothing else
        role, text = _TEXT_ROLES.get(type(message)), message.content
        has_calls = isinstance(message, AIMessage) and (message.tool_calls or message.invalid_tool_calls)
        if role and isinstance(text, str) and not (message.name or message.additional_kwargs or has_calls):
            sent.append({"role": role, "content": text})
            continue
        where = f"messages[{position}] ({type(message).__name__})"
        if isinstance(message, HumanMessage):
            sent.extend(_from_human(message, where, for_responses))
        elif isinstance(message, AIMessage):
            sent.append(ai_to_wire(message, where, answered=messages[position + 1 : position + 2]))
        elif isinstance(message, ToolMessage):
            result = _tool_result(message.tool_call_id, _result_of(message), where, for_responses)
            # Kimi's own functions ($web_search) are answered by name; no other schema has one here.
            sent.append(_with_name(result, message) if str(message.name).startswith("$") else result)
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            content = to_content(message.content, where, as_it_came=for_responses)
            sent.append(_with_name({"role": role, "content": content}, message))
        elif isinstance(message, FunctionMessage):
            sent.append({"role": "function", "name": message.name, "content": text_or_parts(message.content, where)})
        elif isinstance(message, ChatMessage):
            content = to_content(message.content, where, as_it_came=for_responses)
            sent.append(_with_name({"role": message.role, "content": content}, message))
        else:
            raise InvalidRequestError(f"{where} cannot be sent: pass system, human, AI, tool or chat messages.")
    return sent


def instructed(messages: list[Json], text: str) -> list[Json]:
    """The messages with this instruction first: in their system message, or in one of its own."""
    first = messages[0] if messages else {}
    if first.get("role") != "system":
        return [{"role": "system", "content": text}, *messages]
    content = first["content"]
    joined = f"{content}\n\n{text}" if isinstance(content, str) else [*content, {"type": "text", "text": text}]
    return [{**first, "content": joined}, *messages[1:]]


def _from_human(message: HumanMessage, where: str, for_responses: bool) -> list[Json]:
    """A user message; tool results in Anthropic's form, which are in one, become tool messages before it."""
    content = message.content
    if isinstance(content, str):
        return [_with_name({"role": "user", "content": content}, message)]
    results = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_result"]
    others = [block for block in content if block not in results]
    sent = [
        _tool_result(block.get("tool_use_id", ""), block.get("content") or "", where, for_responses)
        for block in results
    ]
    if others or not results:
        parts = to_content(others, where, as_it_came=for_responses)
        sent.append(_with_name({"role": "user", "content": parts}, message))
    return sent


def _tool_result(call_id: str, content: Any, where: str, for_responses: bool) -> Json:
    if not call_id:
        raise InvalidRequestError(f"{where} is a tool result without a `tool_call_id`: name the call it answers.")
    if isinstance(content, list) and not for_responses:
        content = [part for block in content for part in _output_blocks(unwrapped(block))]
    return {
        "role": "tool",
        "tool_call_id": call_id,
        "content": text_or_parts(content, where, as_it_came=for_responses),
    }


def _output_blocks(block: Any) -> list[Any]:
    """A block of a result; of an item of /v1/responses that is the result, what it says: chat completions take that."""
    if not is_of_type(block, ("custom_tool_call_output", "function_call_output")):
        return [block]
    output = block.get("output")
    return output if isinstance(output, list) else [str(output or "")]


def _result_of(message: ToolMessage) -> Any:
    """The content of a result; of a screenshot that is marked as one, the item with what was consented to."""
    kwargs, content = message.additional_kwargs, message.content
    if kwargs.get("type") != "computer_call_output":
        return content
    checks = {name: kwargs[name] for name in ("acknowledged_safety_checks",) if kwargs.get(name)}
    blocks = content if isinstance(content, list) else []
    pictures = [
        block.get("image_url") for block in blocks if isinstance(block, dict) and is_of_type(block, ("input_image",))
    ]
    address = pictures[0] if pictures else content
    if not isinstance(address, str):
        return content
    screenshot = {"type": "computer_screenshot", "image_url": address}
    return [{"type": "computer_call_output", "output": screenshot, **checks}]


def _with_name(sent: Json, message: BaseMessage) -> Json:
    if message.name:
        sent["name"] = message.name
    return sent
