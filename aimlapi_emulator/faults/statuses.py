"""Faults that are a status, a hint to wait, a redirect, or no answer at all. To add one, add a row to TABLE."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from dataclasses import replace

from starlette.types import ASGIApp

from aimlapi_emulator.faults.scene import Fault, Scene
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import Reply
from aimlapi_emulator.server.errors import FREE_TIER, OUT_OF_CREDITS, UNAUTHENTICATED
from aimlapi_emulator.server.scripted_response import End

TOO_MANY = "Too Many Requests"
UNAVAILABLE = "Service unavailable"
CONTEXT = (
    "400 This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. "
    "Please reduce the length of the messages. (context_length_exceeded)"
)
PAGE = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body>"
    + b"<p>upstream error</p>" * 9800
    + b"</body></html>"
)
AWAY = "/redirected"  # a prefix under which the same endpoints answer


def _status(status: int, message: str, **headers: str) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.error(status, message, **headers)


def _page(status: int) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.raw(PAGE, status, content_type="text/html; charset=utf-8")


def _after_three_seconds(scene: Scene) -> ASGIApp:
    return scene.error(429, TOO_MANY, retry_after=email.utils.formatdate(time.time() + 3, usegmt=True))


def _vanish(end: End) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.script([end], None)


def _echo_key(scene: Scene) -> ASGIApp:
    return scene.error(401, f"Incorrect API key provided: {scene.key}. {UNAUTHENTICATED}")


def _redirect(scene: Scene, status: int, location: str) -> ASGIApp:
    return scene.raw(b"", status, location=location)


def _other_host(scene: Scene) -> ASGIApp:
    port = scene.request.url.port or 80
    return _redirect(scene, 307, f"http://localhost:{port}/elsewhere{scene.request.url.path}")


def _other_path(scene: Scene) -> ASGIApp:
    if scene.request.url.path.startswith(AWAY):
        return scene.good()
    return _redirect(scene, 308, AWAY + scene.request.url.path)


def _loop(scene: Scene) -> ASGIApp:
    return _redirect(scene, 307, scene.request.url.path)


def _echo(scene: Scene) -> ASGIApp:
    if scene.made is None:
        return scene.good()
    said = Reply(read(scene.body).question)
    return replace(scene, made=replace(scene.made, choices=(said,))).good()


TABLE = (
    Fault("fault-ok", "A correct answer, for comparison.", lambda scene: scene.good()),
    Fault("fault-echo", "Your last message back, word for word.", _echo),
    Fault(
        "fault-429-retry-after-seconds", "429 with Retry-After: 2, then ok.", _status(429, TOO_MANY, retry_after="2"), 1
    ),
    Fault(
        "fault-429-retry-after-date", "429 with Retry-After: an HTTP date 3 s ahead, then ok.", _after_three_seconds, 1
    ),
    Fault(
        "fault-429-retry-after-ms",
        "429 with retry-after-ms: 1500, then ok.",
        _status(429, TOO_MANY, retry_after_ms="1500"),
        1,
    ),
    Fault(
        "fault-429-retry-after-huge", "429 with Retry-After: 3600, always.", _status(429, TOO_MANY, retry_after="3600")
    ),
    Fault(
        "fault-429-retry-after-garbage",
        "429 with Retry-After: soon, then ok.",
        _status(429, TOO_MANY, retry_after="soon"),
        1,
    ),
    Fault(
        "fault-429-retry-after-negative",
        "429 with Retry-After: -5, then ok.",
        _status(429, TOO_MANY, retry_after="-5"),
        1,
    ),
    Fault("fault-429-then-ok-2", "429 twice without a hint, then ok.", _status(429, TOO_MANY), 2),
    Fault("fault-429-always", "429, always.", _status(429, TOO_MANY)),
    Fault("fault-429-quota", "429 that waiting cannot cure: the free tier is used up.", _status(429, FREE_TIER)),
    Fault("fault-503-then-ok", "503 once, then ok.", _status(503, UNAVAILABLE), 1),
    Fault("fault-503-always", "503, always.", _status(503, UNAVAILABLE)),
    Fault("fault-502-html-then-ok", "A 200 KB HTML page as 502 once, then ok.", _page(502), 1),
    Fault("fault-500-html", "A 200 KB HTML page as 500, always.", _page(500)),
    Fault("fault-529-then-ok", "529 overloaded once, then ok.", _status(529, "Overloaded"), 1),
    Fault("fault-408-then-ok", "408 once, then ok.", _status(408, "Request Timeout"), 1),
    Fault(
        "fault-503-should-retry-false",
        "503 with x-should-retry: false, always.",
        _status(503, UNAVAILABLE, x_should_retry="false"),
    ),
    Fault("fault-connection-reset-then-ok", "A TCP reset before any answer once, then ok.", _vanish(End.RESET), 1),
    Fault("fault-connection-reset", "A TCP reset before any answer, always.", _vanish(End.RESET)),
    Fault(
        "fault-close-before-headers-then-ok",
        "The connection closed before any answer once, then ok.",
        _vanish(End.CLOSE),
        1,
    ),
    Fault("fault-400", "400, the provider's body validation error.", _status(400, "Body validation error!")),
    Fault("fault-401", "401, no valid key.", _status(401, UNAUTHENTICATED)),
    Fault("fault-403", "403, out of credits (the provider says 403, not 402).", _status(403, OUT_OF_CREDITS)),
    Fault("fault-404", "404, no such resource.", _status(404, "Not Found")),
    Fault("fault-413", "413, request too large.", _status(413, "request entity too large")),
    Fault("fault-422", "422, unprocessable.", _status(422, "Unprocessable Entity")),
    Fault("fault-context-length", "400, context length exceeded.", _status(400, CONTEXT)),
    Fault("fault-401-echoes-key", "401 whose message repeats the key it was sent.", _echo_key),
    Fault("fault-error-body-empty", "400 with an empty body.", lambda scene: scene.raw(b"", 400)),
    Fault(
        "fault-error-body-list",
        "400 whose JSON body is a list.",
        lambda scene: scene.json([{"message": "Body validation error!", "code": "invalid"}], 400),
    ),
    Fault(
        "fault-error-body-string",
        "400 whose `error` is a plain string.",
        lambda scene: scene.json({"error": "Body validation error!"}, 400),
    ),
    Fault(
        "fault-redirect-307-other-host", "307 to another host (which then gets no key, if all is well).", _other_host
    ),
    Fault("fault-redirect-308-same-host", "308 to another path of this server, which answers.", _other_path),
    Fault("fault-redirect-loop", "307 to itself, for ever.", _loop),
)
