"""PNG pictures of a prompt: a pattern of its colours, and the prompt itself as text in the file, for OCR to read."""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"Description"
_MOST = 2048  # pixels of a side


@functools.lru_cache(maxsize=32)
def picture(text: str, width: int = 512, height: int = 512) -> bytes:
    """A picture; the same for the same text and size. Sides are at most 2048 pixels.

    Source: https://www.w3.org/TR/png-3/
    """
    width, height = (max(1, min(side, _MOST)) for side in (width, height))
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).digest()
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # no filter
        shade = 255 * y // max(height - 1, 1)
        left = bytes((digest[i] * (255 - shade) + digest[i + 3] * shade) // 255 for i in range(3))
        right = bytes((digest[i + 6] * (255 - shade) + digest[i + 9] * shade) // 255 for i in range(3))
        rows += left * (width // 2) + right * (width - width // 2)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    note = _KEYWORD + b"\x00\x00\x00\x00\x00" + text.encode("utf-8", "replace")
    return SIGNATURE + b"".join(
        _chunk(*part)
        for part in ((b"IHDR", header), (b"iTXt", note), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    )


def text_in(data: bytes) -> str | None:
    """The text that `picture` put into a file; None where there is none."""
    at = data.find(b"iTXt" + _KEYWORD)
    if not data.startswith(SIGNATURE) or at < 4:
        return None
    (length,) = struct.unpack(">I", data[at - 4 : at])
    return data[at + 4 : at + 4 + length].split(b"\x00", 1)[1][4:].decode("utf-8", "replace")


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG in pixels."""
    if not data.startswith(SIGNATURE) or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
