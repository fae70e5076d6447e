"""What media endpoints are asked and answer, as parts that a page can show: pictures, sound, film, words, pages. Pure.

Replies have many shapes: files are found wherever they stand, by their fields, names and first bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

# Part of a path -> the kind of work, as the list names it.
_KINDS = (
    ("/images/", "image"),
    ("/generate/video", "video"),
    ("/video/", "video"),
    ("/tts", "speech"),
    ("/stt", "transcript"),
    ("/ocr", "ocr"),
    ("/generate/audio", "music"),
)
_SHOWN_AS = {"image": "image", "video": "video", "speech": "audio", "music": "audio"}
_TEXTS = ("prompt", "text", "script", "lyrics", "input")
_ENDINGS = {
    "image": ("png", "jpg", "jpeg", "webp", "gif", "avif", "svg"),
    "video": ("mp4", "webm", "mov", "m4v"),
    "audio": ("mp3", "wav", "ogg", "opus", "flac", "m4a", "aac"),
}
_BYTES = ("b64_json", "base64", "image_base64", "audio_base64")
_NO_FILES = ("meta", "usage", "urls", "webhook", "webhook_url", "prompt", "revised_prompt", "text")
_SIGNATURES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"WAVE", 8, "audio/wav"),
    (b"fLaC", 0, "audio/flac"),
    (b"OggS", 0, "audio/ogg"),
    (b"ID3", 0, "audio/mpeg"),
    (b"\xff\xfb", 0, "audio/mpeg"),
    (b"\xff\xf3", 0, "audio/mpeg"),
    (b"ftypM4A", 4, "audio/mp4"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
    (b"%PDF-", 0, "application/pdf"),
    (b"glTF", 0, "model/gltf-binary"),
)
MOST_FILES, MOST_SEGMENTS, MOST_PAGES = 50, 2_000, 200
MOST_TEXT = 200_000  # characters of a page
_DEPTH = 12  # of a reply in which files are looked for
_DATA_URL = re.compile(r"data:([^;,]*)[^,]*;base64,(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class File:
    """A file that was sent or came: `kind` is image, audio, video or file; behind an address, or bytes."""

    kind: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    media_type: str | None = None


@dataclass(slots=True)
class Media:
    """What a reply holds: files, and `parts` that are texts (kinds `transcript` and `pages`)."""

    files: list[File] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""


def kind_of(path: str) -> str | None:
    """Which work is asked for at a path: image, video, speech, transcript, ocr or music; None for anything else."""
    return next((kind for part, kind in _KINDS if part in f"{path}/"), None)


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes say."""
    return next((name for sign, at, name in _SIGNATURES if data[at : at + len(sign)] == sign), None)


def generation_of(path: str, query: str) -> str | None:
    """The id of the generation that a request asks for."""
    found = re.search(r"(?:^|&)generation_id=([^&]+)", query)
    if found:
        from urllib.parse import unquote

        return unquote(found[1])
    last = re.search(r"/stt/([^/]+)$", path)
    return last[1] if last and last[1] != "create" else None


# -- requests ----------------------------------------------------------------------------------------------------------


def fields_of(body: bytes, content_type: str) -> dict[str, Any] | None:
    """The fields of a form, files as bytes; None where it is none."""
    if not content_type.startswith("multipart/form-data") or not body:
        return None
    head = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: dict[str, Any] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name, data = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(data, bytes):
            value = data if part.get_filename() is not None else data.decode("utf-8", "replace")
            fields[name] = [*_listed(fields[name]), value] if name in fields else value
    return fields


def asked_text(body: Any) -> str:
    """What a request asks for, in words."""
    if not isinstance(body, dict):
        return ""
    return next((str(body[name]) for name in _TEXTS if isinstance(body.get(name), str)), "")


def asked_files(body: Any) -> list[File]:
    """The files that a request sends, or names by an address."""
    return [] if not isinstance(body, dict) else list(_found(body, "file", "", 0))[:MOST_FILES]


def short(value: Any, depth: int = 0) -> Any:
    """A field for a table: of a file its size; what is deeper than any field is left out."""
    if depth > _DEPTH:
        return "..."
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, str) and value.startswith("data:") and len(value) > 200:
        return f"{value[:60]}... ({len(value):,} characters)"
    if isinstance(value, list):
        return [short(one, depth + 1) for one in value[:100]]
    return {name: short(one, depth + 1) for name, one in value.items()} if isinstance(value, dict) else value


# -- replies -----------------------------------------------------------------------------------------------------------


def read(kind: str, payload: Any, data: bytes) -> Media:
    """What a reply holds.

    Args:
        payload: its JSON; None where it is the file itself.
    """
    if payload is None:
        media_type = sniff(data)
        if media_type is None:
            return Media()
        return Media([File(_kind(media_type, None, "", kind), data=data, media_type=media_type)])
    body = payload if isinstance(payload, dict) else {"data": payload}
    if kind == "transcript":
        return _transcript(body)
    if kind == "ocr":
        return _pages(body)
    return Media(list(_found(body, kind, "", 0))[:MOST_FILES])


