"""What the first bytes of a file say of it, and one spelling for each type."""

from __future__ import annotations

import pytest

from aimlapi_transport.media_types import extension, from_name, normalize, sniff


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", None),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A \x00\x00", "audio/mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3\x01\x00", "video/webm"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"fLaC\x00\x00", "audio/flac"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b"<html><svg></svg></html>", None),
        (b"BM is how this text begins", None),
        (b"plain text", None),
        (b"", None),
    ],
)
def test_the_first_bytes_name_the_type(data: bytes, expected: str | None) -> None:
    assert sniff(data) == expected


def test_one_spelling_for_each_type() -> None:
    assert normalize("image/jpg") == normalize(" Image/JPEG; charset=binary") == "image/jpeg"
    assert normalize("audio/x-wav") == "audio/wav"
    assert normalize("image/png") == "image/png"


def test_names_and_types_lead_to_each_other() -> None:
    assert from_name("https://host/a/b.jpeg") == "image/jpeg"
    assert from_name("no-ending") is None
    assert extension("image/jpg") == ".jpg"
    assert extension("audio/mpeg; rate=1") == ".mp3"
    assert extension(None) == ""
