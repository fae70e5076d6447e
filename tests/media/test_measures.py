"""What a file is, by its own head."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from aimlapi_transport.media.measures import Measures, measures_of

_SOF = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, 480, 640)
_JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)


def _webp(form: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + form + struct.pack("<I", len(body)) + body


def _wav(length: int, extra: bytes = b"") -> bytes:
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    return b"RIFF" + struct.pack("<I", 4) + b"WAVE" + extra + form + b"data" + struct.pack("<I", length) + bytes(8000)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 640, 480), (640, 480, None)),
        (b"GIF89a" + struct.pack("<HH", 640, 480), (640, 480, None)),
        (_JPEG + b"\xff\xc4" + struct.pack(">HB", 3, 0) + b"\xff" + _SOF, (640, 480, None)),
        (_webp(b"VP8X", bytes(4) + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")), (640, 480, None)),
        (_webp(b"VP8L", b"/" + struct.pack("<I", 639 | 479 << 14)), (640, 480, None)),
        (_webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 480)), (640, 480, None)),
        (_wav(8000), (None, None, 0.5)),
        (_wav(0xFFFFFFFF, b"LIST" + struct.pack("<I", 3) + b"abc\0"), (None, None, 0.5)),
        (b"plain text", (None, None, None)),
    ],
)
def test_size_and_seconds_are_in_the_file(
    data: bytes, expected: tuple[int | None, int | None, float | None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert measures_of(path)[1:] == expected
    for end in range(len(data) if len(data) < 100 else 60):  # no head, however short, is an error
        path.write_bytes(data[:end])
        assert isinstance(measures_of(path), Measures)
