"""A file as a part of a message, and the files that a line names by `@path`."""

from __future__ import annotations

import codecs
import locale
import os
import re
import time
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

from aimlapi_cli.streams import file_name, piped_bytes
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media_types import from_name, sniff

_PATHS = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/+[^/]")  # a path has one slash where an address has two
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TEXT_SHARE = 0.75  # of the characters of a text in an old code page: letters, spaces and ASCII
_WRITER_SECONDS = 0.3  # for whoever writes into a pipe to open it
_ENDS = ".,;:!?)]}'"  # of a sentence, where a path stands before them


def read(path: Path) -> bytes:
    """The bytes of a file, or of a pipe that somebody writes into (`<(command)` of a shell).

    Raises:
        InvalidRequestError: it cannot be read, or has no end.
    """
    try:
        path = path.expanduser()
        if path.is_char_device() or path.is_block_device():  # /dev/zero has no end
            raise InvalidRequestError(f"{path} is a device: pass a file.")
        return _pipe(path) if path.is_fifo() else path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # the latter of a name that none can have
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        if _ADDRESS.match(str(path)):
            address = re.sub(":/+", "://", str(path), count=1)
            raise InvalidRequestError(f"{address} is an address, not a file: download it first.") from None
        raise InvalidRequestError(f"{path} cannot be read: {reason}.") from None


def read_text(path: Path) -> str:
    """The text of a file that is UTF-8, or says by its first bytes that it is UTF-16 (as PowerShell's `>` writes).

    Raises:
        InvalidRequestError: it cannot be read.
        ValueError: it is something else.
    """
    data = read(path)
    try:
        return data.decode(next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text in UTF-8 (byte {error.start + 1} is 0x{data[error.start]:02x})") from None


def _pipe(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else it would wait for somebody to write
    with open(handle, "rb") as pipe:
        end, first = time.monotonic() + _WRITER_SECONDS, b""
        try:
            while not (first := os.read(handle, 1)):  # who waited for a reader opens it only now
                if time.monotonic() > end:
                    raise InvalidRequestError(f"{path} is a pipe that nobody writes into.")
                time.sleep(0.01)
        except BlockingIOError:  # somebody has it open, and will write
            pass
        os.set_blocking(handle, True)
        return first + pipe.read()


def part_of(path: Path) -> dict[str, Any]:
    """The content part of a picture, a sound, a video or a paper; of a text, whatever its name ends in, its text.

    Args:
        path: `-` is what is piped in, where there is no such file.

    Raises:
        InvalidRequestError: it cannot be read, or is empty.
    """
    data = piped_bytes() if str(path) == "-" and not path.exists() else read(path)
    if not data:
        raise InvalidRequestError(f"{path} is empty: there is nothing to send.")
    media_type = sniff(data)
    text = None if media_type not in (None, "image/svg+xml") else _text(data, path.name)
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


def _text(data: bytes, name: str) -> str | None:
    """A text of any encoding that says which it is, of UTF-8, or of an old code page; None where it is none."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                return None
    if re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", data):  # no text has these
        return None
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8")
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if wrong <= sum(not character.isascii() for character in text) - wrong:  # UTF-8, but for a few bytes
        return text
    text = data.decode(_code_page(), "replace")
    letters = sum(character.isalpha() or character.isspace() or character.isascii() for character in text)
    is_named = (from_name(name) or "").startswith("text/")
    return text if is_named or letters >= len(text) * _TEXT_SHARE else None


def _code_page() -> str:
    """Of the system, where it has one: a file that is no UTF-8 is as old as that."""
    found = codecs.lookup(locale.getpreferredencoding(False)).name
    return "cp1252" if found in ("utf-8", "ascii") else found


def named_in(line: str) -> tuple[str, list[Path]]:
    """The files that a line names by `@path` (or `@"a path"`), and the line without those; other words with @ stay."""
    found: list[Path] = []

    def taken(match: re.Match[str]) -> str:
        quoted, plain = match.groups()
        for name in [quoted] if quoted else [plain, plain.rstrip(_ENDS)]:
            path = Path(file_name(name or ""))
            if name and is_file(path):
                found.append(path)
                return name if quoted or name == plain else plain
        return match[0]

    text = _PATHS.sub(taken, line)
    return text, found


def is_file(path: Path) -> bool:
    """Whether there is such a file; a pipe or a device is none."""
    try:
        return path.expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # a name no file can have
        return False
