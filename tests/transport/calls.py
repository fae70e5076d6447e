"""The same call by each client, sync and async, with our connections and with clients of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import (
    AIMLAPIError,
)
from tests.scripted import Act, ScriptedServer, chunk, scripted

KEY = "sk-test-0123456789"
HI = [{"role": "user", "content": "Hi"}]
PIECES = (chunk("He", role="assistant"), chunk("llo"), chunk(finish="stop"))

Outcome = tuple[str, Any, int, tuple[float, ...]]


class Pauses:
    """A clock that does not sleep: it notes how long it was asked to."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.asked.append(seconds)


def sync_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    client = Client(api_key=KEY, base_url=server.base_url, sleep=pauses.sleep, **config)
    if not streamed:
        completion = client.chat("m", HI)
        return completion.text, completion
    return collected(client.stream_chat("m", HI))


def own_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    with httpx.Client() as http:
        return sync_call(server, pauses, streamed, http_client=http, **config)


def httpx2_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    with pytest.importorskip("httpx2").Client() as http:
        return sync_call(server, pauses, streamed, http_client=http, **config)


async def _asked(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    client = AsyncClient(api_key=KEY, base_url=server.base_url, sleep=pauses.asleep, **config)
    if not streamed:
        completion = await client.chat("m", HI)
        return completion.text, completion
    async with aclosing(client.stream_chat("m", HI)) as deltas:
        return collected(iter([delta async for delta in deltas]))


def async_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    return asyncio.run(_asked(server, pauses, streamed, **config))


def async_own_call(
    server: ScriptedServer, pauses: Pauses, streamed: bool, *, library: Any = httpx, **config: Any
) -> tuple[str, Completion]:
    async def run() -> tuple[str, Completion]:
        async with library.AsyncClient() as http:
            return await _asked(server, pauses, streamed, http_client=http, **config)

    return asyncio.run(run())


def async_httpx2_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    return async_own_call(server, pauses, streamed, library=pytest.importorskip("httpx2"), **config)


CALLS = [sync_call, async_call, own_call, async_own_call, httpx2_call, async_httpx2_call]


def collected(deltas: Iterator[Delta]) -> tuple[str, Completion]:
    found = list(deltas)
    assert [delta.completion is not None for delta in found] == [*[False] * (len(found) - 1), True]
    completion = found[-1].completion
    assert completion is not None
    return "".join(delta.text for delta in found), completion


def outcome(call: Callable[..., Any], acts: tuple[Act, ...], streamed: bool, **config: Any) -> Outcome:
    """What came of it: the text or the error's class, the message, how many requests, which pauses."""
    pauses = Pauses()
    with scripted(*acts) as server:
        try:
            text, completion = call(server, pauses, streamed, **config)
            came: tuple[str, Any] = (text, completion.finish_reason)
        except AIMLAPIError as error:
            partial = error.partial.text if error.partial else None
            came = (type(error).__name__, (error.status_code, partial))
        bodies = [request.body for request in server.received]
        assert all(one == bodies[0] for one in bodies)
        assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.received)
        return (*came, len(bodies), tuple(round(pause, 3) > 0 for pause in pauses.asked))
