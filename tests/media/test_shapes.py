"""Replies in every shape that the provider documents or may well send, read by what is in them.

Sources: the schemas and the recorded replies of https://docs.aimlapi.com (repository aimlapi/api-docs, f14fa72); the
rest are variants of these: another list or object, a field that is null, a number in a text, a word in capitals.
"""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from aimlapi_transport import AIMLAPIError, Client
from aimlapi_transport.errors import (
    BadResponseError,
    GenerationError,
    InsufficientCreditsError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
MP3 = b"ID3\x04" + bytes(20)
SVG = b'<svg xmlns="x">\xff\xfe??>>' + bytes(range(250, 256))
A, B = "https://h/a", "https://h/b"
QUEUED = {"id": "g1", "status": "queued"}
ARGUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "images": ("flux/dev", {"prompt": "A cat"}),
    "video": ("veo2", {"prompt": "A cat"}),
    "music": ("google/lyria2", {"prompt": "A song"}),
    "speech": ("openai/tts-1", {"text": "Hello"}),
    "transcribe": ("nova-3", {"audio": "https://h/a.mp3"}),
    "ocr": ("mistral/mistral-ocr-latest", {"document": "https://h/a.pdf"}),
}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def reply(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        return httpx.Response(status, content=body, headers=named)
    return httpx.Response(status, json=body, headers=named)


def call(operation: str, *replies: Any) -> Any:
    """What a client makes of these replies, the last one again and again."""
    left = list(replies)

    def answer(request: httpx.Request) -> httpx.Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        return found if isinstance(found, httpx.Response) else reply(found)

    http = httpx.Client(transport=httpx.MockTransport(answer))
    client = Client(api_key="k", max_retries=0, sleep=lambda seconds: None, http_client=http)
    model, arguments = ARGUMENTS[operation]
    waits = {"wait_timeout": 5} if operation in ("video", "music", "transcribe") else {}
    return getattr(client, operation)(model, **arguments, **waits)


@pytest.mark.parametrize(
    "body",
    [
        {"data": None, "images": [{"url": A}, {"url": B}]},
        {"data": [{"url": A}], "images": [{"url": A}, {"url": B}]},
        {"data": [A, B]},
        {"data": {"images": [A, {"url": B}]}},
        {"data": [{"image_url": {"url": A}}, {"image_url": B}]},
        {"output": [A, B]},
        {"outputs": [{"url": A}, {"url": B}]},
        {"result": {"images": [{"url": A}, {"url": B}]}},
        {"urls": [A, B], "error": None},
        {"data": [{"url": A}, {"url": B}], "error": {"name": None, "message": None}},
        [{"url": A}, {"url": B}],
    ],
)
def test_pictures_stand_in_many_fields(body: Any) -> None:
    result = call("images", body)
    assert result.urls == [A, B] and [file.kind for file in result.files] == ["image", "image"]


@pytest.mark.parametrize(
    "body", [{"image": {"url": A}}, {"image": A}, {"url": A}, {"image_url": A}, {"output": {"image_url": A}}]
)
def test_one_picture_stands_alone(body: Any) -> None:
    assert call("images", body).urls == [A]


@pytest.mark.parametrize(
    ("item", "data", "media_type"),
    [
        ({"url": None, "b64_json": encoded(PNG)}, PNG, "image/png"),
        ({"url": "", "b64_json": f"data:image/jpeg;base64,{encoded(PNG)}"}, PNG, "image/png"),
        ({"url": f"DATA:image/png;base64,{encoded(PNG)}"}, PNG, "image/png"),
        ({"b64_json": base64.urlsafe_b64encode(SVG).decode().rstrip("=")}, SVG, "image/svg+xml"),
        ({"b64_json": "\n".join([encoded(PNG)[:20], encoded(PNG)[20:]])}, PNG, "image/png"),
    ],
)
def test_pictures_are_bytes_in_base64(item: Any, data: bytes, media_type: str) -> None:
    [file] = call("images", {"data": [item]}).files
    assert (file.data, file.media_type, file.url) == (data, media_type, None)


def test_what_is_said_of_a_picture_is_read() -> None:
    stated = {"url": A, "width": "1024", "height": 768.0, "content_type": "IMAGE/JPG; q=1", "file_size": "12"}
    [first, second] = call("images", {"data": [stated, {"url": B, "size": "2048x1024", "width": None}]}).files
    assert (first.width, first.height, first.media_type, first.size) == (1024, 768, "image/jpeg", 12)
    assert (second.width, second.height, second.media_type) == (2048, 1024, None)


def test_a_mesh_comes_before_its_masks() -> None:
    result = call("images", {"mask_1_mesh": {"url": B}, "segmented_mesh": {"url": A}, "iou_scores": [0.5]})
    assert result.urls == [A, B] and {file.kind for file in result.files} == {"file"}
    assert call("images", {"data": {"model_mesh": {"url": A}}}).urls == [A]
    assert call("images", {"output": [{"model_glb": A}]}).urls == [A]


@pytest.mark.parametrize(
    "fields",
    [
        {"video": {"url": A}},
        {"video": [{"url": A}]},
        {"video": [A]},
        {"video": A},
        {"videos": [A]},
        {"video_url": A},
        {"url": A, "image_url": B},
        {"output": A},
        {"output": {"video_url": A}},
        {"result": {"video": {"url": A}}},
        {"data": {"url": A}},
        {"assets": {"video": A}},
        {"video": {"url": A}, "error": {"name": "none", "message": "of note"}},
        {"video_urls": [A]},
        {"files": [{"url": A}]},
        {"output": {"image_url": B, "video_url": A}},
    ],
)
def test_a_film_stands_in_many_fields(fields: Any) -> None:
    result = call("video", QUEUED, {"id": "another", "status": "completed", **fields})
    assert (result.urls, result.id, result.files[0].kind) == ([A], "g1", "video")


def test_what_was_asked_for_comes_before_its_cover() -> None:
    done = {"status": "completed"}
    assert call("video", QUEUED, {**done, "image": {"url": B}, "video": {"url": A}}).urls == [A, B]
    clips = [{"id": "c1", "image_url": B, "audio_url": A, "duration": "12"}, {"id": "c2", "audio_url": B}]
    result = call("music", QUEUED, {**done, "clips": clips})
    assert result.urls == [A, B] and [file.seconds for file in result.files] == [12.0, None]


@pytest.mark.parametrize("envelope", ["data", "result", "output"])
def test_a_reply_may_be_in_an_envelope(envelope: str) -> None:
    usage = {"usage": {"credits_used": 2000}}
    order, done = {**QUEUED, "meta": usage}, {"id": "g1", "status": "completed", "video": {"url": A}}
    result = call("video", {envelope: order}, {envelope: {**QUEUED, "status": "generating"}}, {envelope: done})
    assert (result.urls, result.id, result.cost_usd) == ([A], "g1", 0.001)
    failed = {"id": "g1", "status": "error", "error": {"detail": [{"msg": "no face"}]}}
    with pytest.raises(InvalidRequestError, match="no face"):
        call("video", {envelope: order}, {envelope: failed})


@pytest.mark.parametrize(
    "state",
    [
        *({"status": word} for word in ("completed", "succeeded", "COMPLETED", "Success", "finished")),
        {"state": "completed"},
        {"status": None},
        {"status": 200},
        {},
    ],
)
def test_what_is_done_says_so_in_many_words_or_by_its_film(state: Any) -> None:
    assert call("video", QUEUED, {**state, "video": {"url": A}}).urls == [A]


@pytest.mark.parametrize(
    "poll",
    [
        *({"status": word} for word in ("queued", "generating", "waiting", "active", "In Progress", "tomorrow's word")),
        {"status": "generating", "video": None, "error": {"name": "", "message": ""}},
        {"status": "generating", "error": {"name": "Warning", "message": "slow"}},
        reply(b"<html>502</html>", content_type="text/html"),
        reply(b'{"id": "g1", "sta', content_type="application/json"),
        reply(b"", status=204),
        reply(b"[]", content_type="application/json"),
        reply(b"null", content_type="application/json"),
    ],
)
def test_anything_else_is_waited_for(poll: Any) -> None:
    assert call("video", QUEUED, poll, {"status": "completed", "video": {"url": A}}).urls == [A]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"id": "a", "status": "queued"}, "a"),
        ({"generation_id": "b", "status": "queued"}, "b"),
        ({"generation_id": "b", "id": "a"}, "b"),
        ({"id": 12345678901234567890, "status": "queued"}, "12345678901234567890"),
        (reply({"status": "queued"}, x_inference_id="c"), "c"),
        (reply({"id": "a:b/c"}, status=201), "a:b/c"),
    ],
)
def test_an_order_has_an_id(order: Any, expected: str) -> None:
    assert call("video", order, {"status": "completed", "video": {"url": A}}).id == expected


