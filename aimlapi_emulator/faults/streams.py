"""Faults only a stream can have: ends that are missing, errors in the middle, odd framing, odd pace.

To add one, add a row to TABLE. A request that does not stream gets the good reply.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
from starlette.types import ASGIApp

from aimlapi_emulator.faults.bodies import ERROR, between
from aimlapi_emulator.faults.scene import DONE, Fault, Scene, event
from aimlapi_emulator.server.errors import error_body
from aimlapi_emulator.server.scripted_response import Step

MANY = 20_000


def _steps(make: Callable[[Scene], Iterable[Step]], **headers: str) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.script(make(scene), 200, **headers) if scene.streams else scene.good()


def _events(scene: Scene) -> list[bytes]:
    return [event(chunk) for chunk in scene.chunks()]


def _framed(change: Callable[[bytes], bytes]) -> Callable[[Scene], ASGIApp]:
    """The good stream, each event framed another way."""
    return _steps(lambda scene: [change(part) for part in [*_events(scene), DONE]])


def _broken_off(*after: Callable[[Scene], bytes]) -> Callable[[Scene], ASGIApp]:
    """Three pieces, then something else, then the end."""
    return _steps(lambda scene: [*_events(scene)[:4], *(make(scene) for make in after)])


def _no_finish(scene: Scene) -> list[Step]:
    kept = [chunk for chunk in scene.chunks() if not any(c.get("finish_reason") for c in chunk["choices"])]
    return [*map(event, kept), DONE]


def _unterminated(scene: Scene) -> list[Step]:
    chunks = [chunk for chunk in scene.chunks() if chunk["choices"]]
    last = chunks[-2]
    last["choices"][0]["finish_reason"] = "stop"
    return [*map(event, chunks[:-2]), event(last).rstrip(b"\n")]


def _error_in_choice(scene: Scene) -> bytes:
    chunk = scene.chunks()[0]
    chunk["choices"] = [{"index": 0, "delta": {"content": ""}, "finish_reason": "error", "error": ERROR}]
    return event(chunk)


def _flat(scene: Scene) -> bytes:
    return orjson.dumps(error_body(503, scene.request.url.path, "Service unavailable", scene.identity))


def _bytewise(scene: Scene) -> Iterator[Step]:
    for part in [*_events(scene), DONE]:
        yield from (part[at : at + 1] for at in range(len(part)))


def _split_crlf(scene: Scene) -> Iterator[Step]:
    for part in [*_events(scene), DONE]:
        for line in part.replace(b"\n", b"\r\n").split(b"\n"):
            if line:  # each write ends between CR and LF
                yield line
                yield b"\n"


def _multiline(part: bytes) -> bytes:
    text = part.removeprefix(b"data: ").rstrip(b"\n")
    if not text.startswith(b"{"):
        return part
    lines = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).split(b"\n")
    return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


def _numbered(scene: Scene) -> list[Step]:
    return [b"event: message\nid: %d\nretry: 3000\n" % at + part for at, part in enumerate([*_events(scene), DONE])]


def _many(scene: Scene) -> list[Step]:
    chunks = scene.chunks()
    piece = {**chunks[0], "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}
    return [event(chunks[0]) + event(piece) * MANY + event(chunks[-1]) + DONE]


def _endless(scene: Scene) -> Iterator[Step]:
    chunks = scene.chunks()
    piece = {**chunks[0], "choices": [{"index": 0, "delta": {"content": "tick "}, "finish_reason": None}]}
    yield event(chunks[0])
    for _ in itertools.count():
        yield event(piece)
        yield 0.01


def _pieces(scene: Scene, pause: float) -> list[Step]:
    """A short good stream with a pause before each event."""
    events = _events(scene)
    return [step for part in [*events[:4], events[-1], DONE] for step in (pause, part)]


def _keep_alive(scene: Scene) -> Iterator[Step]:
    for _ in range(120):
        yield b": keep-alive\n\n"
        yield 0.5


def _like_claude(scene: Scene) -> list[Step]:
    """The recorded shape: id once, no finish_reason key before the end, a last choice without delta."""
    chunks = [chunk for chunk in scene.chunks() if chunk["choices"]]
    for at, chunk in enumerate(chunks):
        chunk["id"] = chunk["id"] if at == 0 else ""
        if not chunk["choices"][0].get("finish_reason"):
            chunk["choices"][0].pop("finish_reason", None)
    last = {**chunks[-1], "choices": [{"index": 0, "finish_reason": "stop"}]}
    return [*map(event, [*chunks, last])]


def _null_delta(chunk: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in chunk.items() if key not in ("usage", "meta")}
    return {**kept, "choices": [{"index": 0, "delta": None, "finish_reason": None}]}


def _chunked(change: Callable[[list[dict[str, Any]]], list[Any]]) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.stream(change(scene.chunks())) if scene.streams else scene.good()


def _row(name: str, explains: str, act: Callable[[Scene], ASGIApp], times: int = 0) -> Fault:
    return Fault(name, explains, act, times, "stream")


TABLE = (
    _row("fault-eof-no-finish", "Ends cleanly after three pieces: no finish_reason, no [DONE].", _broken_off()),
    _row("fault-empty-stream", "Ends cleanly without one event.", _steps(lambda scene: [])),
    _row("fault-cut-before-done", "finish_reason seen, clean end, no [DONE].", _steps(_events)),
    _row("fault-done-no-finish", "[DONE] seen, finish_reason never sent.", _steps(_no_finish)),
    _row("fault-last-event-unterminated", "No blank line after the last event.", _steps(_unterminated)),
    _row(
        "fault-sse-error-event",
        'Three pieces, then data: {"error": {...}}.',
        _broken_off(lambda s: event({"error": ERROR})),
    ),
    _row(
        "fault-sse-error-first",
        "An error as the very first event once, then ok.",
        _steps(lambda s: [event({"error": ERROR})]),
        1,
    ),
    _row(
        "fault-sse-error-named",
        "Three pieces, then `event: error`.",
        _broken_off(lambda s: b"event: error\ndata: " + _flat(s) + b"\n\n"),
    ),
    _row(
        "fault-sse-error-provider-shape",
        "Three pieces, then the provider's own error object, then [DONE].",
        _broken_off(lambda s: b"data: " + _flat(s) + b"\n\n", lambda s: DONE),
    ),
    _row(
        "fault-sse-error-string",
        'Three pieces, then data: {"error": "text"}.',
        _broken_off(lambda s: event({"error": ERROR["message"]})),
    ),
    _row(
        "fault-sse-error-in-choice",
        "Three pieces, then finish_reason `error` with an error object.",
        _broken_off(_error_in_choice, lambda s: DONE),
    ),
    _row(
        "fault-bad-json-data",
        "Three pieces, then data: {broken, then [DONE].",
        _broken_off(lambda s: b"data: {broken\n\n", lambda s: DONE),
    ),
    _row(
        "fault-garbage-line",
        "Lines that are no SSE field before each event.",
        _framed(lambda part: b"garbage\nx-unknown: 1\n" + part),
    ),
    _row(
        "fault-comment-keepalive",
        "`: PROCESSING` comments before and between events.",
        _framed(lambda part: b": PROCESSING\n\n" + part),
    ),
    _row("fault-crlf", "CRLF line ends, split between CR and LF.", _steps(_split_crlf)),
    _row("fault-cr-only", "Bare CR line ends.", _framed(lambda part: part.replace(b"\n", b"\r"))),
    _row("fault-multiline-data", "One JSON value over several data lines.", _framed(_multiline)),
    _row("fault-no-space-after-colon", "data:{...}", _framed(lambda part: part.replace(b"data: ", b"data:", 1))),
    _row("fault-event-id-retry", "event, id and retry fields on every event.", _steps(_numbered)),
    _row("fault-split-utf8", "One byte per HTTP chunk.", _steps(_bytewise)),
    _row(
        "fault-no-charset",
        "text/event-stream without a charset.",
        _steps(lambda s: [*_events(s), DONE], content_type="text/event-stream"),
    ),
    _row(
        "fault-wrong-content-type",
        "A correct stream labelled application/json.",
        _steps(lambda s: [*_events(s), DONE], content_type="application/json"),
    ),
    _row("fault-many-events", "20,000 one-character events in one burst.", _steps(_many)),
    _row("fault-stall-midstream", "Three pieces, then a minute of silence.", _steps(lambda s: [*_events(s)[:4], 60.0])),
    _row("fault-slow-drip", "One event every 0.6 s.", _steps(lambda s: _pieces(s, 0.6))),
    _row("fault-keepalive-forever", "Keep-alive comments for a minute, never a piece.", _steps(_keep_alive)),
    _row("fault-endless", "Pieces for ever, a hundred a second.", _steps(_endless)),
    _row("fault-null-delta", "`delta: null` between pieces.", _chunked(between(_null_delta))),
    _row(
        "fault-choice-without-delta",
        "The provider's Claude stream: a last choice without delta, ids empty.",
        _steps(_like_claude),
    ),
)
