"""The files in a reply: addresses or bytes, in a text, an object or a list of these, under many names. Pure.

To read another field that holds files, add it to `FIELDS`; another field of a file, to `_file_from`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from aimlapi_transport import media_types
from aimlapi_transport.media.payloads import Json, as_object, number, text, whole
from aimlapi_transport.media.values import KINDS, MediaFile

FIELDS = (
    "data",
    "images",
    "image",
    "video",
    "videos",
    "audio",
    "audio_file",
    "audio_files",
    "audios",
    "output",
    "outputs",
    "result",
    "assets",
    "files",
    "clips",
    "songs",
    "tracks",
    "urls",
)
"""The fields of a reply that hold files."""
_NOUNS = {"images": "image", "edit_image": "image", "video": "video", "speech": "audio", "music": "audio"}
# Fields that do not say what they hold.
_GENERAL = ("data", "output", "outputs", "result", "assets", "files", "clips", "songs", "tracks", "urls")
_MESHES = ("mesh", "glb")  # model_mesh, segmented_mesh, mask_1_mesh, ...
_URLS = ("video_url", "image_url", "audio_url")
_BASE64 = ("b64_json", "base64", "image_base64", "audio_base64")
_PIXELS = re.compile(r"(\d+)\s*[x×]\s*(\d+)")
_HEXADECIMAL = re.compile(r"(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+")
_HEXADECIMAL_CODE = re.compile(r"(?=\D*\d)(?:[0-9a-fA-F]{2}){4,}")  # no word: it has a digit
_SHORTEST = 32  # characters of sound without a head (PCM): any shorter word is base64 of something, too


def kind_of(operation: str) -> str:
    """What an operation makes: `image`, `video` or `audio`."""
    return _NOUNS.get(operation, "file")


def files_in(body: Json, operation: str) -> Iterator[MediaFile]:
    """The files of a reply, each once: `data` before `images`, then the others; a main mesh before its masks."""
    noun = kind_of(operation)
    files = [file for name in _names(body, noun) for file in _in_value(body[name], noun if name in _GENERAL else name)]
    if not files:
        address = _address(body, ("url", f"{noun}_url"))
        files = list(_in_value(address or body.get(f"{noun}_urls"), noun))
    seen: set[str | bytes | None] = set()
    for file in files:
        key = file.url or file.data
        if key not in seen:
            seen.add(key)
            yield file


def _names(body: Json, noun: str) -> list[str]:
    """The fields of an object that hold files: what was asked for, then its cover or thumbnail, then meshes."""
    names = sorted((name for name in FIELDS if name in body), key=lambda name: _is_beside(name, noun))
    meshes = (name for name in body if name.endswith(_MESHES))
    return names + sorted(meshes, key=lambda name: name.startswith("mask"))


def _is_beside(name: str, noun: str) -> bool:
    return name not in _GENERAL and KINDS.get(name) != noun


def decoded(encoded: str, *, may_be_hexadecimal: bool = False) -> tuple[bytes | None, str | None]:
    """The bytes of a data URL, base64 or hexadecimal, and the type that is stated; None for anything else."""
    label = None
    if encoded[:5].lower() == "data:":
        head, _, encoded = encoded[5:].partition(",")
        label = media_types.normalize(head) or None
    plain = "".join(encoded.split())
    if may_be_hexadecimal and _HEXADECIMAL.fullmatch(plain):
        return bytes.fromhex(plain), label
    try:
        padded = plain.rstrip("=") + "=" * (-len(plain.rstrip("=")) % 4)
        return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True), label
    except (binascii.Error, ValueError):
        return None, label


def _in_value(value: Any, role: str) -> Iterator[MediaFile]:
    """The files in the value of a field: a text, an object, or a list of these."""
    if isinstance(value, list):
        for item in value:
            yield from _in_value(item, role)
    elif isinstance(value, str):
        if (file := _from_text(value, role)) is not None:
            yield file
    elif isinstance(value, dict):
        if (file := _file_from(value, role)) is not None:
            yield file
        else:  # `data.audio`, `result.video`, ...
            for name in _names(value, KINDS.get(role, role)):
                yield from _in_value(value[name], role if name in _GENERAL else name)


def _file_from(item: Json, role: str) -> MediaFile | None:
    url = _address(item, ("url", f"{KINDS.get(role, role)}_url", *_URLS))
    encoded = next((item[name] for name in _BASE64 if text(item.get(name))), None)
    if url is not None and url[:5].lower() == "data:":
        url, encoded = None, url
    data, label = decoded(encoded) if encoded else (None, None)
    if url is None and not data:
        return None
    stated = next((item[name] for name in ("content_type", "mime_type", "mimeType") if text(item.get(name))), label)
    pixels = _PIXELS.fullmatch(text(item.get("size")) or "")
    return MediaFile(
        url=url,
        data=data,
        media_type=(media_types.sniff(data) if data else None) or (media_types.normalize(stated) if stated else None),
        width=whole(item.get("width")) or (int(pixels[1]) if pixels else None),
        height=whole(item.get("height")) or (int(pixels[2]) if pixels else None),
        seconds=number(item.get("duration")),
        size=whole(item.get("file_size")) or (len(data) if data else None),
        name=text(item.get("file_name")),
        role=role,
    )


def _address(item: Json, names: tuple[str, ...]) -> str | None:
    """The first of these fields that holds an address: a text, or OpenAI's `{"url": ...}`."""
    values = (item.get(name) for name in names)
    return next((address for value in values if (address := text(value) or text(as_object(value).get("url")))), None)


def _from_text(value: str, role: str) -> MediaFile | None:
    """An address, a data URL, or the bytes in base64 or hexadecimal."""
    if re.match(r"https?://", value, re.IGNORECASE):
        return MediaFile(url=value, role=role)
    data, label = decoded(value, may_be_hexadecimal=True)
    media_type = (media_types.sniff(data) if data else None) or label
    is_sound = role.startswith("audio") and (len(value) >= _SHORTEST or _HEXADECIMAL_CODE.fullmatch(value))
    if not data or (media_type is None and not is_sound):
        return None
    return MediaFile(data=data, media_type=media_type, size=len(data), role=role)
