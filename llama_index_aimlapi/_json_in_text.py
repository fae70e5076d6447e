"""JSON in what a model wrote as text: bare, fenced, or between words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aimlapi_transport.chat.double_encoding import unquoted
from aimlapi_transport.chat.surrogates import whole_value
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_codec import read_text

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
_DECODER = json.JSONDecoder()


def json_values(text: str) -> Iterator[Any]:
    """The JSON values a text may mean, likeliest first: all of it, what is fenced, then objects between words.

    A JSON string that holds an object (encoded twice) means that object.
    """
    stripped = text.strip()
    for candidate in (stripped, *(inner.strip() for inner in _FENCE.findall(stripped))):
        if candidate[:1] == '"':
            candidate, is_sound = unquoted(candidate)
            candidate = candidate if is_sound else ""
        if candidate[:1] in ("{", "["):
            try:
                yield read_text(candidate)
            except (ValueError, RecursionError):
                continue
    at = stripped.find("{")
    while at >= 0:
        try:
            value, end = _DECODER.raw_decode(stripped, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield whole_value(value)
        at = stripped.find("{", end)


def arguments_in(text: str, definition: Json) -> Json | None:
    """The arguments that a text spells for the one tool the model had to call; None where it spells none.

    Args:
        definition: the tool's, as it travels; an object that lacks what it requires, or has more, is not meant for it.
    """
    function = definition.get("function") or {}
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
