"""/v1/messages: an answer in Claude's own form, whole or as its events.

Source: https://docs.aimlapi.com/capabilities/anthropic (docs/capabilities/messages.json), https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aimlapi_emulator.dialects.usage import cost_of, credits_of
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import Answer, answer
from aimlapi_emulator.server.account import note_call
from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.facts import find_model
from aimlapi_emulator.server.http import Asked, cost_headers, json_reply, trace_headers

_PIECE = 12  # characters of a delta


def messages(request: Request, asked: Asked) -> Response:
    """The reply to a request; raises Refused for one that gets none."""
    body = asked.body
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise invalid("model", "string", "undefined", "Required")
    facts = find_model(body["model"])
    if facts is None or facts.family != "anthropic":
        raise Refused(404, f"Model '{body['model'][:200]}' is not served by /v1/messages.")
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise invalid("messages", "array of at least 1 element", kind_of(given))
    for position, message in enumerate(given):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise invalid(f"messages[{position}].role", "'user' | 'assistant'", "another")
    chat = _as_chat(body)
    made = answer(facts, read(chat), chat, asked.identity)
    note_call(request, facts.id, credits_of(made), (made.prompt_tokens, made.output_tokens), asked.identity)
    message = {**message_of(made), "meta": cost_of(credits_of(made))}
    headers = trace_headers(request, asked.identity)
    if body.get("stream") is True:
        return StreamingResponse(_sent(_events(message)), 200, headers, "text/event-stream; charset=utf-8")
    return json_reply(message, {**headers, **cost_headers(message["meta"])})


def message_of(made: Answer, *, tier: str = "standard") -> dict[str, Any]:
    """An answer as Claude's message."""
    reply = made.choices[0]
    content: list[dict[str, Any]] = []
    if reply.reasoning:
        content.append({"type": "thinking", "thinking": reply.reasoning, "signature": ""})
    if reply.text:
        content.append({"type": "text", "text": reply.text})
    for call in reply.calls:
        given = orjson.loads(call.arguments or "{}")
        content.append({"type": "tool_use", "id": call.id, "name": call.name, "input": given})
    stop = {"length": "max_tokens", "tool_calls": "tool_use"}.get(reply.finish, "end_turn")
    usage = {"input_tokens": made.prompt_tokens, "output_tokens": made.output_tokens}
    counts = {**usage, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "service_tier": tier}
    said = {"id": made.identity.made("msg_01{b62:22}"), "type": "message", "role": "assistant", "model": made.facts.id}
    return {**said, "content": content, "stop_reason": stop, "stop_sequence": None, "usage": counts}


def _as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """A request as the chat request that asks for the same."""
    chat: list[dict[str, Any]] = []
    if body.get("system"):
        chat.append({"role": "system", "content": _text(body["system"])})
    for message in body["messages"]:
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        results = [block for block in blocks if block.get("type") == "tool_result"]
        chat += (
            {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": _text(block.get("content"))}
            for block in results
        )
        calls = [
            {
                "id": block.get("id"),
                "type": "function",
                "function": {"name": block.get("name"), "arguments": json.dumps(block.get("input") or {})},
            }
            for block in blocks
            if block.get("type") == "tool_use"
        ]
        text = _text([block for block in blocks if block.get("type") == "text"])
        if text or calls or not results:
            said: dict[str, Any] = {"role": message["role"], "content": text}
            chat.append({**said, "tool_calls": calls} if calls else said)
    made = {**body, "messages": chat, "max_tokens": body.get("max_tokens") or 1024}
    if body.get("tools"):
        made["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.get("name"),
                    "description": tool.get("description", ""),
                    "parameters": tool.get("input_schema") or {"type": "object"},
                },
            }
            for tool in body["tools"]
        ]
    made.pop("tool_choice", None)
    return made


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or () if isinstance(block, dict))


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    del start["meta"]
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        kind = block["type"]
        field = {"text": "text", "thinking": "thinking", "tool_use": "input"}[kind]
        empty: Any = {} if kind == "tool_use" else ""
        yield {"type": "content_block_start", "index": index, "content_block": {**block, field: empty}}
        text = json.dumps(block["input"]) if kind == "tool_use" else block[field]
        delta, name = {
            "text": ("text_delta", "text"),
            "thinking": ("thinking_delta", "thinking"),
            "tool_use": ("input_json_delta", "partial_json"),
        }[kind]
        for at in range(0, len(text), _PIECE):
            piece = {"type": delta, name: text[at : at + _PIECE]}
            yield {"type": "content_block_delta", "index": index, "delta": piece}
        yield {"type": "content_block_stop", "index": index}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    usage = {"output_tokens": message["usage"]["output_tokens"]}
    yield {"type": "message_delta", "delta": ending, "usage": usage, "meta": message["meta"]}
    yield {"type": "message_stop"}


async def _sent(events: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    for event in events:
        yield f"event: {event['type']}\ndata: ".encode() + orjson.dumps(event) + b"\n\n"
        await asyncio.sleep(0)
