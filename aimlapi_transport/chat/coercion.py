"""Strings that spell the array or the object that a schema wants -> that array or object. Pure.

Models write `{"tags": "[\\"a\\", \\"b\\"]"}` where the schema of `tags` is an array. Such a value is taken for what it
spells only where its schema takes an array or an object and no string, and only where it is valid JSON: nothing is
repaired, and a string that the schema allows (by type, `enum` or `const`, or as it says nothing) is not touched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from aimlapi_transport.chat.tool_calls import ToolCall
from aimlapi_transport.json_codec import is_too_deep, read_text

_Types = frozenset[str]
_ALL: _Types = frozenset(("string", "array", "object"))  # of the JSON types those that matter here
_NONE: _Types = frozenset()
_UNIONS = ("anyOf", "oneOf")


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
        types = _types(schema, root)
        if "string" in types or not types:
            return value
        read = _read(value)
        if read is None or ("array" if isinstance(read, list) else "object") not in types:
            return value
        value = read
    if isinstance(value, dict):
        made: Any = {name: _at(inner, schema, name, root) for name, inner in value.items()}
        return made if any(made[name] is not inner for name, inner in value.items()) else value
    if isinstance(value, list):
        made = [_at(inner, schema, place, root) for place, inner in enumerate(value)]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    return value


def _at(value: Any, schema: Any, step: str | int, root: Any) -> Any:
    if not isinstance(value, (str, dict, list)):
        return value
    inner = _child(schema, step, root)
    return value if inner is None else _coerced(value, inner, root)


def _read(text: str) -> Any:
    """The array or object that a text spells, None where it spells none."""
    if text.lstrip()[:1] not in ("[", "{") or is_too_deep(text):
        return None
    try:
        return read_text(text)
    except (ValueError, RecursionError):
        return None


def _types(schema: Any, root: Any, refs: tuple[str, ...] = ()) -> _Types:
    """Which of string, array and object a value of this schema may be. What is not understood excludes nothing."""
    if not isinstance(schema, Mapping):
        return _NONE if schema is False else _ALL
    types = _ALL
    named = schema.get("type")
    if isinstance(named, (str, list)):
        types = types & {str(name).lower() for name in ([named] if isinstance(named, str) else named)}
    if isinstance(schema.get("enum"), list):
        types = types & {_type(value) for value in schema["enum"]}
    if "const" in schema:
        types = types & {_type(schema["const"])}
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in refs:
        types = types & _types(_target(ref, root), root, (*refs, ref))
    for word in _UNIONS:
        if isinstance(schema.get(word), list) and schema[word]:
            types = types & _NONE.union(*(_types(inner, root, refs) for inner in schema[word]))
    for inner in schema["allOf"] if isinstance(schema.get("allOf"), list) else ():
        types = types & _types(inner, root, refs)
    return types


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "other"


def _target(ref: str, root: Any) -> Any:
    """What a reference within the schema points at; True, which allows anything, where it is not found."""
    if ref != "#" and not ref.startswith("#/"):
        return True
    target = root
    for step in ref.split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and step.isdecimal() and int(step) < len(target):
            target = target[int(step)]
        elif isinstance(target, Mapping) and step in target:
            target = target[step]
        else:
            return True
    return target


def _child(schema: Any, step: str | int, root: Any, refs: tuple[str, ...] = ()) -> Any:
    """The schema of a property (a name) or of an item (a place); None where the schema has none."""
    if not isinstance(schema, Mapping):
        return None
    found = [own] if (own := _own_child(schema, step)) is not None else []
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in refs:
        found.append(_child(_target(ref, root), step, root, (*refs, ref)))
    if isinstance(schema.get("allOf"), list):
        found += [_child(inner, step, root, refs) for inner in schema["allOf"]]
    for word in _UNIONS:
        if isinstance(schema.get(word), list):
            choices = [_child(inner, step, root, refs) for inner in schema[word]]
            choices = [inner for inner in choices if inner is not None]
            found.append(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else None)
    found = [inner for inner in found if inner is not None]
    return found[0] if len(found) == 1 else {"allOf": found} if found else None


def _own_child(schema: Mapping[str, Any], step: str | int) -> Any:
    if isinstance(step, str):
        named = schema.get("properties")
        if isinstance(named, Mapping) and step in named:
            return named[step]
        patterns = schema.get("patternProperties")
        for pattern, inner in patterns.items() if isinstance(patterns, Mapping) else ():
            if _fits(pattern, step):
                return inner
        return _schema_in(schema, "additionalProperties")
    first = schema.get("prefixItems", schema.get("items"))
    if isinstance(first, list):
        if step < len(first):
            return first[step]
        return _schema_in(schema, "items" if "prefixItems" in schema else "additionalItems")
    return _schema_in(schema, "items")


def _fits(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _schema_in(schema: Mapping[str, Any], name: str) -> Any:
    inner = schema.get(name)
    return inner if isinstance(inner, Mapping) else None


_MARK = re.compile(r'["{}\[\],:]')
_BODY = re.compile(r'(?:[^"\\]+|\\.)*', re.DOTALL)


class CoercedText:
    """`coerce` for arguments that come as text, piece by piece: only a string that may have to be changed waits.

    Text that is no JSON is given back as it is from where that shows.
    """

    __slots__ = ("_escaped", "_is_broken", "_open", "_root", "_string", "_waits")

    def __init__(self, schema: Any) -> None:
        self._root = schema
        self._open: list[_Container] = []
        self._string: list[str] | None = None  # the string still open, where it is a name or waits
        self._waits: bool | None = None  # of the string still open: whether it waits; None where none is open
        self._escaped = False
        self._is_broken = False

    def feed(self, text: str) -> str:
        """The text that a piece adds."""
        given: list[str] = []
        at = 0
        while at < len(text):
            if self._is_broken:
                given.append(text[at:])
                break
            at = self._between(text, at, given) if self._waits is None else self._in_string(text, at, given)
        return "".join(given)

    def rest(self) -> str:
        """What still waits, now that nothing follows."""
        return "".join(self._string or ()) if self._waits else ""

    def _between(self, text: str, at: int, given: list[str]) -> int:
        found = _MARK.search(text, at)
        if found is None:
            given.append(text[at:])
            return len(text)
        mark, end = found.group(), found.end()
        top = self._open[-1] if self._open else None
        if mark == '"':
            is_name = top is not None and top.names and top.step is None
            self._waits = not is_name and self._is_wanted(self._awaited())
            self._string = ['"'] if is_name or self._waits else None
            given.append(text[at : end - 1] if self._waits else text[at:end])
            return end
        given.append(text[at:end])
        if mark in "{[":
            self._open.append(_Container(self._awaited(), names=mark == "{"))
        elif top is None:
            self._is_broken = True
        elif mark in "}]":
            self._open.pop()
        elif mark == ",":
            top.step = None if top.names else int(top.step or 0) + 1
        return end

    def _in_string(self, text: str, at: int, given: list[str]) -> int:
        start = at
        if self._escaped:
            self._escaped = False
            at += 1
        found = _BODY.match(text, at)
        end = found.end() if found else at
        is_closed = text[end : end + 1] == '"'
        if not is_closed and end < len(text):  # a backslash at the end of the piece
            self._escaped = True
        end = end + 1 if is_closed else len(text)
        piece = text[start:end]
        if not self._waits:
            given.append(piece)
        if self._string is not None:
            self._string.append(piece)
        if is_closed:
            self._close_string(given)
        return end

    def _close_string(self, given: list[str]) -> None:
        waits, self._waits = self._waits, None
        if self._string is None:
            return
        written, self._string = "".join(self._string), None
        try:
            value = read_text(written)
        except ValueError:
            self._is_broken = True
            given.append(written if waits else "")
            return
        if not waits:
            self._open[-1].step = value
            return
        coerced = _coerced(value, self._awaited(), self._root)
        given.append(written if isinstance(coerced, str) else json.dumps(coerced, ensure_ascii=False))

    def _awaited(self) -> Any:
        """The schema of the value that comes next, or is under way."""
        if not self._open:
            return self._root
        top = self._open[-1]
        step = top.step if top.names else int(top.step or 0)
        return None if step is None or top.schema is None else _child(top.schema, step, self._root)

    def _is_wanted(self, schema: Any) -> bool:
        if schema is None:
            return False
        types = _types(schema, self._root)
        return bool(types) and "string" not in types


class _Container:
    """An object or an array still open: its schema, and the name or place of the value under way."""

    __slots__ = ("names", "schema", "step")

    def __init__(self, schema: Any, *, names: bool) -> None:
        self.schema = schema
        self.names = names
        self.step: str | int | None = None


def coerced_text(tools: Iterable[Any], name: str) -> CoercedText | None:
    """What reads the arguments of a call of this tool as they come; None where there is nothing to be changed."""
    schema = schema_of(tools, name)
    return CoercedText(schema) if isinstance(schema, Mapping) and _holds_containers(schema) else None


def _holds_containers(schema: Mapping[str, Any]) -> bool:
    """Whether any value in the arguments may be an array or an object."""
    left: list[Any] = [value for name, value in schema.items() if name != "type"]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
        elif isinstance(value, str) and value.lower() in ("array", "object"):
            return True
    return False
