"""Notes every request before anything can refuse it and, where replies are inspected, what the reply is and when."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from aimlapi_emulator.inspector.guard import INSPECTOR, REPLAY, refused
from aimlapi_emulator.secrets import HIDDEN, SHORTEST, public, public_headers, public_pieces, secrets_of
from aimlapi_emulator.server.request_log import Exchange, Journal, Received

NUMBER = b"x-inspector-exchange"  # header of the reply to a request of the page: which exchange it is


class Noting:
    """The middleware around all routes; the inspector's own requests are not noted."""

    def __init__(self, app: ASGIApp, journal: Journal) -> None:
        self.app = app
        self.journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (self.journal.keeps_replies and scope["path"].startswith(INSPECTOR)):
            await self.app(scope, receive, send)
            return
        is_replay = self.journal.keeps_replies and any(name == REPLAY.encode() for name, _ in scope["headers"])
        if is_replay:
            why = refused(Request(scope))
            if why is not None:
                await PlainTextResponse(f"{why}\n", 403)(scope, receive, send)
                return
            own = (REPLAY.encode(), b"origin", b"referer", b"cookie")  # of the page, not of the request
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in own]
        headers = _text(scope["headers"])
        received = self.journal.note(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers)
        scope.setdefault("state", {})["received"] = received
        if received.exchange is None:
            await self.app(scope, receive, send)
        else:
            answer = _numbered(send, received.exchange.number) if is_replay else send
            await self._kept(received, received.exchange, scope, receive, answer)

    async def _kept(self, received: Received, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        secrets = secrets_of(_text(scope["headers"]), scope["query_string"].decode("latin-1"))
        hidden, sent = _Hidden(secrets), bytearray()
        holds_a_key = scope["method"] != "GET" and "/keys" in scope["path"]  # the reply to a new key is its secret

        def keep(after: float, kept: bytes) -> None:
            exchange.pieces.append((after, kept))
            self.journal.hold(exchange, len(kept))

        async def reading() -> MutableMapping[str, Any]:
            message = await receive()
            if exchange.status is None:
                sent.extend(message.get("body", b""))
            if sent and not message.get("more_body", False):  # whole: a secret may be cut by the end of a part
                exchange.body = bytearray(public(bytes(sent), secrets))
                sent.clear()
                self.journal.hold(exchange, len(exchange.body))
            return message

        async def sending(message: MutableMapping[str, Any]) -> None:
            after = time.monotonic() - exchange.started
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.headers = public_headers(_text(message["headers"]))
            elif message["type"] == "http.response.body":
                body, more = message.get("body", b""), message.get("more_body", False)
                if body and holds_a_key:
                    body = b"(a key; not kept)"
                if kept := hidden.add(bytes(body), is_last=not more):
                    keep(after, kept)
                if not more:
                    self._hide_forms(exchange, secrets)
                    exchange.seconds = after  # before it is sent: who has the reply can look at all of it
            await send(message)
            if message["type"] == "http.response.start":
                self.journal.changed(received)

        self.journal.changed(received)
        try:
            await self.app(scope, reading, sending)
        except BaseException as error:
            exchange.error = type(error).__name__
            raise
        finally:
            if exchange.seconds is None:
                exchange.seconds = time.monotonic() - exchange.started
                if kept := hidden.add(b"", is_last=True):
                    keep(exchange.seconds, kept)
                exchange.error = exchange.error or "the connection was closed before the reply was whole"
                self._hide_forms(exchange, secrets)
            self.journal.changed(received)

    def _hide_forms(self, exchange: Exchange, secrets: list[bytes]) -> None:
        """Hides what only the whole reply shows to be a secret."""
        before = [piece for _, piece in exchange.pieces]
        after = public_pieces(before, secrets)
        exchange.pieces = [(at, piece) for (at, _), piece in zip(exchange.pieces, after, strict=True)]
        self.journal.hold(exchange, sum(map(len, after)) - sum(map(len, before)))


def _numbered(send: Send, number: int) -> Send:
    """Tells the page which exchange its request is."""

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (NUMBER, str(number).encode())]}
        await send(message)

    return sending


class _Hidden:
    """A reply without the keys it repeats, piece by piece. What may be the start of a key waits for the next piece."""

    def __init__(self, secrets: list[bytes]) -> None:
        self._secrets = secrets
        self._waiting = b""

    def add(self, piece: bytes, *, is_last: bool) -> bytes:
        """What can be kept now."""
        data = self._waiting + piece
        for secret in self._secrets:
            data = data.replace(secret, HIDDEN.encode())
        begun = max((_overlap(data, secret) for secret in self._secrets), default=0)
        data, self._waiting = data[: len(data) - begun], data[len(data) - begun :]
        if not is_last:
            return data
        return data + (self._waiting if begun < SHORTEST else HIDDEN.encode())


def _overlap(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of the data may be the start of the secret."""
    return next((n for n in range(min(len(secret) - 1, len(data)), 0, -1) if data.endswith(secret[:n])), 0)


def _text(headers: Any) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
