"""Common names of what a media model is given -> the fields of its family. Pure.

A user writes `image=`, `size=`, `n=`, `duration=`, and each model has a field of its own for it. To map another name,
add a row to `_FIELDS`; the first field that the model's documents list is used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.operations import MediaModel

Form = Callable[[Any], Any]


class Field(NamedTuple):
    """Where a common name's value goes.

    Attributes:
        path: the field, or a field in an object: `voice_setting.voice_id`.
        form: what becomes of the value; it raises `InvalidRequestError` for one it cannot take.
        is_list: whether it takes a list.
    """

    path: str
    form: Form | None = None
    is_list: bool = False


def _pixels(value: Any) -> tuple[int, int] | None:
    """`1024x768` or `(1024, 768)` as two numbers; None for anything else."""
    value = _as_text(value)
    match = re.fullmatch(r"\s*(\d+)\s*[xX:*×]\s*(\d+)\s*", value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _as_text(value: Any) -> Any:
    """Two numbers as `1024x768`; anything else as it is."""
    is_pair = isinstance(value, (list, tuple)) and [type(side) for side in value] == [int, int]
    return f"{value[0]}x{value[1]}" if is_pair else value


def _is_ratio(width: int, height: int) -> bool:
    """Whether two numbers are a ratio such as 16:9 rather than pixels."""
    return max(width, height) < 64


_PRESETS = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "16:9": "landscape_16_9",
    "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
}


def _width_and_height(value: Any) -> Any:
    """`1024x768` as an object, `16:9` as its name; names of sizes (`square_hd`, `2K`) and objects as they are."""
    pixels = _pixels(value)
    if pixels is None:
        return value
    if _is_ratio(*pixels):
        return _PRESETS.get(_ratio(value), value)
    return {"width": pixels[0], "height": pixels[1]}


def _ratio(value: Any) -> Any:
    """`1536x1024` as `3:2`; a ratio as it is, for models list `21:9` and know no `7:3`."""
    pixels = _pixels(value)
    if pixels is None or 0 in pixels:
        return value
    if _is_ratio(*pixels):
        return f"{pixels[0]}:{pixels[1]}"
    common = math.gcd(*pixels)
    return f"{pixels[0] // common}:{pixels[1] // common}"


def _frame(value: Any) -> Any:
    pixels = _pixels(value)
    return f"{pixels[0]}:{pixels[1]}" if pixels else value


def _milliseconds(value: Any) -> int:
    return round(_seconds(value) * 1000)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise InvalidRequestError(f"`duration` is {value!r}: pass seconds.") from None
    return seconds


def _object(kind: str) -> Form:
    """An address as an object that says what it is: Luma's and Runway's form."""
    return lambda value: {"type": kind, "url": value}


def _speakers(value: Any) -> Any:
    return [{"preset": value}] if isinstance(value, str) else value


_IMAGES = (
    Field("image_url"),
    Field("image_urls", is_list=True),
    Field("image"),
    Field("image_list", is_list=True),
    Field("reference_image_urls", is_list=True),
    Field("front_image_url"),
    Field("keyframes.frame0", _object("image")),
    Field("character", _object("image")),
)
# A common name -> where it may go, the first that the model takes; each also goes where its own name is a field.
_FIELDS: Mapping[str, tuple[Field, ...]] = {
    "prompt": (Field("prompt"), Field("text"), Field("script")),
    "text": (Field("text"), Field("script"), Field("prompt")),
    "n": (Field("n"), Field("num_images")),
    "size": (
        Field("size", _as_text),
        Field("image_size", _width_and_height),
        Field("frame_size", _frame),
        Field("aspect_ratio", _ratio),
        Field("ratio", _ratio),
    ),
    "aspect_ratio": (Field("aspect_ratio", _ratio), Field("ratio", _ratio)),
    "image": _IMAGES,
    "last_image": (
        Field("last_image_url"),
        Field("tail_image_url"),
        Field("keyframes.frame1", _object("image")),
    ),
    "video": (
        Field("video_url"),
        Field("video_urls", is_list=True),
        Field("reference", _object("video")),
    ),
    "audio": (Field("audio_url"), Field("audio_urls", is_list=True), Field("reference_audio_url")),
    "duration": (Field("duration"), Field("music_length_ms", _milliseconds), Field("seconds_total")),
    "seed": (Field("seed"),),
    "voice": (Field("voice"), Field("voice_setting.voice_id"), Field("speakers", _speakers)),
    "speed": (Field("speed"), Field("voice_setting.speed"), Field("voice_settings.speed")),
    "format": (
        Field("format"),
        Field("output_format"),  # of pictures; their `response_format` is `url` or `b64_json`
        Field("response_format"),
        Field("encoding"),
        Field("audio_setting.format"),
        Field("audio_config.format"),
    ),
    "language": (Field("language"), Field("language_code"), Field("language_boost")),
    "diarize": (Field("diarize"), Field("speaker_labels")),
}
COMMON_NAMES = tuple(_FIELDS)
"""The names that are mapped."""
FILE_NAMES = ("image", "last_image", "video", "audio", "mask", "document")
"""The names whose values are files: an address, a path, bytes, ..."""


def fields_of(name: str) -> tuple[str, ...]:
    """The fields that a common name may stand for."""
    return tuple(row.path for row in _FIELDS.get(name, ()))


def field_for(name: str, model: MediaModel | None, *, several: bool = False) -> Field | None:
    """The field that a common name's value goes into; None where the model has none for it.

    Args:
        name: a common name.
        model: whose fields; None for an unknown one, which is asked by the first field of the row.
        several: whether the value is a list of more than one.
    """
    rows = _FIELDS.get(name, ())
    if model is None:
        return next((row for row in rows if row.is_list), None) if several else (rows[0] if rows else None)
    taken = [row for row in rows if row.path.partition(".")[0] in model.fields]
    if several:  # the field for lists where there is one; a field for one may take a list, too (FLUX Kontext)
        return next((row for row in taken if row.is_list), taken[0] if taken else None)
    return taken[0] if taken else None


def set_field(body: dict[str, Any], path: str, value: Any) -> None:
    """Sets a field, or one in an object, beside what is there."""
    head, _, tail = path.partition(".")
    if not tail:
        body[head] = value
        return
    inner = body.get(head)
    body[head] = {**(inner if isinstance(inner, Mapping) else {}), tail: value}