@pytest.mark.parametrize(
    ("fields", "expected", "words"),
    [
        ({"status": "error"}, GenerationError, "The generation failed"),
        ({"status": "FAILED", "error": "no face"}, GenerationError, "no face"),
        ({"status": "error", "message": "no face"}, GenerationError, "no face"),
        ({"status": "error", "error": [{"msg": "no face"}]}, GenerationError, "no face"),
        ({"status": "error", "error": {"detail": "no face"}}, GenerationError, "no face"),
        ({"status": "error", "errors": ["no face"]}, GenerationError, "no face"),
        ({"status": "failed", "failure_reason": "no face"}, GenerationError, "no face"),
        ({"status": "error", "error": {"name": "ServerError", "message": None}}, ServerError, "ServerError"),
        ({"status": "error", "error": {"statusCode": "429", "message": "slow down"}}, RateLimitError, "slow down"),
        ({"status": "completed", "error": {"name": "E", "message": "no face"}}, GenerationError, "no face"),
        ({"status": "error", "video": {"url": A}}, GenerationError, "The generation failed"),
        ({"status": "tomorrow's word", "error": {"message": "no face"}}, GenerationError, "no face"),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, InsufficientCreditsError, "balance"),
        ({"status": "completed", "video": None}, BadResponseError, "contains no film"),
    ],
)  # fmt: skip
def test_a_failed_film_says_why(fields: Any, expected: type[AIMLAPIError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught:
        call("video", QUEUED, {"id": "g1", **fields})
    assert type(caught.value) is expected and caught.value.generation.id == "g1"


@pytest.mark.parametrize(
    ("body", "expected", "words"),
    [
        ({"error": {"message": "nsfw content", "code": 400}}, InvalidRequestError, "nsfw"),
        ({"statusCode": "400", "message": "Body validation error: x"}, InvalidRequestError, "Body validation"),
        ({"message": "something broke"}, GenerationError, "something broke"),
        ({"data": None, "base_resp": {"status_code": 1026, "status_msg": "sensitive"}}, InvalidRequestError, "sensitive"),
        ({"data": [], "error": {"name": "", "message": ""}}, BadResponseError, "contains no image: it has data, error"),
        (reply(b'{"data":[{"url":', content_type="application/json"), BadResponseError, "`application/json`, not"),
        (reply(b"<html></html>"), BadResponseError, "a text"),
        (reply(b"", content_type="image/png"), BadResponseError, "nothing"),
        (reply({"message": "gone"}, status=404), NotFoundError, "gone"),
    ],
)  # fmt: skip
def test_a_picture_that_was_not_made_says_why(body: Any, expected: type[AIMLAPIError], words: str) -> None:
    with pytest.raises(expected, match=words) as caught:
        call("images", body)
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, (None, None)),
        ({"usage": None}, (None, None)),
        ({"usage": {}}, (None, None)),
        ({"usage": {"credits_used": 2000}}, (0.001, 2000)),
        ({"usage": {"tokens_used": 2000}}, (0.001, 2000)),
        ({"usage": {"credits_used": None, "tokens_used": 2000}}, (0.001, 2000)),
        ({"usage": {"credits_used": "2000", "usd_spent": "0.002"}}, (0.002, 2000)),
        ({"usage": {"credits_used": None, "usd_spent": 0.002}}, (0.002, None)),
    ],
)
def test_the_cost_stands_in_the_body(body: Any, expected: tuple[float | None, int | None]) -> None:
    usage = body and body["usage"]
    replies = ({"meta": body}, {"usage": usage}, {"meta": usage}, {"output": {"meta": body}})
    for where in replies:
        result = call("images", {"data": [{"url": A}], **where})
        assert (result.cost_usd, result.cost and result.cost.credits) == expected
    assert call("images", {"data": [{"url": A}], "id": "i"}).id == "i"


