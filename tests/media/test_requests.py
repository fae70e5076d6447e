"""What is asked of a media endpoint: common names become the fields of a family, files what the endpoint takes."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from aimlapi_transport.chat.request import Request
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.operations import OPERATIONS, known_models, model_facts
from aimlapi_transport.media.requests import media_request, poll_request
from aimlapi_transport.media.values import MediaFile, MediaResult

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
CLOSED = io.BytesIO(PNG)
CLOSED.close()
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28)


def body(operation: str, model: str, **arguments: Any) -> dict[str, Any]:
    request = media_request(operation, model, arguments)
    fields: dict[str, Any] = json.loads(request.body)
    assert fields.pop("model") == model
    return fields


@pytest.mark.parametrize(
    ("operation", "model", "arguments", "expected"),
    [
        # size: one name for four fields
        ("images", "openai/gpt-image-1", {"size": "1024x1536", "n": 2}, {"size": "1024x1536", "n": 2}),
        ("images", "flux/dev", {"size": "1024x768", "n": 2}, {"image_size": {"width": 1024, "height": 768}, "num_images": 2}),
        ("images", "flux/dev", {"size": "square_hd"}, {"image_size": "square_hd"}),
        ("images", "google/imagen-4.0-generate-001", {"size": "1536x1024"}, {"aspect_ratio": "3:2"}),
        ("images", "google/imagen-4.0-generate-001", {"size": "16:9"}, {"aspect_ratio": "16:9"}),
        ("images", "flux/kontext-max/text-to-image", {"aspect_ratio": "21:9"}, {"aspect_ratio": "21:9"}),
        ("images", "flux/dev", {"size": (1024, 768)}, {"image_size": {"width": 1024, "height": 768}}),
        ("images", "openai/gpt-image-1", {"size": [1024, 1024]}, {"size": "1024x1024"}),
        ("images", "flux/dev", {"size": "16:9"}, {"image_size": "landscape_16_9"}),
        ("images", "openai/gpt-image-1", {"format": "webp"}, {"output_format": "webp"}),
        ("images", "google/imagen-4.0-generate-001", {"aspect_ratio": "1920x1080"}, {"aspect_ratio": "16:9"}),
        # a family's own names go as they are
        ("images", "flux/dev", {"image_size": {"width": 64, "height": 64}}, {"image_size": {"width": 64, "height": 64}}),
        ("images", "flux/dev", {"num_images": 3, "seed": 7}, {"num_images": 3, "seed": 7}),
        # pictures
        ("edit_image", "flux/dev/image-to-image", {"image": "https://h/a.png"}, {"image_url": "https://h/a.png"}),
        ("edit_image", "flux/dev/image-to-image", {"image": PNG}, {"image_url": PNG_URL}),
        ("edit_image", "flux/dev/image-to-image", {"image": io.BytesIO(PNG)}, {"image_url": PNG_URL}),
        ("edit_image", "blackforestlabs/flux-2-edit", {"image": "https://h/a.png"}, {"image_urls": ["https://h/a.png"]}),
        ("edit_image", "alibaba/qwen-image-edit", {"image": PNG}, {"image": PNG_URL}),
        ("edit_image", "bytedance/seedream-4-5", {"image": [PNG, PNG]}, None),
        # film
        ("video", "veo2/image-to-video", {"image": "https://h/a.png", "duration": 5}, {"image_url": "https://h/a.png", "duration": 5}),
        ("video", "pixverse/v5/transition", {"image": "https://h/a", "last_image": "https://h/b"}, {"image_url": "https://h/a", "tail_image_url": "https://h/b"}),
        ("video", "luma/ray-2", {"image": "https://h/a", "last_image": "https://h/b"}, {"keyframes": {"frame0": {"type": "image", "url": "https://h/a"}, "frame1": {"type": "image", "url": "https://h/b"}}}),
        ("video", "runway/act_two", {"image": PNG, "video": "https://h/v"}, {"character": {"type": "image", "url": PNG_URL}, "reference": {"type": "video", "url": "https://h/v"}}),
        # sound
        ("speech", "microsoft/vibevoice-7b", {"text": "Hi", "voice": "Alice"}, {"script": "Hi", "speakers": [{"preset": "Alice"}]}),
        ("speech", "openai/tts-1", {"text": "Hi", "voice": "coral", "format": "wav"}, {"text": "Hi", "voice": "coral", "response_format": "wav"}),
        ("speech", "minimax/speech-2.8-hd", {"text": "Hi", "voice": "Wise_Woman", "voice_setting": {"pitch": 1}}, {"text": "Hi", "voice_setting": {"pitch": 1, "voice_id": "Wise_Woman"}}),
        ("speech", "microsoft/vibevoice-7b", {"text": "Speaker 1: Hi", "speakers": []}, {"script": "Speaker 1: Hi", "speakers": []}),
        ("music", "elevenlabs/eleven_music", {"duration": 12.5}, {"music_length_ms": 12500}),
        ("music", "stable-audio", {"duration": 12}, {"seconds_total": 12}),
        ("transcribe", "aai/universal", {"audio": "https://h/a.mp3", "diarize": True, "language": "en"}, {"url": "https://h/a.mp3", "speaker_labels": True, "language_code": "en"}),
        ("transcribe", "nova-3", {"audio": "https://h/a.mp3", "diarize": True}, {"url": "https://h/a.mp3", "diarize": True}),
        # documents
        ("ocr", "mistral/mistral-ocr-latest", {"document": "https://h/a.pdf"}, {"document": {"type": "document_url", "document_url": "https://h/a.pdf"}}),
        ("ocr", "mistral/mistral-ocr-latest", {"document": "https://h/a.png?x=1.pdf"}, {"document": {"type": "image_url", "image_url": "https://h/a.png?x=1.pdf"}}),
        ("ocr", "mistral/mistral-ocr-latest", {"document": PNG}, {"document": {"type": "image_url", "image_url": PNG_URL}}),
        ("ocr", "gc-document-ai", {"document": PNG}, {"document": PNG_URL, "mimeType": "image/png"}),
    ],
)  # fmt: skip
def test_common_names_are_the_fields_of_a_family(
    operation: str, model: str, arguments: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    facts = model_facts(model)
    assert facts is not None
    filled = {"prompt": "A cat"} if "prompt" in facts.required and operation != "transcribe" else {}
    expected = {"image_urls": [PNG_URL, PNG_URL]} if expected is None else expected
    assert body(operation, model, **filled, **arguments) == {**filled, **expected}


def test_a_model_nobody_knows_is_asked_by_the_usual_names() -> None:
    assert body("images", "tomorrow/picture-9", prompt="A cat", n=2, sparkle=1) == {
        "prompt": "A cat",
        "n": 2,
        "sparkle": 1,
    }


def test_two_names_of_one_field_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="`n` and `num_images` are one field"):
        body("images", "flux/dev", prompt="A cat", n=2, num_images=3)


def test_unlisted_names_are_sent_and_noted_or_refused() -> None:
    request = media_request("images", "flux/dev", {"prompt": "A cat", "sparkle": 1})
    assert json.loads(request.body)["sparkle"] == 1 and request.unlisted == ("sparkle",)
    with pytest.raises(InvalidRequestError, match="flux/dev does not list `sparkle`"):
        media_request("images", "flux/dev", {"prompt": "A cat", "sparkle": 1}, strict_parameters=True)


def requires(model: str) -> bool:
    facts = model_facts(model)
    return facts is not None and bool(facts.required)


@pytest.mark.parametrize("model", [model for model in known_models() if requires(model)])
def test_what_a_model_requires_is_said_before_sending(model: str) -> None:
    facts = model_facts(model)
    assert facts is not None
    operation = next(row.name for row in OPERATIONS.values() if facts.family.split("/")[0] in row.families)
    with pytest.raises(InvalidRequestError, match=f"`{facts.required[-1]}`"):
        media_request(operation, model, {})
    others = {"images", "speech"} - {operation}
    for other in others:
        if facts.family.split("/")[0] not in OPERATIONS[other].families:
            with pytest.raises(InvalidRequestError, match=f"is a model for `{operation}`"):
                media_request(other, model, {})


def test_a_file_under_an_older_name_is_sent() -> None:
    """The pages of the older paths of MiniMax have `first_frame_image` where the schema has `image_url`."""
    sent = body("video", "video-01-live2d", prompt="A cat", first_frame_image="https://h/a.png")
    assert sent == {"prompt": "A cat", "first_frame_image": "https://h/a.png"}
    with pytest.raises(InvalidRequestError, match="requires `image_url`"):
        body("video", "video-01-live2d", prompt="A cat", colour="red")


def test_edits_of_openai_are_uploads(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    arguments = {"prompt": "A hat", "image": [str(path), path], "mask": PNG, "n": 2}
    request = media_request("edit_image", "openai/gpt-image-1", arguments)
    headers = dict(request.headers)
    boundary = headers["content-type"].removeprefix("multipart/form-data; boundary=")
    parts = request.body.split(f"--{boundary}".encode())
    assert request.path == "/v1/images/edits"
    assert [part.split(b"\r\n")[1] for part in parts[1:-1]] == [
        b'Content-Disposition: form-data; name="model"',
        b'Content-Disposition: form-data; name="prompt"',
        b'Content-Disposition: form-data; name="n"',
        b'Content-Disposition: form-data; name="image"; filename="cat.png"',
        b'Content-Disposition: form-data; name="image"; filename="cat.png"',
        b'Content-Disposition: form-data; name="mask"; filename="file.png"',
    ]
    assert parts[4].endswith(b"Content-Type: image/png\r\n\r\n" + PNG + b"\r\n")
    assert request == media_request("edit_image", "openai/gpt-image-1", arguments)  # the same bytes again


@pytest.mark.parametrize(("model", "field"), [("#g1_whisper-base", "audio"), ("openai/gpt-4o-transcribe", "file")])
def test_sound_from_here_is_an_upload(model: str, field: str) -> None:
    request = media_request("transcribe", model, {"audio": WAV, "language": "en"})
    assert f'name="{field}"; filename="file.wav"'.encode() in request.body
    assert b"Content-Type: audio/wav\r\n\r\n" + WAV in request.body


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no-such-file.png", "or an existing file"),
        (b"", "is empty"),
        (io.StringIO("text"), "opened for text"),
        (7, "is of type int"),
        ("data:image/png,abc", "without base64"),
        ("data:image/png;base64,%%%", "not valid base64"),
        (CLOSED, "a file that cannot be read"),
        (b"<!DOCTYPE html><p>expired</p>", "the HTML of a web page"),
        ("data:text/plain;base64,aGVsbG8=", "is text/plain: pass an image"),
        ([[PNG]], "a list of lists"),
    ],
)
def test_what_is_no_file_is_refused(value: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        media_request("edit_image", "flux/dev/image-to-image", {"prompt": "A hat", "image": value})


IMAGE_EDITOR, FIRST_LAST, FILM_EDITOR = "flux/dev/image-to-image", "pixverse/v5/transition", "runway/gen4_aleph"
AVATAR, COVER, READER, DOCAI = "veed/fabric-1.0", "minimax/music-cover", "mistral/mistral-ocr-latest", "gc-document-ai"
A = "https://h/a.png"


@pytest.mark.parametrize(
    ("operation", "model", "name", "others"),
    [
        ("edit_image", IMAGE_EDITOR, "image", {"prompt": "A hat"}),
        ("edit_image", IMAGE_EDITOR, "image_url", {"prompt": "A hat"}),
        ("edit_image", "openai/gpt-image-1", "image", {"prompt": "A hat"}),
        ("edit_image", "openai/gpt-image-1", "mask", {"prompt": "A hat", "image": PNG}),
        ("images", "topaz-labs/sharpen", "image", {"mode": "Standard"}),
        ("video", FIRST_LAST, "last_image", {"prompt": "A cat", "image": A}),
        ("video", FILM_EDITOR, "video", {"prompt": "A cat"}),
        ("video", AVATAR, "audio", {"image": A}),
        ("music", COVER, "audio", {"prompt": "A song, and a longer prompt"}),
        ("transcribe", "nova-3", "audio", {}),
        ("transcribe", "openai/gpt-4o-transcribe", "file", {}),
        ("ocr", READER, "document", {}),
        ("ocr", DOCAI, "document", {}),
    ],
)
def test_a_file_of_any_form_is_sent_the_same(
    operation: str, model: str, name: str, others: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a film ü.wrong"
    path.write_bytes(WAV)
    address = f"data:audio/wav;base64,{base64.b64encode(WAV).decode()}"
    forms: list[Any] = [path, str(path), WAV, bytearray(WAV), memoryview(WAV), io.BytesIO(WAV), address]
    forms += [address.replace("data:audio/wav;base64", "DATA:image/png;Base64"), path.open("rb")]
    forms.insert(0, MediaFile(data=WAV))
    sent = {re.sub(b'filename="[^"]*"|form-[0-9a-f]{32}', b"", request.body) for request in (
        media_request(operation, model, {**others, name: form}) for form in forms
    )}  # fmt: skip
    forms[-1].close()
    assert len(sent) == 1
    [body] = sent
    assert WAV in body or address.encode() in body
    for wrong, words in (
        (tmp_path, "is a folder"),
        (str(tmp_path), "is a folder"),
        (Path("/dev/null"), "is a device" if os.name == "posix" else "cannot be read"),
        (b"", "is empty"),
        (tmp_path / "none", "cannot be read"),
        (str(tmp_path / "none.png"), "or an existing file"),
        ("file:///etc/passwd", "or an existing file"),
        (" ", "is an empty text"),
        (io.StringIO("text"), "opened for text"),
        (_Awaited(), "`await`"),
    ):
        with pytest.raises(InvalidRequestError, match=words):
            media_request(operation, model, {**others, name: wrong})


@pytest.mark.parametrize(
    ("operation", "model", "name", "others"),
    [
        ("edit_image", IMAGE_EDITOR, "image", {"prompt": "A hat"}),
        ("video", FILM_EDITOR, "video", {"prompt": "A cat"}),
        ("transcribe", "nova-3", "audio", {}),
        ("ocr", READER, "document", {}),
        ("ocr", DOCAI, "document", {}),
    ],
)
def test_an_address_of_any_spelling_and_a_file_of_a_result_are_sent_as_addresses(
    operation: str, model: str, name: str, others: dict[str, Any]
) -> None:
    address = "HTTPS://h/A.png"
    for form in (address, f" {address}\n", MediaFile(url=address)):
        assert address in media_request(operation, model, {**others, name: form}).body.decode()


def test_a_result_of_one_file_is_an_input() -> None:
    file = MediaFile(url=A)
    one, two = (MediaResult("flux/dev", "images", files=(file,) * count) for count in (1, 2))
    assert body("edit_image", IMAGE_EDITOR, prompt="A hat", image=one)["image_url"] == A
    with pytest.raises(InvalidRequestError, match=r"a result of 2 files: pass one of its `\.files`"):
        body("edit_image", IMAGE_EDITOR, prompt="A hat", image=two)


@pytest.mark.parametrize("model", [READER, DOCAI])
def test_several_documents_are_refused(model: str) -> None:
    with pytest.raises(InvalidRequestError, match="one document"):
        media_request("ocr", model, {"document": [WAV, WAV]})


def test_an_edit_of_no_image_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="pass both"):
        media_request("edit_image", "openai/gpt-image-1", {"prompt": "A hat", "image": []})


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "cat.png").write_bytes(PNG)
    for form in (Path("~/cat.png"), "~/cat.png"):
        assert b"data:image/png" in media_request("edit_image", IMAGE_EDITOR, {"prompt": "A hat", "image": form}).body


class _Awaited:
    async def read(self) -> bytes:
        return b""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything can be read here")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    path.chmod(0)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        media_request("edit_image", IMAGE_EDITOR, {"prompt": "A hat", "image": path})


@pytest.mark.skipif(os.name == "nt", reason="no such names on Windows")
def test_names_of_uploads_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / 'my "cat"\r\nü.png'
    path.write_bytes(PNG)
    body = media_request("edit_image", "openai/gpt-image-1", {"prompt": "A hat", "image": path}).body
    assert 'filename="my %22cat%22%0D%0Aü.png"'.encode() in body


def test_no_file_at_all_is_said() -> None:
    with pytest.raises(InvalidRequestError, match="empty list"):
        media_request("edit_image", IMAGE_EDITOR, {"prompt": "A hat", "image": []})


@pytest.mark.parametrize(
    ("operation", "model", "name", "others", "megabytes"),
    [
        ("edit_image", "openai/gpt-image-1", "mask", {"prompt": "A hat", "image": PNG}, 4),
        ("video", "minimax/hailuo-02", "image_url", {"prompt": "A cat"}, 20),
        ("video", "minimax/hailuo-02", "last_image", {"prompt": "A cat"}, 20),
        ("video", "klingai/avatar-pro", "audio_url", {"image": A}, 5),
        ("music", COVER, "reference_audio_url", {"prompt": "A song, and a longer prompt"}, 50),
        ("ocr", READER, "document", {}, 50),
        ("ocr", "zhipu/glm-ocr", "document", {}, 50),
    ],
)
def test_each_documented_limit_of_size_holds(
    operation: str, model: str, name: str, others: dict[str, Any], megabytes: int
) -> None:
    large = PNG + bytes(megabytes * 1_000_000)
    with pytest.raises(InvalidRequestError, match=f"at most {megabytes} MB"):
        media_request(operation, model, {**others, name: large})
    if name == "document":
        with pytest.raises(InvalidRequestError, match=f"at most {megabytes} MB"):
            media_request(operation, model, {name: {"type": "image_url", "image_url": large}})
    media_request(operation, model, {**others, name: large[:-100]})


def test_what_is_too_large_is_said_before_sending() -> None:
    large = PNG + bytes(5_000_000)
    with pytest.raises(InvalidRequestError, match=r"`image` has 5\.0 MB, and bytedance/dreamina.* at most 4\.7 MB"):
        media_request("images", "bytedance/dreamina-creative-upscale", {"image": large})
    with pytest.raises(InvalidRequestError, match="17 files"):
        media_request("edit_image", "openai/gpt-image-1", {"prompt": "A hat", "image": [PNG] * 17})


def test_ids_are_quoted_where_they_stand_in_a_path() -> None:
    assert poll_request("transcribe", "nova-3", "a:b/c").path == "/v1/stt/a%3Ab%2Fc"
    film = poll_request("video", "veo2", "a:b/c")
    assert (film.path, film.query) == ("/v2/video/generations", (("generation_id", "a:b/c"),))
    legacy = poll_request("video", "wan/v2.1/1.3b/text-to-video", "1")
    assert legacy.path == "/v2/generate/video/alibaba/generation"


def test_a_body_is_a_pure_function_of_its_arguments() -> None:
    def request() -> Request:
        return media_request("images", "flux/dev", {"prompt": "A cat", "size": "64x64"}, extra_body={"x": 1})

    assert request() == request()
