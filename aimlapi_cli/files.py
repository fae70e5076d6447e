"""A file as a part of a message, and the files that a line names by `@path`."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path
from typing import Any

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media_types import from_name, sniff

_PATHS = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ENDS = ".,;:!?)]}'"  # of a sentence, where a path stands before them


def part_of(path: Path) -> dict[str, Any]:
    """The content part of a picture, a sound, a film or a paper; of a text, whatever its name ends in, its text.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    path = path.expanduser()
    if path.is_char_device() or path.is_block_device():  # /dev/zero has no end
        raise InvalidRequestError(f"{path} is a device: pass a file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror or error}.") from None
    media_type = sniff(data)
    text = None if media_type not in (None, "image/svg+xml") else _text(data)
    if text is not None:
        return {"type": "text", "text": f"{path.name}:\n{text}"}
    media_type = media_type or from_name(path.name) or "application/octet-stream"
    coded = b64encode(data).decode()
    url = f"data:{media_type};base64,{coded}"
    if media_type.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    if media_type.startswith("audio/"):
        form = {"audio/mpeg": "mp3"}.get(media_type, media_type.partition("/")[2])
        return {"type": "input_audio", "input_audio": {"data": coded, "format": form}}
    if media_type.startswith("video/"):
        return {"type": "video_url", "video_url": {"url": url}}
    return {"type": "file", "file": {"filename": path.name, "file_data": url}}


def _text(data: bytes) -> str | None:
    """A text of any encoding that says which it is, of UTF-8, or of an old code page; None where it is none."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                return None
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", data):  # no text has these
        return None
    text = data.decode("utf-8", "replace")
    return text if text.count("\ufffd") <= len(text) // 10 else None


def named_in(line: str) -> tuple[str, list[Path]]:
    """The files that a line names by `@path` (or `@"a path"`), and the line without those; other words with @ stay."""
    found: list[Path] = []

    def taken(match: re.Match[str]) -> str:
        quoted, plain = match.groups()
        for name in [quoted] if quoted else [plain, plain.rstrip(_ENDS)]:
            if name and _is_file(Path(name)):
                found.append(Path(name))
                return name if quoted or name == plain else plain
        return match[0]

    text = _PATHS.sub(taken, line)
    return text, found


def _is_file(path: Path) -> bool:
    try:
        return path.expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # a name no file can have
        return False
