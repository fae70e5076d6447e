"""Connections are used again, the last one first, and kept no longer than their time."""

from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.http.connections import IDLE_SECONDS, MAX_IDLE, Connections
from tests.reliability.checks import aeventually
from tests.scripted import ScriptedServer, answer, event, reply, scripted, stream

MESSAGES = [{"role": "user", "content": "Hi"}]
SLOW = stream(event(answer()), pause=0.1)  # so that calls made at once are under way at once


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Transport(httpx.MockTransport):
    """A connection that notes when it is closed."""

    is_closed = False

    def __init__(self, number: int) -> None:
        super().__init__(lambda request: httpx.Response(200, stream=httpx.ByteStream(str(number).encode())))

    def close(self) -> None:
        self.is_closed = True


class Made:
    """Connections of numbered transports."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.transports: list[Any] = []
        self.connections = Connections(self.make, clock=self.clock)

    def make(self) -> Any:
        self.transports.append(Transport(len(self.transports)))
        return self.transports[-1]

    def begin(self) -> httpx.Response:
        return self.connections.handle_request(httpx.Request("GET", "https://example.com"))

    @property
    def closed(self) -> list[int]:
        return [number for number, transport in enumerate(self.transports) if transport.is_closed]


def number(response: httpx.Response) -> int:
    """Which connection a response is of; it is given back."""
    found = int(response.read())
    response.close()
    return found


def test_what_was_given_back_last_is_taken_first() -> None:
    made = Made()
    first, second, third = made.begin(), made.begin(), made.begin()
    assert [number(response) for response in (second, first)] == [1, 0]
    assert [number(response) for response in [made.begin(), made.begin(), made.begin()]] == [0, 1, 3]
    assert (number(third), made.closed) == (2, [])


def test_what_was_idle_too_long_is_closed_at_the_next_use() -> None:
    made = Made()
    old, busy = made.begin(), made.begin()
    number(old)
    for _ in range(3):  # the busy one does all the work
        made.clock.now += IDLE_SECONDS / 2.5
        number(busy)
        busy = made.begin()
        assert made.closed == ([0] if made.clock.now > IDLE_SECONDS else [])
    assert (number(busy), made.closed) == (1, [0])


def test_no_more_are_kept_than_the_limit() -> None:
    made = Made()
    begun = [made.begin() for _ in range(MAX_IDLE + 2)]
    for response in begun:
        number(response)
    assert made.closed == [0, 1]
    assert number(made.begin()) == MAX_IDLE + 1


def test_what_comes_back_after_the_end_is_closed() -> None:
    made = Made()
    idle, used = made.begin(), made.begin()
    number(idle)
    made.connections.close()
    assert made.closed == [0]
    number(used)
    assert made.closed == [0, 1]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_loop_closes_what_is_idle_by_its_timer(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.http.connections.IDLE_SECONDS", seconds)
    with scripted(reply(body=answer())) as server:

        async def main() -> None:
            async with AsyncClient(api_key="k", base_url=server.base_url) as client:
                await client.chat("m", MESSAGES)
                if seconds:
                    await client.chat("m", MESSAGES)
                    assert (server.connections, server.closed) == (1, 0)
                else:
                    assert await aeventually(lambda: server.closed == 1)

        asyncio.run(main())


def crowd(server: ScriptedServer, how: str, times: int) -> None:
    """Twelve calls at once, so many times."""
    if how == "threads":
        client = Client(api_key="k", base_url=server.base_url)
        with ThreadPoolExecutor(12) as threads:
            for _ in range(times):
                assert len(list(threads.map(lambda _: client.chat("m", MESSAGES), range(12)))) == 12
        client.close()
        return

    async def main() -> None:
        async with AsyncClient(api_key="k", base_url=server.base_url) as client:
            for _ in range(times):
                await asyncio.gather(*(client.chat("m", MESSAGES) for _ in range(12)))

    asyncio.run(main())


@pytest.mark.parametrize("how", ["threads", "tasks"])
def test_a_crowd_uses_the_connections_of_the_one_before(how: str) -> None:
    with scripted(SLOW) as server:
        crowd(server, how, 3)
        assert len(server.received) == 36
        assert server.connections <= 12


def test_an_early_end_gives_the_connection_back() -> None:
    """The connection is closed, as the rest of the answer would come by it; its connection makes a new one."""
    with (
        scripted(stream(*[event(answer())] * 50, pause=0.01)) as server,
        Client(api_key="k", base_url=server.base_url) as client,
    ):
        for _ in range(3):
            deltas = client.stream_chat("m", MESSAGES)
            next(deltas)
            deltas.close()
        connections = client._pool_handle.pool(client.route).connections
        assert len(connections.idle) == 1


@pytest.mark.parametrize("end", ["clean", "cut"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_was_sent_is_freed_at_the_end_of_the_call(how: str, is_streamed: bool, end: str) -> None:
    """An image may be megabytes of it: it does not wait for the garbage collector."""

    def ask(client: Client) -> None:
        list(client.stream_chat("m", MESSAGES)) if is_streamed else client.chat("m", MESSAGES)

    async def aask(client: AsyncClient) -> None:
        [_ async for _ in client.stream_chat("m", MESSAGES)] if is_streamed else await client.chat("m", MESSAGES)

    act = stream(event(answer()), end="clean") if is_streamed else reply(body=answer())
    if end == "cut":
        act = stream(event(answer())[:40], end="cut") if is_streamed else reply(body=answer(), cut=True)
    with scripted(act) as server, suppress(AIMLAPIError):
        settings: dict[str, Any] = {"api_key": "k", "base_url": server.base_url, "max_retries": 0}
        gc.collect()
        gc.disable()
        try:
            asyncio.run(aask(AsyncClient(**settings))) if how == "async" else ask(Client(**settings))
        finally:
            requests = [value for value in gc.get_objects() if isinstance(value, httpx.Request)]
            requests = [request for request in requests if str(request.url).startswith(server.base_url)]
            gc.enable()
            assert requests == []
