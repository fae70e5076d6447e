"""Strings that spell the array or the object that a schema wants -> that array or object. Pure.

Models write `{"tags": "[\\"a\\", \\"b\\"]"}` where the schema of `tags` is an array. Such a value is taken for what it
spells only where its schema takes an array or an object and no string, and only where it is valid JSON: nothing is
repaired, and a string that the schema allows (by type, `enum` or `const`, or as it says nothing) is not touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from aimlapi_transport.chat.tool_calls import ToolCall
from aimlapi_transport.json_codec import is_too_deep, read_text
from aimlapi_transport.json_schema import json_type, json_types, subschema


def coerce(value: Any, schema: Any) -> Any:
    """The value with each string that spells a wanted array or object as that one, on every level.

    Args:
        schema: a JSON schema; its references are looked up in itself.

    Returns:
        The value itself where nothing is to be changed.
    """
    try:
        return _coerced(value, schema, schema)
    except RecursionError:
        return value


def schema_of(tools: Iterable[Any], name: str) -> Any:
    """The schema of the arguments of the tool of this name, None where it has none.

    Args:
        tools: definitions as they travel.
    """
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and function.get("name") == name:
            return function.get("parameters")
    return None


def coerced_call(call: ToolCall, tools: Iterable[Any]) -> ToolCall:
    """The call with its arguments as `coerce` reads them; the call itself where nothing is to be changed."""
    if not call.parsed:
        return call
    parsed = coerce(call.parsed, schema_of(tools, call.name))
    if parsed is call.parsed:
        return call
    return replace(call, parsed=parsed, arguments=json.dumps(parsed, ensure_ascii=False))


def _coerced(value: Any, schema: Any, root: Any) -> Any:
    if isinstance(value, str):
        types = json_types(schema, root)
        spelled = None if "string" in types else _spelled(value)
        if spelled is None or json_type(spelled) not in types:
            return value
        value = spelled
    if isinstance(value, dict):
        coerced: Any = {name: _coerced_part(inner, schema, name, root) for name, inner in value.items()}
        return coerced if any(coerced[name] is not inner for name, inner in value.items()) else value
    if isinstance(value, list):
        coerced = [_coerced_part(inner, schema, index, root) for index, inner in enumerate(value)]
        return coerced if any(new is not old for new, old in zip(coerced, value, strict=True)) else value
    return value


def _coerced_part(value: Any, schema: Any, step: str | int, root: Any) -> Any:
    if not isinstance(value, (str, dict, list)):
        return value
    inner = subschema(schema, step, root)
    return value if inner is None else _coerced(value, inner, root)


def _spelled(text: str) -> list[Any] | dict[str, Any] | None:
    """The array or object that a text spells, None where it spells none."""
    if text.lstrip()[:1] not in ("[", "{") or is_too_deep(text):
        return None
    try:
        return cast("list[Any] | dict[str, Any]", read_text(text))
    except (ValueError, RecursionError):
        return None


_STRUCTURE = re.compile(r'["{}\[\],:]')
_STRING_BODY = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)


class CoercedText:
    """`coerce` for arguments that come as text, piece by piece: only a string that may have to be changed waits.

    Text that is no JSON is passed on as it is from where that shows.
    """

    __slots__ = ("_containers", "_is_broken", "_is_escaped", "_root", "_string", "_waits")

    def __init__(self, schema: Any) -> None:
        self._root = schema
        self._containers: list[_Container] = []  # those still open, outermost first
        self._string: list[str] | None = None  # the pieces of the string still open, where it is a name or waits
        self._waits: bool | None = None  # whether the string still open waits; None where none is open
        self._is_escaped = False
        self._is_broken = False

    def feed(self, text: str) -> str:
        """The text that a piece adds."""
        output: list[str] = []
        at = 0
        while at < len(text):
            if self._is_broken:
                output.append(text[at:])
                break
            at = self._between(text, at, output) if self._waits is None else self._in_string(text, at, output)
        return "".join(output)

    def rest(self) -> str:
        """What still waits, now that nothing follows."""
        return "".join(self._string or ()) if self._waits else ""

    def _between(self, text: str, at: int, output: list[str]) -> int:
        match = _STRUCTURE.search(text, at)
        if match is None:
            output.append(text[at:])
            return len(text)
        sign, end = match.group(), match.end()
        top = self._containers[-1] if self._containers else None
        if sign == '"':
            is_name = top is not None and top.is_object and top.step is None
            self._waits = not is_name and self._takes_no_string(self._schema_of_next())
            self._string = ['"'] if is_name or self._waits else None
            output.append(text[at : end - 1] if self._waits else text[at:end])
            return end
        output.append(text[at:end])
        if sign in "{[":
            self._containers.append(_Container(self._schema_of_next(), sign == "{"))
        elif top is None:
            self._is_broken = True
        elif sign in "}]":
            self._containers.pop()
        elif sign == ",":
            top.step = None if top.is_object else int(top.step or 0) + 1
        return end

    def _in_string(self, text: str, at: int, output: list[str]) -> int:
        start = at
        if self._is_escaped:
            self._is_escaped = False
            at += 1
        match = _STRING_BODY.match(text, at)
        end = match.end() if match else at
        is_closed = text[end : end + 1] == '"'
        if not is_closed and end < len(text):  # a backslash at the end of the piece
            self._is_escaped = True
        end = end + 1 if is_closed else len(text)
        if not self._waits:
            output.append(text[start:end])
        if self._string is not None:
            self._string.append(text[start:end])
        if is_closed:
            self._close_string(output)
        return end

    def _close_string(self, output: list[str]) -> None:
        waits, self._waits = self._waits, None
        if self._string is None:
            return
        written, self._string = "".join(self._string), None
        try:
            value = read_text(written)
        except ValueError:
            self._is_broken = True
            output.append(written if waits else "")
            return
        if not waits:
            self._containers[-1].step = value
            return
        coerced = _coerced(value, self._schema_of_next(), self._root)
        output.append(written if isinstance(coerced, str) else json.dumps(coerced, ensure_ascii=False))

    def _schema_of_next(self) -> Any:
        """The schema of the value that comes next, or is under way."""
        if not self._containers:
            return self._root
        top = self._containers[-1]
        step = top.step if top.is_object else int(top.step or 0)
        return None if step is None or top.schema is None else subschema(top.schema, step, self._root)

    def _takes_no_string(self, schema: Any) -> bool:
        if schema is None:
            return False
        types = json_types(schema, self._root)
        return "string" not in types and not types.isdisjoint(("array", "object"))


@dataclass(slots=True)
class _Container:
    """An object or an array still open: its schema, and the name or index of the value under way."""

    schema: Any
    is_object: bool
    step: str | int | None = None


def coerced_text(tools: Iterable[Any], name: str) -> CoercedText | None:
    """What reads the arguments of a call of this tool as they come; None where there is nothing to be changed."""
    schema = schema_of(tools, name)
    return CoercedText(schema) if isinstance(schema, Mapping) and _may_hold_containers(schema) else None


def _may_hold_containers(schema: Mapping[str, Any]) -> bool:
    """Whether any value in the arguments may have to be an array or an object."""
    left: list[Any] = [value for name, value in schema.items() if name != "type"]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            enum = value.get("enum")
            literals = [value.get("const"), *(enum if isinstance(enum, list) else ())]
            if any(isinstance(literal, (Mapping, list)) for literal in literals):
                return True
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, str) and value.lower() in ("array", "object"):
            return True
    return False
