"""A media reply -> `MediaResult`, by reading what is there: no branch per vendor. Pure.

Source: https://docs.aimlapi.com/api-references; what replies were recorded holds more shapes than the schemas.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from aimlapi_transport import media_types
from aimlapi_transport.chat.usage import Cost, cost_from, usage_from
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.media import transcripts
from aimlapi_transport.media.payloads import (
    Json,
    as_object,
    number,
    objects,
    text,
    whole,
    with_enclosed,
    without_envelope,
)
from aimlapi_transport.media.reply_files import decoded, files_in, kind_of
from aimlapi_transport.media.states import read_cost, read_id
from aimlapi_transport.media.values import MediaFile, MediaResult, Page, PageImage


def read_result(
    payload: Any, *, model: str, operation: str, headers: Mapping[str, str], cost: Cost | None = None
) -> MediaResult:
    """What a JSON reply holds.

    Args:
        cost: what the order was quoted at, where this reply states nothing.

    Raises:
        BadResponseError: it holds nothing of what was asked for.
    """
    body = payload if isinstance(payload, dict) else {"data": payload}
    facts = with_enclosed(body)
    files = tuple(files_in(body, operation)) if operation not in ("transcribe", "ocr") else ()
    transcript = transcripts.read(body) if operation == "transcribe" else None
    pages = tuple(_pages(body)) if operation == "ocr" else ()
    if not files and transcript is None and not pages:
        keys = ", ".join(sorted(body)[:12]) or "nothing"
        raise BadResponseError(f"The provider's reply contains no {_WANTED[operation]}: it has {keys}.", body=payload)
    seconds = transcript.seconds if transcript else _seconds(facts)
    if len(files) == 1:
        [file] = files
        files = (replace(file, seconds=file.seconds or seconds, size=file.size or _size(facts)),)
        seconds = seconds or file.seconds
    usage = (without_envelope(body) if transcript else facts).get("usage")
    return MediaResult(
        model=model,
        operation=operation,
        files=files,
        text=transcript.text if transcript else "\n\n".join(page.markdown for page in pages) if pages else None,
        segments=transcript.segments if transcript else (),
        turns=transcript.turns if transcript else (),
        pages=pages,
        language=transcript.language if transcript else None,
        seconds=seconds,
        id=read_id(body),
        request_id=headers.get("x-inference-id") or text(facts.get("requestId")),
        reply_model=text(facts.get("model")),
        usage=usage_from(usage) if _counts_tokens(usage) else None,
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
        BadResponseError: it is empty, or a text: the page of a proxy, or JSON that was cut off.
    """
    stated = media_types.normalize(headers.get("content-type", "")) or None
    media_type = media_types.sniff(data) or stated
    if not data or (media_type == stated and _is_text(data, stated)):
        content = f"`{stated or 'a text'}`" if data else "nothing"
        raise BadResponseError(f"The provider answered with {content}, not with {_WANTED[operation]}.")
    file = MediaFile(data=data, media_type=media_type, size=len(data), role=kind_of(operation))
    request_id = headers.get("x-inference-id")
    return MediaResult(model, operation, files=(file,), request_id=request_id, cost=cost_from(headers))


def reply_of(result: MediaResult) -> dict[str, Any]:
    """The reply that a result was read from, as JSON; `result_from` reads it again."""
    cost, headers = result.cost, {}
    if result.request_id is not None:
        headers["x-inference-id"] = result.request_id
    if cost is not None:
        headers["x-aimlapi-usd-spent"] = str(cost.usd)
        headers |= {} if cost.credits is None else {"x-aimlapi-credits-used": str(cost.credits)}
    if result.raw is not None:
        return {"json": result.raw, "headers": headers}
    [file] = result.files
    return {"base64": file.base64, "headers": {**headers, "content-type": file.media_type or ""}}


def result_from(reply: Mapping[str, Any], *, model: str, operation: str) -> MediaResult:
    """The result that `reply_of` wrote down.

    Raises:
        BadResponseError, KeyError, TypeError, ValueError: it is something else.
    """
    headers = reply["headers"]
    if "base64" in reply:
        return read_bytes(b64decode(reply["base64"]), model=model, operation=operation, headers=headers)
    return read_result(reply["json"], model=model, operation=operation, headers=headers)


def _is_text(data: bytes, stated: str | None) -> bool:
    """Whether bytes that are no file of a known kind are a text: labelled as one, or not labelled and readable."""
    if stated is not None and not stated.startswith(("text/", "application/")):
        return False
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def _pages(body: Json) -> Iterator[Page]:
    inner = without_envelope(body)
    content = inner.get("pages") or inner.get("text")
    for position, item in enumerate(content if isinstance(content, list) else [content] if content else []):
        page = as_object(item)
        index, size = whole(page.get("index")), as_object(page.get("dimensions"))
        markdown = next((page[name] for name in ("markdown", "text", "content") if text(page.get(name))), "")
        yield Page(
            index=position if index is None else index,
            markdown=item if isinstance(item, str) else markdown,
            images=tuple(_page_image(image) for image in objects(page.get("images"))),
            width=whole(size.get("width")),
            height=whole(size.get("height")),
            dpi=whole(size.get("dpi")),
        )


_CORNERS = ("top_left_x", "top_left_y", "bottom_right_x", "bottom_right_y")


def _page_image(item: Json) -> PageImage:
    corners = [whole(item.get(name)) for name in _CORNERS]
    encoded = text(item.get("image_base64")) or ""
    data, label = decoded(encoded)
    left, top, right, bottom = corners
    return PageImage(
        id=str(item.get("id", "")),
        box=None if left is None or top is None or right is None or bottom is None else (left, top, right, bottom),
        base64=(encoded.partition(",")[2] if encoded[:5].lower() == "data:" else encoded) or None,
        media_type=(media_types.sniff(data) if data else None) or label,
    )


def _seconds(body: Json) -> float | None:
    """How long the sound or film is: `duration` is in seconds, MiniMax's lengths are in milliseconds."""
    extra = as_object(body.get("extra_info"))
    milliseconds = next((length for name in _LENGTHS if (length := number(extra.get(name))) is not None), None)
    return number(body.get("duration")) if milliseconds is None else milliseconds / 1000


def _size(body: Json) -> int | None:
    extra = as_object(body.get("extra_info"))
    return whole(extra.get("music_size")) or whole(extra.get("audio_size"))


_LENGTHS = ("music_duration", "audio_length")


def _counts_tokens(usage: Any) -> bool:
    return isinstance(usage, dict) and any("tokens" in name for name in usage)
