"""The emulator's media endpoints, by both clients over real HTTP: real files, states by counting, faults of its own."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aimlapi_emulator.media import films, pictures
from aimlapi_emulator.media.models import media_models
from aimlapi_emulator.server.run import EmulatorServer
from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    GenerationError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
)


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


@pytest.fixture
def client(server: EmulatorServer) -> Client:
    return client_for(server)


def client_for(server: EmulatorServer, fault: str = "", *, max_retries: int = 0) -> Client:
    settings: dict[str, Any] = {"headers": {"X-Emulator-Fault": fault} if fault else {}, "max_retries": max_retries}
    return Client(api_key="any-key", base_url=server.base_url, sleep=lambda seconds: None, **settings)


def test_pictures_are_real_and_of_the_size_that_was_asked_for(client: Client, tmp_path: Path) -> None:
    result = client.images("flux/dev", "A red cat", size="96x64", n=2)
    paths = client.save(result, tmp_path)
    assert [pictures.size_of(path.read_bytes()) for path in paths] == [(96, 64)] * 2
    assert [path.suffix for path in paths] == [".png", ".png"] and result.cost_usd == 0.08
    inline = client.images("openai/gpt-image-1", "A red cat", size="64x96", response_format="b64_json")
    assert pictures.size_of(inline.files[0].data or b"") == (64, 96) and inline.files[0].media_type == "image/png"
    assert client.images("google/imagen-4.0-generate-001", "A cat", size="16:9").files[0].url


def test_edits_take_uploads_and_addresses(client: Client) -> None:
    picture = pictures.picture("A cat", 32, 32)
    assert client.edit_image("openai/gpt-image-1", "A hat", picture, mask=picture).urls
    assert client.edit_image("flux/dev/image-to-image", "A hat", picture).urls
    mesh = client.images("triposr", image=picture).files[0]
    assert mesh.role == "model_mesh" and mesh.kind == "file"


def test_a_film_is_there_at_the_third_question(client: Client, tmp_path: Path) -> None:
    seen: list[str | None] = []
    result = client.video(
        "google/veo3", "A cat", duration=4, on_progress=lambda status: seen.append(status.provider_state)
    )
    assert seen == ["queued", "generating", "completed"]
    [path] = client.save(result, tmp_path)
    data = path.read_bytes()
    assert path.suffix == ".mp4" and data == films.film("A cat", 4) and data[4:8] == b"ftyp"
    boxes, at = [], 0
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        boxes.append(data[at + 4 : at + 8])
        at += length
    assert boxes == [b"ftyp", b"mdat", b"moov"]


def test_a_script_has_speakers(client: Client) -> None:
    script = "Speaker 1: Good day.\nSpeaker 2: Yes."
    data = client.speech("microsoft/vibevoice-7b", script, speakers=[{"preset": "Frank [EN]"}] * 2).files[0].url
    for model, names in (("nova-3", ["0", "1"]), ("aai/universal", ["A", "B"])):
        result = client.transcribe(model, data, diarize=True)
        assert result.text == "Good day. Yes."
        assert [(turn.text, turn.speaker) for turn in result.turns] == list(
            zip(["Good day.", "Yes."], names, strict=True)
        )


def test_what_is_spoken_is_what_is_transcribed(client: Client, tmp_path: Path) -> None:
    text = "Good day. It is late, and the ferry leaves at nine."
    spoken = client.speech("openai/tts-1", text, voice="coral")
    [path] = client.save(spoken, tmp_path)
    with wave.open(str(path)) as opened:
        seconds = opened.getnframes() / opened.getframerate()
    streamed = client.speech("elevenlabs/v3_alpha", text)
    assert streamed.files[0].data == path.read_bytes() and streamed.files[0].media_type == "audio/wav"
    for model in (
        "openai/gpt-4o-transcribe",
        "nova-3",
        "aai/universal",
        "microsoft/mai-transcribe-1.5",
        "#g1_whisper-base",
    ):
        for source in (path, spoken.urls[0], io.BytesIO(path.read_bytes())):
            heard = client.transcribe(model, source)
            assert heard.text == text, model
        if model in ("nova-3", "aai/universal"):
            assert [word.text for word in heard.segments] == text.split()
            assert heard.segments[-1].end == pytest.approx(seconds, rel=0.05) and heard.seconds == pytest.approx(
                seconds
            )


def test_ocr_reads_pictures_and_plain_pdfs(client: Client) -> None:
    result = client.ocr("mistral/mistral-ocr-latest", pictures.picture("# The rules\n\nNo dogs.", 60, 40))
    assert result.text == "# The rules\n\nNo dogs." and (result.pages[0].width, result.pages[0].height) == (60, 40)
    pages = b"".join(b"<< >>\nstream\nBT (%s) Tj ET\nendstream\n" % text for text in (b"One \\(1\\).", b"Two."))
    read = client.ocr("zhipu/glm-ocr", b"%PDF-1.4\n" + pages)
    assert [page.markdown for page in read.pages] == ["One (1).", "Two."]


def test_music_has_the_length_that_was_asked_for(client: Client, tmp_path: Path) -> None:
    [path] = client.save(client.music("elevenlabs/eleven_music", "A song", duration=12), tmp_path)
    with wave.open(str(path)) as opened:
        assert opened.getnframes() / opened.getframerate() == pytest.approx(12, abs=0.1)


async def test_the_same_asynchronously(server: EmulatorServer, tmp_path: Path) -> None:
    async def sleep(seconds: float) -> None:
        return None

    client = AsyncClient(api_key="any-key", base_url=server.base_url, sleep=sleep)
    film = await client.video("google/veo3", "A cat", duration=4)
    assert (await client.save(film, tmp_path))[0].suffix == ".mp4"
    generation = await client.submit("transcribe", "nova-3", audio=film.urls[0])
    assert (await client.status(generation)).provider_state == "queued"
    assert (await client.wait(generation.to_json())).text


@pytest.mark.parametrize("model", sorted(media_models()))
def test_every_model_of_the_survey_is_served(client: Client, model: str) -> None:
    """What the schema requires, and no more, is answered by the operation of its family."""
    row = media_models()[model]
    values: dict[str, Any] = dict.fromkeys(row.required, "https://h/x")
    values |= {name: ["https://h/x"] for name in row.required if name.endswith(("_urls", "_list"))}
    method = {"image": "images", "3d": "images", "tts": "speech", "stt": "transcribe"}.get(row.kind, row.kind)
    if row.kind == "stt":
        values = {"audio": "https://h/x"}
    if row.kind == "ocr":
        values = {"document": "https://h/x.pdf"}
    if row.path == "/v2/generate/audio/minimax/generate":
        return  # an endpoint of its own, for a deprecated model
    result = getattr(client, method)(model, **values)
    assert result.files or result.text
    with pytest.raises(NotFoundError):
        client.images(f"nobody/{model.rpartition('/')[2]}", "A cat")


def test_what_is_missing_is_refused_as_the_provider_does(server: EmulatorServer) -> None:
    headers = {"Authorization": "Bearer any-key"}
    with httpx.Client(base_url=server.base_url, headers=headers, trust_env=False) as http:
        reply = http.post("/images/generations", json={"model": "flux/dev"})
        assert reply.status_code == 400 and "prompt: Required" in reply.json()["message"]
        assert http.post("/images/generations", json={"model": "veo2", "prompt": "x"}).status_code == 404
        assert http.get("/stt/nothing").status_code == 404
        assert http.post("/tts", json={"model": "openai/tts-1"}).json()["statusCode"] == 400


def test_faults_are_what_they_say(server: EmulatorServer, client: Client, tmp_path: Path) -> None:
    with pytest.raises(APITimeoutError, match="not done"):
        client_for(server, "media-never-ends").video("google/veo3", "A cat", wait_timeout=0.05)
    with pytest.raises(GenerationError, match="asked to fail"):
        client_for(server, "media-fails").video("google/veo3", "A cat of another kind")
    with pytest.raises(ServerError):
        client_for(server, "media-unavailable").images("flux/dev", "A cat")
    assert client_for(server, "media-bytes").images("flux/dev", "A cat").files[0].data
    expired = client_for(server, "media-expired").images("flux/dev", "A cat that goes")
    with pytest.raises(NotFoundError, match="expire"):
        client.save(expired, tmp_path)
    with pytest.raises(NotFoundError, match="no fault 'media-x'"):
        client_for(server, "media-x").images("flux/dev", "A cat")


PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
MODELS = {"images": "flux/dev", "speech": "openai/tts-1", "video": "google/veo3", "edit_image": "openai/gpt-image-1"}


@pytest.mark.parametrize("kind", ["images", "speech", "ocr", "video", "music", "transcribe", "edit_image"])
def test_faults_of_statuses_are_those_of_chat(server: EmulatorServer, kind: str) -> None:
    arguments: dict[str, Any] = {"prompt": "A cat", "text": "Hi", "document": "https://h/x", "audio": "https://h/x"}
    names = {"speech": ("text",), "ocr": ("document",), "transcribe": ("audio",), "edit_image": ("prompt", "image")}
    values = {name: arguments.get(name, PNG) for name in names.get(kind, ("prompt",))}
    for fault, expected in (("fault-401", AuthenticationError), ("fault-connection-reset", APIConnectionError)):
        with pytest.raises(expected):
            getattr(client_for(server), kind)(fault, **values)  # its name as the model
        with pytest.raises(expected):
            getattr(client_for(server, fault), kind)(MODELS.get(kind, "fault-ok"), **values)
    again = client_for(server, max_retries=2)
    assert getattr(again, kind)("fault-429-then-ok-2", **values).raw
    assert getattr(again, kind)("fault-redirect-308-same-host", **values).raw
    with pytest.raises(NotFoundError, match="no fault 'fault-cut-midstream' of media"):
        getattr(again, kind)("fault-cut-midstream", **values)


def test_a_fault_that_does_nothing_is_refused(server: EmulatorServer) -> None:
    for fault in ("media-fails", "media-never-ends"):
        with pytest.raises(NotFoundError, match="a fault of video, music, stt, not of image"):
            client_for(server, fault).images("flux/dev", "A cat")
    with pytest.raises(NotFoundError, match="no fault 'anything'"):
        client_for(server, "anything").images("flux/dev", "A cat")


@pytest.mark.parametrize(
    ("method", "model", "arguments", "field"),
    [
        ("images", "openai/gpt-image-1", {"n": -1}, "n"),
        ("images", "flux/dev", {"num_images": 99}, "num_images"),
        ("images", "flux/dev", {"num_images": 1.5}, "num_images"),
        ("images", "openai/gpt-image-1", {"size": "huge"}, "size"),
        ("images", "flux/dev", {"image_size": {"width": 0, "height": 64}}, "image_size"),
        ("images", "flux/dev", {"image_size": "huge"}, "image_size"),
        ("images", "google/imagen-4.0-generate-001", {"aspect_ratio": "wide"}, "aspect_ratio"),
        ("images", "flux/dev", {"prompt": 5}, "prompt"),
        ("video", "google/veo3", {"duration": "long"}, "duration"),
        ("video", "google/veo3", {"duration": 0}, "duration"),
        ("music", "elevenlabs/eleven_music", {"music_length_ms": 1}, "music_length_ms"),
        ("speech", "openai/tts-1", {"speed": 9, "text": "Hi"}, "speed"),
    ],
)
def test_a_value_that_no_schema_lists_is_refused(
    client: Client, method: str, model: str, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequestError, match=f"{field}: Invalid value. Expected ") as caught:
        getattr(client, method)(model, **arguments if "text" in arguments else {"prompt": "A cat", **arguments})
    assert caught.value.status_code == 400


def test_calls_are_booked_and_priced(client: Client) -> None:
    before = client.balance().usd
    client.images("flux/dev", "A cat that costs")
    assert float(before - client.balance().usd) == pytest.approx(0.04)
    assert float(client.estimate_media_cost("flux/dev", n=3) or 0) == pytest.approx(0.12)
    with pytest.raises(InvalidRequestError):
        client.images("flux/dev")
