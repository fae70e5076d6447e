"""An output item of a reply under /v1/responses: what has arrived of it, and what it says. Pure."""

from __future__ import annotations

from typing import Any

from aimlapi_transport.chat.wire_types import Json

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Calls of the user's own tools, by the type of their item -> the field that holds their text."""
_CALL_FIELDS = frozenset(("id", "type", "call_id", "name", "arguments", "input", "status"))


def call_field(kind: Any) -> str | None:
    """The field that holds the text of a call; None for what is no item of a call, whatever a host calls it."""
    return CALLS.get(kind) if isinstance(kind, str) else None


class OutputItem:
    """What has arrived of one item.

    Attributes:
        value: the item as it came: at its announcement, and then whole.
        parts: characters of each part of a reasoning item, by field and place, that were handed out.
        arguments: characters of a call's text that were read.
        is_known: whether the id and the name of the call were handed out.
    """

    __slots__ = (
        "arguments",
        "has_logprobs",
        "index",
        "is_done",
        "is_known",
        "parts",
        "place",
        "reasoning",
        "refusal",
        "text",
        "value",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.place = (index, 0)
        self.value: Json = {}
        self.is_done = False
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.reasoning: list[str] = []
        self.parts: dict[tuple[str, int], int] = {}
        self.arguments = 0
        self.is_known = False
        self.has_logprobs = False

    def whole_text(self) -> str:
        """The text of a message; of one under way, what has come."""
        if not self.is_done:
            return "".join(self.text)
        return "".join(part["text"] for part in message_parts(self.value, "output_text"))

    def whole_refusal(self) -> str:
        """The refusal in a message."""
        if not self.is_done:
            return "".join(self.refusal)
        return "".join(part["refusal"] for part in message_parts(self.value, "refusal"))

    def whole_reasoning(self) -> str:
        """The text of a reasoning item, its parts as paragraphs."""
        if not self.is_done:
            return "".join(self.reasoning)
        return "\n\n".join(text for _, text in reasoning_parts(self.value))


def message_parts(item: Json, kind: str) -> list[Json]:
    """The parts of this type that hold a text, of a message; none of any other item."""
    content = item.get("content") if item.get("type") == "message" else None
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    name = "refusal" if kind == "refusal" else "text"
    return [part for part in _objects(content) if part.get("type") == kind and isinstance(part.get(name), str)]


def reasoning_parts(item: Json) -> list[tuple[tuple[str, int], str]]:
    """The texts of a reasoning item that say something, with their field and place.

    OpenAI's stand in the summary; those of DeepSeek and gpt-oss in the content.
    """
    if item.get("type") != "reasoning":
        return []
    return [
        ((field, place), part["text"])
        for field in ("summary", "content")
        for place, part in enumerate(_objects(item.get(field)))
        if isinstance(part.get("text"), str) and part["text"]
    ]


def annotations_of(item: Json, start: int = 0) -> list[Json]:
    """The annotations of a message, with places counted from the start of the whole answer.

    Args:
        start: characters of the answer before this message.
    """
    found: list[Json] = []
    for part in message_parts(item, "output_text"):
        for annotation in _objects(part.get("annotations")):
            moved = {
                name: annotation[name] + start
                for name in ("start_index", "end_index")
                if start and isinstance(annotation.get(name), int)
            }
            found.append({**annotation, **moved})
        start += len(part["text"])
    return found


def message_logprobs(item: Json) -> Json | None:
    """The log probabilities of a message's tokens, as chat completions have them."""
    tokens = [token for part in message_parts(item, "output_text") for token in _objects(part.get("logprobs"))]
    return {"content": tokens} if tokens else None


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def call_piece(value: Json, text: str, index: int, *, with_id: bool) -> Json:
    """A piece of a call of the user's own tool, in the form of chat completions; its item's id is an extra."""
    piece: Json = {"index": index}
    if with_id:
        piece["id"] = value.get("call_id") or value.get("id")
        piece |= {name: field for name, field in value.items() if name not in _CALL_FIELDS and field is not None}
        piece |= {"item_id": value["id"]} if value.get("id") else {}
    name = {"name": value["name"]} if value.get("name") else {}
    if value.get("type") == "custom_tool_call":
        return {**piece, "type": "custom", "custom": {**name, "input": text}}
    return {**piece, "function": {**name, "arguments": text}}
