"""LangChain messages -> the wire: every dialect of history, and what cannot be carried names itself."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_aimlapi._messages import to_wire
from langchain_aimlapi.errors import InvalidRequestError

DATA = "iVBORw0KGgo="
PNG = f"data:image/png;base64,{DATA}"
CALL = {"name": "add", "args": {"x": 1}, "id": "a", "type": "tool_call"}
WIRE_CALL = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (HumanMessage("Hi"), {"role": "user", "content": "Hi"}),
        (HumanMessage("Hi", name="Ann"), {"role": "user", "content": "Hi", "name": "Ann"}),
        (SystemMessage("Be brief."), {"role": "system", "content": "Be brief."}),
        (ChatMessage("x", role="developer"), {"role": "developer", "content": "x"}),
        (FunctionMessage("x", name="f"), {"role": "function", "content": "x", "name": "f"}),
        (ToolMessage("3", tool_call_id="a"), {"role": "tool", "tool_call_id": "a", "content": "3"}),
        (ToolMessage(["3", {"type": "text", "text": "4"}], tool_call_id="a"), {"role": "tool", "tool_call_id": "a", "content": "34"}),
        (AIMessage("Hi"), {"role": "assistant", "content": "Hi"}),
        (AIMessage("", tool_calls=[CALL]), {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]}),
        (AIMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), {"role": "assistant", "content": "ab"}),
        (
            AIMessage([{"type": "text", "text": "a"}, {"type": "tool_use", "id": "a", "name": "add", "input": {"x": 1}}]),
            {"role": "assistant", "content": "a", "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage([{"type": "tool_use", "id": "a", "name": "add", "input": {"x": 1}}], tool_calls=[CALL]),
            {"role": "assistant", "content": None, "tool_calls": [WIRE_CALL]},
        ),
        (
            AIMessage("", invalid_tool_calls=[{"name": "add", "args": '{"x', "id": "a", "error": "e", "type": "invalid_tool_call"}]),
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"x'}}],
            },
        ),
        (
            AIMessage([{"type": "reasoning", "reasoning": "why"}, {"type": "text", "text": "a"}]),
            {"role": "assistant", "content": "a", "reasoning_content": "why"},
        ),
        (
            AIMessage([{"type": "thinking", "thinking": "why", "signature": "S"}, {"type": "text", "text": "a"}]),
            {
                "role": "assistant",
                "content": "a",
                "reasoning_content": "why",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "why", "signature": "S", "format": "anthropic-claude-v1", "index": 0}
                ],
            },
        ),
    ],
)  # fmt: skip
def test_a_message(message: BaseMessage, wire: dict[str, Any]) -> None:
    before = copy.deepcopy(message)
    assert to_wire([message]) == [wire]
    assert message == before


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ("plain", {"type": "text", "text": "plain"}),
        ({"type": "text", "text": "a"}, {"type": "text", "text": "a"}),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}),
        (image(PNG, detail="low"), image(PNG, detail="low")),
        ({"type": "image_url", "image_url": PNG}, image(PNG)),
        ({"type": "image", "url": "https://h/i.png"}, image("https://h/i.png")),
        ({"type": "image", "base64": DATA, "mime_type": "image/png"}, image(PNG)),
        ({"type": "image", "url": "u", "extras": {"detail": "high"}}, image("u", detail="high")),
        ({"type": "image", "source_type": "base64", "data": DATA, "mime_type": "image/png"}, image(PNG)),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}, image(PNG)),
        ({"type": "image", "source": {"type": "url", "url": "u"}}, image("u")),
        ({"type": "audio", "base64": "AA", "mime_type": "audio/mpeg"}, {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}}),
        ({"type": "audio", "url": "https://h/a.wav"}, {"type": "input_audio", "input_audio": {"data": "https://h/a.wav", "format": "wav"}}),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
        ({"type": "video", "url": "u"}, {"type": "video_url", "video_url": {"url": "u"}}),
        ({"type": "video", "base64": "AA", "mime_type": "video/webm"}, {"type": "video_url", "video_url": {"url": "data:video/webm;base64,AA"}}),
        ({"type": "video_url", "video_url": {"url": "u"}}, {"type": "video_url", "video_url": {"url": "u"}}),
        (
            {"type": "file", "base64": "AA", "mime_type": "application/pdf", "extras": {"filename": "x.pdf"}},
            {"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,AA"}},
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
        ({"type": "file", "file": {"file_id": "f1"}}, {"type": "file", "file": {"file_id": "f1"}}),
        ({"type": "text-plain", "text": "notes", "mime_type": "text/plain"}, {"type": "text", "text": "notes"}),
        ({"type": "text-plain", "base64": "bm90ZXM=", "mime_type": "text/plain"}, {"type": "text", "text": "notes"}),
        ({"type": "non_standard", "value": {"type": "video_url", "video_url": {"url": "u"}}}, {"type": "video_url", "video_url": {"url": "u"}}),
    ],
)  # fmt: skip
def test_a_block_of_a_user_message(block: Any, part: dict[str, Any]) -> None:
    assert to_wire([HumanMessage([block])]) == [{"role": "user", "content": [part]}]


MARKS = {"cache_control": {"type": "ephemeral"}, "prompt_cache_breakpoint": {"mode": "explicit"}, "of_tomorrow": None}
WIRE_PARTS: list[dict[str, Any]] = [
    {"type": "text", "text": "a"},
    {"type": "text", "text": "a", "image_url": None},
    image(PNG),
    {**image("u", detail="low"), "text": None},
    {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
    {"type": "input_audio", "input_audio": "AA"},
    {"type": "video_url", "video_url": {"url": "u", "fps": 2}},
    {"type": "file", "file": {"file_id": "f1"}},
    {"type": "document_url", "document_url": "https://h/d.pdf"},
    {"type": "video", "video": ["https://h/1.png", "https://h/2.png"]},
    {"type": "of_tomorrow", "of_tomorrow": {"index": 1}, "id": "x"},
    {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "a"}]},
]


@pytest.mark.parametrize("marks", [{}, MARKS])
@pytest.mark.parametrize("part", WIRE_PARTS)
def test_a_part_in_the_wires_form_keeps_every_key(part: dict[str, Any], marks: dict[str, Any]) -> None:
    """In every role that has content; and a text with more than its text is no plain string."""
    part = {**part, **marks}
    messages = [
        HumanMessage([part]),
        SystemMessage([part]),
        ChatMessage([part], role="developer"),
        AIMessage([part]),
        ToolMessage([part], tool_call_id="a"),
    ]
    for message in messages:
        (sent,) = to_wire([message])
        assert sent["content"] == (
            [part] if part.keys() != {"type", "text"} or message.type in ("human", "system", "chat") else "a"
        )
    (sent,) = to_wire([HumanMessage([{"type": "non_standard", "value": part}])])
    assert sent["content"] == [part]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a", "id": "lc_1"}, {"type": "text", "text": "a"}),
        ({"type": "image", "url": "u", "extras": {"detail": "low"}}, image("u", detail="low")),
        ({"type": "image", "base64": DATA, "mime_type": "image/png", "id": "lc_1"}, image(PNG)),
        ({"type": "video", "url": "u"}, {"type": "video_url", "video_url": {"url": "u"}}),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "file": {"file_id": "f1"}}),
    ],
)
def test_the_extras_of_a_standard_block_stand_in_its_part(block: dict[str, Any], part: dict[str, Any]) -> None:
    extras = {**block.get("extras", {}), **MARKS}
    assert to_wire([HumanMessage([{**block, "extras": extras}])])[0]["content"] == [{**part, **MARKS}]
    assert to_wire([HumanMessage([{**block, **MARKS}])])[0]["content"] == [{**part, **MARKS}]


def test_what_another_models_reply_says_of_its_text_is_for_no_request() -> None:
    text = {"type": "text", "text": "a", "id": "msg_1", "index": 0, "annotations": [], "extras": {"signature": "s"}}
    assert to_wire([AIMessage([text], response_metadata={"model_provider": "other"})]) == [
        {"role": "assistant", "content": "a"}
    ]


def test_thoughts_that_are_lists_of_parts_stay_content() -> None:
    """Mistral's: {"type": "thinking", "thinking": [{"type": "text", ...}]}; also out of LangChain's v1 blocks."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True}
    content: list[Any] = [thought, {"type": "text", "text": "Yes"}]
    message = AIMessage(content)
    assert to_wire([message]) == [{"role": "assistant", "content": content}]
    assert to_wire([AIMessage(content_blocks=message.content_blocks)]) == [{"role": "assistant", "content": content}]


