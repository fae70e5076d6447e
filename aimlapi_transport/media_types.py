"""Media types (MIME): what the first bytes of a file say, and the spelling that is sent. Pure.

To know another format, add a row to `_SIGNATURES`.
Source: https://www.iana.org/assignments/media-types, https://mimesniff.spec.whatwg.org
"""

from __future__ import annotations

import binascii
import mimetypes
import re
from collections.abc import Callable

# Spellings that are in use beside the registered one.
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/mpga": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "application/x-pdf": "application/pdf",
}

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "image/svg+xml": ".svg",
    "image/tiff": ".tiff",
    "image/bmp": ".bmp",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/aac": ".aac",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "model/gltf-binary": ".glb",
    "application/pdf": ".pdf",
}

# The brands of an ISO base media file (`ftyp`) that are no video/mp4.
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"avif": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
}


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(prefixes)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(b"RIFF") and data[8:12] == form


def _is_svg(data: bytes) -> bool:
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith((b"<svg", b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in data[:1024]


# In this order: the longer signatures before those that also begin so.
_SIGNATURES: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_starts(b"\x89PNG\r\n\x1a\n"), "image/png"),
    (_starts(b"\xff\xd8\xff"), "image/jpeg"),
    (_starts(b"GIF87a", b"GIF89a"), "image/gif"),
    (_riff(b"WEBP"), "image/webp"),
    (_riff(b"WAVE"), "audio/wav"),
    (_starts(b"II*\x00", b"MM\x00*"), "image/tiff"),
    (lambda data: data.startswith(b"BM") and data[6:10] == b"\x00\x00\x00\x00", "image/bmp"),
    (_starts(b"%PDF-"), "application/pdf"),
    (_starts(b"fLaC"), "audio/flac"),
    (_starts(b"OggS"), "audio/ogg"),
    (_starts(b"\x1a\x45\xdf\xa3"), "video/webm"),
    (_starts(b"glTF"), "model/gltf-binary"),
    (lambda data: data[:1] == b"\xff" and data[1:2] in (b"\xf1", b"\xf9"), "audio/aac"),
    (
        lambda data: data.startswith(b"ID3") or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2),
        "audio/mpeg",
    ),
    (_is_svg, "image/svg+xml"),
)


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes of a file (1 kB is enough) are of; None where they say none."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "video/mp4")
    return next((media_type for matches, media_type in _SIGNATURES if matches(data)), None)


def normalize(media_type: str) -> str:
    """The registered spelling, in lower case, without parameters: `image/jpg` is `image/jpeg`."""
    plain = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(plain, plain)


# Types of which the first bytes do not tell one from the other.
_ALIKE = (
    {"video/mp4", "audio/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "audio/3gpp"},
    {"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"},
    {"audio/ogg", "video/ogg", "application/ogg", "audio/opus"},
    {"image/heic", "image/heif"},
)
_WEAK = ("audio/mpeg", "audio/aac", "image/svg+xml")  # raw samples, or a text, may begin so


def media_type_of(label: str | None, data: bytes) -> str | None:
    """The media type of a file: what its first bytes say, where they contradict its label; None where nothing says one.

    Args:
        label: what it is said to be; None or empty where nothing is said.
        data: its first bytes, 1 kB is enough.
    """
    labelled, sniffed = normalize(label or ""), sniff(data)
    if sniffed is None or any({labelled, sniffed} <= alike for alike in _ALIKE):
        return labelled or None
    if sniffed in _WEAK and labelled.startswith(("text/", "audio/pcm", "audio/l16", "audio/g711", "audio/basic")):
        return labelled
    return sniffed


_BASE64 = ";base64,"
# A label ends within its first 256 characters. Schemes and `base64` are written in either case (RFC 2397, RFC 3986).
_DATA_URL = re.compile(r"data:.{0,240}?;base64,", re.ASCII | re.IGNORECASE | re.DOTALL)
_FIRST_CHARACTERS = 1368  # base64 of the first kilobyte


def data_start(url: str, begin: int = 0) -> int | None:
    """Where the base64 of a data URL that begins here starts; None where there is no such URL."""
    match = _DATA_URL.match(url, begin)
    return None if match is None else match.end()


def first_bytes(data: str) -> bytes:
    """The first bytes of a file in base64 or in a data URL of it; none where it is neither."""
    start = data_start(data) or 0
    characters = "".join(data[start : start + _FIRST_CHARACTERS].split())  # base64 of mail has lines
    try:
        return binascii.a2b_base64(characters[: len(characters) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def data_url(data: str, label: str | None = None, default: str = "application/octet-stream") -> str:
    """Base64 as a data URL with the type that its bytes, else its label, say. A data URL stays one, correctly labelled.

    Args:
        data: base64, with or without a `data:` prefix.
        label: its media type, where one is known.
    """
    begin, start = 0, 0
    while (behind := data_start(data, start)) is not None:  # a prefix before a prefix: the inner one was there first
        label = data[start + len("data:") : behind - len(_BASE64)] or label
        begin, start = start, behind
    media_type = media_type_of(label, first_bytes(data[start : start + _FIRST_CHARACTERS]))
    if media_type is None and start and not begin:
        return data
    head = f"data:{media_type or default}{_BASE64}"
    if not begin and start == len(head) and data.startswith(head):
        return data  # megabytes, it may be: no copy of them
    return head + data[start:]


def from_name(name: str) -> str | None:
    """The media type that a file's name or an address's path ends in; None where it says none."""
    guessed, _ = mimetypes.guess_type(name, strict=False)
    return normalize(guessed) if guessed else None


def extension(media_type: str | None) -> str:
    """What names of files of this type end in, with its dot; empty where it is unknown."""
    plain = normalize(media_type or "")
    return _EXTENSIONS.get(plain) or mimetypes.guess_extension(plain, strict=False) or ""