def test_the_cost_stands_in_headers_or_in_the_order() -> None:
    headers: Any = {"x_aimlapi_credits_used": "2000", "x_aimlapi_usd_spent": "0.001"}
    metas: tuple[dict[str, Any], ...] = ({}, {"meta": None}, {"meta": {"usage": {}}})
    for meta in metas:
        result = call("images", reply({"data": [{"url": A}], **meta}, x_inference_id="i", **headers))
        assert (result.cost_usd, result.request_id) == (0.001, "i")
    done = {"status": "completed", "video": {"url": A}}
    assert call("video", reply(QUEUED, **headers), {**done, "meta": None}).cost_usd == 0.001
    later = {**done, "meta": {"usage": {"credits_used": 4000}}}
    assert call("video", reply(QUEUED, **headers), later).cost_usd == 0.002


@pytest.mark.parametrize(
    "body",
    [
        {"audio": A},
        {"audio": {"url": A}},
        {"audio": [{"url": A}]},
        {"audio_url": A},
        {"url": A},
        {"data": {"audio": A}},
        {"output": {"audio": {"url": A}}, "usage": {"characters": 5}},
        A,
        reply({"audio": A}, content_type="audio/wav"),
    ],
)
def test_speech_is_an_address_in_many_fields(body: Any) -> None:
    result = call("speech", body)
    assert (result.urls, result.files[0].kind, result.usage) == ([A], "audio", None)


