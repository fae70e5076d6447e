"""A media reply -> `MediaResult`, by reading what is there: no branch per vendor. Pure.

To read another field that holds files, add it to `_FILE_FIELDS`; another field of a file, to `_file_from`.
Source: https://docs.aimlapi.com/api-references; what replies were recorded holds more shapes than the schemas.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aimlapi_transport import media_types
from aimlapi_transport.chat.usage import Cost, cost_from, usage_from
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.media import transcripts
from aimlapi_transport.media.values import DONE, FAILED, UNDER_WAY, MediaFile, MediaResult, Page, PageImage

Json = dict[str, Any]

_FILE_FIELDS = ("data", "images", "image", "video", "videos", "audio", "audio_file", "audios", "output", "result")
_MESH = "mesh"  # model_mesh, segmented_mesh, mask_1_mesh, ...
_URLS = ("url", "video_url", "image_url", "audio_url")
_BASE64 = ("b64_json", "base64", "image_base64")
_DONE = ("completed", "succeeded", "complete", "success", "done")
_FAILED = ("error", "failed", "failure", "cancelled", "canceled", "expired")
_ID_FIELDS = ("id", "generation_id")


def read_state(payload: Any) -> tuple[str, str | None]:
    """The state of a generation (`done`, `failed`, `under_way`), and the provider's own word for it."""
    word = payload.get("status") if isinstance(payload, dict) else None
    word = word if isinstance(word, str) else None
    plain = (word or "").lower()
    if plain in _FAILED or (payload_error(payload) is not None and plain not in _DONE):
        return FAILED, word
    return (DONE if plain in _DONE else UNDER_WAY), word


def payload_error(payload: Any) -> Any:
    """What a reply's body says went wrong; None where it says nothing of the kind."""
    return payload.get("error") or None if isinstance(payload, dict) else None


def read_id(payload: Any) -> str | None:
    """The id of a generation."""
    found = (payload.get(name) for name in _ID_FIELDS) if isinstance(payload, dict) else ()
    return next((str(value) for value in found if isinstance(value, (str, int)) and value != ""), None)


def read_cost(payload: Any, headers: Mapping[str, str]) -> Cost | None:
    """What a reply states that it cost, in its body or in its headers."""
    meta = payload.get("meta") if isinstance(payload, dict) else None
    return cost_from(meta) or cost_from(headers)


def read_result(
    payload: Any, *, model: str, operation: str, headers: Mapping[str, str], cost: Cost | None = None
) -> MediaResult:
    """What a JSON reply holds.

    Args:
        cost: what the order was quoted at, where this reply states nothing.

    Raises:
        BadResponseError: it holds nothing of what was asked for.
    """
    body = payload if isinstance(payload, dict) else {"data": payload} if isinstance(payload, list) else {}
    files = tuple(_files(body)) if operation not in ("transcribe", "ocr") else ()
    transcript = transcripts.read(body) if operation == "transcribe" else None
    pages = tuple(_pages(body)) if operation == "ocr" else ()
    if not files and transcript is None and not pages:
        keys = ", ".join(sorted(body)[:12]) or "nothing"
        raise BadResponseError(f"The provider's reply holds no {_WANTED[operation]}: it has {keys}.", body=payload)
    text = transcript.text if transcript else "\n\n".join(page.markdown for page in pages) if pages else None
    seconds = transcript.seconds if transcript else _seconds(body)
    if len(files) == 1 and files[0].seconds is None and seconds is not None:
        files = (replace(files[0], seconds=seconds),)
    elif len(files) == 1 and seconds is None:
        seconds = files[0].seconds
    inner = transcripts.inner(body) if transcript else body
    reply_model = body.get("model")
    return MediaResult(
        model=model,
        operation=operation,
        files=files,
        text=text,
        segments=transcript.segments if transcript else (),
        turns=transcript.turns if transcript else (),
        pages=pages,
        language=transcript.language if transcript else None,
        seconds=seconds,
        id=read_id(body) if operation in ("video", "music", "transcribe") else None,
        request_id=headers.get("x-inference-id") or _text(body.get("requestId")),
        reply_model=reply_model if isinstance(reply_model, str) else None,
        usage=usage_from(inner.get("usage")) if _counts_tokens(inner.get("usage")) else None,
        cost=read_cost(body, headers) or cost,
        raw=payload,
    )


_WANTED = {
    "images": "image",
    "edit_image": "image",
    "video": "film",
    "speech": "sound",
    "music": "sound",
    "transcribe": "transcript",
    "ocr": "page",
}


def read_bytes(data: bytes, *, model: str, operation: str, headers: Mapping[str, str]) -> MediaResult:
    """What a reply that is the file itself holds.

    Raises:
        BadResponseError: it is empty, or a text (the page of a proxy, say).
    """
    stated = media_types.normalize(headers.get("content-type", "")) or None
    media_type = media_types.sniff(data) or stated
    if not data or (media_type or "").startswith("text/") or (stated == "text/html" and media_type == stated):
        raise BadResponseError(
            f"The provider answered with {'nothing' if not data else media_type}, not with {_WANTED[operation]}."
        )
    file = MediaFile(data=data, media_type=media_type, size=len(data), role="body")
    request_id = headers.get("x-inference-id")
    return MediaResult(model, operation, files=(file,), request_id=request_id, cost=cost_from(headers))


