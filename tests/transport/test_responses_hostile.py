"""Whatever JSON a host sends under /v1/responses, reading it gives values or an error of ours."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.responses.output_reader import _EVENTS
from aimlapi_transport.responses.reader import ResponsesReader

ODD = st.recursive(
    st.sampled_from([None, True, 0, -1, 1.5, "", "x", "completed"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "text", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
NAMES = ["message", "reasoning", "function_call", "custom_tool_call", "web_search_call", "image_generation_call", "odd"]
FIELDS = [
    "id",
    "call_id",
    "name",
    "arguments",
    "input",
    "content",
    "summary",
    "status",
    "action",
    "result",
    "encrypted_content",
]
PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["output_text", "refusal", "summary_text", "reasoning_text"]) | ODD},
        optional={"text": ODD, "refusal": ODD, "annotations": ODD, "logprobs": ODD},
    ),
    max_size=2,
)
ITEM = st.fixed_dictionaries(
    {"type": st.sampled_from(NAMES) | ODD},
    optional={name: ODD | (PARTS if name in ("content", "summary") else ODD) for name in FIELDS},
)
RESPONSE = st.fixed_dictionaries(
    {"output": st.lists(ITEM, max_size=3) | ODD},
    optional=dict.fromkeys(
        ["id", "model", "created_at", "usage", "status", "error", "incomplete_details", "meta"], ODD
    ),
)
KINDS = [
    *_EVENTS,
    "response.created",
    "response.queued",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
    "odd",
]
EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | ODD},
    optional={
        "item": ITEM | ODD,
        "response": RESPONSE | ODD,
        "part": PARTS.map(lambda parts: parts[0] if parts else None) | ODD,
        **dict.fromkeys(
            ["output_index", "content_index", "summary_index", "item_id", "delta", "logprobs", "text", "arguments"], ODD
        ),
    },
)


def _read(reader: ResponsesReader, event: dict[str, Any], **how: Any) -> None:
    with contextlib.suppress(AIMLAPIError):
        reader.read(event, **how)


@given(st.lists(EVENT, max_size=6))
@settings(max_examples=400, deadline=None)
def test_odd_events_are_read_or_refused(events: list[dict[str, Any]]) -> None:
    reader = ResponsesReader(stop=["x"] if len(events) % 2 else ())
    for event in events:
        _read(reader, event)
    reader.close()


@given(RESPONSE)
@settings(max_examples=400, deadline=None)
def test_odd_responses_are_read_or_refused(response: dict[str, Any]) -> None:
    reader = ResponsesReader()
    _read(reader, response, whole=True)
    reader.close()
