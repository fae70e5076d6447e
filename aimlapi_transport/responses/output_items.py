"""What an output item of /v1/responses says, once it is whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aimlapi_transport.chat.wire_types import Json

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Calls of the user's own tools, by the type of their item -> the field that holds their text."""

COMMENTARY = "commentary"
"""The phase of a message that comments on the work rather than answers.

Source: https://platform.openai.com/docs/api-reference/responses (`phase` of an output message)
"""

PARAGRAPH = "\n\n"
"""What separates a comment from the text behind it, and parts of reasoning from each other."""


def call_field(kind: Any) -> str | None:
    """The field that holds the text of a call; None for what is no item of a call, whatever a host calls it."""
    return CALLS.get(kind) if isinstance(kind, str) else None


def is_comment(item: Json) -> bool:
    """Whether this is a message that comments on the work."""
    return item.get("type") == "message" and item.get("phase") == COMMENTARY


def text_of(items: Sequence[Json]) -> str:
    """The text of a reply: that of its messages, comments as paragraphs of their own."""
    return joined_texts([(message_text(item), is_comment(item)) for item in items])[0]


def answer_of(items: Sequence[Json]) -> str:
    """The text of a reply without its comments: what a schema describes."""
    return "".join(message_text(item) for item in items if not is_comment(item))


def is_text_of(text: str, items: Sequence[Json]) -> bool:
    """Whether this is the text of these items, with their comments (as paragraphs or not) or without."""
    return text in (text_of(items), answer_of(items)) or text == "".join(map(message_text, items))


def joined_texts(texts: Sequence[tuple[str, bool]]) -> tuple[str, list[int]]:
    """Texts one after the other, and where each begins.

    Args:
        texts: each with whether it is a comment: then what follows is another paragraph.
    """
    joined, starts, is_after_comment = "", list[int](), False
    for text, is_comment in texts:
        if text and is_after_comment:
            joined += PARAGRAPH
        starts.append(len(joined))
        joined += text
        is_after_comment = is_comment if text else is_after_comment
    return joined, starts


def message_text(item: Json) -> str:
    """The text of a message; empty for any other item."""
    return "".join(part["text"] for part in message_parts(item, "output_text"))


def message_parts(item: Json, kind: str) -> list[Json]:
    """The parts of this type that hold a text, of a message; none of any other item."""
    content = item.get("content") if item.get("type") == "message" else None
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    name = "refusal" if kind == "refusal" else "text"
    return [part for part in _objects(content) if part.get("type") == kind and isinstance(part.get(name), str)]


def reasoning_parts(item: Json) -> list[tuple[tuple[str, int], str]]:
    """The texts of a reasoning item that say something, with their field and their index in it.

    OpenAI's are in the summary; those of DeepSeek and gpt-oss in the content.
    """
    if item.get("type") != "reasoning":
        return []
    return [
        ((field, index), part["text"])
        for field in ("summary", "content")
        for index, part in enumerate(_objects(item.get(field)))
        if isinstance(part.get("text"), str) and part["text"]
    ]


def annotations_of(item: Json, start: int = 0) -> list[Json]:
    """The annotations of a message, with indexes counted from the start of the whole answer.

    Args:
        start: characters of the answer before this message.
    """
    annotations: list[Json] = []
    for part in message_parts(item, "output_text"):
        for annotation in _objects(part.get("annotations")):
            moved = {
                name: annotation[name] + start
                for name in ("start_index", "end_index")
                if start and isinstance(annotation.get(name), int)
            }
            annotations.append({**annotation, **moved})
        start += len(part["text"])
    return annotations


def message_logprobs(item: Json) -> Json | None:
    """The log probabilities of a message's tokens, as chat completions have them."""
    tokens = [token for part in message_parts(item, "output_text") for token in _objects(part.get("logprobs"))]
    return {"content": tokens} if tokens else None


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