def test_an_image_in_a_tool_result_stays_an_image() -> None:
    (sent,) = to_wire([ToolMessage([{"type": "text", "text": "see"}, {"type": "image", "url": "u"}], tool_call_id="a")])
    assert sent["content"] == [{"type": "text", "text": "see"}, image("u")]


def test_anthropics_tool_results_become_tool_messages() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "3"}]}
    assert to_wire([HumanMessage([result, {"type": "text", "text": "And?"}])]) == [
        {"role": "tool", "tool_call_id": "a", "content": "3"},
        {"role": "user", "content": [{"type": "text", "text": "And?"}]},
    ]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (HumanMessage([{"type": "hologram", "data": 1}]), "'hologram'"),
        (HumanMessage([{"text": "no type"}]), "type None"),
        (HumanMessage([{"type": "image", "file_id": "f"}]), "`image` block"),
        (HumanMessage([{"type": "file", "url": "https://h/x.pdf"}]), "`file` block"),
        (HumanMessage([{"type": "text-plain", "base64": "%%%"}]), "`text-plain` block"),
        (AIMessage([{"type": "server_tool_call", "name": "x"}]), "'server_tool_call'"),
        (ToolMessage("x", tool_call_id=""), "`tool_call_id`"),
        (AIMessage("", tool_calls=[{**CALL, "id": None}]), "without an id"),
        (RemoveMessage(id="x"), "RemoveMessage"),
    ],
)
def test_what_cannot_be_carried_names_itself(message: BaseMessage, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_wire([HumanMessage("first"), message])
    assert says in caught.value.message
    assert "messages[1]" in caught.value.message


def test_kimis_own_functions_are_answered_by_name() -> None:
    """Source: docs.aimlapi.com, kimi-k2-preview: the call of `$web_search` goes back as a `tool` message with `name`."""
    results = [ToolMessage("{}", tool_call_id="a", name=name) for name in ("$web_search", "add")]
    assert to_wire(results) == [
        {"role": "tool", "tool_call_id": "a", "content": "{}", "name": "$web_search"},
        {"role": "tool", "tool_call_id": "a", "content": "{}"},
    ]