def _files(body: Json) -> Iterable[MediaFile]:
    """The files of a reply, each once: `data` before `images`, then the others; a main mesh before its masks."""
    names = [name for name in _FILE_FIELDS if name in body]
    names += [name for name in body if name.endswith(_MESH)]
    seen: set[str | bytes] = set()
    for name in names:
        for file in _files_in(body[name], name):
            key = file.url or file.data
            if key is not None and key not in seen:
                seen.add(key)
                yield file


def _files_in(value: Any, role: str) -> Iterable[MediaFile]:
    """The files in the value of a field: a text, an object, or a list of these."""
    if isinstance(value, list):
        for item in value:
            yield from _files_in(item, role)
    elif isinstance(value, str):
        if (file := _file_from_text(value, role)) is not None:
            yield file
    elif isinstance(value, dict):
        file = _file_from(value, role)
        if file is not None:
            yield file
        else:  # `data.audio`, `result.video`, ...
            for name in _FILE_FIELDS:
                if name in value and not isinstance(value[name], (int, float)):
                    yield from _files_in(value[name], name)


def _file_from(item: Json, role: str) -> MediaFile | None:
    url = next((item[name] for name in _URLS if isinstance(item.get(name), str) and item[name]), None)
    encoded = next((item[name] for name in _BASE64 if isinstance(item.get(name), str) and item[name]), None)
    if url is not None and url.startswith("data:"):
        url, encoded = None, url
    data, label = _decoded(encoded) if encoded else (None, None)
    if url is None and data is None:
        return None
    stated = _text(item.get("content_type")) or _text(item.get("mime_type")) or _text(item.get("mimeType")) or label
    return MediaFile(
        url=url,
        data=data,
        media_type=(media_types.sniff(data) if data else None) or (media_types.normalize(stated) if stated else None),
        width=_whole(item.get("width")),
        height=_whole(item.get("height")),
        seconds=_number(item.get("duration")),
        size=_whole(item.get("file_size")) or (len(data) if data else None),
        name=_text(item.get("file_name")),
        role=role,
    )


def _file_from_text(text: str, role: str) -> MediaFile | None:
    """An address, a data URL, or the bytes in base64 or hexadecimal."""
    if text.startswith(("http://", "https://")):
        return MediaFile(url=text, role=role)
    data, label = _decoded(text)
    media_type = (media_types.sniff(data) if data else None) or label
    if data is None or media_type is None:  # any short word is base64 of something
        return None
    return MediaFile(data=data, media_type=media_type, size=len(data), role=role)


def _decoded(text: str) -> tuple[bytes | None, str | None]:
    """The bytes of a data URL, hexadecimal or base64, and the type that is stated; None for anything else."""
    label = None
    if text.startswith("data:"):
        head, _, text = text[5:].partition(",")
        label = media_types.normalize(head) or None
    plain = "".join(text.split())
    try:
        return bytes.fromhex(plain), label
    except ValueError:
        pass
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True), label
    except (binascii.Error, ValueError):
        return None, label


def _pages(body: Json) -> Iterable[Page]:
    found = body.get("pages")
    for position, page in enumerate(found if isinstance(found, list) else ()):
        if not isinstance(page, dict):
            continue
        index, dimensions, images = page.get("index"), page.get("dimensions"), page.get("images")
        size = dimensions if isinstance(dimensions, dict) else {}
        yield Page(
            index=index if isinstance(index, int) else position,
            markdown=_text(page.get("markdown")) or "",
            images=tuple(_page_image(item) for item in images or () if isinstance(item, dict)),
            width=_whole(size.get("width")),
            height=_whole(size.get("height")),
            dpi=_whole(size.get("dpi")),
        )


_CORNERS = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


def _page_image(item: Json) -> PageImage:
    corners = [_whole(item.get(name)) for name in _CORNERS]
    encoded = _text(item.get("image_base64")) or ""
    data, label = _decoded(encoded)
    left, top, right, bottom = corners
    return PageImage(
        id=str(item.get("id", "")),
        box=None if left is None or top is None or right is None or bottom is None else (left, top, right, bottom),
        base64=(encoded.partition(",")[2] if encoded.startswith("data:") else encoded) or None,
        media_type=(media_types.sniff(data) if data else None) or label,
    )


def _seconds(body: Json) -> float | None:
    """How long the sound or film is: `duration` is in seconds, MiniMax's `music_duration` in milliseconds."""
    extra = body.get("extra_info")
    if isinstance(extra, dict) and (milliseconds := _number(extra.get("music_duration"))) is not None:
        return milliseconds / 1000
    return _number(body.get("duration"))


def _counts_tokens(usage: Any) -> bool:
    return isinstance(usage, dict) and any("tokens" in name for name in usage)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
