"""Whether a chat body is valid: the first fault found, as the provider's 400 that names the field.

To check another number, add a row to LIMITS (a model's own schema, where it declares the field, comes first).
Source: the request schemas of https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.facts import DEFAULT_CONTEXT, Facts

ROLES = ("system", "user", "assistant", "tool", "developer", "function")
PARTS = (
    "text", "refusal", "image_url", "input_audio", "video_url", "file", "image", "document", "tool_use",
    "tool_result", "thinking", "redacted_thinking",
)  # fmt: skip
LIMITS: Mapping[str, Mapping[str, Any]] = {
    "temperature": {"minimum": 0, "maximum": 2},
    "top_p": {"minimum": 0, "maximum": 1},
    "top_k": {"minimum": 0},
    "min_p": {"minimum": 0, "maximum": 1},
    "n": {"minimum": 1, "maximum": 128, "type": "integer"},
    "seed": {"minimum": 1, "type": "integer"},
    "max_tokens": {"minimum": 1},
    "max_completion_tokens": {"minimum": 1, "type": "integer"},
    "frequency_penalty": {"minimum": -2, "maximum": 2},
    "presence_penalty": {"minimum": -2, "maximum": 2},
    "repetition_penalty": {"minimum": 0, "maximum": 2},
    "top_logprobs": {"minimum": 0, "maximum": 20, "type": "integer"},
    "thinking_budget": {"minimum": 1, "type": "integer"},
}
BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "enable_thinking", "enable_search", "echo")
OBJECTS = (
    "stream_options",
    "response_format",
    "thinking",
    "reasoning",
    "audio",
    "logit_bias",
    "prediction",
    "metadata",
)
ARRAYS = ("messages", "tools", "modalities", "stop_sequences")
MAX_TOOLS = 128
MAX_DEPTH = 100


def check_depth(body: Any) -> None:
    """Refuses a body nested deeper than anyone means, before anything walks down into it."""
    layer, depth = [body] if isinstance(body, (dict, list)) else [], 0
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise invalid("body", f"at most {MAX_DEPTH} levels", "more", "Too deeply nested")
        below: list[Any] = []
        for value in layer:
            inner = value.values() if isinstance(value, dict) else value
            below.extend(item for item in inner if isinstance(item, (dict, list)))
        layer = below


def check_shape(body: Any) -> dict[str, Any]:
    """The body as an object with a model name and well-typed parameters."""
    if not isinstance(body, dict):
        raise invalid("body", "object", kind_of(body), "Invalid type")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("model", "string", kind_of(body["model"]) if "model" in body else "undefined", "Required")
    if "messages" not in body:
        raise invalid("messages", "array", "undefined", "Required")
    for names, right, word in ((BOOLEANS, bool, "boolean"), (OBJECTS, dict, "object"), (ARRAYS, list, "array")):
        for name in names:
            value = body.get(name)
            if not isinstance(value, right) and (value is not None or name == "messages"):
                raise invalid(name, word, kind_of(value), "Invalid type")
    return body


def check(body: dict[str, Any], facts: Facts) -> None:
    """Everything else: numbers, messages, tools, and what the model's schema declares."""
    check_numbers(body, {**LIMITS, **{k: v for k, v in facts.limits.items() if isinstance(v, dict)}})
    check_messages(body["messages"], facts)
    _check_stop(body.get("stop"))
    _check_tools(body)
    _check_options(body, facts)
    _check_thinking(body, facts)


