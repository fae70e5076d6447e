"""The settings of the clients: addresses, timeouts, headers, proxies, sockets, clients of one's own."""

from __future__ import annotations

import asyncio
import socket
import warnings
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client, UnlistedParameterWarning
from aimlapi_transport.errors import (
    InvalidRequestError,
)
from tests.scripted import answer, reply, scripted
from tests.transport.calls import HI, KEY


def test_an_unlisted_parameter_is_warned_of_once() -> None:
    with scripted(reply(body=answer())) as server:
        client = Client(api_key=KEY, base_url=server.base_url)
        with pytest.warns(UnlistedParameterWarning, match=r"`top_a`.*minimax/m1"):
            client.chat("minimax/m1", HI, top_a=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client.chat("minimax/m1", HI, top_a=1)
        assert [request.body["top_a"] for request in server.received] == [1, 1]


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"max_retries": -1}, "`max_retries` is -1"),
        ({"max_retries": "2"}, "`max_retries` is '2'"),
        ({"base_url": "api.aimlapi.com"}, "starts with https"),
        ({"base_url": "https://[bad/v1"}, "a valid host and port"),
        ({"base_url": "https://exa mple.com/v1"}, "a valid host and port"),
        ({"base_url": "https://host:99999/v1"}, "a valid host and port"),
        ({"preset": "openai"}, "aimlapi, powertokens, anyfast"),
    ],
)
def test_a_wrong_setting_names_itself(config: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        Client(**config)


def test_addresses(monkeypatch: Any) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "https://proxy.example/v1/")
    assert Client().base_url == "https://proxy.example/v1"
    assert Client(base_url="http://127.0.0.1:1/v1").base_url == "http://127.0.0.1:1/v1"
    assert Client(preset="anyfast").base_url == "https://www.anyfast.ai/v1"


def test_an_address_from_the_environment_decides_the_rules_too(monkeypatch: Any) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", "https://api.powertokens.ai/v1")
    assert Client().preset.name == "powertokens"
    assert Client(preset="aimlapi").preset.name == "aimlapi"


def test_a_blank_variable_hides_no_other(monkeypatch: Any) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "  ")
    monkeypatch.setenv("AIML_API_KEY", KEY)
    assert Client().read_key().value == KEY


@pytest.mark.parametrize("timeout", ["60", (1, 2, 3), -1, 0])
def test_a_wrong_timeout_names_itself(timeout: Any) -> None:
    with pytest.raises(InvalidRequestError, match="`timeout`"):
        Client(api_key=KEY).chat("m", HI, timeout=timeout)


def test_a_header_no_header_carries_names_itself() -> None:
    with pytest.raises(InvalidRequestError, match="X-Title"):
        Client(api_key=KEY, headers={"X-Title": "Caf\u00e9\n"}).chat("m", HI)


def test_a_client_of_ones_own_keeps_its_headers() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer())

    own = httpx.Client(transport=httpx.MockTransport(handle), headers={"X-Corp": "1"}, params={"tenant": "a"})
    Client(api_key=KEY, http_client=own).chat("m", HI, extra_query={"b": "2"})
    assert seen[0].headers["x-corp"] == "1"
    assert dict(seen[0].url.params) == {"tenant": "a", "b": "2"}
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_client_of_ones_own_is_used_and_left_open() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer())

    own = httpx.Client(transport=httpx.MockTransport(handle))
    assert Client(api_key=KEY, http_client=own).chat("m", HI).text == "Hello"
    assert str(seen[0].url) == "https://api.aimlapi.com/v1/chat/completions"
    assert not own.is_closed


def test_requests_go_through_the_proxy_and_the_environments_is_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sync and async, with socket options and without."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    with scripted(reply(body=answer("Hello"))) as proxy:
        through = f"http://user:secret@127.0.0.1:{proxy.port}"
        for socket_options in (None, options):
            config: Any = {"api_key": KEY, "base_url": "http://api.example/v1", "proxy": through}
            config["socket_options"] = socket_options
            with Client(**config) as client:
                assert client.chat("m", HI).text == "Hello"
                assert "secret" not in repr(vars(client))

            async def ask(config: Any) -> str:
                async with AsyncClient(**config) as client:
                    return (await client.chat("m", HI)).text

            assert asyncio.run(ask(config)) == "Hello"
        assert [sent.path for sent in proxy.received] == ["http://api.example/v1/chat/completions"] * 4
        assert {sent.headers["proxy-authorization"] for sent in proxy.received} == {"Basic dXNlcjpzZWNyZXQ="}


def test_the_sockets_have_the_options_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(socket.socket, "setsockopt", lambda _, *option: seen.append(option), raising=False)
    with scripted(reply(body=answer("Hello"))) as server:
        mine = (socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        for socket_options in (None, [mine]):
            with Client(api_key=KEY, base_url=server.base_url, socket_options=socket_options) as client:
                client.chat("m", HI)
            assert (mine in seen) is bool(socket_options)


@pytest.mark.parametrize("proxy", ["proxy", "ftp://proxy", "http://", 3])
def test_what_is_no_proxy_is_refused_without_its_password(proxy: Any) -> None:
    with pytest.raises(InvalidRequestError, match="not the URL of a proxy: pass one that begins with http://"):
        Client(proxy=proxy)