@pytest.mark.parametrize(
    ("body", "data", "media_type"),
    [
        (reply(MP3, content_type="audio/wav"), MP3, "audio/mpeg"),
        (reply(MP3, content_type="application/json"), MP3, "audio/mpeg"),
        (reply(bytes(90), content_type="audio/pcm"), bytes(90), "audio/pcm"),
        (reply(b"12345", content_type="audio/pcm"), b"12345", "audio/pcm"),
        (reply(bytes(90), content_type="application/octet-stream"), bytes(90), "application/octet-stream"),
        ({"audio": encoded(MP3)}, MP3, "audio/mpeg"),
        ({"audio": {"data": encoded(MP3), "format": "mp3"}}, MP3, "audio/mpeg"),
        ({"data": {"audio": MP3.hex(), "status": 2}, "base_resp": {"status_code": 0}}, MP3, "audio/mpeg"),
        ({"data": {"audio": "00ff00ff"}}, b"\x00\xff\x00\xff", None),
        ({"data": {"audio": (b"\x01\xfe" * 40).hex()}}, b"\x01\xfe" * 40, None),  # PCM has no head
        ({"audio": encoded(b"\x01\xfe" * 40)}, b"\x01\xfe" * 40, None),
    ],
)
def test_sound_is_bytes_in_many_forms(body: Any, data: bytes, media_type: str | None) -> None:
    [file] = call("speech", body).files
    assert (file.data, file.media_type, file.kind, file.size) == (data, media_type, "audio", len(data))


@pytest.mark.parametrize(
    ("fields", "seconds", "size"),
    [
        ({"audio_file": {"url": A, "duration": "12.5", "file_size": 3}}, 12.5, 3),
        ({"audio_file": {"url": A}, "extra_info": {"music_duration": 93022, "music_size": 77}}, 93.022, 77),
        ({"audio_file": [A], "extra_info": {"audio_length": "2500"}}, 2.5, None),
        ({"audio_file": A, "duration": 3}, 3.0, None),
        ({"data": {"audio_file": A, "duration": 3}}, 3.0, None),
        (
            {"duration": None, "output": {"result": {"audio_file": A, "extra_info": {"music_duration": 3000}}}},
            3.0,
            None,
        ),
        ({"audio": {"url": A}}, None, None),
        ({"audio_file": {"url": A, "content_type": "application/octet-stream"}}, None, None),
    ],
)
def test_music_has_seconds(fields: Any, seconds: float | None, size: int | None) -> None:
    result = call("music", QUEUED, {"status": "completed", **fields})
    [file] = result.files
    assert (result.seconds, file.seconds, file.size, file.kind) == (seconds, seconds, size, "audio")


WORDS = [
    {"word": "a", "start": 0.1, "end": 0.5, "punctuated_word": "A", "speaker": 0},
    {"word": "b", "start": 0.6, "end": 0.9, "speaker": 1},
]
ALTERNATIVE = {"transcript": "A b", "words": WORDS}
DEEPGRAM = {"metadata": {"duration": 1.5}, "results": {"channels": [{"alternatives": [ALTERNATIVE]}]}}
ASSEMBLY = {
    "id": "x",
    "status": "completed",
    "text": "A b",
    "words": [
        {"text": "A", "start": 100, "end": 500, "speaker": "0"},
        {"text": "b", "start": 600, "end": 900, "speaker": "1"},
    ],
    "audio_duration": 1.5,
}


@pytest.mark.parametrize(
    "poll",
    [
        {"status": "completed", "result": DEEPGRAM},
        {"status": "completed", "output": DEEPGRAM},
        {"status": "completed", "result": None, "output": DEEPGRAM},
        {"status": "completed", "result": {}, "output": DEEPGRAM},
        {"status": "completed", "result": [DEEPGRAM]},
        {"status": "completed", "output": {"result": DEEPGRAM}},
        {"status": "completed", "data": DEEPGRAM},
        {"status": "completed", **DEEPGRAM},
        DEEPGRAM,
        {
            "status": "completed",
            "result": {**DEEPGRAM, "results": {"channels": {"alternatives": ALTERNATIVE}}},
        },
        {"status": "completed", "result": ASSEMBLY},
        {"status": "completed", "result": {**ASSEMBLY, "words": None, "utterances": [{**ASSEMBLY, "start": 100}]}},
        ASSEMBLY,
    ],
)
def test_a_transcript_has_words_in_seconds(poll: Any) -> None:
    result = call("transcribe", {"generation_id": "g1"}, poll)
    words = [(word.text, word.start, word.end, word.speaker) for word in result.segments]
    assert words == [("A", 0.1, 0.5, "0"), ("b", 0.6, 0.9, "1")]
    assert (result.text, result.seconds, result.id) == ("A b", 1.5, "g1")


