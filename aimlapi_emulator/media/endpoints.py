"""The handlers of the media endpoints. To serve another, add a handler and a row to `_HANDLERS`.

Source: https://docs.aimlapi.com/api-references (repository aimlapi/api-docs, commit f14fa72)
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from aimlapi_emulator.dialects.identity import EPOCH, Identity, fingerprint
from aimlapi_emulator.dialects.usage import cost_of
from aimlapi_emulator.faults.statuses import AWAY
from aimlapi_emulator.media import files, films, pictures, sounds
from aimlapi_emulator.media.bodies import bytes_of, read_form_or_json, size_of
from aimlapi_emulator.media.faults import Spoilt, fault_of, with_fault
from aimlapi_emulator.media.generations import Ordered
from aimlapi_emulator.media.models import CREDITS, MediaModel, checked
from aimlapi_emulator.media.transcripts import transcript
from aimlapi_emulator.secrets import public_json
from aimlapi_emulator.server.account import check_credits, note_call
from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.http import Asked, authenticate, cost_headers, json_reply, read_body, trace_headers

Handler = Callable[[Request], Awaitable[Response]]

_SOON = {"retry-after-ms": "10"}  # the emulator counts questions: waiting would change nothing
_PDF_TEXT = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*Tj")
_PDF_PAGES = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)


async def _posted(request: Request, kinds: tuple[str, ...]) -> tuple[Asked, MediaModel]:
    """A body of a media endpoint, once it is in order."""
    raw = await read_body(request)
    key = authenticate(request)
    asked = with_fault(request, read_form_or_json(request, raw), key, kinds[0])
    if isinstance(asked.body, dict):
        shown = {name: _shown(value) for name, value in asked.body.items()}
        request.state.received.json = public_json(shown, json.dumps(shown).encode())
    model = checked(asked.body, request.url.path, kinds)
    check_credits(request, key)
    return asked, model


def _shown(value: Any) -> Any:
    """A field as the journal keeps it: of a file its size."""
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _priced(request: Request, asked: Asked, model: MediaModel, count: int = 1) -> dict[str, Any]:
    """`meta` of a reply; the call is booked."""
    credits = CREDITS[model.kind] * count
    note_call(request, model.id, credits, (0, 0), asked.identity)
    return cost_of(credits)


def _reply(request: Request, asked: Asked, body: dict[str, Any]) -> Response:
    headers = trace_headers(request, asked.identity)
    return json_reply(body, {**headers, **cost_headers(body.get("meta"))})


async def images(request: Request) -> Response:
    """Pictures; a mesh for the models that make one."""
    asked, model = await _posted(request, ("image", "3d"))
    body = asked.body
    fault = fault_of(request)
    if fault == "bytes":
        return Response(pictures.picture("bytes"), 200, trace_headers(request, asked.identity), "image/png")
    if model.kind == "3d":
        url = request.app.state.files.keep(request, _mesh(), "glb", "model/gltf-binary")
        mesh = {
            "url": url,
            "content_type": "application/octet-stream",
            "file_name": "model.glb",
            "file_size": len(_mesh()),
        }
        return _reply(request, asked, {"model_mesh": mesh, "meta": _priced(request, asked, model)})
    count = int(float(body.get("n") or body.get("num_images") or 1)) if model.takes("n", "num_images") else 1
    width, height = size_of(body)
    prompt = str(body.get("prompt") or "a picture")
    as_base64 = body.get("response_format") == "b64_json" or body.get("convert_base64_to_url") is False
    data = []
    for number in range(count):
        made = pictures.picture(prompt if number == 0 else f"{prompt} ({number + 1})", width, height)
        url = request.app.state.files.keep(request, made, "png", "image/png", expired=fault == "expired")
        data.append({"url": None, "b64_json": base64.b64encode(made).decode()} if as_base64 else {"url": url})
    return _reply(request, asked, {"created": EPOCH, "data": data, "meta": _priced(request, asked, model, count)})


async def speech(request: Request) -> Response:
    """A text spoken: an address, or the bytes for the models that stream."""
    asked, model = await _posted(request, ("tts",))
    body = asked.body
    made = sounds.sound(str(body.get("text") or body.get("script") or ""))
    streams = body.get("stream", model.family in ("tts/deepgram", "tts/elevenlabs"))
    if streams is not False or fault_of(request) == "bytes":
        _priced(request, asked, model)
        return Response(made, 200, trace_headers(request, asked.identity), "audio/wav")
    url = request.app.state.files.keep(request, made, "wav", "audio/wav", expired=fault_of(request) == "expired")
    return _reply(request, asked, {"audio": {"url": url}, "meta": _priced(request, asked, model)})


async def video(request: Request) -> Response:
    """Orders a video."""
    asked, model = await _posted(request, ("video",))
    seconds = _seconds(asked.body.get("duration"), 5.0)
    made = films.film(str(asked.body.get("prompt") or "a film"), seconds)
    url = request.app.state.files.keep(request, made, "mp4", "video/mp4", expired=fault_of(request) == "expired")
    answer = {"video": {"url": url, "content_type": "video/mp4", "file_size": len(made)}}
    return _ordered(request, asked, model, answer, _priced(request, asked, model))


async def music(request: Request) -> Response:
    """Orders a piece of music."""
    asked, model = await _posted(request, ("music",))
    body = asked.body
    length = body.get("music_length_ms")
    seconds = length / 1000 if isinstance(length, (int, float)) else _seconds(body.get("seconds_total"), 4.0)
    made = sounds.sound(str(body.get("lyrics") or body.get("prompt") or "la la la"), min(seconds, 30.0))
    url = request.app.state.files.keep(request, made, "wav", "audio/wav", expired=fault_of(request) == "expired")
    answer = {"audio_file": {"url": url, "content_type": "audio/wav", "file_size": len(made)}}
    return _ordered(request, asked, model, answer, _priced(request, asked, model))


async def transcription(request: Request) -> Response:
    """Orders a transcript."""
    asked, model = await _posted(request, ("stt",))
    body = asked.body
    sources = [body.get(name) for name in ("audio", "file", "url") if body.get(name)]
    if len(sources) != 1:
        raise Refused(400, "Body validation error\nurl: Required. Expected a URL or a file, received undefined")
    data = bytes_of(request, sources[0])
    heard = sounds.heard_in(data) if data is not None else sounds.Heard("The emulator cannot fetch this address.", None)
    answer = {"result": transcript(model, heard)}
    _priced(request, asked, model)
    return _ordered(request, asked, model, answer, None)


def _ordered(
    request: Request, asked: Asked, model: MediaModel, answer: dict[str, Any], meta: dict[str, Any] | None
) -> Response:
    id = asked.identity.made("{uuid}") + ("" if model.kind == "stt" else f":{model.id}")
    request.app.state.generations.order(id, Ordered(model.kind, answer, fault_of(request)))
    body: dict[str, Any] = {"generation_id" if model.kind == "stt" else "id": id, "status": "queued"}
    return _reply(request, asked, {**body, "meta": meta} if meta else body)


async def poll(request: Request, kind: str) -> Response:
    """How far an order is."""
    with_fault(request, Asked({}, Identity(fingerprint({}, b""))), authenticate(request), kind)
    id = request.path_params.get("id") or request.query_params.get("generation_id", "")
    return json_reply(request.app.state.generations.ask(id, kind), _SOON)


async def ocr(request: Request) -> Response:
    """The text of a document, page by page: of our own pictures and plain PDFs what is in them."""
    asked, model = await _posted(request, ("ocr",))
    document = asked.body["document"]
    if isinstance(document, dict):
        document = document.get("document_url") or document.get("image_url")
    data = bytes_of(request, document)
    pages = _pages_of(data) if data is not None else ["The emulator cannot fetch this address."]
    size = (data and pictures.size_of(data)) or (1700, 2200)
    shown = [
        {
            "index": index,
            "markdown": text,
            "images": [],
            "dimensions": {"dpi": 200, "width": size[0], "height": size[1]},
        }
        for index, text in enumerate(pages)
    ]
    usage = {"pages_processed": len(pages), "doc_size_bytes": len(data) if data is not None else None}
    meta = _priced(request, asked, model, len(pages))
    return _reply(request, asked, {"pages": shown, "model": model.id, "usage_info": usage, "meta": meta})


def _pages_of(data: bytes) -> list[str]:
    if data.startswith(b"%PDF-"):
        texts = [[_unescaped(text) for text in _PDF_TEXT.findall(page)] for page in _PDF_PAGES.findall(data)]
        return ["\n".join(lines) for lines in texts if lines] or ["(no text)"]
    return [pictures.text_in(data) or f"(a picture of {len(data)} bytes)"]


def _unescaped(text: bytes) -> str:
    return re.sub(rb"\\(.)", rb"\1", text).decode("latin-1")


def _seconds(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _mesh() -> bytes:
    """An empty scene in glTF's binary form."""
    text = b'{"asset":{"version":"2.0"}}'
    text += b" " * (-len(text) % 4)
    return (
        b"glTF"
        + (2).to_bytes(4, "little")
        + (20 + len(text)).to_bytes(4, "little")
        + len(text).to_bytes(4, "little")
        + b"JSON"
        + text
    )


