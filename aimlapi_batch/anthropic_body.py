"""Messages of chat completions -> Anthropic's body, which the provider's batches take. Pure.

Source: https://docs.aimlapi.com/capabilities/batch-processing and https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aimlapi_batch.job import Row
from aimlapi_transport.chat.media_parts import corrected_part
from aimlapi_transport.chat.tool_history import check_history
from aimlapi_transport.chat.tool_names import with_wire_names
from aimlapi_transport.messages.request import DEFAULT_MAX_TOKENS

_SAME = ("temperature", "top_p", "top_k", "metadata", "thinking")


def body_of(model: str, messages: Sequence[Row], parameters: Row) -> Row:
    """One request's `params`: `system` at the top, results of tools in user messages.

    Raises:
        ValueError: a message, a part or a parameter that these batches do not take.
        InvalidRequestError: a tool without a name, or a call and a result that do not belong together.
    """
    messages = check_history(messages)
    parameters, _ = with_wire_names({**parameters, "messages": messages})
    messages = parameters.pop("messages")
    system: list[str] = []
    turns: list[Row] = []
    for message in messages:
        role = message.get("role")
        if role in ("system", "developer"):
            system.append(_text(message.get("content")))
        elif role == "tool":
            result = {"type": "tool_result", "tool_use_id": message.get("tool_call_id")}
            _add(turns, "user", [{**result, "content": _result(message.get("content"))}])
        elif role == "assistant":
            _add(turns, "assistant", [*_parts(message.get("content")), *map(_call, message.get("tool_calls") or ())])
        elif role == "user":
            _add(turns, "user", _parts(message.get("content")))
        else:
            raise ValueError(f"a message has the role {role!r}, which these batches do not take")
    body: Row = {"model": model, "messages": [_shortened(turn) for turn in turns], "max_tokens": DEFAULT_MAX_TOKENS}
    if system:
        body["system"] = "\n\n".join(system)
    for name, value in parameters.items():
        if value is None:
            continue
        if name in ("max_tokens", "max_completion_tokens"):
            body["max_tokens"] = value
        elif name in ("stop", "stop_sequences"):
            body["stop_sequences"] = [value] if isinstance(value, str) else list(value)
        elif name == "tools":
            body["tools"] = [_tool(tool) for tool in value]
        elif name == "tool_choice":
            body["tool_choice"] = _choice(value)
        elif name == "response_format":
            schema = (value.get("json_schema") or {}).get("schema", {"type": "object"})
            wanted = (
                f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{json.dumps(schema)}"
            )
            body["system"] = "\n\n".join(filter(None, (body.get("system"), wanted)))
        elif name in _SAME:
            body[name] = value
        else:
            raise ValueError(f"`{name}` is not a parameter of the provider's batches")
    return body


def _add(turns: list[Row], role: str, parts: list[Row]) -> None:
    """Another turn, or more of the last: roles alternate."""
    if turns and turns[-1]["role"] == role:
        turns[-1]["content"] += parts
    else:
        turns.append({"role": role, "content": parts})


def _shortened(turn: Row) -> Row:
    parts = turn["content"]
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return {**turn, "content": parts[0]["text"]}
    return turn


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def _result(content: Any) -> str | list[Row]:
    """What a tool gave: a text, or parts where some are none."""
    parts = _parts(content)
    return parts if any(part.get("type") != "text" for part in parts) else _text(content)


def _parts(content: Any) -> list[Row]:
    if content is None or content == "":
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(dict(corrected_part(part))) for part in content]


def _part(part: Row) -> Row:
    kind = part.get("type")
    if kind == "image_url":
        image = part["image_url"]
        url = image["url"] if isinstance(image, dict) else image
        if url.startswith("data:"):
            media, _, data = url.removeprefix("data:").partition(";base64,")
            return {"type": "image", "source": {"type": "base64", "media_type": media, "data": data}}
        return {"type": "image", "source": {"type": "url", "url": url}}
    if kind == "file" and str(part["file"].get("file_data", "")).startswith("data:"):
        media, _, data = part["file"]["file_data"].removeprefix("data:").partition(";base64,")
        return {"type": "document", "source": {"type": "base64", "media_type": media, "data": data}}
    if kind in ("text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"):
        return dict(part)
    raise ValueError(f"a message has a part of type {kind!r}, which these batches do not take")


def _call(call: Row) -> Row:
    function = call.get("function") or {}
    arguments = function.get("arguments") or "{}"
    given = json.loads(arguments) if isinstance(arguments, str) else arguments
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given}


def _tool(tool: Row) -> Row:
    function = tool.get("function")
    if not isinstance(function, dict):
        return dict(tool)
    described = {"description": function["description"]} if function.get("description") else {}
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return {"name": function.get("name"), **described, "input_schema": schema}


def _choice(choice: Any) -> Row:
    if isinstance(choice, dict):
        inner = choice.get("function")
        return {"type": "tool", "name": inner["name"]} if isinstance(inner, dict) else choice
    return {"type": "any" if choice == "required" else str(choice)}
