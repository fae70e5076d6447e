"""Default, output v1 and events v3 say the same of every answer, and what they said goes back without loss."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, ToolMessage, message_to_dict, messages_from_dict
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from tests.langchain.answers import ANSWERS, SIGNED, WEATHER
from tests.langchain.host import Host, added, call, chunks, whole

PNG = "data:image/png;base64,iVBORw0KGgo="
CITED: dict[str, Any] = {
    "type": "url_citation",
    "url_citation": {"url": "https://h/a", "title": "A", "start_index": 0, "end_index": 4},
}
SPEECH = {"id": "audio_1", "data": "UklGRv////8=", "expires_at": 9, "transcript": "Hello there"}
ENCRYPTED = [{"type": "reasoning.encrypted", "data": "X", "format": "google-gemini-v1", "index": 0}]
PICTURE = {"type": "image_url", "image_url": {"url": PNG}}
CUSTOM = {"id": "a", "type": "custom", "custom": {"name": "run", "input": 'print("1")\n'}}

# name -> the message of a whole reply, the deltas of the same answer streamed, the finish reason, the blocks
SAID: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str, list[dict[str, Any]]]] = {
    "reasoning, calls, text": (
        {"content": "AB", "reasoning_content": "why", "tool_calls": [WEATHER]},
        [{"reasoning_content": "why"}, {"content": "A"}, {"tool_calls": [call(0, "a", "weather", '{"city": "Oslo"}')]}, {"content": "B"}],
        "tool_calls",
        [
            {"type": "reasoning", "reasoning": "why"},
            {"type": "text", "text": "AB"},
            {"type": "tool_call", "name": "weather", "args": {"city": "Oslo"}, "id": "a"},
        ],
    ),
    "images": (
        {"content": "Here.", "images": [PICTURE, {**PICTURE, "image_url": {"url": "https://h/i.png"}}]},
        [{"content": "Here."}, {"images": [PICTURE]}, {"images": [{**PICTURE, "image_url": {"url": "https://h/i.png"}}]}],
        "stop",
        [
            {"type": "text", "text": "Here."},
            {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
            {"type": "image", "url": "https://h/i.png"},
        ],
    ),
    "audio": (
        {"content": None, "audio": SPEECH},
        [
            {"audio": {"id": "audio_1", "transcript": "Hello "}},
            {"audio": {"data": "UklGRv//"}},
            {"audio": {"data": "//8=", "transcript": "there"}},
            {"audio": {"expires_at": 9}},
        ],
        "stop",
        [
            {
                "type": "audio",
                "id": "audio_1",
                "base64": "UklGRv////8=",
                "mime_type": "audio/wav",
                "extras": {"expires_at": 9, "transcript": "Hello there"},
            }
        ],
    ),
    "citations": (
        {"content": "Text", "annotations": [CITED]},
        [{"content": "Te"}, {"content": "xt", "annotations": [CITED]}],
        "stop",
        [{"type": "text", "text": "Text", "annotations": [{"type": "citation", **CITED["url_citation"]}]}],
    ),
    "parts": (
        {"content": [{"type": "text", "text": "See"}, PICTURE, {"type": "hologram", "value": 1}]},
        [{"content": "See"}, {"content": [PICTURE]}, {"content": [{"type": "hologram", "value": 1}]}],
        "stop",
        [
            {"type": "text", "text": "See"},
            {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
            {"type": "non_standard", "value": {"type": "hologram", "value": 1}},
        ],
    ),
    "thoughts among the parts": (
        {"content": [{"type": "thinking", "thinking": "why", "signature": "S"}, {"type": "redacted_thinking", "data": "D"}, {"type": "text", "text": "x"}]},
        [
            {"content": [{"type": "thinking", "thinking": "wh"}]},
            {"content": [{"type": "thinking", "thinking": "y", "signature": "S"}]},
            {"content": [{"type": "redacted_thinking", "data": "D"}]},
            {"content": [{"type": "text", "text": "x"}]},
        ],
        "stop",
        [
            {
                "type": "reasoning",
                "reasoning": "why",
                "extras": {
                    "reasoning_details": [
                        {"type": "reasoning.text", "text": "why", "signature": "S", "format": "anthropic-claude-v1", "index": 0},
                        {"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1", "index": 1},
                    ]
                },
            },
            {"type": "text", "text": "x"},
        ],
    ),
    "encrypted reasoning alone": (
        {"content": "Text", "reasoning": None, "reasoning_details": ENCRYPTED},
        [{"content": "Text"}, {"reasoning_details": ENCRYPTED}],
        "stop",
        [{"type": "text", "text": "Text"}, {"type": "reasoning", "reasoning": "", "extras": {"reasoning_details": ENCRYPTED}}],
    ),
    "a custom call": (
        {"content": None, "tool_calls": [CUSTOM]},
        [
            {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": ""}}]},
            {"tool_calls": [{"index": 0, "type": "custom", "custom": {"input": 'print("'}}]},
            {"tool_calls": [{"index": 0, "type": "custom", "custom": {"input": '1")\n'}}]},
        ],
        "tool_calls",
        [{"type": "tool_call", "name": "run", "args": {"input": 'print("1")\n'}, "id": "a", "extras": {"type": "custom"}}],
    ),
    "a custom call that repeats itself": (
        {"content": None, "tool_calls": [CUSTOM]},
        [
            {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": piece}}]}
            for piece in ("", 'print("1")', "\n")
        ],
        "tool_calls",
        [{"type": "tool_call", "name": "run", "args": {"input": 'print("1")\n'}, "id": "a", "extras": {"type": "custom"}}],
    ),
    "a custom call without input": (
        {"content": None, "tool_calls": [{**CUSTOM, "custom": {"name": "run", "input": ""}}]},
        [{"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": ""}}]}],
        "tool_calls",
        [{"type": "tool_call", "name": "run", "args": {"input": ""}, "id": "a", "extras": {"type": "custom"}}],
    ),
    "a signed call after reasoning": (
        {"content": None, "reasoning_content": "why", "tool_calls": [{**WEATHER, **SIGNED}]},
        [{"reasoning_content": "why"}, {"tool_calls": [call(0, "a", "weather", "", **SIGNED)]}, {"tool_calls": [call(0, None, None, '{"city": "Oslo"}')]}],
        "tool_calls",
        [
            {"type": "reasoning", "reasoning": "why"},
            {"type": "tool_call", "name": "weather", "args": {"city": "Oslo"}, "id": "a", "extras": SIGNED},
        ],
    ),
    "no arguments": (
        {"content": "", "tool_calls": [call(None, "a", "now", "null"), call(None, "b", "now", " "), call(None, "c", "now", "")]},
        [{"tool_calls": [call(0, "a", "now", "null"), call(1, "b", "now", " "), call(2, "c", "now", "")]}],
        "tool_calls",
        [{"type": "tool_call", "name": "now", "args": {}, "id": id} for id in "abc"],
    ),
}  # fmt: skip
SAID |= {
    name: (message, deltas, "stop", [])
    for name, (message, deltas) in ANSWERS.items()
    if name not in ("cut arguments",)  # it has a test of its own: LangChain keeps the pieces of such a call
}
case = pytest.mark.parametrize("name", SAID)


def six_ways(name: str, **settings: Any) -> dict[str, AIMessage]:
    """The same answer as every way to ask for it gives it."""
    message, deltas, finish, _ = SAID[name]

    def told(version: str | None) -> tuple[Host, Host, dict[str, Any]]:
        return Host(whole(message, finish)), Host(chunks(deltas, finish)), {"output_version": version, **settings}

    async def events() -> tuple[list[Any], AIMessage]:
        stream = await Host(chunks(deltas, finish)).model(**settings).astream_events("Hi", version="v3")
        heard = [event async for event in stream]
        return heard, await stream.output

    ways: dict[str, AIMessage] = {}
    for version in (None, "v1"):
        once, streamed, fields = told(version)
        ways[f"whole {version}"] = once.model(**fields).invoke("Hi")
        ways[f"streamed {version}"] = added(streamed.model(**fields).stream("Hi"))
    stream = Host(chunks(deltas, finish)).model(**settings).stream_events("Hi", version="v3")
    heard = list(stream)
    assert_valid_event_stream(heard)
    assert heard[-1]["event"] == "message-finish"
    ways["events"] = stream.output
    heard, ways["async events"] = asyncio.run(events())
    assert_valid_event_stream(heard)
    return ways


def blocks(message: AIMessage) -> list[dict[str, Any]]:
    return [{k: v for k, v in block.items() if k != "index"} for block in message.content_blocks]


@case
def test_every_way_says_the_same(name: str) -> None:
    ways = six_ways(name)
    expected = SAID[name][3] or blocks(ways["whole None"])
    assert {way: blocks(message) for way, message in ways.items()} == dict.fromkeys(ways, expected)
    first = ways["whole None"]
    essence = [first.text, first.tool_calls, first.invalid_tool_calls, first.usage_metadata, first.additional_kwargs]
    for way, message in ways.items():
        assert [
            message.text,
            [{k: v for k, v in one.items() if k != "extras"} for one in message.tool_calls],
            message.invalid_tool_calls,
            message.usage_metadata,
            message.additional_kwargs,
        ] == essence, way


def test_every_kind_of_block_counts_for_itself_in_a_stream() -> None:
    """By an index that is a text. LangChain merges blocks of one index, and gives ints to those that have none."""
    deltas = [
        {"reasoning_content": "why"},
        {"content": "x"},
        {"tool_calls": [call(0, "a", "f", "{}")]},
        {"tool_calls": [call(1, "b", "f", "{}")]},
        {"images": [PICTURE, PICTURE]},
        {"audio": SPEECH},
        {"refusal": "no"},
    ]
    stream = Host(chunks(deltas)).model(output_version="v1").stream("Hi")
    assert [(block["type"], block["index"]) for chunk in stream for block in chunk.content] == [
        ("reasoning", "lc_rs_0"),
        ("text", "lc_txt_0"),
        ("tool_call_chunk", "lc_tc_0"),
        ("tool_call_chunk", "lc_tc_1"),
        ("image", "lc_img_0"),
        ("image", "lc_img_1"),
        ("audio", "lc_aud_0"),
        ("non_standard", "lc_ref_0"),
    ]


@case
def test_every_way_goes_back_the_same(name: str) -> None:
    """Also when only the content and the calls of it are kept, and after JSON."""
    message = SAID[name][0]
    sent = {}
    for way, reply in six_ways(name).items():
        copies: dict[str, Any] = {
            way: reply,
            f"{way}, json": messages_from_dict(json.loads(json.dumps([message_to_dict(reply)])))[0],
            f"{way}, dumps": loads(dumps(reply), allowed_objects="messages"),
        }
        if isinstance(reply.content, list):
            metadata = {"model_provider": "aimlapi"}
            bare = AIMessage(content=reply.content, tool_calls=reply.tool_calls, response_metadata=metadata)
            copies[f"{way}, bare"] = bare
        for which, copy in copies.items():
            host = Host(whole({"content": "ok"}))
            results = [ToolMessage("done", tool_call_id=one["id"]) for one in copy.tool_calls]
            host.model(replay_reasoning=True).invoke(["Hi", copy, *results])
            sent[which] = host.bodies[0]["messages"][1]
    first = sent["whole None"]
    for which, again in sent.items():
        assert _canonical(again) == _canonical(first), which
    if name in ("images", "parts", "a custom call", "a signed call after reasoning", "encrypted reasoning alone"):
        expected = {k: v for k, v in message.items() if v is not None or k == "content"}
        assert first == {"role": "assistant", **expected}
    if name == "audio":
        assert first["audio"] == {"id": "audio_1"}


def _canonical(message: dict[str, Any]) -> dict[str, Any]:
    """Arguments by their meaning, and no content by one word for it: blocks alone do not keep their letters."""
    calls = [
        {**one, "function": {**one["function"], "arguments": json.loads(one["function"]["arguments"]) or {}}}
        if "function" in one
        else one
        for one in message.get("tool_calls", ())
    ]
    return {**message, "content": message["content"] or None, "tool_calls": calls}


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_cut_custom_call_is_invalid(version: str | None) -> None:
    """Its free text cannot tell; the finish reason can."""
    deltas = [
        {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": 'rm "/tm'}}]}
    ]
    message = {"content": None, "tool_calls": [{**CUSTOM, "custom": {"name": "run", "input": 'rm "/tm'}}]}
    invoked = Host(whole(message, "length")).model(output_version=version).invoke("Hi")
    streamed = added(Host(chunks(deltas, "length")).model(output_version=version).stream("Hi"))
    events = Host(chunks(deltas, "length")).model().stream_events("Hi", version="v3").output
    for reply in (invoked, streamed, events):
        assert reply.tool_calls == []
        assert [(one["name"], one["id"]) for one in reply.invalid_tool_calls] == [("run", "a")]


@pytest.mark.parametrize("version", [None, "v1"])
def test_cut_arguments_are_invalid_under_every_version(version: str | None) -> None:
    message, deltas = ANSWERS["cut arguments"]
    invoked = Host(whole(message, "length")).model(output_version=version).invoke("Hi")
    streamed = added(Host(chunks(deltas, "length")).model(output_version=version).stream("Hi"))
    stream = Host(chunks(deltas, "length")).model(output_version=version).stream_events("Hi", version="v3")
    assert_valid_event_stream(list(stream))
    for reply in (invoked, streamed, stream.output):
        assert reply.tool_calls == []
        assert [(one["name"], one["id"]) for one in reply.invalid_tool_calls] == [("write", "a")]
        assert [block for block in reply.content_blocks if block["type"] == "tool_call"] == []


def test_perplexitys_sources_are_citations() -> None:
    fields: dict[str, Any] = {
        "citations": ["https://h/a"],
        "search_results": [{"title": "A", "url": "https://h/a", "date": "2026-01-02", "last_updated": None}],
    }
    cited = {"type": "citation", "title": "A", "url": "https://h/a", "extras": {"date": "2026-01-02"}}
    invoked = Host(whole({"content": "x"}, **fields)).model().invoke("Hi")
    streamed = added(Host(chunks([{"content": "x"}], **fields)).model(output_version="v1").stream("Hi"))
    for reply in (invoked, streamed):
        assert blocks(reply) == [{"type": "text", "text": "x", "annotations": [cited]}]
    (only,) = Host(whole({"content": "x"}, citations=["https://h/a"])).model().invoke("Hi").content_blocks
    assert only.get("annotations") == [{"type": "citation", "url": "https://h/a"}]


def test_a_flat_citation_is_one_too() -> None:
    flat = {"type": "url_citation", **CITED["url_citation"]}
    message = {"content": "Text", "annotations": [flat, {"type": "file_citation", "file_id": "f"}]}
    (text,) = Host(whole(message)).model().invoke("Hi").content_blocks
    assert text.get("annotations") == [
        {"type": "citation", **CITED["url_citation"]},
        {"type": "non_standard_annotation", "value": {"type": "file_citation", "file_id": "f"}},
    ]
