"""JSON text <-> values: orjson, with the standard library where a gateway sends what orjson refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from aimlapi_transport.surrogates import whole_value

_SURROGATE = re.compile("[\ud800-\udfff]")
_BIG_NUMBER = re.compile("[0-9]{19}")  # may be past the 64 bits beyond which orjson makes a float of it
_DEEPEST = 200  # levels; Python's own functions for nested values give up at a thousand frames
_NO_MARKS = bytes(set(range(256)) - set(b'[]{}"'))


class JsonError(ValueError):
    """The text is no JSON in any reading."""


def loads(data: bytes | bytearray | str, on_lone_surrogate: Callable[[Any], Any] = whole_value) -> Any:
    """The value of JSON text. NaN, Infinity and lone surrogates are read too.

    What is read can be walked, copied and written again: it is never nested deeper than 200 levels.

    Args:
        on_lone_surrogate: what makes the value of one in whose texts a surrogate may stand alone; by default U+FFFD
            stands for it.

    Raises:
        JsonError: the text is no JSON, or is nested deeper than can be read.
    """
    if len(data) > 2 * _DEEPEST and is_too_deep(data):
        raise JsonError(f"JSON nested deeper than {_DEEPEST} levels: {data[:80]!r}")
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:
        text = data if isinstance(data, str) else _decoded(data)
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JsonError(f"not JSON: {data[:80]!r}") from error
    return on_lone_surrogate(value) if _may_hold_surrogates(text) else value


def read_text(text: str) -> Any:
    """The value of JSON text that a model wrote: integers of any size stay what they are.

    Raises:
        ValueError: the text is no JSON.
        RecursionError: it is nested too deep; `is_too_deep` tells beforehand.
    """
    if not _BIG_NUMBER.search(text):
        try:
            return orjson.loads(text)
        except ValueError:
            pass
    value = json.loads(text)
    return whole_value(value) if _may_hold_surrogates(text) else value


def _may_hold_surrogates(text: str) -> bool:
    return "\\ud" in text or "\\uD" in text or _SURROGATE.search(text) is not None


def _decoded(data: bytes | bytearray) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except ValueError:
        return data.decode("utf-8", "replace")


def is_too_deep(data: bytes | bytearray | str) -> bool:
    """Whether JSON text is nested deeper than 200 levels. Linear, and fast where there is little nesting."""
    if len(data) <= 2 * _DEEPEST:  # a level has two brackets
        return False
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if _has_few(b"[", raw) and _has_few(b"{", raw):  # also of a long text with little around it
        return False
    raw = bytes(raw)  # a bytearray takes twice as long
    marks = raw.translate(None, _NO_MARKS)
    if marks.count(b"[") + marks.count(b"{") <= _DEEPEST:
        return False
    if b"\\" in raw:
        marks = raw.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_MARKS)
    depth = deepest = 0
    for brackets in marks.split(b'"')[::2]:  # the odd ones are inside strings
        for bracket in brackets:
            depth += 1 if bracket in b"[{" else -1
            deepest = max(depth, deepest)
    return deepest > _DEEPEST


def _has_few(mark: bytes, raw: bytes | bytearray) -> bool:
    """Whether a mark is too rare for half of the levels; in a long text `count` takes 30 times as long as `find`."""
    position = -1
    for _ in range(_DEEPEST // 2 + 1):
        position = raw.find(mark, position + 1)
        if position < 0:
            return True
    return False


def dumps(value: Any) -> bytes:
    """Compact JSON text in UTF-8, keys in the order given: the same value gives the same bytes.

    Half of a surrogate pair is written as U+FFFD.

    Raises:
        JsonError: a value JSON has no form for.
    """
    try:
        text = orjson.dumps(value, default=_plain)
        # A copy: orjson over-allocates small results, and a stream keeps its request.
        return text if len(text) > 2048 else bytes(memoryview(text))
    except (TypeError, ValueError) as error:
        try:  # integers past 64 bits are JSON to everyone but orjson; lone surrogates are no text to any strict reader
            whole = whole_value(value)
            try:
                return orjson.dumps(whole, default=_plain)
            except (TypeError, ValueError):
                plain = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
                return plain.encode()
        except (TypeError, ValueError, RecursionError):
            raise JsonError(str(error)) from error


def _plain(value: Any) -> dict[Any, Any]:
    """A mapping of another kind as a dict."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")
