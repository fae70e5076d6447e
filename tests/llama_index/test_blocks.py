"""LlamaIndex messages on the wire: every block, and what cannot be carried."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import ConfigDict

from aimlapi_transport.client import UnlistedParameterWarning
from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi._messages import to_wire
from tests.llama_index.host import DONE, Host, call, chunk, gathered, whole

PNG = b"\x89PNG\r\n\x1a\n0000"
PNG_URL = "data:image/png;base64,iVBORw0KGgowMDAw"
PDF = b"%PDF-1.4 x"
PDF_URL = "data:application/pdf;base64,JVBERi0xLjQgeA=="
MP4_URL = "data:video/mp4;base64,AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29t"
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "
EPHEMERAL = CachePoint(cache_control=CacheControl(type="ephemeral"))

PARTS: list[tuple[Any, Any]] = [
    (TextBlock(text="Hi"), {"type": "text", "text": "Hi"}),
    (
        ImageBlock(url="https://a.example/b.png", detail="low"),
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
    ),
    (ImageBlock(image=PNG), {"type": "image_url", "image_url": {"url": PNG_URL}}),
    (ImageBlock(image=io.BytesIO(PNG)), {"type": "image_url", "image_url": {"url": PNG_URL}}),
    (ImageBlock(url=PNG_URL), {"type": "image_url", "image_url": {"url": PNG_URL}}),
    (
        AudioBlock(audio=WAV),
        {"type": "input_audio", "input_audio": {"data": "UklGRgAAAABXQVZFZm10IA==", "format": "wav"}},
    ),
    (
        AudioBlock(url="https://a.example/b.mp3"),
        {"type": "input_audio", "input_audio": {"data": "https://a.example/b.mp3", "format": "mp3"}},
    ),
    (
        VideoBlock(url="https://a.example/b.mp4"),
        {"type": "video_url", "video_url": {"url": "https://a.example/b.mp4"}},
    ),
    (
        VideoBlock(video=b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"),
        {"type": "video_url", "video_url": {"url": MP4_URL}},
    ),
    (DocumentBlock(data=PDF, title="a.pdf"), {"type": "file", "file": {"file_data": PDF_URL, "filename": "a.pdf"}}),
    (
        DocumentBlock(url="https://a.example/b.pdf"),
        {"type": "file", "file": {"file_data": "https://a.example/b.pdf", "filename": "input_document"}},
    ),
    (
        CitableBlock(title="Moon", source="nasa.example", content=[TextBlock(text="It is far.")]),
        {"type": "text", "text": "Moon (nasa.example):\nIt is far."},
    ),
    (
        CitationBlock(cited_content="far", source="nasa.example", title="Moon", additional_location_info={}),
        {"type": "text", "text": "far [Moon, nasa.example]"},
    ),
]


@pytest.mark.parametrize(("block", "part"), PARTS)
def test_every_block_has_its_part(block: Any, part: dict[str, Any]) -> None:
    """A second part keeps the first from being a plain text."""
    image = {"type": "image_url", "image_url": {"url": "https://a.example/"}}
    message = ChatMessage(role="user", blocks=[block, ImageBlock(url="https://a.example/")])
    assert to_wire([message]) == [{"role": "user", "content": [part, image]}]


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.pdf").write_bytes(PDF)
    (tmp_path / "c.txt").write_text("Hi")
    blocks = [
        ImageBlock(path=tmp_path / "a.png"),
        DocumentBlock(path=tmp_path / "b.pdf"),
        DocumentBlock(path=tmp_path / "c.txt", title="Notes.txt"),
    ]
    assert to_wire([ChatMessage(role="user", blocks=blocks)])[0]["content"] == [
        {"type": "image_url", "image_url": {"url": PNG_URL}},
        {"type": "file", "file": {"file_data": PDF_URL, "filename": "b.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,SGk=", "filename": "Notes.txt"}},
    ]


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "chatbot", "model"])
def test_one_text_is_a_plain_string_in_every_role(role: str) -> None:
    sent = {"chatbot": "assistant", "model": "assistant"}.get(role, role)
    assert to_wire([ChatMessage("Hi", role=MessageRole(role))]) == [{"role": sent, "content": "Hi"}]


@pytest.mark.parametrize(
    ("texts", "sent"),
    [
        (["a", "b"], "a\nb"),
        (["a\n", "b", " c"], "a\nb c"),
        (["", "b", ""], "b"),
        (["a"], "a"),
    ],
)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_several_texts_are_one_text_and_no_line_ends_twice(role: str, texts: list[str], sent: str) -> None:
    """Many schemas take nothing but a string from a tool; a template makes a block of each line, with its end."""
    calls = ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="1", tool_name="f")])
    blocks = [TextBlock(text=text) for text in texts]
    message = ChatMessage(role=role, blocks=blocks, additional_kwargs={"tool_call_id": "1"} if role == "tool" else {})
    assert to_wire([calls, message])[1]["content"] == sent


def test_texts_beside_a_picture_stay_parts() -> None:
    blocks = [TextBlock(text="a"), TextBlock(text="b"), ImageBlock(url="https://example.com/i.png")]
    assert [part["type"] for part in to_wire([ChatMessage(blocks=blocks)])[0]["content"]] == [
        "text",
        "text",
        "image_url",
    ]


def test_a_cache_point_marks_the_part_before_it() -> None:
    sent = to_wire([ChatMessage(role="system", blocks=[TextBlock(text="Long"), EPHEMERAL])])
    cache = {"type": "ephemeral", "ttl": "5m"}
    assert sent == [{"role": "system", "content": [{"type": "text", "text": "Long", "cache_control": cache}]}]


MARKS = {"prompt_cache_breakpoint": {"mode": "explicit"}, "of_tomorrow": None}


class MarkedText(TextBlock):
    """A text whose further fields are further keys of its part."""

    model_config = ConfigDict(extra="allow")


class MarkedImage(ImageBlock):
    """A picture whose further fields are further keys of its part."""

    model_config = ConfigDict(extra="allow")


@pytest.mark.parametrize("role", ["system", "user"])
def test_further_fields_of_a_block_stand_in_its_part(role: str) -> None:
    blocks = [MarkedText(text="Hi", **MARKS), MarkedImage(url="https://a.example/", **MARKS), EPHEMERAL]
    assert to_wire([ChatMessage(role=role, blocks=blocks)])[0]["content"] == [
        {"type": "text", "text": "Hi", **MARKS},
        {
            "type": "image_url",
            "image_url": {"url": "https://a.example/"},
            **MARKS,
            "cache_control": {"type": "ephemeral", "ttl": "5m"},
        },
    ]
    assert to_wire([ChatMessage(role=role, blocks=blocks[:1])])[0]["content"] == [
        {"type": "text", "text": "Hi", **MARKS}
    ]


def test_parts_no_block_carries_travel_as_they_are() -> None:
    """Behind the parts of the blocks, but a model's thoughts before them."""
    text = {"type": "text", "text": "Read", **MARKS}
    document = {"type": "document_url", "document_url": "https://h/d.pdf"}
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    said = {"type": "text", "text": "Yes"}
    messages = [
        ChatMessage(role="user", additional_kwargs={"content_parts": [text, document]}),
        ChatMessage("Hi", role="user", additional_kwargs={"content_parts": [document]}),
        ChatMessage("Yes", role="assistant", additional_kwargs={"content_parts": [thought]}),
    ]
    assert to_wire(messages) == [
        {"role": "user", "content": [text, document]},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, document]},
        {"role": "assistant", "content": [thought, said]},
    ]
    with pytest.raises(InvalidRequestError, match="content_parts"):
        to_wire([ChatMessage("Hi", additional_kwargs={"content_parts": "x"})])


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_a_part_the_documents_do_not_list_is_sent_with_one_warning(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    host = Host([whole("Hi")] if "stream" not in form else [[chunk("stop", content="Hi"), DONE]])
    said = [ChatMessage(role="user", blocks=[TextBlock(text="Hi"), VideoBlock(url="https://h/v.mp4")])]
    with pytest.warns(UnlistedParameterWarning, match="`video_url` for google/gemini-2.5-flash") as told:
        for _ in range(2):
            await gathered(form, host.llm("google/gemini-2.5-flash"), said)
    assert len(told) == 1
    assert [body["messages"][0]["content"][1]["type"] for body in host.bodies] == ["video_url", "video_url"]
    with pytest.raises(InvalidRequestError, match="`video_url`: the documents of google/gemini"):
        await gathered(form, host.llm("google/gemini-2.5-flash", strict_parameters=True), said)
    with pytest.raises(InvalidRequestError, match="PowerTokens accepts"):
        await gathered(form, host.llm("glm-5", preset="powertokens"), said)


def test_a_picture_in_a_tool_result_is_kept() -> None:
    blocks = [TextBlock(text="Here"), ImageBlock(url="https://a.example/")]
    asking = ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="7", tool_name="f")])
    result = ChatMessage(role="tool", blocks=blocks, additional_kwargs={"tool_call_id": 7})
    assert to_wire([asking, result])[1] == {
        "role": "tool",
        "content": [
            {"type": "text", "text": "Here"},
            {"type": "image_url", "image_url": {"url": "https://a.example/"}},
        ],
        "tool_call_id": "7",
    }