def _found(value: Any, kind: str, name: str, depth: int) -> Iterator[File]:
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        label = next((value[one] for one in ("content_type", "mime_type") if isinstance(value.get(one), str)), None)
        for field_name, one in value.items():
            if field_name in _BYTES and isinstance(one, str) and (data := _decoded(one)):
                yield _of_bytes(data, label, name, kind)
            elif isinstance(one, (dict, list, bytes)) and field_name not in _NO_FILES:
                yield from _found(one, kind, field_name, depth + 1)
            elif isinstance(one, str) and field_name not in _NO_FILES:
                yield from _of_text(one, label, name if field_name == "url" else field_name, kind)
    elif isinstance(value, list):
        for one in value[:MOST_FILES]:
            yield from _found(one, kind, name, depth + 1)
    elif isinstance(value, bytes):
        yield _of_bytes(value, None, name, kind)
    elif isinstance(value, str):
        yield from _of_text(value, None, name, kind)


def _of_text(text: str, label: str | None, name: str, kind: str) -> Iterator[File]:
    if match := _DATA_URL.fullmatch(text):
        if data := _decoded(match[2]):
            yield _of_bytes(data, match[1] or label, name, kind)
    elif re.match(r"https?://\S+$", text):
        yield File(_kind(label, text, name, kind), url=text, media_type=label)


def _of_bytes(data: bytes, label: str | None, name: str, kind: str) -> File:
    media_type = sniff(data) or label
    return File(_kind(media_type, None, name, kind), data=data, media_type=media_type)


def _kind(media_type: str | None, url: str | None, name: str, kind: str) -> str:
    """By the media type, the ending of the address, the name of the field, the endpoint."""
    family = (media_type or "").partition("/")[0]
    if family in _ENDINGS:
        return family
    if media_type is not None and family in ("application", "model", "text") and "octet" not in media_type:
        return "file"
    ending = (url or "").partition("?")[0].rpartition(".")[2].lower()
    by_ending = next((one for one, endings in _ENDINGS.items() if ending in endings), None)
    by_name = next((one for one in _ENDINGS if one in name.lower()), None)
    return by_ending or by_name or _SHOWN_AS.get(kind, "file")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _transcript(body: dict[str, Any]) -> Media:
    lists: dict[str, list[dict[str, Any]]] = {}
    texts: list[str] = []
    _words(body, "", 0, lists, texts)
    best = next((lists[name] for name in ("utterances", "segments", "sentences", "paragraphs") if name in lists), None)
    best = best or lists.get("words") or next(iter(lists.values()), [])
    text = max(texts, key=len, default="")
    if not text and not best:
        return Media()
    segments = [_segment(one) for one in best[:MOST_SEGMENTS]]
    times = [one[side] for one in segments for side in ("start", "end") if one[side] is not None]
    if times and all(isinstance(one, int) for one in times) and max(times) >= 100:  # milliseconds
        for one in segments:
            one.update({side: one[side] / 1000 for side in ("start", "end") if one[side] is not None})
    part = {"kind": "transcript", "text": text[:MOST_TEXT], "segments": segments}
    return Media(parts=[part], text=text)


def _words(value: Any, name: str, depth: int, lists: dict[str, list[dict[str, Any]]], texts: list[str]) -> None:
    """The lists of timed texts in a transcript, and its whole texts."""
    if depth > _DEPTH:
        return
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("text", "transcript") and isinstance(one, str):
                texts.append(one)
            else:
                _words(one, key, depth + 1, lists, texts)
    elif isinstance(value, list):
        if value and isinstance(value[0], dict) and "start" in value[0] and _said(value[0]) is not None:
            lists.setdefault(name, [one for one in value if isinstance(one, dict)])
        else:
            for one in value[:MOST_FILES]:
                _words(one, name, depth + 1, lists, texts)


def _said(one: dict[str, Any]) -> str | None:
    names = ("punctuated_word", "text", "transcript", "word")
    return next((one[name] for name in names if isinstance(one.get(name), str)), None)


def _segment(one: dict[str, Any]) -> dict[str, Any]:
    times = {side: one.get(side) if isinstance(one.get(side), (int, float)) else None for side in ("start", "end")}
    speaker = one.get("speaker")
    return {**times, "speaker": None if speaker is None else str(speaker)[:100], "text": (_said(one) or "")[:2_000]}


def _pages(body: dict[str, Any]) -> Media:
    inner = body.get("result") if isinstance(body.get("result"), dict) else body
    found = inner.get("pages") if isinstance(inner, dict) else None
    pages: list[dict[str, Any]] = []
    for place, one in enumerate(found[:MOST_PAGES] if isinstance(found, list) else []):
        page = one if isinstance(one, dict) else {"markdown": one}
        text = next((page[name] for name in ("markdown", "text", "content") if isinstance(page.get(name), str)), "")
        index = page.get("index")
        pages.append({"index": index if isinstance(index, int) else place, "markdown": text[:MOST_TEXT]})
    text = "\n\n".join(page["markdown"] for page in pages)
    return Media(parts=[{"kind": "pages", "pages": pages}] if pages else [], text=text)


def payload_of(data: bytes) -> Any:
    """The JSON of a reply; None where it is none."""
    try:
        return json.loads(data) if data[:1] in b"{[ \r\n\t" and data else None
    except (ValueError, RecursionError):
        return None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
