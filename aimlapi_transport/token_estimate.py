"""How many tokens a text has, estimated without a tokenizer. Pure."""

from __future__ import annotations

from typing import Any

from aimlapi_transport.json_codec import dumps

__all__ = ["estimated_tokens", "estimated_tokens_of_body"]

_ASCII_PER_TOKEN = 4  # characters
_BYTES_PER_TOKEN = 3  # of UTF-8 beyond ASCII: one CJK character
_PROMPT_KEYS = ("messages", "input", "instructions", "tools", "functions", "response_format", "text")
_MEDIA_KEYS = ("data", "file_data", "url", "image_url")


def estimated_tokens(text: str | bytes) -> int:
    """Four ASCII characters to a token, and three bytes of any others: a token for each CJK character."""
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    ascii_characters = len(data.decode("ascii", "ignore"))
    return -(-ascii_characters // _ASCII_PER_TOKEN) - (-(len(data) - ascii_characters) // _BYTES_PER_TOKEN)


def estimated_tokens_of_body(body: Any) -> int:
    """The tokens that a request's body gives a model to read.

    Without those of pictures, sound and files in it: nothing here says what they take.
    """
    parts = [body[name] for name in _PROMPT_KEYS if name in body]
    return max(estimated_tokens(dumps(parts)) - _media_characters(parts) // _ASCII_PER_TOKEN, 0)


def _media_characters(value: Any) -> int:
    """Characters of base64 in a body."""
    if isinstance(value, list):
        return sum(map(_media_characters, value))
    if not isinstance(value, dict):
        return 0
    return sum(
        len(item) if isinstance(item, str) and _is_media(name, item) else _media_characters(item)
        for name, item in value.items()
    )


def _is_media(name: str, text: str) -> bool:
    return name in _MEDIA_KEYS and (text.startswith("data:") or (name == "data" and " " not in text[:100]))