def test_calls_of_other_llms_are_carried() -> None:
    """Arguments as object or text, a call without an id, and calls that are only in additional_kwargs."""
    sdk = SimpleNamespace(id="c3", function=SimpleNamespace(name="f", arguments='{"x": 1}'))
    messages = [
        ChatMessage(
            role="assistant",
            blocks=[
                ToolCallBlock(tool_call_id="c1", tool_name="f", tool_kwargs={"x": "é"}),
                ToolCallBlock(tool_call_id="c2", tool_name="f", tool_kwargs='{"x": 2}'),
                ToolCallBlock(tool_name="f"),
            ],
        ),
        ChatMessage(role="assistant", additional_kwargs={"tool_calls": [sdk, call("g", "{}", "c4", index=0)]}),
    ]
    assert to_wire(messages) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call("f", '{"x":"é"}', "c1"), call("f", '{"x": 2}', "c2"), call("f", "{}", "f")],
        },
        {"role": "assistant", "content": None, "tool_calls": [call("f", '{"x": 1}', "c3"), call("g", "{}", "c4")]},
    ]


def test_a_tool_call_id_goes_with_tool_results_only() -> None:
    """An agent puts one on the assistant message that repeats a tool's answer."""
    message = ChatMessage("3", role="assistant", additional_kwargs={"tool_call_id": "1"})
    assert to_wire([message]) == [{"role": "assistant", "content": "3"}]


