"""Connections are used again, the last one first, and kept no longer than their time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.http.connections import IDLE_SECONDS, MAX_IDLE, Connections
from tests.scripted import ScriptedServer, answer, event, scripted, stream

MESSAGES = [{"role": "user", "content": "Hi"}]
SLOW = stream(event(answer()), pause=0.1)  # so that calls made at once are under way at once


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def connections(clock: Clock) -> Connections[int]:
    return Connections(count().__next__, clock=clock)


def test_what_was_given_back_last_is_taken_first() -> None:
    some = connections(Clock())
    first, second, third = some.take(), some.take(), some.take()
    assert (first, second, third) == (0, 1, 2)
    assert [some.give_back(connection) for connection in (second, first)] == [None, None]
    assert [some.take(), some.take(), some.take()] == [first, second, 3]


def test_what_was_idle_too_long_is_closed_when_another_is_given_back() -> None:
    clock = Clock()
    some = connections(clock)
    old, busy = some.take(), some.take()
    some.give_back(old)
    for _ in range(3):  # the busy one does all the work
        clock.now += IDLE_SECONDS / 2.5
        spare = some.give_back(busy)
        if spare is not None:
            assert (spare, clock.now > IDLE_SECONDS) == (old, True)
            break
        assert some.take() == busy
    else:
        raise AssertionError("the old one was never closed")
    assert some.drained() == [busy]


def test_no_more_are_kept_than_the_limit() -> None:
    some = connections(Clock())
    taken = [some.take() for _ in range(MAX_IDLE + 2)]
    spares = [some.give_back(connection) for connection in taken]
    assert spares == [None] * MAX_IDLE + taken[:2]
    assert some.take() == taken[-1]


def test_what_comes_back_after_the_end_is_closed() -> None:
    some = connections(Clock())
    connection = some.take()
    assert (some.drained(), some.is_closed) == ([connection], True)
    assert some.give_back(connection) == connection


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
        pool = client._pool_handle.pool(client.route)
        assert pool._sync is not None and len(pool._sync.drained()) == 1
