"""`cache_control` on parts and tools, which says how an answer is billed and not what it is. Pure.

Where a model's documents do not list it, it is no field of the schema, and the provider caches by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from aimlapi_transport.config.model_families import facts_for, profile_for

_MARK = "cache_control"


def has_marks(messages: Any, tools: Any) -> bool:
    """Whether a part of a message, or a tool, has a mark. What is malformed has none; it is refused after this."""
    groups = [tools]
    if isinstance(messages, Sequence):  # an iterator can be read once
        groups += [message.get("content") for message in messages if isinstance(message, Mapping)]
    return any(_is_marked(item) for group in groups if isinstance(group, (list, tuple)) for item in group)


def _is_marked(item: Any) -> bool:
    return isinstance(item, Mapping) and _MARK in item


@lru_cache(maxsize=1024)
def takes_marks(model: str) -> bool:
    """Whether the model's schema has marks: Anthropic's models, and those routed to many hosts."""
    facts = facts_for(model)
    listed = facts.parameters if facts else None
    return listed is None or "provider" in listed or profile_for(model).family == "anthropic"


def without_mark(item: Any) -> Any:
    """A part or a tool without its mark."""
    return {name: value for name, value in item.items() if name != _MARK} if _is_marked(item) else item


def without_marks(message: Any) -> Any:
    """A message without marks; but for a user's, a text where all is text, which is what most schemas want."""
    content = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(content, (list, tuple)) or not any(map(_is_marked, content)):
        return message
    parts = [without_mark(part) for part in content]
    if message.get("role") != "user" and all(_is_text(part) for part in parts):
        return {**message, "content": "".join(part["text"] for part in parts)}
    return {**message, "content": parts}


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and part.keys() == {"type", "text"} and isinstance(part["text"], str)