REPLY = whole(
    "It is 3.",
    "tool_calls",
    reasoning="Let me add",
    reasoning_details=[{"type": "reasoning.text", "text": "Let me add", "signature": "s", "index": 0}],
    encrypted_content="enc",
    extra_content={"google": {"thought_signature": "m"}},
    tool_calls=[call("add", '{"a": 1,  "b": 2}', extra_content={"google": {"thought_signature": "t"}})],
)
SENT_BACK = {
    "role": "assistant",
    "content": "It is 3.",
    "tool_calls": [call("add", '{"a": 1,  "b": 2}', extra_content={"google": {"thought_signature": "t"}})],
    "reasoning_content": "Let me add",
    "reasoning_details": [{"type": "reasoning.text", "text": "Let me add", "signature": "s", "index": 0}],
    "encrypted_content": "enc",
    "extra_content": {"google": {"thought_signature": "m"}},
}


@pytest.mark.parametrize("way", ["as it is", "json", "pickle", "copy"])
def test_what_came_goes_back_whole(way: str) -> None:
    """Law 5: reasoning, signatures and calls to the letter, also after JSON and pickle."""
    message = Host([REPLY]).llm().chat([ChatMessage("Hello")]).message
    if way == "json":
        message = ChatMessage.model_validate_json(message.model_dump_json())
    elif way == "pickle":
        message = pickle.loads(pickle.dumps(message))
    elif way == "copy":
        message = message.model_copy(deep=True)
    assert to_wire([message]) == [SENT_BACK]


