"""Form fields and files -> a multipart body. Pure: the same arguments give the same bytes, its boundary included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from aimlapi_transport.json_codec import dumps
from aimlapi_transport.media.inputs import FileBytes


def multipart(fields: Mapping[str, Any], files: Iterable[tuple[str, FileBytes]]) -> tuple[bytes, str]:
    """A body of form fields and files, and its content type. The same arguments give the same bytes.

    Source: https://www.rfc-editor.org/rfc/rfc7578
    """
    data = {
        name: [_form_text(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
        for name, value in fields.items()
    }
    parts = [(name, (file.name, file.data, file.media_type)) for name, file in files]
    digest = hashlib.sha256(repr(data).encode())
    for _, (_, content, _) in parts:
        digest.update(content)
    content_type = f"multipart/form-data; boundary=form-{digest.hexdigest()[:32]}"
    request = httpx.Request("POST", "http://form", data=data, files=parts, headers={"content-type": content_type})
    return request.read(), content_type


def _form_text(value: Any) -> str | bytes:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).encode("utf-8", "replace") if isinstance(value, (str, int, float)) else dumps(value)
