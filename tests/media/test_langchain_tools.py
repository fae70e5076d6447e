"""Media models as LangChain tools: what the agent's model may choose, what it is answered, what it may not reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from aimlapi_transport.errors import InvalidRequestError
from langchain_aimlapi import get_aimlapi_usage_callback
from langchain_aimlapi.errors import AuthenticationError, BudgetExceededError
from langchain_aimlapi.tools import (
    AIMLAPIGenerationStatusTool,
    AIMLAPIImageEditTool,
    AIMLAPIImageTool,
    AIMLAPISpeechTool,
    AIMLAPIToolkit,
    AIMLAPIVideoTool,
)
from llama_index_aimlapi.tools import AIMLAPIToolSpec

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)
COST = {"usage": {"credits_used": 80_000, "usd_spent": 0.04}}
PICTURE = {"data": [{"url": "https://cdn.test/cat.png"}], "meta": COST}
FILM = {"id": "g:1", "status": "completed", "video": {"url": "https://cdn.test/film.mp4"}}


class Host:
    """Answers each path; keeps what was asked."""

    def __init__(self, replies: dict[str, Any] | None = None) -> None:
        self.replies = {
            "POST /v1/images/generations": PICTURE,
            "POST /v1/images/edits": PICTURE,
            "POST /v2/video/generations": {"id": "g:1", "status": "queued", "meta": COST},
            "GET /v2/video/generations": FILM,
            "POST /v2/generate/audio": {"id": "s:1", "status": "queued"},
            "GET /v2/generate/audio": {"id": "s:1", "status": "completed", "audio_file": {"url": "https://cdn.test/a.mp3"}},
            "POST /v1/tts": WAV,
            "POST /v1/stt/create": {"generation_id": "t1"},
            "GET /v1/stt/t1": {"status": "completed", "result": {"text": "Hello."}},
            "GET /v1/models": {"data": [{"id": "flux/dev", "pricing": {"units": [{"name": "image", "price": 0.05, "per": 1}]}}]},
            **(replies or {}),
        }  # fmt: skip
        self.bodies: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        reply = self.replies[f"{request.method} {request.url.path}"]
        if request.method == "POST" and request.headers["content-type"] == "application/json":
            self.bodies.append(json.loads(request.read()))
        if isinstance(reply, bytes):
            return httpx.Response(200, content=reply, headers={"content-type": "audio/wav"})
        status, payload = reply if isinstance(reply, tuple) else (200, reply)
        return httpx.Response(status, json=payload)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "api_key": "test-key",
            "max_retries": 0,
            "http_client": httpx.Client(transport=httpx.MockTransport(self)),
            "http_async_client": httpx.AsyncClient(transport=httpx.MockTransport(self.answer)),
        }


def called(tool: BaseTool, **arguments: Any) -> ToolMessage:
    message = tool.invoke({"type": "tool_call", "name": tool.name, "id": "c1", "args": arguments})
    assert isinstance(message, ToolMessage)
    return message


async def acalled(tool: BaseTool, **arguments: Any) -> ToolMessage:
    message = await tool.ainvoke({"type": "tool_call", "name": tool.name, "id": "c1", "args": arguments})
    assert isinstance(message, ToolMessage)
    return message


def test_the_model_may_choose_what_the_documents_list_and_no_more() -> None:
    def names(tool: BaseTool) -> dict[str, bool]:
        assert isinstance(tool.args_schema, type)
        return {name: field.is_required() for name, field in tool.args_schema.model_fields.items()}

    key = {"api_key": "k"}
    assert names(AIMLAPIImageTool(model="flux/dev", **key)) == {"prompt": True, "size": False, "n": False}
    assert names(AIMLAPIImageTool(model="flux/dev", parameters={"size": "square_hd"}, **key)) == {
        "prompt": True,
        "n": False,
    }
    for own in (
        {"image_urls": ["https://h/a.png"]},
        {"image": "https://h/a.png"},
    ):  # its own name of it, or the common one
        assert names(AIMLAPIImageEditTool(parameters=own, **key)) == {"prompt": True}
    fixed = {"effect_scene": "hug", "image_url": "https://h/a.png"}
    assert names(AIMLAPIVideoTool(model="klingai/kling-video-v1.6-pro-effects", parameters=fixed, **key)) == {
        "duration": False
    }
    assert names(AIMLAPIVideoTool(model="klingai/kling-video-v1.6-pro-effects", **key)) == {
        "image": True,
        "duration": False,
        "effect_scene": True,
    }
    assert names(AIMLAPIImageTool(model="tomorrow/picture-9", **key)) == {"prompt": True}


async def test_answers_have_addresses_and_artifacts_blocks() -> None:
    host = Host()
    tool = AIMLAPIImageTool(model="flux/dev", parameters={"seed": 7}, **host.settings)
    for message in (
        called(tool, prompt="A cat", size="64x32", n=1),
        await acalled(tool, prompt="A cat", size="64x32", n=1),
    ):
        assert message.content == "1 picture: https://cdn.test/cat.png"
        assert [(block["type"], block["url"]) for block in message.artifact] == [("image", "https://cdn.test/cat.png")]
    sent = {
        "model": "flux/dev",
        "prompt": "A cat",
        "seed": 7,
        "num_images": 1,
        "image_size": {"width": 64, "height": 32},
    }
    assert host.bodies == [sent, sent]
    shown = called(AIMLAPIImageTool(model="flux/dev", show_images=True, **host.settings), prompt="A cat")
    assert isinstance(shown.content, list)
    assert [block["type"] for block in shown.content if isinstance(block, dict)] == ["text", "image"]


async def test_bytes_are_in_the_artifact_or_in_a_folder(tmp_path: Path) -> None:
    host = Host()
    message = called(AIMLAPISpeechTool(**host.settings), text="Hello")
    assert message.content == "1 sound: 44 bytes of audio/wav" and message.artifact[0]["mime_type"] == "audio/wav"
    saving = AIMLAPISpeechTool(save_to=str(tmp_path), **host.settings)
    for call in (called(saving, text="Hello"), await acalled(saving, text="Hello")):
        path = Path(str(call.content).removeprefix("1 sound: "))
        assert path.parent == tmp_path and path.stat().st_size == len(WAV)  # noqa: ASYNC240  # a test of files


async def test_what_cannot_be_saved_is_answered_by_its_address(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    tool = AIMLAPIImageTool(model="flux/dev", save_to=tmp_path / "taken", **Host().settings)
    for message in (called(tool, prompt="A cat"), await acalled(tool, prompt="A cat")):
        assert message.status == "success" and message.artifact[0]["url"] in str(message.content)
        assert "Not saved: " in str(message.content)


async def test_a_text_without_a_name_is_the_first_argument() -> None:
    host = Host()
    tool = AIMLAPIImageTool(model="flux/dev", **host.settings)
    assert tool.invoke("A cat") == await tool.ainvoke("A cat")
    assert [body["prompt"] for body in host.bodies] == ["A cat"] * 2


async def test_what_takes_minutes_is_ordered_and_asked_for() -> None:
    host = Host()
    kinds: Any = ("video", "music")
    submit, _, status = AIMLAPIToolkit(include=kinds, wait=False, **host.settings).get_tools()
    for call in (lambda tool, **given: called(tool, **given), None):
        answer = call(submit, prompt="A cat") if call else await acalled(submit, prompt="A cat")
        reference = str(answer.content).rpartition(" ")[2]
        assert reference == "video:google/veo3:g:1" and json.loads(answer.artifact[0]["text"])["id"] == "g:1"
        host.replies["GET /v2/video/generations"] = {"id": "g:1", "status": "generating"}
        asked = call(status, reference=reference) if call else await acalled(status, reference=reference)
        assert "Not done yet (generating)" in str(asked.content)
        host.replies["GET /v2/video/generations"] = FILM
        done = call(status, reference=reference) if call else await acalled(status, reference=reference)
        assert done.content == "1 film: https://cdn.test/film.mp4" and done.artifact[0]["type"] == "video"


def test_the_toolkit_has_the_models_and_settings_it_is_given() -> None:
    toolkit = AIMLAPIToolkit(models={"image": "flux/schnell"}, api_key="secret-key", save_to="pictures")
    tools = toolkit.get_tools()
    assert [tool.name for tool in tools] == [
        "generate_image",
        "edit_image",
        "generate_video",
        "text_to_speech",
        "generate_music",
        "transcribe_audio",
    ]
    assert getattr(tools[0], "model") == "flux/schnell" and "secret-key" not in repr(toolkit) + repr(tools)  # noqa: B009
    with pytest.raises(ValueError, match="save_too"):
        AIMLAPIToolkit(save_too="x").get_tools()


@pytest.mark.parametrize("value", ["/etc/passwd", "~/.ssh/id_rsa", "file:///etc/passwd", "../secret.png"])
def test_a_model_reaches_no_file_of_this_machine(value: str, tmp_path: Path) -> None:
    host = Host()
    message = called(AIMLAPIImageEditTool(save_to=str(tmp_path), **host.settings), prompt="A hat", image=value)
    assert message.status == "error" and "https://" in str(message.content) and host.bodies == []


def test_but_what_the_tool_saved_itself(tmp_path: Path) -> None:
    host = Host({"POST /v1/images/generations": {"data": [{"b64_json": "iVBORw0KGgo="}]}})
    tool = AIMLAPIImageEditTool(save_to=str(tmp_path), **host.settings)
    (tmp_path / "cat.png").write_bytes(PNG)
    assert called(tool, prompt="A hat", image=str(tmp_path / "cat.png")).status == "success"
    assert host.bodies[0]["image_urls"][0].startswith("data:image/png;base64,")


def test_refusals_are_answered_and_other_errors_raised() -> None:
    refused = Host({"POST /v1/images/generations": (400, {"message": "The prompt is not allowed"})})
    message = called(AIMLAPIImageTool(model="flux/dev", **refused.settings), prompt="A cat")
    assert message.status == "error" and "The prompt is not allowed" in str(message.content)
    failed = Host({"GET /v2/video/generations": {"id": "g:1", "status": "error", "error": {"message": "broke"}}})
    assert "broke" in str(called(AIMLAPIVideoTool(**failed.settings), prompt="A cat").content)
    no_key = Host({"POST /v1/images/generations": (401, {"message": "no such key"})})
    with pytest.raises(AuthenticationError):
        called(AIMLAPIImageTool(model="flux/dev", **no_key.settings), prompt="A cat")


@pytest.mark.parametrize("how", [called, acalled])
async def test_calls_are_counted_and_a_budget_holds(how: Callable[..., Any]) -> None:
    host = Host()
    tool = AIMLAPIImageTool(model="flux/dev", **host.settings)

    async def run() -> None:
        message = how(tool, prompt="A cat")
        await message if hasattr(message, "__await__") else None

    with get_aimlapi_usage_callback() as used:
        await run()
    assert (used.calls, used.cost_usd, list(used.by_model)) == (1, 0.04, ["flux/dev"])
    with get_aimlapi_usage_callback(budget_usd=0.08):
        await run()
        with pytest.raises(BudgetExceededError, match="cost at least"):
            await run()  # 0.04 are spent, and the catalogue has 0.05 for a picture
    assert len(host.bodies) == 2


def test_a_model_that_does_something_else_is_refused_where_the_tool_is_made() -> None:
    words = "google/veo3 is a model for `video`, not for `images`"
    with pytest.raises(ValidationError, match=words):
        AIMLAPIImageTool(model="google/veo3", api_key="k")
    with pytest.raises(InvalidRequestError, match=words):
        AIMLAPIToolSpec(image_model="google/veo3", include=["image"], api_key="k").to_tool_list()


def test_a_reference_that_a_model_made_up_is_answered_to_it() -> None:
    host = Host({"GET /v2/video/generations": (404, {"message": "Generation 'x' not found."})})
    tool = AIMLAPIGenerationStatusTool(**host.settings)
    assert "not found" in called(tool, reference="video:google/veo3:x").content
