"""What a media request brings: JSON or a form with files, and the files that its fields hold or point at."""

from __future__ import annotations

import base64
import binascii
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.requests import Request

from aimlapi_emulator.dialects.identity import Identity, fingerprint
from aimlapi_emulator.media.checks import PRESETS
from aimlapi_emulator.media.files import PATH
from aimlapi_emulator.server.errors import invalid
from aimlapi_emulator.server.http import Asked, parse

_DATA_URL = re.compile(r"data:[^,]*;base64,(.*)", re.DOTALL)
_SIZE = re.compile(r"(\d+)\s*[x*:]\s*(\d+)")
_SIDE = 512  # pixels, where nobody says


def read_form_or_json(request: Request, raw: bytes) -> Asked:
    """The fields of a body; files are bytes, several of one name a list."""
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        return parse(raw, request.url.path)
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + raw
    )
    if not message.is_multipart():
        raise invalid("body", "form data", "something else", "Invalid form")
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(data, bytes):
            continue
        value: Any = data if part.get_filename() is not None else data.decode("utf-8", "replace")
        if name in fields:
            before = fields[name]
            fields[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            fields[name] = value
    shown = {name: value if isinstance(value, str) else repr(value)[:4000] for name, value in fields.items()}
    return Asked(fields, Identity(fingerprint(shown, raw)))


def bytes_of(request: Request, value: Any) -> bytes | None:
    """A file of a request: an upload, a data URL, or an address of this server; None for any other address."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        return None
    if match := _DATA_URL.fullmatch(value):
        try:
            return base64.b64decode(match[1], validate=True)
        except binascii.Error:
            raise invalid("file", "base64", "something else", "Invalid data URL") from None
    if f"{PATH}/" in value:
        kept = request.app.state.files.give(value.partition(f"{PATH}/")[2].partition("?")[0])
        return kept.data if kept is not None else None
    return None


def size_of(body: dict[str, Any]) -> tuple[int, int]:
    """Width and height that a request asks for, in pixels."""
    size = body.get("size") or body.get("image_size") or body.get("frame_size")
    if isinstance(size, dict):
        return _side(size.get("width")), _side(size.get("height"))
    if isinstance(size, str):
        if size in PRESETS:
            return PRESETS[size]
        if match := _SIZE.fullmatch(size.strip()):
            return _side(int(match[1])), _side(int(match[2]))
    ratio = body.get("aspect_ratio") or body.get("ratio")
    if isinstance(ratio, str) and (match := _SIZE.fullmatch(ratio.strip())):
        wide, high = int(match[1]) or 1, int(match[2]) or 1
        return (_SIDE, max(1, _SIDE * high // wide)) if wide > high else (max(1, _SIDE * wide // high), _SIDE)
    return _SIDE, _SIDE


def _side(value: Any) -> int:
    return max(1, min(value, 2048)) if isinstance(value, int) else _SIDE
