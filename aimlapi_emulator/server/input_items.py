"""Input items of /v1/responses: whether they are valid, and the same as messages of chat completions. Pure.

To understand another item, add a branch to `_message`.
"""

from __future__ import annotations

from typing import Any

import orjson

from aimlapi_emulator.server.errors import Refused, invalid, kind_of

ROLES = ("user", "assistant", "system", "developer")
_CALLS = ("function_call", "custom_tool_call")
_PARTS = ("input_text", "output_text", "refusal", "input_image", "input_file", "input_audio")


def check_items(items: list[Any], *, is_stored: bool) -> None:
    """Refuses what the provider refuses: broken items, a call without its output, reasoning without what followed."""
    if not items:
        raise invalid("input", "at least 1 element", "0", "Too few")
    calls: dict[str, str] = {}
    for at, item in enumerate(items):
        where = f"input[{at}]"
        if not isinstance(item, dict):
            raise invalid(where, "object", kind_of(item), "Invalid type")
        kind = item.get("type", "message")
        if kind == "message":
            _check_message(item, where)
        if str(item.get("id", "")).startswith(("rs_", "msg_", "fc_", "ws_")) and not is_stored:
            raise Refused(
                404, f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false."
            )
        if kind in _CALLS:
            if not isinstance(item.get("call_id"), str) or not isinstance(item.get("name"), str):
                raise invalid(f"{where}.call_id", "string", "undefined", "Required")
            calls[item["call_id"]] = str(item["name"])
        elif str(kind).endswith("call_output"):
            if item.get("call_id") not in calls:
                raise Refused(400, f"No tool call found for function call output with call_id {item.get('call_id')}.")
            del calls[item["call_id"]]
        elif kind == "reasoning" and (at + 1 == len(items) or _is_asked(items[at + 1])):
            named = f" '{item['id']}'" if item.get("id") else ""
            raise Refused(400, f"Item{named} of type 'reasoning' was provided without its required following item.")
    for call_id in calls:
        raise Refused(400, f"No tool output found for function call {call_id}.")


def _is_asked(item: Any) -> bool:
    return isinstance(item, dict) and item.get("role") in ("user", "system", "developer")


def _check_message(item: dict[str, Any], where: str) -> None:
    if item.get("role") not in ROLES:
        raise invalid(f"{where}.role", " | ".join(f"'{r}'" for r in ROLES), str(item.get("role"))[:60])
    content = item.get("content")
    if not isinstance(content, (str, list)):
        raise invalid(f"{where}.content", "string | array", kind_of(content), "Invalid type")
    for at, part in enumerate(content if isinstance(content, list) else ()):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PARTS:
            raise invalid(
                f"{where}.content[{at}].type",
                " | ".join(f"'{p}'" for p in _PARTS),
                str(kind)[:60],
                "Invalid discriminator value",
            )


def to_chat(body: dict[str, Any], items: list[Any]) -> dict[str, Any]:
    """The request as one for chat completions, for code that reads the conversation."""
    messages = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    messages += [message for item in items if (message := _message(item)) is not None]
    chat: dict[str, Any] = {"model": body["model"], "messages": messages}
    for name in ("temperature", "top_p", "parallel_tool_calls", "stream", "top_logprobs"):
        if body.get(name) is not None:
            chat[name] = body[name]
    if body.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = body["max_output_tokens"]
    tools = [_nested(tool) for tool in body.get("tools") or () if tool["type"] in ("function", "custom")]
    if tools:
        chat["tools"] = tools
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom"):
        choice = {"type": choice["type"], choice["type"]: {"name": choice.get("name")}}
    if tools and choice is not None and (isinstance(choice, str) or choice["type"] in ("function", "custom")):
        chat["tool_choice"] = choice
    form = (body.get("text") or {}).get("format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        inner = {name: value for name, value in form.items() if name != "type"}
        chat["response_format"] = {"type": "json_schema", "json_schema": inner}
    elif isinstance(form, dict) and form.get("type") == "json_object":
        chat["response_format"] = form
    effort = (body.get("reasoning") or {}).get("effort")
    if effort is not None:
        chat["reasoning_effort"] = effort
    return chat


def _nested(tool: dict[str, Any]) -> dict[str, Any]:
    kind = tool["type"]
    return {"type": kind, kind: {name: value for name, value in tool.items() if name != "type"}}


def _message(item: dict[str, Any]) -> dict[str, Any] | None:
    kind = item.get("type", "message")
    if kind == "message":
        content = item["content"]
        parts = content if isinstance(content, str) else [_part(part) for part in content]
        return {"role": item["role"], "content": parts}
    if kind in _CALLS:
        inner = "function" if kind == "function_call" else "custom"
        word = "arguments" if inner == "function" else "input"
        call = {"id": item["call_id"], "type": inner, inner: {"name": item["name"], word: item.get(word) or ""}}
        return {"role": "assistant", "content": None, "tool_calls": [call]}
    if str(kind).endswith("call_output"):
        output = item.get("output")
        text = output if isinstance(output, str) else orjson.dumps(output).decode()
        return {"role": "tool", "tool_call_id": item["call_id"], "content": text}
    return None


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url") or ""}}
    if kind == "input_file":
        return {"type": "file", "file": {name: value for name, value in part.items() if name != "type"}}
    if kind == "input_audio":
        return part
    return {"type": "text", "text": part.get("text") or part.get("refusal") or ""}
