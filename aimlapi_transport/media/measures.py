"""What a file on this machine is: media type, width and height of a picture, seconds of a WAV. Reads its head.

Replies seldom have these; the file itself does. Formats that are not listed here have their media type only.
Source: PNG 11.2.2 (IHDR), GIF89a 18, JPEG B.2.2 (SOF), RFC 9649 (WebP), RFC 2361 (WAV).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from aimlapi_transport import media_types

_HEAD = 1 << 20  # bytes; a JPEG's size stands behind its metadata
_NO_FRAME = (0xC4, 0xC8, 0xCC)  # JPEG's markers among those of frames that begin none


class Measures(NamedTuple):
    """What a file is; None where its head does not tell. Pixels and seconds."""

    media_type: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


def measures_of(path: Path) -> Measures:
    """What a file is, by its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    media_type = media_types.sniff(head)
    try:
        if media_type == "audio/wav":
            return Measures(media_type, seconds=_wav_seconds(head, path.stat().st_size))
        width, height = _pixels(head, media_type) or (None, None)
    except (struct.error, IndexError, ZeroDivisionError):  # a file that ends in its head
        return Measures(media_type)
    return Measures(media_type, width, height)


def _pixels(head: bytes, media_type: str | None) -> tuple[int, int] | None:
    if media_type == "image/png":
        return _pair(">II", head, 16)
    if media_type == "image/gif":
        return _pair("<HH", head, 6)
    if media_type == "image/jpeg":
        return _jpeg_pixels(head)
    if media_type == "image/webp":
        return _webp_pixels(head)
    return None


def _pair(form: str, head: bytes, position: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, head, position)
    return int(first), int(second)


def _jpeg_pixels(head: bytes) -> tuple[int, int] | None:
    position = 2
    while head[position] == 0xFF:
        marker = head[position + 1]
        if marker == 0xFF:  # fill bytes may stand before a marker
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = _pair(">HH", head, position + 5)
            return width, height
        position += 2 + int(struct.unpack_from(">H", head, position + 2)[0])
    return None


def _webp_pixels(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X" and len(head) >= 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if form == b"VP8L":
        bits = int(struct.unpack_from("<I", head, 21)[0])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        width, height = _pair("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _wav_seconds(head: bytes, size: int) -> float | None:
    position, rate = 12, 0
    while True:
        name, length = head[position : position + 4], int(struct.unpack_from("<I", head, position + 4)[0])
        if name == b"fmt ":
            rate = int(struct.unpack_from("<I", head, position + 16)[0])
        if name == b"data":
            return round(min(length, size - position - 8) / rate, 3)  # a streamed WAV states no length of its own
        position += 8 + length + length % 2
