"""Faults of the media endpoints, asked for as the model or by a header: `X-Emulator-Fault: media-never-ends`.

Those of their own are the rows of `FAULTS`, which `endpoints` reads; beside them, the statuses of all endpoints
(`fault-401`, `fault-503-then-ok`, ...). Others spoil what only a chat answers, and are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.types import ASGIApp

from aimlapi_emulator.faults.scene import Scene
from aimlapi_emulator.faults.statuses import TABLE
from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.http import Asked

FAULT_HEADER = "x-emulator-fault"
FAULTS = {
    "media-never-ends": "The generation stays under way, however often it is asked for.",
    "media-fails": "The generation fails: an error in a poll that answers 200.",
    "media-expired": "The address of the file has expired: 403 when it is fetched.",
    "media-bytes": "The reply is the file itself, where JSON is expected.",
    "media-unavailable": "503, whatever is asked for.",
}
_LATER = ("video", "music", "stt")
_ONLY: Mapping[str, tuple[str, ...]] = {
    "media-never-ends": _LATER,
    "media-fails": _LATER,
    "media-expired": ("image", "video", "tts", "music"),
    "media-bytes": ("image", "tts"),
}
STATUSES = {fault.name: fault for fault in TABLE}
# The model that answers where a fault's name was the model and the fault is over.
_MODELS: Mapping[str, str] = {
    "image": "openai/gpt-image-1",
    "video": "google/veo3",
    "tts": "openai/tts-1",
    "stt": "nova-3",
    "ocr": "mistral/mistral-ocr-latest",
    "music": "google/lyria2",
}


class Spoilt(Exception):
    """A request whose fault replies in place of the endpoint."""

    def __init__(self, reply: ASGIApp) -> None:
        super().__init__()
        self.reply = reply


class _NoFault(Exception):
    """The request is answered as if it had asked for no fault."""


class _MediaScene(Scene):
    """A scene whose good reply is the endpoint's own."""

    def good(self) -> NoReturn:
        raise _NoFault


def with_fault(request: Request, asked: Asked, key: str, kind: str) -> Asked:
    """The request as it is to be answered; raises Spoilt where its fault replies, Refused for an unknown one.

    Args:
        kind: what the endpoint makes; see `MediaModel.kind`.
    """
    body: dict[str, Any] = asked.body if isinstance(asked.body, dict) else {}
    model = str(body.get("model", ""))
    name = request.headers.get(FAULT_HEADER) or (model if model.startswith(("fault-", "media-")) else "")
    if model == name:
        asked = Asked({**body, "model": _MODELS[kind]}, asked.identity)
    if kind not in _ONLY.get(name, (kind,)):
        raise Refused(404, f"'{name}' is a fault of {', '.join(_ONLY[name])}, not of {kind}.")
    if not name or name in FAULTS:
        request.state.media_fault = name
        return asked
    fault = STATUSES.get(name)
    if fault is None:
        raise Refused(404, f"There is no fault '{name[:80]}' of media: there are {', '.join([*FAULTS, *STATUSES])}.")
    attempts = request.app.state.attempts
    if fault.times and attempts.next(fault, key, request.headers.get("x-test-id", "")) > fault.times:
        return asked
    try:
        raise Spoilt(fault.act(_MediaScene(request, body, asked.identity, key, None, asked)))
    except _NoFault:
        return asked


def fault_of(request: Request) -> str:
    """The fault of media that a request asked for, without its prefix; empty for none."""
    name: str = getattr(request.state, "media_fault", "")
    if name == "media-unavailable":
        raise Refused(503, "Service unavailable")
    return name.removeprefix("media-")
