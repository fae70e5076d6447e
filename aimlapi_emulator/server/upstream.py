"""The real provider in the emulator's place: requests are passed on as they are, replies come back unbuffered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from aimlapi_emulator.secrets import public_json
from aimlapi_emulator.server.http import json_reply, read_body

if TYPE_CHECKING:
    import httpx

# Of one connection, not of the message. Source: RFC 9110, section 7.6.1
_HOP = (
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "content-length",
)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Upstream:
    """Passes requests on to `address` (https://api.aimlapi.com/v1); what is not under /v1 goes to its root.

    The key is the caller's own. Nothing is sent again: that is for the caller to decide.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address.strip())
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"The upstream is {address!r}: pass an address that starts with https:// or http://.")
        self.address = address.strip().rstrip("/")
        self.root = f"{parts.scheme}://{parts.netloc}"
        self._client: httpx.AsyncClient | None = None

    def routes(self) -> list[Route]:
        return [Route("/{path:path}", self._pass, methods=list(_METHODS))]

    async def _pass(self, request: Request) -> Response:
        import httpx

        body = await read_body(request)
        try:
            request.state.received.json = public_json(json.loads(body), body) if body else None
        except (ValueError, RecursionError):
            request.state.received.json = None
        headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in _HOP]
        # what is kept has to be readable
        headers = [pair for pair in headers if pair[0] != b"accept-encoding"] + [(b"accept-encoding", b"identity")]
        try:
            sent = self._http().build_request(request.method, self._url(request), headers=headers, content=body or None)
            reply = await self._http().send(sent, stream=True)
        except httpx.HTTPError as error:
            message = f"The upstream {self.root} cannot be reached: {type(error).__name__}."
            return json_reply({"error": {"message": message, "type": "upstream_unreachable"}}, {}, 502)
        kept = [(name, value) for name, value in reply.headers.raw if name.decode("latin-1").lower() not in _HOP]
        passed = StreamingResponse(_pieces(reply), reply.status_code)
        passed.raw_headers = [(name.lower(), value) for name, value in kept]
        if "content-length" in reply.headers and request.method != "HEAD":
            passed.raw_headers.append((b"content-length", reply.headers["content-length"].encode()))
        return passed

    def _url(self, request: Request) -> str:
        path, query = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1"), request.url.query
        path = path.partition("?")[0]
        target = self.address + path.removeprefix("/v1") if path.startswith("/v1/") else self.root + path
        return f"{target}?{query}" if query else target

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
            self._client = httpx.AsyncClient(timeout=httpx.Timeout(600, connect=10), limits=limits, trust_env=True)
        return self._client

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Of the server: at its end the connections to the provider are closed."""
        try:
            yield
        finally:
            if self._client is not None:
                await self._client.aclose()


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    """Each piece as it comes; the connection is closed however this ends."""
    try:
        async for piece in reply.aiter_raw():
            yield piece
    finally:
        await reply.aclose()
