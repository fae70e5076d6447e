"""The pools end with what they belong to."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.http import pool
from aimlapi_transport.http.proxies import environment_proxy
from tests.scripted import ScriptedServer, answer, reply, scripted

MESSAGES = [{"role": "user", "content": "Hi"}]


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


@pytest.mark.parametrize("is_dropped", [True, False])
def test_a_loop_that_is_just_closed_takes_its_connections_along(is_dropped: bool) -> None:
    """With the last client, or when the next loop makes a call: nobody can use them any more."""
    with scripted(reply(body=answer())) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        client = _asks(server)
        _in_a_loop_just_closed(lambda: client.chat("m", MESSAGES))
        if is_dropped:
            del client
        else:
            asyncio.run(client.chat("m", MESSAGES))
        assert _open_after(server) == 0


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
    found = environment_proxy(address)
    assert (found and found.url) == proxy


def test_a_loop_keeps_the_connections_of_clients_made_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a web handler makes a model for each of its requests."""
    monkeypatch.setattr(pool, "KEEP_SECONDS", 60.0)
    with scripted(reply(body=answer())) as server:

        async def main() -> None:
            for _ in range(20):
                await _asks(server).chat("m", MESSAGES)
                await asyncio.sleep(0)
            assert (server.connections, server.closed) == (1, 0)
            await _asks(server).aclose()  # one that never had a share in them
            async with _asks(server) as client:
                await client.chat("m", MESSAGES)
            assert (server.connections, await asyncio.to_thread(_open_after, server)) == (1, 0)

        asyncio.run(main())


def test_the_last_client_for_blocking_calls_takes_the_connections_along() -> None:
    """Without the collector's help, and no thread waits for them."""
    gc.disable()
    try:
        with scripted(reply(body=answer())) as server:
            first, second = (Client(api_key="k", base_url=server.base_url) for _ in range(2))
            threads = threading.active_count()
            for client in (first, second, first):
                client.chat("m", MESSAGES)
            del first, client
            second.chat("m", MESSAGES)
            assert (server.connections, server.closed) == (1, 0)
            del second
            assert (_open_after(server), threading.active_count()) == (0, threads)
    finally:
        gc.enable()


def test_connections_of_a_loop_end_some_time_after_their_last_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEEP_SECONDS", 0.1)
    with scripted(reply(body=answer())) as server:

        async def main() -> None:
            await _asks(server).chat("m", MESSAGES)
            assert await asyncio.to_thread(_open_after, server) == 0  # while the loop still runs

        asyncio.run(main())
        assert server.connections == 1


def test_closing_one_client_leaves_the_connections_of_another() -> None:
    with scripted(reply(body=answer())) as server:
        first, second = (Client(api_key="k", base_url=server.base_url) for _ in range(2))
        for client in (first, second):
            client.chat("m", MESSAGES)
        first.close()
        second.chat("m", MESSAGES)
        assert (server.connections, server.closed) == (1, 0)
        second.close()
        assert _open_after(server) == 0
        second.chat("m", MESSAGES)  # a closed one may be used again
        assert server.connections == 2
        second.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the program forks")
def test_a_forked_child_leaves_its_parents_connections_alone() -> None:
    """Also those of a loop that goes on in the parent, when the child drops and makes what it likes."""
    code = """
import asyncio, gc, os, sys
from aimlapi_transport import AsyncClient, Client
hi, url = [{"role": "user", "content": "Hi"}], sys.argv[1]

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60
    client, aclient = Client(api_key="k", base_url=url), AsyncClient(api_key="k", base_url=url)
    client.chat("m", hi), await aclient.chat("m", hi)
    child = os.fork()
    if not child:
        client.chat("m", hi)
        del client, aclient
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    client.chat("m", hi), await aclient.chat("m", hi)

asyncio.run(main())
"""
    with scripted(reply(body=answer())) as server:
        arguments = [sys.executable, "-X", "dev", "-W", "ignore:.*fork", "-c", code, server.base_url]
        ended = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (server.connections, _open_after(server)) == (3, 0)


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


def test_nobody_takes_a_share_in_a_pool_that_is_being_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that comes in between would keep a pool that connects anew for each call."""
    with scripted(reply(body=answer())) as server:
        first, second = (Client(api_key="k", base_url=server.base_url, max_retries=0) for _ in range(2))
        close = pool.Pool.close

        def close_late(closed: pool.Pool) -> None:
            second.chat("m", MESSAGES)
            close(closed)

        first.chat("m", MESSAGES)
        monkeypatch.setattr(pool.Pool, "close", close_late)
        first.close()
        monkeypatch.undo()
        before = server.connections
        for _ in range(3):
            second.chat("m", MESSAGES)
        assert server.connections == before
        second.close()
