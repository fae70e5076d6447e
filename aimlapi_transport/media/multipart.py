"""Form fields and files -> a multipart body. Pure: the same arguments give the same bytes, its boundary included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from aimlapi_transport.json_codec import dumps
from aimlapi_transport.media.inputs import FileBytes


def multipart(fields: Mapping[str, Any], files: Iterable[tuple[str, FileBytes]]) -> tuple[bytes, str]:
    """A body of form fields and files, and its content type. The same arguments give the same bytes.

    Source: https://www.rfc-editor.org/rfc/rfc7578
    """
    parts: list[tuple[str, bytes]] = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"\r\n'
        parts += ((head, _form_text(item)) for item in (value if isinstance(value, (list, tuple)) else [value]))
    for name, file in files:
        head = f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(file.name)}"\r\n'
        parts.append((f"{head}Content-Type: {file.media_type}\r\n", file.data))
    digest = hashlib.sha256()
    for head, data in parts:
        digest.update(head.encode())
        digest.update(data)
    boundary = f"form-{digest.hexdigest()[:32]}"
    body = b"".join(f"--{boundary}\r\n{head}\r\n".encode() + data + b"\r\n" for head, data in parts)
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _form_text(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (str, int, float)):
        return str(value).encode("utf-8", "replace")
    return dumps(value)


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
