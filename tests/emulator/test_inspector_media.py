"""The inspector and media: what was asked and what came are parts that can be shown, and no foreign host is asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_emulator import EmulatorServer, emulator
from aimlapi_emulator.inspector import media
from aimlapi_transport import Client
from tests.emulator.test_inspector import seen
from tests.llama_index.conformance.server import Reply, Server

KEY = "sk-media-0123456789"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def inspected() -> Iterator[EmulatorServer]:
    with emulator(inspect=True) as server:
        yield server


@pytest.fixture
def client(inspected: EmulatorServer) -> Iterator[Client]:
    with Client(base_url=inspected.base_url, api_key=KEY, sleep=lambda _: None) as client:
        yield client


def parts(server: EmulatorServer, number: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was asked and what came, of an exchange."""
    found = seen(server, f"exchanges/{number}")
    return [part for message in found["messages"] for part in message["parts"]], found["reply"]["parts"]


def fetched(server: EmulatorServer, part: dict[str, Any]) -> httpx.Response:
    return httpx.get(f"{server.url}{part['src']}").raise_for_status()


def test_every_kind_is_a_row_and_parts(inspected: EmulatorServer, client: Client, tmp_path: Path) -> None:
    client.images("flux/dev", "A red cat", n=2)
    client.edit_image("openai/gpt-image-1", "Give it a hat", PNG)
    spoken = client.speech("deepgram/aura", "The ferry leaves.", voice="asteria")
    [sound] = client.save(spoken, tmp_path)
    [picture] = client.save(client.images("flux/dev", "Total 42 dollars").files[:1], tmp_path)
    client.ocr("mistral/mistral-ocr-latest", picture)
    client.transcribe("nova-3", sound)
    client.video("google/veo3", "A cat runs", duration=4)
    client.music("elevenlabs/eleven_music", "A waltz")
    rows = [row for row in seen(inspected)["rows"] if row["method"] == "POST"][::-1]
    kinds = ["image", "image", "speech", "image", "ocr", "transcript", "video", "music"]
    assert [row["endpoint"] for row in rows] == kinds
    assert all(row["model"] and not row["error"] for row in rows)
    assert [row["asked"] for row in rows if row["endpoint"] == "image"] == [
        "A red cat",
        "Give it a hat",
        "Total 42 dollars",
    ]
    assert rows[0]["answer"] == "2 images" and rows[4]["answer"].startswith("Total 42")
    assert all(row["cost_usd"] for row in rows if row["endpoint"] in ("image", "ocr", "video", "music"))
    asked, came = parts(inspected, rows[0]["id"])
    assert asked == [{"kind": "text", "text": "A red cat"}]
    assert [(part["kind"], part["is_foreign"]) for part in came] == [("image", False)] * 2
    assert fetched(inspected, came[1]).headers["content-type"] == "image/png"
    asked, came = parts(inspected, rows[1]["id"])  # a form
    assert [part["kind"] for part in asked] == ["text", "image"] and fetched(inspected, asked[1]).content == PNG
    asked, came = parts(inspected, rows[2]["id"])  # the file itself
    assert [part["kind"] for part in came] == ["audio"]
    assert fetched(inspected, came[0]).content == sound.read_bytes()
    asked, came = parts(inspected, rows[4]["id"])
    assert [part["kind"] for part in asked] == ["image"] and came[0]["kind"] == "pages"
    assert "Total 42 dollars" in came[0]["pages"][0]["markdown"]


def test_what_is_asked_for_again_is_one_conversation(inspected: EmulatorServer, client: Client, tmp_path: Path) -> None:
    """An order and the questions for it stand together; the last holds what came."""
    client.video("google/veo3", "A cat runs", duration=4)
    [sound] = client.save(client.speech("openai/tts-1", "The ferry leaves."), tmp_path)
    client.transcribe("nova-3", sound)
    rows = [row for row in seen(inspected)["rows"] if row["endpoint"] in ("video", "transcript")][::-1]
    films, words = rows[:4], rows[4:]
    assert len({row["thread"] for row in films}) == len({row["thread"] for row in words}) == 1
    assert {row["model"] for row in films} == {"google/veo3"} and {row["model"] for row in words} == {"nova-3"}
    assert [row["answer"] for row in films] == ["queued", "queued", "generating", "1 video"]
    _, came = parts(inspected, films[-1]["id"])
    assert [part["kind"] for part in came] == ["video"] and fetched(inspected, came[0]).content[4:8] == b"ftyp"
    _, came = parts(inspected, words[-1]["id"])
    [transcript] = [part for part in came if part["kind"] == "transcript"]
    assert transcript["text"] == "The ferry leaves." and len(transcript["segments"]) == 3
    assert len([part for part in came if part["kind"] == "text"]) == 0
    assert seen(inspected, grouped=1)["rows"][0]["turns"] == len(words)


FOREIGN = "https://cdn.example/film.mp4"


