"""The floors' HTTP: the least that sends a chat request and reads its reply, over httpx's transports and orjson.

No client around the transport, no look at the status, no retries, no errors of its own, no cut streams, no settings but
the model's id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

import httpx
import orjson

_HEADERS = [(b"authorization", b"Bearer benchmark"), (b"content-type", b"application/json")]
_EXTENSIONS = {"timeout": {"connect": 120, "read": 120, "write": 120, "pool": 120}}
_LIMITS = httpx.Limits(max_connections=None)
_url = lru_cache(httpx.URL)
_idle: dict[Any, list[httpx.AsyncHTTPTransport]] = {}


@lru_cache(maxsize=1)
def _tls() -> Any:
    return httpx.create_ssl_context()


@lru_cache(maxsize=1)
def _transport() -> httpx.HTTPTransport:
    """One for the process."""
    return httpx.HTTPTransport(limits=_LIMITS, verify=_tls())


def _take() -> tuple[httpx.AsyncHTTPTransport, list[httpx.AsyncHTTPTransport]]:
    """One of the running loop that nobody else uses, and where it is put back: httpx's pool gets dear with the
    connections it holds."""
    loop = asyncio.get_running_loop()
    idle = _idle.get(loop)
    if idle is None:
        _idle.clear()
        idle = _idle[loop] = []
    return idle.pop() if idle else httpx.AsyncHTTPTransport(limits=_LIMITS, verify=_tls()), idle


def _request(url: str, body: dict[str, Any]) -> httpx.Request:
    return httpx.Request("POST", _url(url), headers=_HEADERS, content=orjson.dumps(body), extensions=_EXTENSIONS)


def post(url: str, body: dict[str, Any]) -> Any:
    response = _transport().handle_request(_request(url, body))
    data = b"".join(response.stream)
    response.close()
    return orjson.loads(data)


async def apost(url: str, body: dict[str, Any]) -> Any:
    transport, idle = _take()
    response = await transport.handle_async_request(_request(url, body))
    data = b"".join([piece async for piece in response.stream])
    await response.aclose()
    idle.append(transport)
    return orjson.loads(data)


def events(url: str, body: dict[str, Any]) -> Iterator[Any]:
    """The chunks of a streamed reply."""
    rest = b""
    response = _transport().handle_request(_request(url, body))
    try:
        for data in response.stream:
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    yield orjson.loads(block[6:])
    finally:
        response.close()


async def aevents(url: str, body: dict[str, Any]) -> AsyncIterator[Any]:
    """The chunks of a streamed reply."""
    rest = b""
    transport, idle = _take()
    response = await transport.handle_async_request(_request(url, body))
    try:
        async for data in response.stream:
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    yield orjson.loads(block[6:])
    finally:
        await response.aclose()
        idle.append(transport)
