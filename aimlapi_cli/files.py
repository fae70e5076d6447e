"""A file as a part of a message."""

from __future__ import annotations

from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from aimlapi_transport.errors import InvalidRequestError


def part_of(path: Path) -> dict[str, Any]:
    """The content part of a picture, a sound, a film or a paper; of a text its text.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    try:
        data = path.expanduser().read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{path} cannot be read: {error.strerror or error}.") from None
    kind = guess_type(path.name)[0] or "application/octet-stream"
    url = f"data:{kind};base64,{b64encode(data).decode()}"
    if kind.startswith("image/"):
        return {"type": "image_url", "image_url": {"url": url}}
    if kind.startswith("audio/"):
        form = {"audio/mpeg": "mp3", "audio/x-wav": "wav"}.get(kind, kind.partition("/")[2])
        return {"type": "input_audio", "input_audio": {"data": b64encode(data).decode(), "format": form}}
    if kind.startswith("video/"):
        return {"type": "video_url", "video_url": {"url": url}}
    if kind.startswith("text/") or kind == "application/json":
        return {"type": "text", "text": f"{path.name}:\n{data.decode('utf-8', 'replace')}"}
    return {"type": "file", "file": {"filename": path.name, "file_data": url}}