@pytest.mark.parametrize(
    ("path", "reply", "kinds"),
    [
        ("/v1/images/generations", {"data": [{"b64_json": base64.b64encode(PNG).decode()}]}, ["image"]),
        ("/v1/images/generations", {"images": ["https://x.example/a.webp", {"url": "https://x.example/b"}]}, ["image"] * 2),
        ("/v2/video/generations", {"id": "1", "video": FOREIGN}, ["video"]),
        ("/v2/video/generations", {"id": "1", "video": [{"url": FOREIGN}], "urls": {"get": "https://x/y"}}, ["video"]),
        ("/v2/generate/audio", {"audio_file": {"url": "https://x.example/1", "content_type": "audio/mpeg"}}, ["audio"]),
        ("/v1/images/generations", {"model_mesh": {"url": "https://x.example/m.glb", "content_type": "model/gltf-binary"}}, ["file"]),
        ("/v1/ocr", {"pages": [{"index": 0, "markdown": "# One"}, "two"]}, ["pages"]),
        ("/v1/stt/create", {"text": "Hi", "words": [{"text": "Hi", "start": 100, "end": 900, "speaker": "A"}]}, ["transcript"]),
        ("/v1/stt/1", {"result": {"results": {"channels": [{"alternatives": [{"transcript": "Hi", "words": [{"word": "hi", "punctuated_word": "Hi", "start": 0.1, "end": 0.9}]}]}]}}}, ["transcript"]),
        ("/v1/tts", {"audio": {"url": "data:audio/wav;base64,UklGRgAAAABXQVZF"}}, ["audio"]),
    ],
)  # fmt: skip
def test_replies_of_any_shape_are_read(path: str, reply: dict[str, Any], kinds: list[str]) -> None:
    kind = media.kind_of(path)
    assert kind is not None
    found = media.read(kind, reply, json.dumps(reply).encode())
    assert [file.kind for file in found.files] + [part["kind"] for part in found.parts] == kinds
    for part in found.parts:
        if part["kind"] == "transcript":
            [one] = part["segments"]
            assert (one["start"], one["end"], one["text"]) == (0.1, 0.9, "Hi")


@pytest.mark.parametrize(
    "value", [None, 3, [], {}, {"data": None}, {"pages": "x"}, {"words": [{"start": "x"}]}, {"result": []}]
)
@pytest.mark.parametrize("kind", ["image", "video", "speech", "transcript", "ocr", "music"])
def test_odd_replies_hold_nothing(kind: str, value: Any) -> None:
    found = media.read(kind, value, b"")
    assert not found.files


def test_a_foreign_file_is_a_frame_that_can_do_nothing(tmp_path: Path) -> None:
    """No host is asked by the server; the frame has no scripts, tells no address, and holds nothing but the file."""
    evil = 'https://cdn.example/"><script>alert(1)</script>.png'
    with Server() as upstream:
        upstream.play(Reply(200, {"data": [{"url": FOREIGN}, {"url": evil}]}))
        with emulator(upstream=upstream.base_url, inspect=True) as server:
            httpx.post(f"{server.base_url}/images/generations", json={"model": "m", "prompt": "x"})
            _, came = parts(server, 1)
            assert (came[0]["kind"], came[0]["is_foreign"]) == ("video", True)
            reply = fetched(server, came[0])
            policy = reply.headers["content-security-policy"]
            assert FOREIGN in reply.text and "sandbox;" in policy and "default-src 'none'" in policy
            assert "script" not in policy and "frame-ancestors 'self'" in policy
            assert reply.headers["referrer-policy"] == "no-referrer"
            for part in came[1:]:
                assert "<script" not in fetched(server, part).text
            assert httpx.get(f"{server.url}/_inspect/media/1/0").status_code == 404
            assert httpx.get(f"{server.url}/_inspect/foreign/1/9").status_code == 404
            assert httpx.get(f"{server.url}/_inspect/foreign/9/0").status_code == 404
            for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
                assert httpx.get(f"{server.url}{came[0]['src']}", headers=headers).status_code == 403
        assert len(upstream.requests) == 1


def test_what_is_no_picture_is_a_download(inspected: EmulatorServer) -> None:
    page = base64.b64encode(b"<html><script>alert(1)</script></html>").decode()
    body = {"model": "mistral/mistral-ocr-latest", "document": f"data:text/html;base64,{page}"}
    httpx.post(f"{inspected.base_url}/ocr", json=body, headers={"authorization": f"Bearer {KEY}"})
    asked, _ = parts(inspected, 1)
    reply = fetched(inspected, asked[0])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_media_are_there_after_a_restart(tmp_path: Path) -> None:
    with emulator(keep=tmp_path / "journal") as server, Client(base_url=server.base_url, api_key=KEY) as client:
        client.edit_image("openai/gpt-image-1", "Give it a hat", PNG)
        client.speech("deepgram/aura", "Hello", voice="asteria")
        before = [seen(server, f"exchanges/{number}") for number in (1, 2)]
    with emulator(keep=tmp_path / "journal") as server:
        assert [row["endpoint"] for row in seen(server)["rows"]] == ["speech", "image"]
        asked, _ = parts(server, 1)
        assert fetched(server, asked[1]).content == PNG
        _, came = parts(server, 2)
        assert fetched(server, came[0]).headers["content-type"].startswith("audio/")
        assert seen(server, "exchanges/2")["reply"]["parts"] == before[1]["reply"]["parts"]
