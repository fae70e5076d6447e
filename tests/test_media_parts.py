"""Media go out labelled as what they are, and under chat completions behind the results of tools, not in them."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_emulator import EmulatorServer
from aimlapi_transport.chat.media_parts import IN_NEXT_MESSAGE, audio_format, corrected_part
from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media_types import data_url, first_bytes
from llama_index_aimlapi import AIMLAPI
from tests.ways import FOUR_WAYS, Host, Way

Json = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.b64encode(data + bytes(40)).decode()


PNG, JPEG, GIF = b64(b"\x89PNG\r\n\x1a\n"), b64(b"\xff\xd8\xff\xe0"), b64(b"GIF89a")
WEBP, PDF, WAV = b64(b"RIFF\x24\x00\x00\x00WEBPVP8 "), b64(b"%PDF-1.7\n"), b64(b"RIFF\x24\x00\x00\x00WAVEfmt ")
MP3, OGG, MP4 = b64(b"ID3\x04"), b64(b"OggS"), b64(b"\x00\x00\x00\x20ftypisom")
UNKNOWN = b64(b"????")


@pytest.mark.parametrize(
    ("data", "label", "expected"),
    [
        (PNG, "image/jpeg", f"data:image/png;base64,{PNG}"),
        (PNG, None, f"data:image/png;base64,{PNG}"),
        (PNG, "application/octet-stream", f"data:image/png;base64,{PNG}"),
        (UNKNOWN, "image/jpg", f"data:image/jpeg;base64,{UNKNOWN}"),
        (UNKNOWN, None, f"data:a/b;base64,{UNKNOWN}"),
        (f"data:image/jpg;base64,{UNKNOWN}", None, f"data:image/jpeg;base64,{UNKNOWN}"),
        (f"data:image/jpeg;base64,{PNG}", "image/webp", f"data:image/png;base64,{PNG}"),
        (f"DATA:IMAGE/JPG;base64,{JPEG}", None, f"data:image/jpeg;base64,{JPEG}"),
        (f"data:image/png;base64,data:image/png;base64,{PNG}", None, f"data:image/png;base64,{PNG}"),
        (f"data:image/png;base64,data:;base64,{UNKNOWN}", None, f"data:image/png;base64,{UNKNOWN}"),
        (f"data:;base64,{UNKNOWN}", None, f"data:;base64,{UNKNOWN}"),
        (f"data:;base64,{GIF}", None, f"data:image/gif;base64,{GIF}"),
        (f"DATA:IMAGE/JPG;BASE64,{PNG}", None, f"data:image/png;base64,{PNG}"),
        (f"Data:image/X;name=a,b;Base64,{UNKNOWN}", None, f"data:image/x;base64,{UNKNOWN}"),
        (f"data:image/png;base64,DATA:image/png;BASE64,{PNG}", None, f"data:image/png;base64,{PNG}"),
        (WEBP, "image/png", f"data:image/webp;base64,{WEBP}"),
        (PDF, "text/plain", f"data:application/pdf;base64,{PDF}"),
        (MP3, "text/plain", f"data:text/plain;base64,{MP3}"),
        (MP4, "audio/mp4", f"data:audio/mp4;base64,{MP4}"),
        (MP4, "video/quicktime", f"data:video/quicktime;base64,{MP4}"),
        (MP4, "video/webm", f"data:video/mp4;base64,{MP4}"),
        (f"{PNG[:9]}\n{PNG[9:]}", "image/jpeg", f"data:image/png;base64,{PNG[:9]}\n{PNG[9:]}"),
        ("no base64!", "image/png", "data:image/png;base64,no base64!"),
    ],
)
def test_a_data_url_is_labelled_by_its_bytes(data: str, label: str | None, expected: str) -> None:
    assert data_url(data, label, "a/b") == expected
    assert data_url(expected, None, "a/b") == expected


def test_a_correct_data_url_is_not_copied() -> None:
    url = f"data:image/png;base64,{PNG}" + "A" * 1_000_000
    assert data_url(url) is url
    assert len(first_bytes(url)) < 2000


@pytest.mark.parametrize(
    ("label", "data", "expected"),
    [
        ("mp3", WAV, "wav"),
        ("wav", MP3, "mp3"),
        ("audio/mpeg", UNKNOWN, "mp3"),
        ("mpga", UNKNOWN, "mp3"),
        ("audio/x-wav", UNKNOWN, "wav"),
        ("m4a", MP4, "m4a"),
        ("mp4", MP4, "mp4"),
        ("opus", OGG, "opus"),
        ("pcm16", b64(b"\xff\xfb"), "pcm16"),
        (None, f"data:audio/flac;base64,{UNKNOWN}", "flac"),
        (None, OGG, "ogg"),
        (None, "https://h/sound", "wav"),
    ],
)
def test_the_format_of_sound_is_its_bytes_own(label: str | None, data: str, expected: str) -> None:
    assert audio_format(label, data) == expected


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://h/a.jpg", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "input_audio", "input_audio": {"data": WAV, "format": "audio/wav"}},
        {"type": "input_audio", "input_audio": WAV},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "text", "text": "data:image/jpg;base64,AAAA"},
        {"type": "odd"},
    ],
)
def test_what_is_correct_or_no_data_is_left_alone(part: Json) -> None:
    assert corrected_part(part) == part


def media(body: Json) -> str:
    return json.dumps(body.get("messages") or body["input"])


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
@pytest.mark.parametrize("label", ["image/jpg", "image/jpeg", "image/png", None])
@pytest.mark.parametrize("is_prefixed", [True, False])
def test_a_picture_of_either_framework_is_labelled_as_what_it_is(
    way: Way, label: str | None, is_prefixed: bool
) -> None:
    data = f"data:{label or 'image/png'};base64,{PNG}" if is_prefixed else PNG
    host = Host()
    if way.framework == "langchain":
        message: Any = HumanMessage([{"type": "image", "base64": data, "mime_type": label or "image/*"}])
    else:
        message = ChatMessage(role="user", blocks=[ImageBlock(image=data.encode(), image_mimetype=label)])
    host.ask(way, [message])
    sent = media(host.bodies[0])
    assert f'"data:image/png;base64,{PNG}"' in sent and sent.count("data:") == 1


LANGCHAIN_MEDIA: list[Json] = [
    {"type": "image", "base64": f"data:image/jpg;base64,{JPEG}", "mime_type": "image/jpg"},
    {"type": "file", "base64": f"data:application/pdf;base64,{PDF}", "mime_type": "application/pdf"},
    {"type": "audio", "base64": f"data:audio/mp3;base64,{WAV}", "mime_type": "audio/mp3"},
    {"type": "video", "base64": MP4, "mime_type": "video/webm"},
    {"type": "text-plain", "base64": "data:text/plain;base64,SGk=", "mime_type": "text/plain"},
]


@pytest.mark.filterwarnings("ignore")
def test_every_kind_of_block_is_labelled_and_prefixed_once() -> None:
    way = FOUR_WAYS[0]
    host = Host()
    host.ask(way, [HumanMessage(LANGCHAIN_MEDIA)])
    image, file, audio, video, text = host.bodies[0]["messages"][0]["content"]
    assert image["image_url"]["url"] == f"data:image/jpeg;base64,{JPEG}"
    assert file["file"]["file_data"] == f"data:application/pdf;base64,{PDF}"
    assert audio["input_audio"] == {"data": WAV, "format": "wav"}
    assert video["video_url"]["url"] == f"data:video/mp4;base64,{MP4}"
    assert text == {"type": "text", "text": "Hi"}
    blocks = [
        AudioBlock(audio=base64.b64decode(WAV), format="mp3"),
        VideoBlock(video=base64.b64decode(MP4), video_mimetype="video/webm"),
        DocumentBlock(data=base64.b64decode(PDF), document_mimetype="text/plain", title="d"),
    ]
    host.ask(next(w for w in FOUR_WAYS if w.framework == "llama_index"), [ChatMessage(role="user", blocks=blocks)])
    audio, video, file = host.bodies[1]["messages"][0]["content"]
    assert audio["input_audio"] == {"data": WAV, "format": "wav"}
    assert video["video_url"]["url"] == f"data:video/mp4;base64,{MP4}"
    assert file["file"]["file_data"] == f"data:application/pdf;base64,{PDF}"


# -- results of tools --------------------------------------------------------------------------------------------------


def conversation(way: Way) -> list[Any]:
    """Two calls; the result of the first is a text and a picture, of the second a file alone. Then a question."""
    if way.framework == "langchain":
        picture, file = LANGCHAIN_MEDIA[:2]
        calls = [{"id": call_id, "name": "shot", "args": {}} for call_id in ("a", "b")]
        return [
            HumanMessage("look"),
            AIMessage("", tool_calls=calls),
            ToolMessage([{"type": "text", "text": "here"}, picture], tool_call_id="a"),
            ToolMessage([file], tool_call_id="b"),
            HumanMessage("And?"),
        ]
    blocks = [ToolCallBlock(tool_call_id=call_id, tool_name="shot") for call_id in ("a", "b")]
    picture_block = ImageBlock(image=base64.b64decode(JPEG), image_mimetype="image/jpg")
    document = DocumentBlock(data=base64.b64decode(PDF), document_mimetype="application/pdf", title="d.pdf")
    return [
        ChatMessage("look"),
        ChatMessage(role="assistant", blocks=blocks),
        ChatMessage(
            role="tool", blocks=[TextBlock(text="here"), picture_block], additional_kwargs={"tool_call_id": "a"}
        ),
        ChatMessage(role="tool", blocks=[document], additional_kwargs={"tool_call_id": "b"}),
        ChatMessage("And?"),
    ]


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_media_of_results_follow_all_results_of_the_turn(way: Way) -> None:
    host = Host()
    host.ask(way, conversation(way))
    body = host.bodies[0]
    if way.endpoint == "responses":
        outputs = [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]
        assert [part["type"] for part in outputs[0]] == ["input_text", "input_image"]
        assert [part["type"] for part in outputs[1]] == ["input_file"]
        assert outputs[0][1]["image_url"] == f"data:image/jpeg;base64,{JPEG}"
        return
    *_, first, second, behind, question = body["messages"]
    assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert (first["content"], second["content"], question["content"]) == ("here", IN_NEXT_MESSAGE, "And?")
    texts = [part["text"] for part in behind["content"] if part["type"] == "text"]
    assert ["call a (`shot`)" in texts[0], "call b (`shot`)" in texts[1]] == [True, True]
    assert [part["type"] for part in behind["content"]] == ["text", "image_url", "text", "file"]
    assert behind["content"][1]["image_url"]["url"] == f"data:image/jpeg;base64,{JPEG}"


def test_media_of_the_last_results_end_the_conversation_and_reasoning_still_goes_back() -> None:
    """A model that thinks gets its thoughts back while it calls tools: a picture is no new question."""
    call = {"id": "a", "type": "function", "function": {"name": "shot", "arguments": "{}"}}
    thought = {"role": "assistant", "content": None, "reasoning_content": "why", "tool_calls": [call]}
    cached = {"type": "text", "text": "here", "cache_control": {"type": "ephemeral"}}
    part = {"type": "image_url", "image_url": {"url": "https://h/a.png"}}
    history = [
        {"role": "user", "content": "look"},
        thought,
        {"role": "tool", "tool_call_id": "a", "content": [cached, part]},
    ]
    body = json.loads(chat_request("deepseek/deepseek-v4-pro", history).body)
    assert body["messages"][1]["reasoning_content"] == "why"
    assert body["messages"][2]["content"] == [cached]
    assert body["messages"][3]["content"][1] == part


def test_an_agents_tool_gives_a_picture_and_the_run_ends(server: EmulatorServer) -> None:
    """A picture behind the results is no new question, which would be answered by another call."""

    def take_picture(of: str) -> list[Any]:
        """Takes a picture of something."""
        return [ImageBlock(image=base64.b64decode(JPEG))]

    llm = AIMLAPI("openai/gpt-4o", api_key="k", api_base=server.base_url)

    async def run() -> str:
        return str(await FunctionAgent(tools=[take_picture], llm=llm).run("Take a picture of a cat"))

    assert "an image (image/jpeg, 44 bytes)" in asyncio.run(run())


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "/tmp/cat.png"}},
        {"type": "image_url", "image_url": "cat.JPG"},
        {"type": "image_url", "image_url": {"url": "C:\\pictures\\cat.png"}},
        {"type": "image_url", "image_url": {"url": "file:///tmp/cat"}},
        {"type": "video_url", "video_url": {"url": "~/film.mp4"}},
        {"type": "file", "file": {"file_data": "./paper.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "talk.wav", "format": "wav"}},
        {"type": "input_image", "image_url": "cat.png"},
        {"type": "input_file", "file_data": "paper.pdf"},
    ],
)
def test_a_file_of_this_machine_is_not_sent_as_an_address(part: Json) -> None:
    with pytest.raises(InvalidRequestError, match="a file of this machine: pass a URL, or what is in it as a data URL"):
        corrected_part(part)


@pytest.mark.parametrize(
    "address",
    [
        "https://h/cat.png",
        "HTTP://h/cat.png",
        "gs://bucket/cat.png",
        "s3://bucket/cat.png",
        "file-abc123",
        "files/abc-123",
        PNG,
        f"/9j/{JPEG}",
        f"data:image/png;base64,{PNG}",
    ],
)
def test_addresses_ids_and_data_are_sent(address: str) -> None:
    part = {"type": "image_url", "image_url": {"url": address}}
    assert corrected_part(part) == part
    for text in ({"type": "text", "text": "see cat.png"}, {"type": "input_text", "text": "cat.png"}):
        assert corrected_part(text) == text


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_both_frameworks_say_how_to_send_a_file(way: Way) -> None:
    host = Host()
    messages: list[Any] = [ChatMessage(role="user", blocks=[ImageBlock(url="file:///tmp/cat.png")])]
    if way.framework == "langchain":
        address = {"type": "image_url", "image_url": {"url": "cat.png"}}
        messages = [HumanMessage([address]), HumanMessage([{"type": "image", "url": "cat.png"}])]
    for message in messages:
        with pytest.raises(InvalidRequestError, match="a file of this machine"):
            host.ask(way, [message])
    assert not host.bodies
