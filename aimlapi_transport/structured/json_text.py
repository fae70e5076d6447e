"""JSON in what a model wrote as text: bare, in a code fence, or between words. Pure.

A code fence counts where it begins a line, which nothing inside a JSON string can. Where the value ends is decided by
JSON, not by the next fence, so that a fenced block in one of its strings does not cut it. Nothing is repaired.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from aimlapi_transport.chat.coercion import coerce
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_codec import is_too_deep, read_text
from aimlapi_transport.surrogates import whole_value

_OPENING_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\S\n]*[\w.+-]*\s*", re.MULTILINE)
_OBJECT = re.compile(r'\{\s*"')  # how one begins, and seldom anything else in braces
_BLANK = " \t\r\n"
_DECODER = json.JSONDecoder()


def json_values(text: str) -> Iterator[Any]:
    """The JSON values that a text may mean, likeliest first: all of it, what a code fence holds, objects between words.

    A whole text or fence that is a JSON string holding an object (encoded twice) means that object.
    """
    stripped = text.strip()
    if not stripped or is_too_deep(stripped):
        return
    try:
        yield _unquoted(read_text(stripped))
    except (ValueError, RecursionError):
        if stripped[0] != "{":
            yield from _fenced(stripped)
        yield from _between_words(stripped)


def json_answer(text: str, schema: Mapping[str, Any] | None = None) -> Any:
    """The value that a text answers with: the first that has the schema's required keys, else the first.

    A string that spells the array or the object the schema wants in its place is that one, see `chat.coercion`.

    Raises:
        ValueError: there is no JSON in the text.
    """
    values = [coerce(value, schema) for value in json_values(text)]
    if not values:
        raise ValueError(f"The answer is not JSON: {text[:200]!r}.")
    required = (schema or {}).get("required")
    names = set(required) if isinstance(required, list) else set()
    return next((value for value in values if isinstance(value, dict) and names <= value.keys()), values[0])


def arguments_in(text: str, tool: Json) -> Json | None:
    """The arguments that a text spells for a tool that had to be called; None where it spells none.

    Args:
        tool: the definition that was sent; an object that lacks what it requires, or has more, is not meant for it.
    """
    function = tool.get("function") or {}
    schema = function.get("parameters") or {}
    for value in json_values(text):
        candidates = [value]
        if isinstance(value, dict) and value.get("name") == function.get("name"):  # the whole call
            candidates += [value.get("arguments"), value.get("parameters")]
        for candidate in candidates:
            if (
                isinstance(candidate, dict)
                and candidate.keys() <= (schema.get("properties") or {}).keys()
                and candidate.keys() >= set(schema.get("required") or ())
            ):
                return candidate
    return None


def _unquoted(value: Any) -> Any:
    """The object that a JSON string spells, the value itself where it spells none."""
    if not isinstance(value, str) or value.lstrip()[:1] != "{":
        return value
    try:
        return read_text(value)
    except (ValueError, RecursionError):
        return value


def _fenced(text: str) -> Iterator[Any]:
    at = 0
    while opening := _OPENING_FENCE.search(text, at):
        at = opening.end()
        value, end = _decoded(text, at)
        behind = text[end:].lstrip(_BLANK) if end > at else "-"
        if not behind or behind.startswith(opening[1]):
            yield _unquoted(value)
            at = len(text) - len(behind) + len(opening[1])


def _between_words(text: str) -> Iterator[Any]:
    """The objects that are in a text, up to one that is broken: what is inside that one is no answer."""
    at = text.find("{")
    while at >= 0:
        value, end = _decoded(text, at)
        if end > at:
            yield value
        elif _OBJECT.match(text, at):
            return
        at = text.find("{", max(end, at + 1))


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value that begins here, and where it ends: here, where none begins."""
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at
    return whole_value(value), end
