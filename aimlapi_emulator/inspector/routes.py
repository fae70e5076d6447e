"""The page under `/_inspect`, and what it asks for. Only pages of this address may ask, and GET changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from html import escape
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aimlapi_emulator.inspector.chart import chart
from aimlapi_emulator.inspector.exchanges import SHOWN, View, is_own, media_files
from aimlapi_emulator.inspector.export import cassette, har, json_line
from aimlapi_emulator.inspector.guard import INSPECTOR, refused
from aimlapi_emulator.inspector.media import File
from aimlapi_emulator.media.files import PATH as FILES
from aimlapi_emulator.secrets import public
from aimlapi_emulator.server.request_log import Exchange, Journal, Received

PAGE = Path(__file__).parent / "page"
PAGES = 200  # rows at a time
_EVERY = 0.1  # seconds between two messages about what changed
_ALIVE = 15.0  # seconds of silence before a comment shows that the connection stands
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
# A frame of the page in which a foreign file is shown: it can do nothing else, and tells the host nothing of the page.
_FOREIGN_HEADERS = {
    "content-security-policy": (
        "sandbox; default-src 'none'; img-src http: https:; media-src http: https:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "x-frame-options": "SAMEORIGIN",
}
_TAGS = {
    "image": '<img src="{}" alt="picture">',
    "audio": '<audio src="{}" controls preload="metadata"></audio>',
    "video": '<video src="{}" controls preload="metadata"></video>',
}
_FOREIGN = (
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>File</title>'
    "<style>html{{color-scheme:light dark}}body{{margin:0}}"
    "img,video{{max-width:100%;max-height:100vh;display:block}}audio{{width:100%}}</style>{}"
)


def inspector_routes(
    journal: Journal, address: str = "https://api.aimlapi.com", *, is_live: bool = False
) -> list[Route]:
    """The routes of the inspector of a journal.

    Args:
        address: that exported cassettes name.
        is_live: whether a provider answers, and not the emulator.
    """
    view = View(journal)
    inspector = _Inspector(view, address, is_live)
    routes = [Route(INSPECTOR, _Guarded(_file("index.html")), methods=["GET"])]
    files = sorted(file.name for file in PAGE.iterdir() if file.suffix in _TYPES)
    routes += [Route(f"{INSPECTOR}/{name}", _Guarded(_file(name)), methods=["GET"]) for name in files]
    for path, endpoint, method in (
        ("/exchanges", inspector.rows, "GET"),
        ("/exchanges/{number:int}", inspector.one, "GET"),
        ("/events", inspector.events, "GET"),
        ("/totals", inspector.totals, "GET"),
        ("/export.jsonl", inspector.lines, "GET"),
        ("/export.yaml", inspector.cassette, "GET"),
        ("/export.har", inspector.har, "GET"),
        ("/media/{number:int}/{place:int}", inspector.media, "GET"),
        ("/foreign/{number:int}/{place:int}", inspector.foreign, "GET"),
        ("/clear", inspector.clear, "POST"),
    ):
        routes.append(Route(INSPECTOR + path, _Guarded(endpoint), methods=[method]))
    return routes


class _Inspector:
    def __init__(self, view: View, address: str, is_live: bool) -> None:
        self._view = view
        self._address = address
        self._is_live = is_live

    async def rows(self, request: Request) -> Response:
        """Rows, newest first, `PAGES` at a time.

        `before` is the number that they come before; with `grouped`, a thread is its newest row, with its `turns`.
        """
        before = request.query_params.get("before", "")
        most = int(before) if before.isdecimal() else None
        rows = [self._view.row(*one) for one in reversed(self._chosen(request))]
        if "grouped" in request.query_params:
            turns = Counter(row["thread"] for row in rows)
            newest = {row["thread"]: row["id"] for row in reversed(rows)}
            rows = [
                {**row, "turns": turns[row["thread"]] if row["thread"] else 1}
                for row in rows
                if row["thread"] is None or newest[row["thread"]] == row["id"]
            ]
        left = [row for row in rows if most is None or row["id"] < most]
        return _json({"rows": left[:PAGES], "more": len(left) > PAGES})

    async def one(self, request: Request) -> Response:
        found = self._view.find(request.path_params["number"])
        if found is None:
            return _json({"error": "It is no longer kept."}, 404)
        most = None if "whole" in request.query_params else SHOWN
        return _json({**self._view.details(*found, _origin(request), most=most), "is_live": self._is_live})

    async def media(self, request: Request) -> Response:
        """The bytes of a file that an exchange holds, or that is of this server."""
        file = self._file(request)
        data, media_type = (file.data, file.media_type) if file is not None else (None, None)
        if file is not None and file.url is not None and is_own(file.url, _origin(request)):
            kept = request.app.state.files.give(file.url.partition(f"{FILES}/")[2].partition("?")[0])
            data, media_type = (kept.data, kept.media_type) if kept is not None and not kept.expired else (None, None)
        if data is None:
            return _json({"error": "It is no longer kept."}, 404)
        is_shown = (media_type or "").startswith(("image/", "audio/", "video/"))
        return Response(data, media_type=media_type if is_shown else "application/octet-stream")

    async def foreign(self, request: Request) -> Response:
        """A page without scripts that holds nothing but a foreign file: a frame of it is made by a click."""
        file = self._file(request)
        if file is None or file.url is None or file.kind not in _TAGS:
            return _json({"error": "It is no longer kept."}, 404)
        shown = _TAGS[file.kind].format(escape(file.url, quote=True))
        return Response(_FOREIGN.format(shown), media_type="text/html; charset=utf-8", headers=_FOREIGN_HEADERS)

    def _file(self, request: Request) -> File | None:
        found = self._view.find(request.path_params["number"])
        files = [] if found is None else media_files(*found)
        place = request.path_params["place"]
        return files[place][0] if place < len(files) else None

    async def totals(self, request: Request) -> Response:
        """Sums of what is chosen and its `chart`, of `width` steps."""
        rows = [self._view.row(*one) for one in self._chosen(request)]
        every = [self._view.row(*one) for one in self._view.all()]
        asked = request.query_params.get("width", "")
        width = min(max(int(asked), 50), 4000) if asked.isdecimal() else 600
        return _json(
            {
                "calls": len(rows),
                "errors": sum(bool(row["error"]) for row in rows),
                "tokens": sum((row["input_tokens"] or 0) + (row["output_tokens"] or 0) for row in rows),
                "cost_usd": sum(row["cost_usd"] or 0.0 for row in rows),
                **chart(rows, width),
                "models": sorted({row["model"] for row in every if row["model"]}),
                "endpoints": sorted({row["endpoint"] for row in every}),
                "statuses": sorted({str(row["status"]) for row in every if row["status"]}),
            }
        )

    def _chosen(self, request: Request) -> list[tuple[Received, Exchange]]:
        """What the filters of a request leave, oldest first."""
        asked = request.query_params
        words, model, status = asked.get("q", "").lower().split(), asked.get("model", ""), asked.get("status", "")
        endpoint, thread = asked.get("endpoint", ""), asked.get("thread", "")
        if not (words or model or status or endpoint or thread):
            return self._view.all()
        chosen = []
        for received, exchange in self._view.all():
            row = self._view.row(received, exchange)
            if (
                (not model or row["model"] == model)
                and (not endpoint or row["endpoint"] == endpoint)
                and (not thread or str(row["thread"]) == thread)
                and (not status or (bool(row["error"]) if status == "error" else str(row["status"]) == status))
                and (not words or self._view.holds(received, exchange, words))
            ):
                chosen.append((received, exchange))
        return chosen

    async def events(self, request: Request) -> Response:
        """Server-sent events: rows that came or went on, some at a time."""
        changed: dict[int, tuple[Received, Exchange]] = {}
        ready = asyncio.Event()

        def listener(received: Received) -> None:
            if received.exchange is not None:
                changed[received.exchange.number] = (received, received.exchange)
                ready.set()

        async def events() -> AsyncIterator[str]:
            listeners = self._view.journal.listeners
            listeners.append(listener)
            try:
                yield "retry: 1000\n\n"
                while True:
                    try:
                        await asyncio.wait_for(ready.wait(), _ALIVE)
                    except asyncio.TimeoutError:
                        yield ": here\n\n"
                        continue
                    await asyncio.sleep(_EVERY)
                    ready.clear()
                    now = list(changed.values())[-PAGES:]
                    changed.clear()
                    yield f"data: {_public_text([self._view.row(*one) for one in now])}\n\n"
            finally:
                listeners.remove(listener)

        return StreamingResponse(events(), media_type="text/event-stream")

    async def clear(self, request: Request) -> Response:
        self._view.clear()
        return Response(status_code=204)

    async def lines(self, request: Request) -> Response:
        chosen = self._chosen(request)

        def written() -> Iterator[str]:
            for received, exchange in chosen:
                yield json_line(received, exchange, self._view.row(received, exchange))

        return StreamingResponse(written(), media_type="application/x-ndjson", headers=_named("exchanges.jsonl"))

    async def cassette(self, request: Request) -> Response:
        whole = [one for one in self._chosen(request) if one[1].seconds is not None and one[1].error is None]
        text = cassette(whole, self._address, is_live=self._is_live)
        return PlainTextResponse(text, media_type="application/yaml", headers=_named("cassette.yaml"))

    async def har(self, request: Request) -> Response:
        text = har(self._chosen(request), self._address)
        return PlainTextResponse(text, media_type="application/json", headers=_named("exchanges.har"))


def _public_text(value: Any) -> str:
    """JSON without secrets: what pieces of a stream add up to may be one, though no piece is."""
    return public(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")).decode()


def _json(value: Any, status: int = 200) -> Response:
    return Response(_public_text(value), status, media_type="application/json")


def _named(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _file(name: str) -> Any:
    async def served(request: Request) -> Response:
        return Response((PAGE / name).read_bytes(), media_type=f"{_TYPES[Path(name).suffix]}; charset=utf-8")

    return served


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"


class _Guarded:
    """Refuses requests that another site's page makes, by its own name or by one that leads here."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        why = refused(request)
        reply = PlainTextResponse(f"{why}\n", 403) if why else await self._endpoint(request)
        for name, value in _HEADERS.items():
            reply.headers.setdefault(name, value)
        await reply(scope, receive, send)
