"""JSON text <-> values: orjson, with the standard library where a gateway sends what orjson refuses."""

from __future__ import annotations

import json
from typing import Any

import orjson


class JsonError(ValueError):
    """The text is no JSON in any reading."""


def loads(data: bytes | str) -> Any:
    """The value of JSON text. NaN, Infinity and halves of surrogate pairs are read too.

    Raises:
        JsonError: the text is no JSON, or is nested deeper than can be read.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        value = json.loads(text)
        # Half of an emoji, cut by the gateway's tokenizer: no text that can be encoded, so mark it as such.
        if "\\ud" in text.lower():
            value = json.loads(
                json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            )
        return value
    except (ValueError, RecursionError) as error:
        raise JsonError(f"not JSON: {data[:80]!r}") from error


def dumps(value: Any) -> bytes:
    """Compact JSON text in UTF-8, keys in the order given: the same value gives the same bytes.

    Raises:
        JsonError: a value JSON has no form for.
    """
    try:
        return orjson.dumps(value)
    except (TypeError, ValueError) as error:
        try:  # integers past 64 bits and lone surrogates are JSON to everyone but orjson
            return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            raise JsonError(str(error)) from error