def test_edited_arguments_win_over_the_text_that_came() -> None:
    message = Host([REPLY]).llm().chat([ChatMessage("Hello")]).message
    message.blocks[-1].tool_kwargs = {"a": 5}
    assert to_wire([message])[0]["tool_calls"][0] == {
        **call("add", '{"a":5}'),
        "extra_content": {"google": {"thought_signature": "t"}},
    }


@pytest.mark.parametrize(("replay", "carried"), [(None, ["tool loop"]), (True, ["before", "tool loop"]), (False, [])])
def test_the_user_decides_which_reasoning_is_sent_back(replay: bool | None, carried: list[str]) -> None:
    host = Host([whole()])
    messages = [
        ChatMessage("One"),
        ChatMessage(role="assistant", blocks=[ThinkingBlock(content="before"), TextBlock(text="1")]),
        ChatMessage("Two"),
        ChatMessage(
            role="assistant",
            blocks=[ThinkingBlock(content="tool loop"), ToolCallBlock(tool_call_id="c", tool_name="f")],
        ),
        ChatMessage("2", role="tool", additional_kwargs={"tool_call_id": "c"}),
    ]
    host.llm(replay_reasoning=replay).chat(messages)
    host.llm().chat(messages, replay_reasoning=replay)
    for body in host.bodies:
        assert [m["reasoning_content"] for m in body["messages"] if "reasoning_content" in m] == carried


def test_the_callers_messages_are_left_alone() -> None:
    messages = [
        ChatMessage(role="user", blocks=[block for block, _ in PARTS if not hasattr(block, "image")]),
        Host([REPLY]).llm().chat([ChatMessage("Hello")]).message,
    ]
    before = [message.model_dump_json() for message in messages]
    to_wire(messages)
    assert [message.model_dump_json() for message in messages] == before


def test_a_late_system_message_goes_through() -> None:
    host = Host([whole()])
    host.llm().chat([ChatMessage("Hi"), ChatMessage("Stop now.", role="system")])
    assert host.bodies[0]["messages"][1] == {"role": "system", "content": "Stop now."}


def test_a_call_of_the_older_kind_is_answered_by_the_functions_name() -> None:
    former = {"name": "look", "arguments": "{}"}
    messages = [
        ChatMessage(role="assistant", content=None, additional_kwargs={"function_call": former}),
        ChatMessage("Rain", role="tool", additional_kwargs={"tool_call_id": "look"}),
    ]
    assert to_wire(messages) == [
        {"role": "assistant", "content": None, "function_call": former},
        {"role": "tool", "content": "Rain", "tool_call_id": "look"},
    ]


def test_results_behind_a_message_that_lost_its_calls_become_questions() -> None:
    result = ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "c9"})
    picture = ChatMessage(
        role="tool",
        blocks=[TextBlock(text="4"), ImageBlock(url="https://a.example/")],
        additional_kwargs={"tool_call_id": "c8"},
    )
    sent = to_wire([ChatMessage("Hi"), ChatMessage("Over to you", role="assistant"), result, picture])
    assert sent[2] == {"role": "user", "content": "Result of the call c9:\n\n3"}
    assert sent[3]["role"] == "user"
    assert [part["type"] for part in sent[3]["content"]] == ["text", "text", "image_url"]


def test_a_lone_choice_is_the_answer_whatever_its_index() -> None:
    reply = whole("Hi")
    reply["choices"][0]["index"] = 3
    assert Host([reply]).llm().chat([ChatMessage("Hello")]).message.content == "Hi"


def test_a_tag_at_the_start_is_a_thinking_block_of_any_model_unless_switched_off() -> None:
    text = "<think>\nwhy\n</think>\n\nbecause"
    host = Host([whole(text), [*(chunk(content=sign) for sign in text), chunk("stop")]])
    llm, off = host.llm(), host.llm(parse_think=False)
    question = [ChatMessage("Hi")]
    for response in (llm.chat(question), list(llm.stream_chat(question))[-1]):
        assert [getattr(b, "content", None) or b.text for b in response.message.blocks] == ["why", "because"]
    for response in (off.chat(question), llm.chat(question, parse_think=False)):
        assert [block.text for block in response.message.blocks] == [text]
    assert not any("parse_think" in body for body in host.bodies)
