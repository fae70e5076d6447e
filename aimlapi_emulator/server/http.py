"""What every endpoint shares: reading a body up to its limit, the key, the tracing headers, JSON and error replies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import Identity, fingerprint
from aimlapi_emulator.server.errors import UNAUTHENTICATED, Refused, error_body, invalid
from aimlapi_emulator.server.validation import check_depth

MAX_BODY = 32 * 1024 * 1024  # bytes
_GIVE_UP = 512 * 1024 * 1024  # a body announced longer than this is not even read to be thrown away
_CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read: its parsed JSON, and the identity every part of its reply is derived from."""

    body: Any
    identity: Identity


async def read_body(request: Request) -> bytes:
    """The body; 413 beyond the limit. The rest is read and thrown away, so that the client sees the answer."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > _GIVE_UP:
        raise Refused(413, "request entity too large")
    kept, size = bytearray(), 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= MAX_BODY:
                kept += part
            else:
                kept.clear()
                if size > _GIVE_UP:
                    break
    except ClientDisconnect:
        raise Refused(400, "The request was not sent whole.") from None
    if size > MAX_BODY:
        raise Refused(413, "request entity too large")
    return bytes(kept)


def parse(raw: bytes, path: str) -> Asked:
    """The JSON of a body, with the identity it gives its reply; 400 if it is none."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise invalid("body", "JSON", f"other text ({error})"[:200], "Invalid JSON") from None
    check_depth(body)
    said = body
    if isinstance(body, dict):  # streamed or whole, it is the same answer, with the same ids
        said = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
    return Asked(body, Identity(fingerprint(said, raw)))


def authenticate(request: Request) -> str:
    """The key a request carries; any will do, none is 401."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip() if scheme.lower() == "bearer" else ""
    key = key or request.headers.get("api-key", "").strip()
    if not key:
        raise Refused(401, UNAUTHENTICATED)
    return key


def trace_headers(request: Request, identity: Identity) -> dict[str, str]:
    """`x-inference-id` always; `x-client-request-id` if the client's was valid.

    Source: https://docs.aimlapi.com/capabilities/request-tracing-and-cost
    """
    headers = {"x-inference-id": identity.made("{b62:21}", "inference")}
    sent = request.headers.get("x-client-request-id", "")
    if _CLIENT_REQUEST_ID.fullmatch(sent):
        headers["x-client-request-id"] = sent
    return headers


def cost_headers(meta: Any) -> dict[str, str]:
    """The cost of a whole JSON reply, where its `meta` tells one."""
    usage = meta.get("usage") if isinstance(meta, dict) else None
    if not isinstance(usage, dict) or "credits_used" not in usage:
        return {}
    headers = {"x-aimlapi-credits-used": str(usage["credits_used"])}
    if "usd_spent" in usage:
        headers["x-aimlapi-usd-spent"] = f"{usage['usd_spent']:.9f}"
    return headers


def json_reply(value: Any, headers: dict[str, str], status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, headers, "application/json; charset=utf-8")


def refusal(request: Request, refused: Refused, identity: Identity | None = None) -> Response:
    """The error reply to a request."""
    path = request.url.path
    identity = identity or Identity(request.method, path, str(refused.status), refused.message)
    body = error_body(refused.status, path, refused.message, identity)
    return json_reply(body, trace_headers(request, identity), refused.status)
