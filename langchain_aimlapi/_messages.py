"""LangChain messages -> the wire's messages. Pure; the caller's messages are left as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

from aimlapi_transport.tool_calls import call_to_wire
from aimlapi_transport.wire import Json
from langchain_aimlapi._parts import to_part
from langchain_aimlapi.errors import InvalidRequestError

# Blocks of an assistant message that are not content on the wire: they go into fields of their own.
_REASONING = ("reasoning", "thinking", "redacted_thinking")
_CALLS = ("tool_call", "tool_use", "invalid_tool_call", "tool_call_chunk", "input_json_delta", "function_call")


def to_wire(messages: Sequence[BaseMessage]) -> list[Json]:
    """The messages as a request carries them.

    Raises:
        InvalidRequestError: a message or a block that cannot be carried; it is named.
    """
    sent: list[Json] = []
    for position, message in enumerate(messages):
        where = f"messages[{position}] ({type(message).__name__})"
        if isinstance(message, HumanMessage):
            sent.extend(_from_human(message, where))
        elif isinstance(message, AIMessage):
            sent.append(_from_ai(message, where))
        elif isinstance(message, ToolMessage):
            sent.append(_tool_result(message.tool_call_id, message.content, where))
        elif isinstance(message, SystemMessage):
            role = message.additional_kwargs.get("__openai_role__", "system")
            sent.append(_named({"role": role, "content": _content(message.content, where)}, message))
        elif isinstance(message, FunctionMessage):
            sent.append({"role": "function", "name": message.name, "content": _text_or_parts(message.content, where)})
        elif isinstance(message, ChatMessage):
            sent.append(_named({"role": message.role, "content": _content(message.content, where)}, message))
        else:
            raise InvalidRequestError(f"{where} has no place in a request.")
    return sent


def _from_human(message: HumanMessage, where: str) -> list[Json]:
    """A user message; tool results in Anthropic's form, which stand in one, become tool messages before it."""
    content = message.content
    if isinstance(content, str):
        return [_named({"role": "user", "content": content}, message)]
    results = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_result"]
    others = [block for block in content if block not in results]
    sent = [_tool_result(block.get("tool_use_id", ""), block.get("content") or "", where) for block in results]
    if others or not results:
        sent.append(_named({"role": "user", "content": _content(others, where)}, message))
    return sent


def _tool_result(call_id: str, content: Any, where: str) -> Json:
    if not call_id:
        raise InvalidRequestError(f"{where} is a tool result without a `tool_call_id`: name the call it answers.")
    return {"role": "tool", "tool_call_id": call_id, "content": _text_or_parts(content, where)}


def _from_ai(message: AIMessage, where: str) -> Json:
    blocks = [] if isinstance(message.content, str) else message.content
    inner = [block for block in blocks if not _is(block, (*_REASONING, *_CALLS))]
    content = message.content if isinstance(message.content, str) else _text_or_parts(inner, where)
    calls = _calls(message, blocks, where)
    sent: Json = {"role": "assistant", "content": content if content or not calls else None}
    if message.name:
        sent["name"] = message.name
    if calls:
        sent["tool_calls"] = calls
    kwargs = message.additional_kwargs
    if kwargs.get("function_call") and not calls:
        sent["function_call"] = kwargs["function_call"]
    for name in ("refusal", "extra_content"):
        if kwargs.get(name):
            sent[name] = kwargs[name]
    if isinstance(kwargs.get("audio"), dict) and kwargs["audio"].get("id"):
        sent["audio"] = {"id": kwargs["audio"]["id"]}
    sent.update(_reasoning(message, blocks))
    return sent


def _calls(message: AIMessage, blocks: Sequence[Any], where: str) -> list[Json]:
    """The message's calls: LangChain's, the ones that were not valid, and any only the content holds."""
    extras = message.additional_kwargs.get("tool_call_extras") or {}
    calls = [_call(call["id"], call["name"], call["args"], extras, where) for call in message.tool_calls]
    calls += [_call(call["id"], call["name"], call["args"], extras, where) for call in message.invalid_tool_calls]
    known = {call["id"] for call in calls}
    for block in blocks:
        if _is(block, ("tool_call", "tool_use")) and block.get("id") not in known:
            arguments = block.get("args", block.get("input"))
            calls.append(_call(block.get("id"), block.get("name"), arguments, extras, where))
    return calls


def _call(call_id: str | None, name: str | None, arguments: Any, extras: Mapping[str, Json], where: str) -> Json:
    if not call_id or not name:
        raise InvalidRequestError(f"{where} has a tool call without {'a name' if call_id else 'an id'}: {name!r}.")
    extra = extras.get(call_id, {})
    if extra.get("type") == "custom" and isinstance(arguments, Mapping):
        arguments = arguments.get("input", "")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return call_to_wire(call_id, name, text, extra)


def _reasoning(message: AIMessage, blocks: Sequence[Any]) -> Json:
    """All the reasoning a message holds: in the fields its reply had, or in blocks of either dialect."""
    kwargs = message.additional_kwargs
    sent: Json = {
        name: kwargs[name]
        for name in ("reasoning_content", "reasoning_details", "encrypted_content")
        if kwargs.get(name)
    }
    text = ""
    details: list[Json] = []
    for block in blocks:
        if _is(block, ("reasoning",)):
            text += block.get("reasoning") or ""
        elif _is(block, ("thinking",)):
            text += block.get("thinking") or ""
            detail = {"type": "reasoning.text", "text": block.get("thinking"), "signature": block.get("signature")}
            details.append({**detail, "format": "anthropic-claude-v1", "index": len(details)})
        elif _is(block, ("redacted_thinking",)):
            details.append({"type": "reasoning.encrypted", "data": block.get("data"), "index": len(details)})
    if text:
        sent.setdefault("reasoning_content", text)
    if any(detail.get("signature") or detail.get("data") for detail in details):
        sent.setdefault("reasoning_details", details)
    return sent


def _content(content: Any, where: str) -> str | list[Json]:
    if isinstance(content, str):
        return content
    return [to_part(block, where) for block in content]


def _text_or_parts(content: Any, where: str) -> str | list[Json]:
    """Text where all of it is text (most schemas want just that of a tool or an assistant), else parts."""
    parts = _content(content, where)
    if isinstance(parts, str) or any(part["type"] != "text" or "cache_control" in part for part in parts):
        return parts
    return "".join(part["text"] for part in parts)


def _named(sent: Json, message: BaseMessage) -> Json:
    if message.name:
        sent["name"] = message.name
    return sent


def _is(block: Any, kinds: tuple[str, ...]) -> bool:
    return isinstance(block, dict) and block.get("type") in kinds
