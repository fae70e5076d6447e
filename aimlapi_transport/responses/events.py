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
# What a call is whose item was never announced.
NO_CALL: dict[str, Json] = {
    "response.function_call_arguments.delta": {"type": "function_call"},
    "response.custom_tool_call_input.delta": {"type": "custom_tool_call"},
}
# What the deltas before them, or the item, have said.
REPEATED = (
    *("response.content_part.added", "response.content_part.done", "response.output_text.done"),
    *("response.output_text.annotation.added", "response.refusal.done", "response.reasoning_text.done"),
    *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
    *("response.reasoning_summary_text.done", "response.function_call_arguments.done"),
    *("response.custom_tool_call_input.done", "response.audio.done", "response.audio.transcript.done"),
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


def starts_of(parts: list[str]) -> list[int]:
    """Where each text begins among all of them."""
    starts, length = [], 0
    for part in parts:
        starts.append(length)
        length += len(part)
    return starts


def index_of(event: Json) -> int | None:
    """Which output item an event is of; the first where it does not say."""
    index: Any = event.get("output_index", 0)
    return index if index.__class__ is int else None


def place_of(event: Json) -> tuple[int, int] | None:
    """As `Delta.place`."""
    index = index_of(event)
    return None if index is None else (index, 0)
