"""What the reader of /v1/responses knows of its events, and their states in chat's words. Pure."""

from __future__ import annotations

from typing import Any

from aimlapi_transport.chat.response import finish_reason_for
from aimlapi_transport.chat.wire_types import Json

# Fields that repeat the request, or stand elsewhere under names of ours.
NOT_EXTRA = frozenset(
    (
        *("id", "object", "created_at", "model", "output", "output_text", "usage", "error", "meta"),
        *("input", "instructions", "tools", "tool_choice", "text", "temperature", "top_p", "top_logprobs"),
        *("max_output_tokens", "max_tool_calls", "parallel_tool_calls", "reasoning", "truncation", "user", "prompt"),
        *("prompt_cache_key", "prompt_cache_retention", "frequency_penalty", "presence_penalty", "safety_identifier"),
    )
)
RUNNING = ("queued", "in_progress")
# Pieces of a part -> the field of the item in which the part stands.
PIECES = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "content",
    "response.reasoning_summary_text.delta": "summary",
}
WHOLE_PARTS = (
    *("response.content_part.done", "response.output_text.done", "response.refusal.done"),
    *("response.reasoning_text.done", "response.reasoning_summary_part.done", "response.reasoning_summary_text.done"),
)
# What the pieces and the whole parts and items say, too.
REPEATED = (
    *("response.content_part.added", "response.output_text.annotation.added", "response.reasoning_summary_part.added"),
    *("response.audio.done", "response.audio.transcript.done"),
)
# Events that tell how far a tool of the provider's is: a delta without content, for whoever shows that.
PROGRESS = tuple(
    f"response.{kind}"
    for kind in ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_")
)


def finish_of(status: Any, response: Json, has_calls: bool) -> tuple[str | None, str | None]:
    """The finish reason in chat's words, and in the endpoint's own."""
    if status in RUNNING or status is None:
        return None, status
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = str(details.get("reason") or status) if isinstance(details, dict) else str(status)
        return finish_reason_for(reason), reason
    if status in ("completed", "complete"):
        return "tool_calls" if has_calls else "stop", str(status)
    return str(status), str(status)


def whole_number(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


PartKey = tuple[str, int]
"""A part of an item: `text` or `refusal` of a message, `summary` or `content` of reasoning; and its index there."""

# What the name of an event, or the type of a part, holds -> the field of the item in which the part stands.
_PART_FIELDS = (("summary", "summary"), ("reasoning", "content"), ("refusal", "refusal"), ("output_text", "text"))


def part_of(event: Json, field: str) -> PartKey:
    """The part of this field that an event is of; the first where it does not say."""
    if field == "content" and "summary_index" in event:
        field = "summary"
    index: Any = event.get("summary_index" if field == "summary" else "content_index")
    return field, index if type(index) is int else 0


def whole_part(event: Json) -> tuple[PartKey, str] | None:
    """The part that an event of a whole part is of, and its text; None where it says neither."""
    part = event.get("part")
    source = {"type": event.get("type"), **(part if isinstance(part, dict) else event)}
    field = next((name for word, name in _PART_FIELDS if word in str(source["type"])), None)
    text = source.get("refusal" if field == "refusal" else "text")
    return None if field is None or not isinstance(text, str) or not text else (part_of(event, field), text)
