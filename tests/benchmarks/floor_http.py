"""The floors' HTTP: the least that sends a chat request and reads its reply, over httpx and orjson.

No retries, no errors of its own, no cut streams, no settings but the model's id: what an integration cannot do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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


_idle: dict[Any, list[httpx.AsyncClient]] = {}


@lru_cache(maxsize=1)
def _tls() -> Any:
    return httpx.create_ssl_context()


@asynccontextmanager
async def async_client() -> AsyncIterator[httpx.AsyncClient]:
    """One of the running loop that nobody else uses: httpx's pool gets dear with the connections it holds."""
    import asyncio

    loop = asyncio.get_running_loop()
    if loop not in _idle:
        _idle.clear()
        _idle[loop] = []
    idle = _idle[loop]
    http = idle.pop() if idle else httpx.AsyncClient(limits=_LIMITS, timeout=120, verify=_tls(), trust_env=False)
    try:
        yield http
    finally:
        idle.append(http)


def post(url: str, body: dict[str, Any]) -> Any:
    return orjson.loads(client().post(url, content=orjson.dumps(body), headers=_HEADERS).content)


async def apost(url: str, body: dict[str, Any]) -> Any:
    async with async_client() as http:
        response = await http.post(url, content=orjson.dumps(body), headers=_HEADERS)
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
    async with (
        async_client() as http,
        http.stream("POST", url, content=orjson.dumps(body), headers=_HEADERS) as response,
    ):
        async for data in response.aiter_raw():
            *blocks, rest = (rest + data).split(b"\n\n")
            for block in blocks:
                if block != b"data: [DONE]":
                    yield orjson.loads(block[6:])
