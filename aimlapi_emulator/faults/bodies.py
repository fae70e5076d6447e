"""Faults in what a 200 holds: no answer, another content type, odd but valid fields. To add one, add a row to TABLE."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import orjson
from starlette.types import ASGIApp

from aimlapi_emulator.faults.scene import DONE, Fault, Scene, event
from aimlapi_emulator.server.errors import error_body
from aimlapi_emulator.server.scripted_response import End

ERROR = {"message": "The upstream provider failed.", "type": "server_error", "code": "upstream_error"}
UNHEARD = {"x_new_field": {"nested": [1, None, "two"]}, "x_flag": True}
HUGE = 20 * 1024 * 1024  # characters


def _constant(body: bytes, content_type: str, status: int = 200) -> Callable[[Scene], ASGIApp]:
    return lambda scene: scene.raw(body, status, content_type=content_type)


def _changed(
    change: Callable[[dict[str, Any]], None], *, stream: Callable[[list[dict[str, Any]]], list[Any]]
) -> Callable[[Scene], ASGIApp]:
    """A change to the whole reply, and its counterpart for the chunks."""

    def act(scene: Scene) -> ASGIApp:
        if scene.streams:
            return scene.stream(stream(scene.chunks()))
        body = scene.whole()
        if scene.made is not None:
            change(body)
        return scene.json(body)

    return act


def each(change: Callable[[dict[str, Any]], Any]) -> Callable[[list[dict[str, Any]]], list[Any]]:
    """The same change to every chunk."""

    def act(chunks: list[dict[str, Any]]) -> list[Any]:
        for chunk in chunks:
            change(chunk)
        return list(chunks)

    return act


def between(extra: Callable[[dict[str, Any]], Any]) -> Callable[[list[dict[str, Any]]], list[Any]]:
    """Something strange after each of the good chunks but the last."""

    def act(chunks: list[dict[str, Any]]) -> list[Any]:
        mixed: list[Any] = []
        for chunk in chunks[:-1]:
            mixed += [chunk, extra(chunk)]
        return [*mixed, chunks[-1]]

    return act


def _like(chunk: dict[str, Any], choices: Any) -> dict[str, Any]:
    return {**{k: v for k, v in chunk.items() if k not in ("usage", "meta")}, "choices": choices}


def _provider_error(scene: Scene) -> ASGIApp:
    return scene.json(error_body(503, scene.request.url.path, "Service unavailable", scene.identity))


def _no_choices(value: Any) -> Callable[[Scene], ASGIApp]:
    """`choices` taken away (None given: absent) or null."""

    def act(scene: Scene) -> ASGIApp:
        if scene.streams:
            chunk = scene.chunks()[0]
            del chunk["choices"]
            return scene.stream([chunk if value is None else {**chunk, "choices": None}])
        body = scene.whole()
        body.pop("choices", None)
        body.pop("data", None)
        return scene.json(body if value is None else {**body, "choices": None})

    return act


def _half(end: End, *, usable: bool) -> Callable[[Scene], ASGIApp]:
    """A stream cut after three pieces (or inside its first event); a whole reply cut in its middle."""

    def act(scene: Scene) -> ASGIApp:
        if scene.streams:
            events = [event(chunk) for chunk in scene.chunks()]
            return scene.script([*events[:4], end] if usable else [events[0][:20], end])
        body = orjson.dumps(scene.whole())
        return scene.script(
            [body[: len(body) // 2], end], content_type="application/json", content_length=str(len(body))
        )

    return act


def _packed(scene: Scene, *, honest: bool) -> ASGIApp:
    if scene.streams:
        body = b"".join(event(chunk) for chunk in scene.chunks()) + DONE
        kind = "text/event-stream; charset=utf-8"
    else:
        body, kind = orjson.dumps(scene.whole()), "application/json; charset=utf-8"
    return scene.raw(gzip.compress(body, mtime=0) if honest else body, content_type=kind, content_encoding="gzip")


def _bytes_changed(change: Callable[[bytes], bytes]) -> Callable[[Scene], ASGIApp]:
    """A change to the bytes of a whole reply, or of a stream."""

    def act(scene: Scene) -> ASGIApp:
        if scene.streams:
            body = b"".join(event(chunk) for chunk in scene.chunks()) + DONE
            return scene.raw(change(body), content_type="text/event-stream; charset=utf-8")
        return scene.raw(change(orjson.dumps(scene.whole())))

    return act


def _with_text(text: str) -> Callable[[Scene], ASGIApp]:
    """The good reply with another text, in one piece when streamed."""

    def act(scene: Scene) -> ASGIApp:
        if scene.streams:
            chunks = scene.chunks()
            piece = _like(chunks[0], [{"index": 0, "delta": {"content": text}, "finish_reason": None}])
            return scene.stream([chunks[0], piece, chunks[-1]])
        body = scene.whole()
        if scene.made is not None:
            body["choices"][0]["message"]["content"] = text
        return scene.json(body)

    return act


def _leading_space(scene: Scene) -> ASGIApp:
    if scene.streams:
        return scene.stream([b"\n\n", b"\r\n", b"\n", *scene.chunks()])
    return scene.raw(b"\n \n\r\n  " + orjson.dumps(scene.whole()))


def _silence(scene: Scene) -> ASGIApp:
    kind = "text/event-stream" if scene.streams else "application/json"
    return scene.script([60.0], content_type=kind)


def _close_after(scene: Scene) -> ASGIApp:
    """A whole answer on a connection that is dropped, unannounced, a moment later."""
    if scene.streams:
        body, kind = b"".join(event(chunk) for chunk in scene.chunks()) + DONE, "text/event-stream; charset=utf-8"
    else:
        body, kind = orjson.dumps(scene.whole()), "application/json"
    return scene.script([body, 0.05, End.CLOSE], content_type=kind, content_length=str(len(body)))


def _drop(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        for name in names:
            body.pop(name, None)
        for choice in body.get("choices") or []:
            choice.pop("index", None)

    return change


def _set_message(**fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda body: body["choices"][0]["message"].update(fields)


def _finish(reason: str | None) -> Callable[[dict[str, Any]], None]:
    def change(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            if choice.get("finish_reason") or "message" in choice:
                choice["finish_reason"] = reason

    return change


def _unheard(body: dict[str, Any]) -> None:
    body.update(UNHEARD)
    for choice in body["choices"]:
        choice.update(UNHEARD)
        choice.get("message", choice.get("delta", {})).update(UNHEARD)
    if body.get("usage"):
        body["usage"].update(UNHEARD)


def _null_usage(body: dict[str, Any]) -> None:
    if body.get("usage") or "message" in (body["choices"] or [{}])[0]:
        body["usage"] = dict.fromkeys(
            ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details")
        )


def _no_usage(body: dict[str, Any]) -> None:
    body["usage"] = None
    body.pop("meta", None)


def _no_usage_chunks(chunks: list[dict[str, Any]]) -> list[Any]:
    kept = [chunk for chunk in chunks if chunk["choices"]]
    for chunk in kept:
        chunk.pop("usage", None)
        chunk.pop("meta", None)
    return list(kept)


def _as_parts(body: dict[str, Any]) -> None:
    message = body["choices"][0]["message"]
    text = message["content"] or ""
    half = len(text) // 2
    message["content"] = [{"type": "text", "text": part} for part in (text[:half], text[half:])]


def _parts_chunk(chunk: dict[str, Any]) -> None:
    for choice in chunk["choices"]:
        content = choice.get("delta", {}).get("content")
        if isinstance(content, str) and content:
            choice["delta"]["content"] = [{"type": "text", "text": content}]


def _whole_empty(body: dict[str, Any]) -> None:
    body["choices"] = []


TABLE = (
    Fault(
        "fault-200-error-object", '200 with {"error": {...}} instead of an answer.', lambda s: s.json({"error": ERROR})
    ),
    Fault("fault-200-provider-error", "200 with the provider's own error shape.", _provider_error),
    Fault(
        "fault-invalid-json-200",
        "200 application/json that is no JSON.",
        _constant(b'{"id": "x", "choices": [', "application/json"),
    ),
    Fault("fault-empty-body-200", "200 with no body.", _constant(b"", "application/json")),
    Fault(
        "fault-html-200",
        "200 text/html, as a captive portal sends.",
        _constant(b"<html><body>Sign in</body></html>", "text/html"),
    ),
    Fault("fault-json-null-200", "200 with the JSON value null.", _constant(b"null", "application/json")),
    Fault("fault-no-choices-200", "200 without `choices`.", _no_choices(None)),
    Fault("fault-null-choices-200", "200 with `choices: null`.", _no_choices("null")),
    Fault(
        "fault-empty-choices",
        "`choices: []`; in a stream, such events between good ones.",
        _changed(_whole_empty, stream=between(lambda chunk: _like(chunk, []))),
    ),
    Fault(
        "fault-stream-as-json",
        "Asked for a stream, answers one JSON completion.",
        lambda s: s.json(s.whole()),
        where="stream",
    ),
    Fault(
        "fault-json-as-stream",
        "Not asked for a stream, answers one.",
        lambda s: s.stream(s.chunks()) if s.made else s.good(),
        where="whole",
    ),
    Fault("fault-204", "204 No Content.", lambda s: s.raw(b"", 204)),
    Fault(
        "fault-cut-midstream", "Closed after three pieces; a whole reply, in its middle.", _half(End.CLOSE, usable=True)
    ),
    Fault(
        "fault-reset-midstream",
        "Reset after three pieces; a whole reply, in its middle.",
        _half(End.RESET, usable=True),
    ),
    Fault("fault-cut-then-ok", "Cut before anything usable arrived once, then ok.", _half(End.CLOSE, usable=False), 1),
    Fault("fault-finish-length", "finish_reason length.", _changed(_finish("length"), stream=each(_finish("length")))),
    Fault("fault-bad-gzip", "Says gzip, is not.", lambda s: _packed(s, honest=False)),
    Fault("fault-gzip", "gzip content encoding.", lambda s: _packed(s, honest=True)),
    Fault(
        "fault-invalid-utf8",
        "Bytes that are no UTF-8 inside the text.",
        _bytes_changed(lambda b: b.replace("ï".encode(), b"\xff\xfe")),
    ),
    Fault("fault-bom", "A byte order mark first.", _bytes_changed(lambda b: b"\xef\xbb\xbf" + b)),
    Fault(
        "fault-u2028",
        "Raw U+2028 and U+0085, and a form feed, inside the text.",
        _with_text("one\u2028two\u0085three\u000cfour"),
    ),
    Fault("fault-huge-line", "20 MB of text in one line.", _with_text("x" * HUGE)),
    Fault("fault-leading-whitespace", "Blank lines as keep-alive before the body.", _leading_space),
    Fault("fault-stall", "Headers at once, then a minute of silence.", _silence),
    Fault("fault-slow-headers", "No answer at all for a minute.", lambda s: s.script([60.0], None)),
    Fault("fault-close-after-answer", "A whole answer; the idle connection is dropped a moment later.", _close_after),
    Fault(
        "fault-null-content",
        "content null without calls; in a stream, null between pieces.",
        _changed(
            _set_message(content=None),
            stream=between(lambda c: _like(c, [{"index": 0, "delta": {"content": None}, "finish_reason": None}])),
        ),
    ),
    Fault(
        "fault-missing-meta",
        "No id, object, created, model or index.",
        _changed(
            _drop("id", "object", "created", "model", "system_fingerprint"),
            stream=each(_drop("id", "object", "created", "model", "system_fingerprint")),
        ),
    ),
    Fault(
        "fault-unknown-fields", "Fields nobody has heard of, at every level.", _changed(_unheard, stream=each(_unheard))
    ),
    Fault(
        "fault-unknown-finish-reason",
        "finish_reason eos_token.",
        _changed(_finish("eos_token"), stream=each(_finish("eos_token"))),
    ),
    Fault(
        "fault-null-finish-reason",
        "A complete answer with finish_reason null.",
        _changed(_finish(None), stream=list),
        where="whole",
    ),
    Fault(
        "fault-usage-null-fields",
        "usage with null counts and details.",
        _changed(_null_usage, stream=each(_null_usage)),
    ),
    Fault("fault-usage-missing", "usage null; absent in a stream.", _changed(_no_usage, stream=_no_usage_chunks)),
    Fault("fault-content-parts", "content as a list of text parts.", _changed(_as_parts, stream=each(_parts_chunk))),
)
