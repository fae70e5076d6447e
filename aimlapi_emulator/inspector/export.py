"""Exchanges as JSON Lines, as a cassette of vcrpy, and as HAR. None holds a key. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aimlapi_emulator.secrets import is_secret_header, public
from aimlapi_emulator.server.request_log import Exchange, Received

# Of a transfer, not of the reply that is replayed.
_TRANSFER = ("content-length", "content-encoding", "transfer-encoding", "connection", "date")
_SENT = ("accept", "content-type")


def json_line(received: Received, exchange: Exchange, row: dict[str, Any]) -> str:
    """An exchange in one line: its row, the request, the reply, and when each piece came (seconds, bytes)."""
    data = b"".join(piece for _, piece in exchange.pieces)
    body = received.json if received.json is not None else bytes(exchange.body).decode(errors="replace")
    held = {
        **row,
        "request": {"headers": _open(received.headers), "query": received.query, "body": body},
        "reply": {"headers": _open(exchange.headers), "body": data.decode(errors="replace")},
        "pieces": [[round(after, 6), len(piece)] for after, piece in exchange.pieces],
    }
    return public(json.dumps(held, ensure_ascii=False, default=str).encode("utf-8", "replace")).decode() + "\n"


def cassette(exchanges: Iterable[tuple[Received, Exchange]], address: str, *, is_live: bool) -> str:
    """Whole exchanges as a cassette. It is JSON, which every YAML reader reads.

    Args:
        address: that requests are said to have gone to, without /v1.
        is_live: whether a provider answered, and not the emulator.
    """
    source = {"kind": "live", "recorded_from": address} if is_live else {"kind": "emulated"}
    source.setdefault("recorded_from", "aimlapi_emulator")
    found = [_interaction(*one, address) for one in exchanges if one[1].status is not None and not one[1].is_dropped]
    return json.dumps({"source": source, "interactions": found, "version": 1}, ensure_ascii=False, indent=1) + "\n"


def _interaction(received: Received, exchange: Exchange, address: str) -> dict[str, Any]:
    status = exchange.status or 0
    data = b"".join(piece for _, piece in exchange.pieces)
    query = f"?{received.query}" if received.query else ""
    kept = {name: [value] for name, value in _open(exchange.headers).items() if name not in _TRANSFER}
    return {
        "request": {
            "method": received.method,
            "uri": f"{address}{received.path}{query}",
            "headers": {name: [value] for name, value in received.headers.items() if name in _SENT},
            "body": bytes(exchange.body).decode(errors="replace") or None,
        },
        "response": {
            "status": {"code": status, "message": _phrase(status)},
            "headers": kept,
            "body": {"string": data.decode(errors="replace")},
        },
    }


def har(exchanges: Iterable[tuple[Received, Exchange]], address: str) -> str:
    """Exchanges that have ended as an HTTP Archive, version 1.2.

    Source: http://www.softwareishard.com/blog/har-12-spec/

    Args:
        address: that requests are said to have gone to, without /v1.
    """
    entries = [_entry(*one, address) for one in exchanges if one[1].seconds is not None]
    log = {"version": "1.2", "creator": {"name": "aimlapi emulator", "version": "1"}, "entries": entries}
    return public(json.dumps({"log": log}, ensure_ascii=False, indent=1).encode("utf-8", "replace")).decode() + "\n"


def _entry(received: Received, exchange: Exchange, address: str) -> dict[str, Any]:
    """An entry of an archive; its times are milliseconds."""
    status, total = exchange.status or 0, (exchange.seconds or 0.0) * 1e3
    data = b"".join(piece for _, piece in exchange.pieces)
    first = exchange.pieces[0][0] * 1e3 if exchange.pieces else total
    request: dict[str, Any] = {
        "method": received.method,
        "url": f"{address}{received.path}" + (f"?{received.query}" if received.query else ""),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(received.headers),
        "queryString": [{"name": name, "value": value} for name, value in parse_qsl(received.query, True)],
        "headersSize": -1,
        "bodySize": len(exchange.body),
    }
    if exchange.body:
        kind = received.headers.get("content-type", "application/json")
        request["postData"] = {"mimeType": kind, "text": bytes(exchange.body).decode(errors="replace")}
    entry: dict[str, Any] = {
        "startedDateTime": datetime.fromtimestamp(exchange.begun, timezone.utc).isoformat(timespec="milliseconds"),
        "time": total,
        "request": request,
        "response": {
            "status": status,
            "statusText": _phrase(status),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": _pairs(exchange.headers),
            "content": {
                "size": len(data),
                "mimeType": exchange.headers.get("content-type", ""),
                "text": data.decode(errors="replace"),
            },
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(data),
        },
        "cache": {},
        "timings": {"send": 0, "wait": first, "receive": max(total - first, 0)},
    }
    if exchange.error is not None:
        entry["comment"] = exchange.error
    return entry


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in _open(headers).items()]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""


def _open(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not is_secret_header(name)}