async def _file(request: Request) -> Response:
    return files.give_out(request)


def _poll(kind: str) -> Handler:
    async def ask(request: Request) -> Response:
        return await poll(request, kind)

    return ask


_LEGACY = tuple(
    f"/v2/generate/video/{vendor}/generation"
    for vendor in ("alibaba", "bytedance", "google", "kling", "minimax", "pixverse", "runway")
)
_VIDEO = ("/v2/video/generations", "/v1/video/generations", "/video/generations", *_LEGACY)


def _served(handler: Handler) -> Callable[[Request], Awaitable[ASGIApp]]:
    """A handler, in whose place a fault may reply."""

    async def serve(request: Request) -> ASGIApp:
        try:
            return await handler(request)
        except Spoilt as spoilt:
            return spoilt.reply

    return serve


_HANDLERS: tuple[tuple[tuple[str, ...], tuple[str, ...], Handler], ...] = (
    (("POST",), ("/v1/images/generations", "/images/generations", "/v1/images/edits", "/images/edits"), images),
    (("POST",), _VIDEO, video),
    (("GET",), _VIDEO, _poll("video")),
    (("POST",), ("/v1/tts", "/tts"), speech),
    (("POST",), ("/v1/stt/create", "/stt/create"), transcription),
    (("GET",), ("/v1/stt/{id}", "/stt/{id}"), _poll("stt")),
    (("POST",), ("/v1/ocr", "/ocr"), ocr),
    (("POST",), ("/v2/generate/audio",), music),
    (("GET",), ("/v2/generate/audio",), _poll("music")),
    (("GET",), (f"{files.PATH}/{{name}}",), _file),
)
ROUTES = tuple(
    (methods, (*paths, *(AWAY + path for path in paths)), _served(handler)) for methods, paths, handler in _HANDLERS
)
