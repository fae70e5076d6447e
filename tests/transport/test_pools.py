"""The pools end with what they belong to."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.http import pool
from aimlapi_transport.http.transport_options import _environment_proxy
from tests.scripted import ScriptedServer, answer, reply, scripted

MESSAGES = [{"role": "user", "content": "Hi"}]
KeptFor = Callable[..., None]


@pytest.fixture
def kept_for(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptFor]:
    """Sets how long this test's pools are kept, and whether a thread closes them; closes what is left of them."""
    end = time.monotonic() + 20
    while pool._has_watcher:  # another test's, which knows other seconds
        assert time.monotonic() < end
        time.sleep(0.01)

    def kept_for(seconds: float, *, is_watched: bool = True) -> None:
        monkeypatch.setattr(pool, "KEEP_SECONDS", seconds)
        monkeypatch.setattr(pool, "_has_watcher", not is_watched)

    yield kept_for
    for left in list(pool._pools.values()):
        left.kept_until = 0.0
    pool._close_over()


def _asks(server: ScriptedServer) -> AsyncClient:
    return AsyncClient(api_key="k", base_url=server.base_url, max_retries=0)


def _open_after(server: ScriptedServer, seconds: float = 20.0) -> int:
    """How many connections are still open once they had time to close."""
    end = time.monotonic() + seconds
    while server.closed < server.connections and time.monotonic() < end:
        time.sleep(0.01)
    return server.connections - server.closed


def test_a_loop_that_ends_in_order_closes_its_connections() -> None:
    with scripted(reply(body=answer())) as server:
        asyncio.run(_asks(server).chat("m", MESSAGES))
        assert (server.connections, _open_after(server)) == (1, 0)


def _in_a_loop_just_closed(ask: Callable[[], Coroutine[None, None, object]]) -> None:
    loop = asyncio.new_event_loop()
    loop.run_until_complete(ask())
    loop.close()


@pytest.mark.filterwarnings("ignore")  # a loop closed without its generators leaves its transports to the collector
def test_a_loop_that_is_just_closed_takes_its_connections_along() -> None:
    with scripted(reply(body=answer())) as server:
        _in_a_loop_just_closed(lambda: _asks(server).chat("m", MESSAGES))
        gc.collect()
        assert (server.connections, _open_after(server)) == (1, 0)


def test_the_connections_of_a_closed_loop_are_not_kept(kept_for: KeptFor) -> None:
    """Nobody can use them any more."""
    kept_for(60.0)
    with scripted(reply(body=answer())) as server:
        client = _asks(server)
        _in_a_loop_just_closed(partial(client.chat, "m", MESSAGES))
        del client
        assert (server.connections, _open_after(server)) == (1, 0)


def test_a_pool_that_was_closed_with_the_generators_is_made_again() -> None:
    async def ask_twice(client: AsyncClient) -> list[str]:
        first = await client.chat("m", MESSAGES)
        await asyncio.get_running_loop().shutdown_asyncgens()
        return [first.text, (await client.chat("m", MESSAGES)).text]

    with (
        pytest.warns(ResourceWarning, match="after loop.shutdown_asyncgens"),  # asyncio's remark on the second one
        scripted(reply(body=answer())) as server,
    ):
        assert asyncio.run(ask_twice(_asks(server))) == ["Hello", "Hello"]


