"""Faults of the media endpoints, asked for by a header: `X-Emulator-Fault: media-never-ends` with any media model.

To add one, add a row and read it in `endpoints`.
"""

from __future__ import annotations

from starlette.requests import Request

from aimlapi_emulator.server.errors import Refused

FAULT_HEADER = "x-emulator-fault"
FAULTS = {
    "media-never-ends": "The generation stays under way, however often it is asked for.",
    "media-fails": "The generation fails: an error in a poll that answers 200.",
    "media-expired": "The address of the file has expired: 403 when it is fetched.",
    "media-bytes": "The reply is the file itself, where JSON is expected.",
    "media-unavailable": "503, whatever is asked for.",
}


def fault_of(request: Request) -> str:
    """The fault that a request asks for, without its prefix; empty for none."""
    name = request.headers.get(FAULT_HEADER, "")
    if not name.startswith("media-"):
        return ""
    if name not in FAULTS:
        raise Refused(404, f"There is no fault '{name[:80]}': there are {', '.join(FAULTS)}.")
    if name == "media-unavailable":
        raise Refused(503, "Service unavailable")
    return name.removeprefix("media-")
