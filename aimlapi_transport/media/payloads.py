"""Values in the JSON of a reply, whatever type they came in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_ENVELOPES = ("result", "output", "data")
_MARKS = ("id", "generation_id", "status", "state")
_CONTENT = ("text", "transcript", "transcription", "results", "pages")  # of a body that needs no envelope


def as_object(value: Any) -> Json:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> Iterator[Json]:
    """The objects in a list, or the one that stands alone."""
    items = value if isinstance(value, list) else [value]
    return (item for item in items if isinstance(item, dict))


def text(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> float | None:
    """A number, or the text of one."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
        return float(value)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(value: Any) -> int | None:
    """A number without its fraction."""
    exact = number(value)
    return None if exact is None else int(exact)


def is_blank(value: Any) -> bool:
    """Whether a value says nothing: null, false, zero, an empty text, or objects and lists of nothing but these."""
    if isinstance(value, dict):
        return all(is_blank(item) for item in value.values())
    if isinstance(value, list):
        return all(is_blank(item) for item in value)
    return not value


def as_reply(payload: Any) -> Json:
    """A reply's object; what its `data`, `result` or `output` holds where nothing but that has an id or a state."""
    body = as_object(payload)
    if any(body.get(name) is not None for name in _MARKS):
        return body
    inner = (as_object(body.get(name)) for name in _ENVELOPES)
    return next((each for each in inner if any(isinstance(each.get(name), str) for name in _MARKS)), body)


def without_envelope(payload: Json) -> Json:
    """What `result`, `output` or `data` holds: transcripts and pages come in such, or as they are."""
    body = payload
    while not any(body.get(name) for name in _CONTENT):
        enclosed = next((body[name] for name in _ENVELOPES if body.get(name)), None)
        if isinstance(enclosed, str):
            return {"text": enclosed}
        inner = next(objects(enclosed), None)
        if inner is None:
            break
        body = inner
    return body


def with_enclosed(payload: Json) -> Json:
    """A reply's fields, and those of the objects in its `result`, `output` or `data` that it has not itself."""
    fields, body = dict(payload), payload
    while inner := next((body[name] for name in _ENVELOPES if isinstance(body.get(name), dict)), None):
        fields = {**inner, **{name: value for name, value in fields.items() if value is not None}}
        body = inner
    return fields
