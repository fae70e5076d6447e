"""The files that were made, behind addresses of this server: whole or in part, and for a time where a fault says so."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.server.errors import Refused

PATH = "/media"
_MOST = 256  # files that are kept


@dataclass(frozen=True, slots=True)
class Kept:
    """One file. `expired`: whether it is not given out any more."""

    data: bytes
    media_type: str
    expired: bool = False


class Files:
    """The files of one server, the newest 256."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, request: Request, data: bytes, extension: str, media_type: str, *, expired: bool = False) -> str:
        """Keeps a file; its address, signed as storage hosts sign theirs."""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{extension}"
        with self._lock:
            self._kept[name] = Kept(data, media_type, expired)
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        base = str(request.base_url).rstrip("/")
        return f"{base}{PATH}/{name}?Expires=1893456000&Signature={name[:12]}%2B%3D"

    def give(self, name: str) -> Kept | None:
        """A file by its name."""
        return self._kept.get(name)


def give_out(request: Request) -> Response:
    """A file, or the part of it that is asked for. No key is needed, and one that comes is refused: it leaked."""
    if "authorization" in request.headers:
        raise Refused(400, "A key was sent to the host of files, which is not one of the provider's.")
    kept: Kept | None = request.app.state.files.give(request.path_params["name"])
    if kept is None:
        raise Refused(404, "There is no such file.")
    if kept.expired:
        return Response(b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403)
    start = _start_of(request.headers.get("range", ""), len(kept.data))
    headers = {"accept-ranges": "bytes", "cache-control": "private, max-age=86400"}
    if not start:
        return Response(kept.data, 200, headers, kept.media_type)
    if start >= len(kept.data):
        return Response(b"", 416, {**headers, "content-range": f"bytes */{len(kept.data)}"})
    headers["content-range"] = f"bytes {start}-{len(kept.data) - 1}/{len(kept.data)}"
    return Response(kept.data[start:], 206, headers, kept.media_type)


def _start_of(asked: str, size: int) -> int:
    """Where a range begins: those of the form `bytes=100-` are known."""
    first, _, last = asked.removeprefix("bytes=").partition("-")
    return int(first) if asked.startswith("bytes=") and first.isdigit() and last in ("", str(size - 1)) else 0
