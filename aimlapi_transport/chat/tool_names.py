"""Names of tools that the wire does not take -> legal ones, and back in the reply. Pure.

A name's legal form depends on the name alone, so that the same tool is called the same in each request of a
conversation, whatever tools stand beside it. To rename in another field of a body, add it to `_named_values`.
Source of what is legal: https://docs.aimlapi.com/capabilities/function-calling
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any
from zlib import crc32

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError

MAX_LENGTH = 64
_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Kimi's own functions, such as $web_search, which no tool of the user's is behind.
_VENDORS = re.compile(r"\$[A-Za-z0-9_-]{1,63}")
TOOL_FIELDS = frozenset(("tools", "functions", "tool_choice", "function_call"))
"""The fields of a body, beside its messages, that name tools."""
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
    for value, is_offered in _named_values(body):
        (offered if is_offered else called).add(value["name"])
    names = offered | {name for name in called if not _VENDORS.fullmatch(name)}
    if all(map(_LEGAL.fullmatch, names)):
        return body, {}
    renamed = wire_names(names)
    copy: Json = _copied(body)
    for value, _ in _named_values(copy):
        value["name"] = renamed.get(value["name"], value["name"])
    return copy, {wire: name for name, wire in renamed.items()}


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


def _copied(value: Any) -> Any:
    """A copy of a JSON value down to its texts and numbers."""
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _named_values(body: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """The objects of a body whose `name` is a tool's, and whether they offer a tool of that name."""
    for tool in _objects(body.get("tools")):
        yield from _offered(tool)
    for function in _objects(body.get("functions")):
        yield _checked(function), True
    for choice in _objects((body.get("tool_choice"), body.get("function_call"))):
        yield from _chosen(choice)
    for message in _objects(body.get("messages")):
        if message.get("role") == "assistant":
            yield from _called(message)
        elif message.get("name") and message.get("role") in ("tool", "function"):
            yield message, False
    for item in _objects(body.get("input")):
        if item.get("type") in CALL_ITEMS and _has_name(item):
            yield item, False
        elif item.get("type") in _ITEMS_WITH_TOOLS:
            for tool in _objects(item.get("tools")):
                yield from _offered(tool)


def _objects(values: Any) -> Iterable[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, (list, tuple)) else ()


def _offered(tool: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    kind = tool.get("type", "function" if "function" in tool or "name" in tool else None)
    if kind == "namespace":
        for inner in _objects(tool.get("tools")):
            yield from _offered(inner)
    elif kind in ("function", "custom"):
        function = tool.get(kind)
        yield _checked(function if isinstance(function, Mapping) else tool), True


def _checked(function: Mapping[str, Any]) -> Mapping[str, Any]:
    name = function.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidRequestError(
            f"A tool has the invalid name {name!r}: pass a string. The tool is {str(dict(function))[:120]}."
        )
    return function


def _chosen(choice: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    for field in ("allowed_tools", "function", "custom"):
        if isinstance(choice.get(field), Mapping):
            yield from _chosen(choice[field])
            return
    for tool in _objects(choice.get("tools")):
        yield from _chosen(tool)
    if _has_name(choice) and choice.get("type") in (None, "function", "custom"):
        yield choice, False


def _called(message: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """The calls of a message of the model."""
    function = message.get("function_call")
    if isinstance(function, Mapping) and _has_name(function):
        yield function, False
    for call in message.get("tool_calls") or ():
        if isinstance(call, Mapping) and call.get("type") != "builtin_function":
            function = call.get("function") or call.get("custom")
            if isinstance(function, Mapping) and _has_name(function):
                yield function, False


def _has_name(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("name"), str) and value["name"] != ""