def check_numbers(body: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
    for name, limit in limits.items():
        value = body.get(name)
        if value is None or not isinstance(limit, Mapping):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise invalid(name, limit.get("type", "number"), kind_of(value), "Invalid type")
        if limit.get("type") == "integer" and value != int(value):
            raise invalid(name, "integer", value, "Invalid type")
        if "minimum" in limit and value < limit["minimum"]:
            raise invalid(name, f"number greater than or equal to {limit['minimum']}", value, "Number too small")
        if "maximum" in limit and value > limit["maximum"]:
            raise invalid(name, f"number less than or equal to {limit['maximum']}", value, "Number too big")


def check_messages(messages: list[Any], facts: Facts) -> None:
    if not messages:
        raise invalid("messages", "at least 1 element", "0", "Too few")
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if not isinstance(message, dict):
            raise invalid(where, "object", kind_of(message), "Invalid type")
        role = message.get("role")
        if role not in ROLES:
            shown = f"'{role[:60]}'" if isinstance(role, str) else "undefined" if role is None else kind_of(role)
            raise invalid(f"{where}.role", " | ".join(f"'{r}'" for r in ROLES), shown, "Invalid enum value")
        # Claude ids are documented in both dialects: theirs (no system or tool role) and this one
        if facts.roles and role not in facts.roles and facts.family != "anthropic":
            raise Refused(400, f"Unsupported value: '{where}.role' does not support '{role}' with this model.")
        _check_content(message, where, role, facts)
        if role == "tool" and not isinstance(message.get("tool_call_id"), str):
            received = kind_of(message["tool_call_id"]) if "tool_call_id" in message else "undefined"
            raise invalid(f"{where}.tool_call_id", "string", received, "Required")
        _check_calls(message.get("tool_calls"), where)


def _check_content(message: dict[str, Any], where: str, role: str, facts: Facts) -> None:
    content = message.get("content")
    if content is None:
        if role == "assistant":
            return  # a turn that only calls, or only thinks
        received = "null" if "content" in message else "undefined"
        raise invalid(f"{where}.content", "string | array", received, "Required")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise invalid(f"{where}.content", "string | array", kind_of(content), "Invalid type")
    allowed: tuple[str, ...] = PARTS
    if role == "user" and facts.parts and facts.family != "anthropic":
        allowed = tuple(part for part in facts.parts if not part.startswith("("))
    for at, part in enumerate(content):
        _check_part(part, f"{where}.content[{at}]", allowed)


def _check_part(part: Any, where: str, allowed: tuple[str, ...]) -> None:
    if not isinstance(part, dict):
        raise invalid(where, "object", kind_of(part), "Invalid type")
    kind = part.get("type")
    if kind not in allowed:
        shown = f"'{kind[:60]}'" if isinstance(kind, str) else "undefined" if kind is None else kind_of(kind)
        raise invalid(f"{where}.type", " | ".join(f"'{p}'" for p in allowed), shown, "Invalid discriminator value")
    if kind == "text" and not isinstance(part.get("text"), str):
        raise invalid(f"{where}.text", "string", _kind_at(part, "text"), "Invalid type")
    needed = {"image_url": "url", "input_audio": "data", "video_url": "url"}.get(kind)
    if kind in ("image_url", "input_audio", "video_url", "file") and not isinstance(part.get(kind), dict):
        raise invalid(f"{where}.{kind}", "object", _kind_at(part, kind), "Invalid type")
    if needed and not isinstance(part[kind].get(needed), str):
        raise invalid(f"{where}.{kind}.{needed}", "string", _kind_at(part[kind], needed), "Invalid type")


def _check_calls(calls: Any, where: str) -> None:
    if calls is None:
        return
    if not isinstance(calls, list):
        raise invalid(f"{where}.tool_calls", "array", kind_of(calls), "Invalid type")
    for at, call in enumerate(calls):
        here = f"{where}.tool_calls[{at}]"
        if not isinstance(call, dict):
            raise invalid(here, "object", kind_of(call), "Invalid type")
        if call.get("type") == "custom":
            continue
        function = call.get("function")
        if not isinstance(function, dict):
            raise invalid(f"{here}.function", "object", _kind_at(call, "function"), "Invalid type")
        for key in ("name", "arguments"):
            if not isinstance(function.get(key), str):
                raise invalid(f"{here}.function.{key}", "string", _kind_at(function, key), "Invalid type")


def _check_stop(stop: Any) -> None:
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list):
        raise invalid("stop", "string | array", kind_of(stop), "Invalid type")
    for at, mark in enumerate(stop):
        if not isinstance(mark, str):
            raise invalid(f"stop[{at}]", "string", kind_of(mark), "Invalid type")


def _check_tools(body: dict[str, Any]) -> None:
    tools = body.get("tools") or []
    if len(tools) > MAX_TOOLS:
        raise invalid("tools", f"at most {MAX_TOOLS} elements", len(tools), "Too many")
    names = []
    for at, tool in enumerate(tools):
        where = f"tools[{at}]"
        if not isinstance(tool, dict):
            raise invalid(where, "object", kind_of(tool), "Invalid type")
        if "input_schema" not in tool and not isinstance(tool.get("type"), str):
            raise invalid(f"{where}.type", "'function'", _kind_at(tool, "type"), "Invalid type")
        if tool.get("type") in ("function", "custom"):
            inner = tool.get(tool["type"])
            if not isinstance(inner, dict):
                raise invalid(f"{where}.{tool['type']}", "object", _kind_at(tool, tool["type"]), "Invalid type")
            name = inner.get("name")
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_$-]{1,64}", name):
                shown = f"'{name[:80]}'" if isinstance(name, str) else _kind_at(inner, "name")
                raise invalid(f"{where}.{tool['type']}.name", "1 to 64 of A-Z a-z 0-9 _ -", shown)
            if not isinstance(inner.get("parameters", {}), (dict, type(None))):
                raise invalid(f"{where}.function.parameters", "object", kind_of(inner["parameters"]), "Invalid type")
            names.append(name)
        elif isinstance(tool.get("name"), str):
            names.append(tool["name"])
    _check_tool_choice(body.get("tool_choice"), names)


