"""The floors' HTTP: the least that sends a chat request and reads its reply, over httpx and orjson.

No retries, no errors of its own, no cut streams, no settings but the model's id: what an integration cannot do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

import httpx
import orjson

_HEADERS = {"authorization": "Bearer benchmark", "content-type": "application/json"}
_LIMITS = httpx.Limits(max_connections=None)


@lru_cache(maxsize=1)
def client() -> httpx.Client:
    """One for the process."""
    return httpx.Client(limits=_LIMITS, timeout=120)


_async_clients: dict[Any, httpx.AsyncClient] = {}


def async_client() -> httpx.AsyncClient:
    """One for the running loop."""
    import asyncio

    loop = asyncio.get_running_loop()
    if loop not in _async_clients:
        _async_clients.clear()
        _async_clients[loop] = httpx.AsyncClient(limits=_LIMITS, timeout=120)
    return _async_clients[loop]


def post(url: str, body: dict[str, Any]) -> Any:
    return orjson.loads(client().post(url, content=orjson.dumps(body), headers=_HEADERS).content)


async def apost(url: str, body: dict[str, Any]) -> Any:
    response = await async_client().post(url, content=orjson.dumps(body), headers=_HEADERS)
    return orjson.loads(response.content)


def events(url: str, body: dict[str, Any]) -> Iterator[Any]:
    """The chunks of a streamed reply."""
    rest = b""
    with client().stream("POST", url, content=orjson.dumps(body), headers=_HEADERS) as response:
        for data in response.iter_raw():
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    yield orjson.loads(block[6:])


async def aevents(url: str, body: dict[str, Any]) -> AsyncIterator[Any]:
    """The chunks of a streamed reply."""
    rest = b""
    async with async_client().stream("POST", url, content=orjson.dumps(body), headers=_HEADERS) as response:
        async for data in response.aiter_raw():
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    yield orjson.loads(block[6:])
