"""Content blocks of every dialect users hold in their history -> the wire's content parts. Pure.

One row per block type in `_PARTS`; LangChain's own (v1 and its older form), OpenAI's and Anthropic's words meet
here. What cannot be carried raises and names itself.
Source of the parts: https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from aimlapi_transport.wire import Json
from langchain_aimlapi.errors import InvalidRequestError

_AUDIO_FORMATS = {"mpeg": "mp3", "mp3": "mp3", "wav": "wav", "x-wav": "wav", "wave": "wav"}


def to_part(block: Any, where: str) -> Json:
    """The wire's part for one content block.

    Raises:
        InvalidRequestError: no part carries this block.
    """
    if isinstance(block, str):
        return {"type": "text", "text": block}
    kind = block.get("type") if isinstance(block, Mapping) else None
    convert = _PARTS.get(kind) if isinstance(kind, str) else None
    if convert is None:
        raise InvalidRequestError(
            f"{where} has content of type {kind!r}, which cannot be sent. Sent are: {', '.join(sorted(_PARTS))}."
        )
    part = convert(block)
    if part is None:
        raise InvalidRequestError(f"{where} has a `{kind}` block without usable data: it has {sorted(block)}.")
    if "cache_control" in block:
        part["cache_control"] = block["cache_control"]
    return part


def _text(block: Mapping[str, Any]) -> Json | None:
    text = block.get("text")
    return {"type": "text", "text": text} if isinstance(text, str) else None


def _image(block: Mapping[str, Any]) -> Json | None:
    url = _url(block, "image/png")
    if url is None:
        return None
    image: Json = {"url": url}
    detail = block.get("detail") or (block.get("extras") or {}).get("detail")
    if detail:
        image["detail"] = detail
    return {"type": "image_url", "image_url": image}


def _image_url(block: Mapping[str, Any]) -> Json | None:
    image = block.get("image_url")
    if isinstance(image, str):
        image = {"url": image}
    return {"type": "image_url", "image_url": image} if isinstance(image, dict) and image.get("url") else None


def _audio(block: Mapping[str, Any]) -> Json | None:
    data, mime = _data(block)
    data = data or block.get("url")
    if not data:
        return None
    audio: Json = {"data": data}
    known = (block.get("extras") or {}).get("format") or block.get("format")
    subtype = (mime or "").removeprefix("audio/") or str(block.get("url") or "").rpartition(".")[2].lower()
    audio["format"] = known or _AUDIO_FORMATS.get(subtype, subtype if mime else "wav")
    return {"type": "input_audio", "input_audio": audio}


def _video(block: Mapping[str, Any]) -> Json | None:
    url = _url(block, "video/mp4")
    return {"type": "video_url", "video_url": {"url": url}} if url else None


def _file(block: Mapping[str, Any]) -> Json | None:
    if isinstance(block.get("file"), dict):
        return {"type": "file", "file": block["file"]}
    if block.get("file_id"):
        return {"type": "file", "file": {"file_id": block["file_id"]}}
    data, mime = _data(block)
    if not data:
        return None
    extras = block.get("extras") or block.get("metadata") or {}
    name = block.get("filename") or extras.get("filename") or extras.get("name") or block.get("title") or "document.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{mime or 'application/pdf'};base64,{data}"}}


def _plain_text(block: Mapping[str, Any]) -> Json | None:
    if isinstance(block.get("text"), str):
        return {"type": "text", "text": block["text"]}
    data, _ = _data(block)
    try:
        return {"type": "text", "text": base64.b64decode(data, validate=True).decode()} if data else None
    except ValueError:
        return None


def _native(name: str) -> Callable[[Mapping[str, Any]], Json | None]:
    """A block that is the wire's own already."""
    return lambda block: {"type": name, name: block[name]} if block.get(name) else None


def _non_standard(block: Mapping[str, Any]) -> Json | None:
    value = block.get("value")
    return to_part(value, "a `non_standard` block") if isinstance(value, Mapping) else None


def _url(block: Mapping[str, Any], mime: str) -> str | None:
    """An address, or the data in one, of an image or video."""
    source = block.get("source")
    if isinstance(source, Mapping) and source.get("type") == "url":
        return source.get("url")
    if block.get("url"):
        return str(block["url"])
    data, found = _data(block)
    return f"data:{found or mime};base64,{data}" if data else None


def _data(block: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Base64 data and its MIME type, in LangChain's newer and older words and in Anthropic's."""
    source = block.get("source")
    if isinstance(source, Mapping):
        return source.get("data"), source.get("media_type")
    data = block.get("base64") or block.get("data")
    if isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    return data, block.get("mime_type")


_PARTS: dict[str, Callable[[Mapping[str, Any]], Json | None]] = {
    "text": _text,
    "text-plain": _plain_text,
    "image": _image,
    "image_url": _image_url,
    "audio": _audio,
    "input_audio": _native("input_audio"),
    "video": _video,
    "video_url": _native("video_url"),
    "refusal": _native("refusal"),
    "file": _file,
    "document": _file,
    "non_standard": _non_standard,
}