def _check_tool_choice(choice: Any, names: list[str]) -> None:
    if choice is None:
        return
    words = ("none", "auto", "required", "any")
    if isinstance(choice, str):
        if choice not in words:
            raise invalid(
                "tool_choice", "'none' | 'auto' | 'required' | object", f"'{choice[:60]}'", "Invalid enum value"
            )
    elif not isinstance(choice, dict):
        raise invalid("tool_choice", "string | object", kind_of(choice), "Invalid type")
    elif not isinstance(choice.get("type"), str):
        raise invalid("tool_choice.type", "string", _kind_at(choice, "type"), "Invalid type")
    else:
        named = choice.get("function") or choice.get("custom") or choice
        name = named.get("name") if isinstance(named, dict) else None
        if isinstance(name, str) and name not in names:
            raise invalid("tool_choice.function.name", "the name of one of the tools", f"'{name[:80]}'")


def _check_options(body: dict[str, Any], facts: Facts) -> None:
    options = body.get("stream_options")
    if options is not None and not isinstance(options.get("include_usage"), bool):
        raise invalid("stream_options.include_usage", "boolean", _kind_at(options, "include_usage"), "Invalid type")
    form = body.get("response_format")
    if form is not None:
        kinds = facts.limits.get("response_format") or ["text", "json_object", "json_schema"]
        if form.get("type") not in kinds:
            shown = f"'{form['type'][:60]}'" if isinstance(form.get("type"), str) else _kind_at(form, "type")
            raise invalid("response_format.type", " | ".join(f"'{k}'" for k in kinds), shown, "Invalid enum value")
        if form["type"] == "json_schema":
            held = form.get("json_schema")
            if not isinstance(held, dict):
                raise invalid("response_format.json_schema", "object", _kind_at(form, "json_schema"), "Invalid type")
            if not isinstance(held.get("name"), str):
                raise invalid("response_format.json_schema.name", "string", _kind_at(held, "name"), "Invalid type")
            if not isinstance(held.get("schema", {}), dict):
                raise invalid("response_format.json_schema.schema", "object", _kind_at(held, "schema"), "Invalid type")
    if body.get("top_logprobs") is not None and body.get("logprobs") is not True:
        raise invalid("logprobs", "true when top_logprobs is given", str(body.get("logprobs")).lower())
    for at, mode in enumerate(body.get("modalities") or []):
        if mode not in ("text", "audio"):
            raise invalid(f"modalities[{at}]", "'text' | 'audio'", repr(mode)[:60], "Invalid enum value")
    audio: Any = body.get("audio")
    for key in ("voice", "format") if isinstance(audio, dict) else ():
        if not isinstance(audio.get(key), (str, dict) if key == "voice" else str):
            raise invalid(f"audio.{key}", "string", _kind_at(audio, key), "Required")


def _check_thinking(body: dict[str, Any], facts: Facts) -> None:
    efforts, effort = facts.limits.get("reasoning_effort"), body.get("reasoning_effort")
    if effort is not None:
        expected = efforts if isinstance(efforts, list) and efforts else None
        if not isinstance(effort, str) or (expected and effort not in expected):
            shown = f"'{effort[:60]}'" if isinstance(effort, str) else kind_of(effort)
            words = expected or ["low", "medium", "high"]
            raise invalid("reasoning_effort", " | ".join(f"'{e}'" for e in words), shown, "Invalid enum value")
    thinking = body.get("thinking")
    if thinking is not None and thinking.get("type") not in ("enabled", "disabled", "adaptive"):
        shown = repr(thinking.get("type"))[:60] if "type" in thinking else "undefined"
        raise invalid("thinking.type", "'enabled' | 'disabled' | 'adaptive'", shown, "Invalid enum value")
    if thinking is not None and facts.family == "anthropic" and thinking["type"] == "enabled":
        budget = thinking.get("budget_tokens")
        if isinstance(budget, bool) or not isinstance(budget, (int, float)) or budget < 1024:
            received = budget if isinstance(budget, (int, float)) else _kind_at(thinking, "budget_tokens")
            raise invalid("thinking.budget_tokens", "number greater than or equal to 1024", received)
        most = body.get("max_tokens")
        if isinstance(most, (int, float)) and budget >= most:
            raise invalid("thinking.budget_tokens", f"number less than max_tokens ({most})", budget)
    # Source: https://docs.aimlapi.com/api-references/text-models-llm/alibaba-cloud/qwen3-32b
    if facts.id == "alibaba/qwen3-32b" and body.get("enable_thinking") is True and body.get("stream") is not True:
        raise invalid("enable_thinking", "false for non-streaming calls", "true")


def check_length(prompt_tokens: int, facts: Facts) -> None:
    """Refuses a prompt longer than the model's context, in the upstream's words."""
    most = facts.context_length or DEFAULT_CONTEXT
    if prompt_tokens > most:
        raise Refused(
            400,
            f"400 This model's maximum context length is {most} tokens. However, your messages resulted in "
            f"{prompt_tokens} tokens. Please reduce the length of the messages. (context_length_exceeded)",
        )


def _kind_at(holder: Mapping[str, Any], key: str) -> str:
    return kind_of(holder[key]) if key in holder else "undefined"