@pytest.mark.parametrize(
    ("variables", "address", "proxy"),
    [
        ({}, "https://api.example.com/v1", None),
        ({"https_proxy": "http://p:1"}, "https://api.example.com/v1", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://api.example.com/v1", None),
        ({"all_proxy": "socks5://p:1"}, "https://api.example.com/v1", "socks5://p:1"),
        ({"http_proxy": "p:1"}, "http://127.0.0.1:8080/v1", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com"}, "https://api.example.com/v1", None),
        ({"https_proxy": "http://p:1", "no_proxy": "example.com"}, "https://notexample.com/v1", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "localhost, 127.0.0.1"}, "https://127.0.0.1:8443/v1", None),
        ({"https_proxy": "http://p:1", "no_proxy": "api.example.com:8443"}, "https://api.example.com:8443/v1", None),
        ({"https_proxy": "http://p:1", "NO_PROXY": "*"}, "https://api.example.com/v1", None),
        ({"http_proxy": "http://p:1", "no_proxy": "::1"}, "http://[::1]:8080/v1", None),
    ],
)
def test_the_proxy_of_the_environment(
    variables: dict[str, str], address: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _environment_proxy(address) == proxy


def _dropped(server: ScriptedServer) -> str:
    text = Client(api_key="k", base_url=server.base_url, max_retries=0).chat("m", MESSAGES).text
    pool._close_over()  # as the watching thread, which may come at any moment
    return text


def test_clients_made_and_dropped_one_after_another_connect_once(kept_for: KeptFor) -> None:
    """As a web handler makes a model for each of its requests."""
    kept_for(60.0)
    with scripted(reply(body=answer())) as server:
        assert [_dropped(server) for _ in range(20)] == ["Hello"] * 20
        assert (server.connections, server.closed) == (1, 0)

        async def main() -> None:
            for _ in range(20):
                await _asks(server).chat("m", MESSAGES)
                pool._close_over()
            assert (server.connections, server.closed) == (2, 0)

        asyncio.run(main())
        with Client(api_key="k", base_url=server.base_url):
            _dropped(server)  # the last one that is closed, and not collected, ends the connections
            client = Client(api_key="k", base_url=server.base_url)
            client.chat("m", MESSAGES)
            client.close()
        assert (server.connections, _open_after(server)) == (2, 0)


@pytest.mark.parametrize("is_async", [False, True])
def test_connections_end_some_time_after_their_last_user(is_async: bool, kept_for: KeptFor) -> None:
    kept_for(0.1)
    with scripted(reply(body=answer())) as server:

        async def main() -> None:
            await _asks(server).chat("m", MESSAGES)
            assert await asyncio.to_thread(_open_after, server) == 0  # while the loop still runs

        if is_async:
            asyncio.run(main())
        else:
            _dropped(server)
        assert (server.connections, _open_after(server)) == (1, 0)


@pytest.mark.parametrize("ask", ["client.chat('m', hi)", "asyncio.run(aclient.chat('m', hi))"])
def test_a_process_that_ends_meanwhile_leaves_nothing(ask: str) -> None:
    with scripted(reply(body=answer())) as server:
        code = f"""
import asyncio
from aimlapi_transport import AsyncClient, Client
hi = [{{"role": "user", "content": "Hi"}}]
client = Client(api_key="k", base_url={server.base_url!r})
aclient = AsyncClient(api_key="k", base_url={server.base_url!r})
{ask}
del client, aclient
"""
        arguments = [sys.executable, "-W", "error::ResourceWarning", "-c", code]
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (server.connections, _open_after(server)) == (1, 0)


def test_a_client_is_dropped_without_a_lock_of_all_threads(kept_for: KeptFor) -> None:
    """Whoever holds it may be collecting a client just now, and wait for the lock of the pools."""
    kept_for(0.1)
    with scripted(reply(body=answer())) as server:
        clients = [Client(api_key="k", base_url=server.base_url)]
        clients[0].chat("m", MESSAGES)
        go, dropped = threading.Event(), threading.Event()

        def drop() -> None:
            go.wait()
            clients.clear()
            dropped.set()

        threading.Thread(target=drop, daemon=True).start()
        with threading._active_limbo_lock:  # type: ignore[attr-defined]
            go.set()
            assert dropped.wait(20)
        assert (server.connections, _open_after(server)) == (1, 0)


def test_a_pool_that_cannot_be_closed_keeps_no_other_from_it(
    kept_for: KeptFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(reply(body=answer())) as first, scripted(reply(body=answer())) as second:
        kept_for(60.0, is_watched=False)
        for server in (first, second):
            _dropped(server)
        kept = [found for found in pool._pools.values() if found.route.address in (first.base_url, second.base_url)]
        assert len(kept) == 2
        kept[0].kept_until = kept[1].kept_until = 0.0
        shut = kept[0].shut
        monkeypatch.setattr(kept[0], "shut", lambda: 1 / 0)
        pool._close_over()
        assert _open_after(second if kept[1].route.address == second.base_url else first) == 0
        shut()


def test_one_thread_closes_all_kept_pools(kept_for: KeptFor, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    kept_for(60.0)
    monkeypatch.setattr(pool._thread, "start_new_thread", lambda *call: begun.append(call))
    with scripted(reply(body=answer())) as first, scripted(reply(body=answer())) as second:
        for server in (first, second, first):
            _dropped(server)
        assert len(begun) == 1


class _Moment(float):
    """A time that has something done when it is compared: a garbage collection may come between any two steps."""

    def __new__(cls, value: float, do: Callable[[], None]) -> _Moment:
        made = super().__new__(cls, value)
        made.do = do
        return made

    do: Callable[[], None]

    def __le__(self, other: float) -> bool:
        self.do()
        return super().__le__(other)


def test_a_client_collected_while_the_kept_pools_are_looked_at_is_not_forgotten(kept_for: KeptFor) -> None:
    kept_for(0.0, is_watched=False)
    with scripted(reply(body=answer())) as first, scripted(reply(body=answer())) as second:
        clients = [Client(api_key="k", base_url=second.base_url)]
        clients[0].chat("m", MESSAGES)
        Client(api_key="k", base_url=first.base_url).chat("m", MESSAGES)
        (kept,) = (found for found in pool._pools.values() if found.route.address == first.base_url)
        kept.kept_until = _Moment(0.0, clients.clear)
        pool._close_over()
        assert (_open_after(first), _open_after(second)) == (0, 0)
