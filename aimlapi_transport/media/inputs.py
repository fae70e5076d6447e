"""Files that go into a request: a path, bytes, a file object, an address or a data URL, as a field or as an upload.

Reads local files; sends nothing.
"""

from __future__ import annotations

import base64
import binascii
import inspect
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from aimlapi_transport import media_types
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.media.values import MediaFile, MediaResult

MediaInput = str | bytes | os.PathLike[str] | BinaryIO | MediaFile | MediaResult
"""An address, a data URL, a path, the bytes of a file, one opened for reading bytes, or a result of one file."""

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_MAY_BE_TEXT = ("document", "document_url", "sources")  # what OCR reads
_NAMES_A_FILE = re.compile(r"[^\n]{1,255}\.\w{1,5}|[~.]?[/\\][^\n]{1,255}|file:.*")


@dataclass(frozen=True, slots=True)
class FileBytes:
    """A file to send.

    Attributes:
        data: its bytes.
        media_type: what its first bytes say it is, else what its label or name says.
        name: of an upload.
    """

    data: bytes = field(repr=False)
    media_type: str
    name: str

    def data_url(self) -> str:
        """The file as an address that holds it."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


def is_address(text: str) -> bool:
    """Whether a text is the address of a file on the web. Schemes have no case (RFC 3986, 3.1)."""
    return _ADDRESS.match(text) is not None


def address_of(value: Any) -> str | None:
    """The address that a value is, or that a file of a result has; None for anything else."""
    value = _only_file(value)
    text = value.url if isinstance(value, MediaFile) else value
    return text.strip() if isinstance(text, str) and is_address(text.strip()) else None


def is_file(value: Any) -> bool:
    """Whether a value is a file of any form but a text."""
    return isinstance(value, (FileBytes, MediaFile, MediaResult, bytes, bytearray, memoryview, os.PathLike)) or hasattr(
        value, "read"
    )


def read_input(value: Any, name: str) -> FileBytes | str:
    """The bytes of what is a file here; else the text: an address, or base64. What was read stays as it is.

    Args:
        name: of the argument, for messages.

    Raises:
        InvalidRequestError: a path without a file, an empty file, or a value that is none of these.
    """
    if isinstance(value, FileBytes):
        return value
    value = _only_file(value)
    if isinstance(value, MediaFile):
        return value.url if value.url else _file(value.data or b"", value.media_type, value.name or "file", name)
    if isinstance(value, str):
        return _read_text(value, name)
    if isinstance(value, os.PathLike):
        return _read_path(_at_home(Path(value)), name)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _file(bytes(value), None, "file", name)
    if hasattr(value, "read"):
        try:
            data = value.read()
        except (OSError, ValueError) as error:  # also one that is closed, or opened for writing
            raise InvalidRequestError(f"`{name}` is a file that cannot be read ({error}).") from error
        if inspect.iscoroutine(data):
            data.close()
            raise InvalidRequestError(f"`{name}` is a file read with `await`: pass the bytes it gives.")
        if not isinstance(data, bytes):
            raise InvalidRequestError(f"`{name}` is a file opened for text: open it with mode 'rb'.")
        label = getattr(value, "name", None)
        return _file(data, None, PurePath(label).name if isinstance(label, str) else "file", name)
    if isinstance(value, MediaResult):
        raise InvalidRequestError(f"`{name}` is a result of {len(value.files)} files: pass one of its `.files`.")
    raise InvalidRequestError(
        f"`{name}` is of type {type(value).__name__}: "
        "pass an address, a data URL, a path, bytes, or a file opened with 'rb'."
    )


def _only_file(value: Any) -> Any:
    """The file of a result that has one; anything else as it is."""
    return value.files[0] if isinstance(value, MediaResult) and len(value.files) == 1 else value


def as_upload(value: Any, name: str) -> FileBytes:
    """The file, for a multipart body.

    Raises:
        InvalidRequestError: an address: it would have to be downloaded first.
    """
    content = read_input(value, name)
    if not isinstance(content, str):
        return content
    if is_address(content):
        raise InvalidRequestError(
            f"`{name}` is an address, but this endpoint takes files: pass the path that `save` returns."
        )
    return _file(_decoded(content, name), None, "file", name)


def _read_text(text: str, name: str) -> FileBytes | str:
    if is_address(text.strip()):
        return text.strip()
    if not text.strip():
        raise InvalidRequestError(f"`{name}` is an empty text: pass an address, a data URL or a path.")
    if match := _DATA_URL.fullmatch(text.strip()):
        label, options, data = match.groups()
        if "base64" not in options.lower():
            raise InvalidRequestError(f"`{name}` is a data URL without base64: encode its data as base64.")
        return _file(_decoded(data, name), label or None, "file", name)
    try:
        path = Path(text).expanduser()
        exists = path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, a null character, an unknown home
        exists = False
    if exists:
        return _read_path(path, name)
    if _NAMES_A_FILE.fullmatch(text.strip()):
        raise InvalidRequestError(f"`{name}` is {text[:80]!r}: it is not an address, a data URL or an existing file.")
    return text


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # a home of nobody
        return path


def check_paths(sources: Iterable[Any], name: str) -> None:
    """Raises for the first path that is not a file, before any of the files is sent: what was answered would be lost.

    Raises:
        InvalidRequestError: it names the path.
    """
    for source in sources:
        if isinstance(source, os.PathLike) or (
            isinstance(source, str) and not is_address(source) and source[:5].lower() != "data:"
        ):
            _check_path(_at_home(Path(source)), name)


def _read_path(path: Path, name: str) -> FileBytes:
    _check_path(path, name)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise InvalidRequestError(f"`{name}`: {path} cannot be read ({getattr(error, 'strerror', error)}).") from error
    return _file(data, None, path.name, name)


def _check_path(path: Path, name: str) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # a device may never end
            raise InvalidRequestError(f"`{name}`: {path} is a {'folder' if stat.S_ISDIR(mode) else 'device'}, no file.")
    except (OSError, ValueError) as error:  # also a null character
        raise InvalidRequestError(f"`{name}`: {path} cannot be read ({getattr(error, 'strerror', error)}).") from error


def _file(data: bytes, label: str | None, file_name: str, name: str) -> FileBytes:
    if not data:
        raise InvalidRequestError(f"`{name}` is empty: pass a file that has content.")
    media_type = media_types.sniff(data) or label or media_types.from_name(file_name) or "application/octet-stream"
    media_type = media_types.normalize(media_type)
    is_page = data[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))
    if (is_page or media_type.startswith("text/")) and name not in _MAY_BE_TEXT:
        kind = "the HTML of a web page" if is_page else media_type
        raise InvalidRequestError(f"`{name}` is {kind}: pass an image, a sound or a film.")
    if "." not in file_name:
        file_name += media_types.extension(media_type)
    return FileBytes(data, media_type, file_name)


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()).replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError(f"`{name}` is not valid base64: encode the file's bytes.") from None
