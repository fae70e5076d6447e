"""Names of tools that the wire does not take -> legal ones, and back in the reply. Pure.

A name's legal form depends on the name alone, so that the same tool is called the same in each request of a
conversation, whatever tools stand beside it. To rename in another field of a body, add it to `_renamed_body`.
Source of what is legal: https://docs.aimlapi.com/capabilities/function-calling
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any
from zlib import crc32

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError

Rename = Callable[[str, bool], str]
"""A name, and whether the user offers a tool of that name, to the name to send."""

MAX_LENGTH = 64
_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Kimi's own functions, such as $web_search, which no tool of the user's is behind.
_VENDORS = re.compile(r"\$[A-Za-z0-9_-]{1,63}")
CALL_ITEMS = ("function_call", "custom_tool_call")
"""Output items that are calls of the user's own tools."""
_ITEMS_WITH_TOOLS = ("tool_search_output", "additional_tools")
# Fields of a reply in which a `name` is the model's or a schema's, and no tool's.
_FREE_FIELDS = frozenset(("arguments", "input", "parameters", "schema"))


def wire_names(names: Iterable[str]) -> dict[str, str]:
    """The legal name for each of these names that has to have another, no two alike.

    A name that is legal is sent as it is. Any other gets a checksum of its own behind what of it is legal.
    """
    known = sorted(set(names))
    taken = {name for name in known if _LEGAL.fullmatch(name)}
    renamed: dict[str, str] = {}
    for name in known:
        if name in taken:
            continue
        renamed[name] = next(form for attempt in count() if (form := _legal_form(name, attempt)) not in taken)
        taken.add(renamed[name])
    return renamed


def _legal_form(name: str, attempt: int) -> str:
    """The legal form of a name; each attempt gives another."""
    readable = re.sub("[^A-Za-z0-9_-]+", "_", name).strip("_") or "tool"
    checksum = f"{crc32(name.encode('utf-8', 'surrogatepass'), attempt):08x}"
    return f"{readable[: MAX_LENGTH - len(checksum) - 1]}_{checksum}"


def with_wire_names(body: Json) -> tuple[Json, dict[str, str]]:
    """A body of either endpoint with the names that the wire takes, and the user's name for each that was changed.

    Raises:
        InvalidRequestError: a tool without a name.
    """
    offered: set[str] = set()
    called: set[str] = set()

    def collect(name: str, is_offered: bool) -> str:
        (offered if is_offered else called).add(name)
        return name

    _renamed_body(body, collect)
    names = offered | {name for name in called if not _VENDORS.fullmatch(name)}
    if all(map(_LEGAL.fullmatch, names)):
        return body, {}
    renamed = wire_names(names)
    return _renamed_body(body, lambda name, _: renamed.get(name, name)), {wire: name for name, wire in renamed.items()}


def restore_names(payload: Any, names: Mapping[str, str]) -> None:
    """Puts the user's names into a reply, or an event of one, wherever a tool is named in it."""
    if isinstance(payload, list):
        for inner in payload:
            restore_names(inner, names)
    elif isinstance(payload, dict):
        for field, inner in payload.items():
            if field == "name" and isinstance(inner, str):
                payload[field] = names.get(inner, inner)
            elif field not in _FREE_FIELDS:
                restore_names(inner, names)


def _renamed_body(body: Json, rename: Rename) -> Json:
    sent = dict(body)
    for field, one in (("tools", _tool), ("functions", _named), ("messages", _message), ("input", _item)):
        values = sent.get(field)
        if isinstance(values, (list, tuple)):
            sent[field] = [one(value, rename) if isinstance(value, Mapping) else value for value in values]
    for field in ("tool_choice", "function_call"):
        if isinstance(sent.get(field), Mapping):
            sent[field] = _choice(sent[field], rename)
    return sent


def _tool(tool: Mapping[str, Any], rename: Rename) -> Mapping[str, Any]:
    kind = tool.get("type", "function" if "function" in tool or "name" in tool else None)
    if kind == "namespace" and isinstance(tool.get("tools"), list):
        return {**tool, "tools": [_tool(inner, rename) for inner in tool["tools"] if isinstance(inner, Mapping)]}
    if kind not in ("function", "custom"):
        return tool
    inner = tool.get(kind)
    return {**tool, kind: _named(inner, rename)} if isinstance(inner, Mapping) else _named(tool, rename)


def _named(function: Mapping[str, Any], rename: Rename, is_offered: bool = True) -> Json:
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError(f"A tool has the name {name!r}: give it one. It is {str(dict(function))[:120]}.")
    return {**function, "name": rename(name, is_offered)}


def _choice(choice: Mapping[str, Any], rename: Rename) -> Mapping[str, Any]:
    for field in ("allowed_tools", "function", "custom"):
        if isinstance(choice.get(field), Mapping):
            return {**choice, field: _choice(choice[field], rename)}
    sent = dict(choice)
    if isinstance(sent.get("tools"), list):
        sent["tools"] = [_choice(tool, rename) if isinstance(tool, Mapping) else tool for tool in sent["tools"]]
    if isinstance(sent.get("name"), str) and sent.get("type") in (None, "function", "custom"):
        sent["name"] = rename(sent["name"], False)
    return sent


def _message(message: Mapping[str, Any], rename: Rename) -> Mapping[str, Any]:
    role = message.get("role")
    if role in ("tool", "function"):
        return _called(message, rename) if message.get("name") else message
    if role != "assistant" or not (message.get("tool_calls") or message.get("function_call")):
        return message
    sent = dict(message)
    if isinstance(sent.get("function_call"), Mapping):
        sent["function_call"] = _called(sent["function_call"], rename)
    if sent.get("tool_calls"):
        sent["tool_calls"] = [_call(call, rename) for call in sent["tool_calls"]]
    return sent


def _call(call: Any, rename: Rename) -> Any:
    if not isinstance(call, Mapping) or call.get("type") == "builtin_function":
        return call
    for kind in ("function", "custom"):
        if isinstance(call.get(kind), Mapping):
            return {**call, kind: _called(call[kind], rename)}
    return call


def _called(value: Mapping[str, Any], rename: Rename) -> Json:
    name = value.get("name")
    return {**value, "name": rename(name, False) if isinstance(name, str) and name else name}


def _item(item: Mapping[str, Any], rename: Rename) -> Mapping[str, Any]:
    kind = item.get("type")
    if kind in CALL_ITEMS:
        return _called(item, rename)
    if kind in _ITEMS_WITH_TOOLS and isinstance(item.get("tools"), list):
        return {**item, "tools": [_tool(tool, rename) if isinstance(tool, Mapping) else tool for tool in item["tools"]]}
    return item