@pytest.mark.parametrize("duration", [1, 1500, None])
def test_milliseconds_are_those_of_words_too_long(duration: int | None) -> None:
    result = call(
        "transcribe", {"id": "g1"}, {"status": "completed", "result": {**ASSEMBLY, "audio_duration": duration}}
    )
    assert [word.end for word in result.segments] == [0.5, 0.9]


def test_whole_seconds_stay_seconds() -> None:
    turns = [
        {"speaker": "A", "text": "Hello", "start": 0, "end": 8},
        {"speaker": "B", "text": "Yes", "start": 8, "end": 40},
    ]
    body = {"text": "Hello Yes", "utterances": turns, "audio_duration": 41}
    result = call("transcribe", {"id": "g1"}, {"status": "completed", "result": body})
    assert [(turn.start, turn.end) for turn in result.turns] == [(0, 8), (8, 40)]
    times = {"text": "a", "words": [{"text": "a", "start_time": 0.1, "end_time": "0.5"}]}
    [word] = call("transcribe", {"id": "g1"}, {"status": "completed", "result": times}).segments
    assert (word.start, word.end) == (0.1, 0.5)


@pytest.mark.parametrize(
    ("poll", "text"),
    [
        ({"status": "completed", "result": "Hi"}, "Hi"),
        ({"status": "completed", "output": "Hi"}, "Hi"),
        ({"status": "completed", "result": {"text": "Hi", "usage": {"seconds": 11, "cost": 0.001}}}, "Hi"),
        ({"status": "completed", "result": {"transcript": "Hi"}}, "Hi"),
        ({"status": "completed", "result": {"text": ""}}, ""),
        ({"status": "completed", "text": "Hi"}, "Hi"),
    ],
)
def test_a_transcript_may_be_a_text_alone(poll: Any, text: str) -> None:
    result = call("transcribe", {"generation_id": "g1", "status": "queued"}, {"status": "active"}, poll)
    assert result.text == text and not result.segments


@pytest.mark.parametrize(
    "poll",
    [
        {"status": "completed", "result": {"status": "error", "error": "no sound", "text": None}},
        {"status": "completed", "result": {"status": "error", "error": "no sound", "text": ""}},
        {"status": "completed", "result": {"error": "no sound"}},
        {"status": "error", "result": None, "error": {"name": "E", "message": "no sound"}},
    ],
)
def test_a_transcript_that_failed_says_why(poll: Any) -> None:
    with pytest.raises(GenerationError, match="no sound"):
        call("transcribe", {"generation_id": "g1"}, poll)


@pytest.mark.parametrize(
    "body",
    [
        {"pages": [{"index": 0, "markdown": "a", "images": [], "dimensions": None}, {"index": 1, "markdown": "b"}]},
        {"pages": [{"markdown": "a", "images": None}, {"markdown": "b"}]},
        {"pages": [{"index": "0", "text": "a"}, {"content": "b"}]},
        {"pages": ["a", "b"]},
        {"result": {"pages": [{"markdown": "a"}, {"markdown": "b"}]}},
        {"data": {"pages": [{"markdown": "a"}, {"markdown": "b"}]}},
    ],
)
def test_pages_are_read(body: Any) -> None:
    result = call("ocr", body)
    assert [(page.index, page.markdown) for page in result.pages] == [(0, "a"), (1, "b")] and result.text == "a\n\nb"


def test_one_page_and_odd_figures_are_read() -> None:
    figure = {"id": "img-0.jpeg", "top_left_x": 1.5, "top_left_y": None, "image_base64": None}
    result = call("ocr", {"pages": {"index": 0, "markdown": "a", "images": [figure]}, "model": None})
    [page] = result.pages
    assert (page.images[0].id, page.images[0].box, page.images[0].base64, result.reply_model) == (
        "img-0.jpeg",
        None,
        None,
        None,
    )
    assert call("ocr", {"text": "a"}).pages[0].markdown == "a"
