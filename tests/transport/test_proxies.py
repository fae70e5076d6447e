"""A proxy that cannot be used, or does not answer, is named, and what names it; its password never is."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from collections.abc import Callable
from typing import Any

import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import APIConnectionError, InvalidRequestError
from aimlapi_transport.http.proxies import Proxy, environment_proxy, proxy_problem
from tests.scripted import answer, reply, scripted

HI = [{"role": "user", "content": "Hi"}]
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def ask(url: str, **config: Any) -> str:
    return Client(api_key="k", base_url=url, max_retries=0, **config).chat("m", HI).text


def aask(url: str, **config: Any) -> str:
    async def run() -> str:
        return (await AsyncClient(api_key="k", base_url=url, max_retries=0, **config).chat("m", HI)).text

    return asyncio.run(run())


Ask = Callable[..., str]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("ask", [ask, aask])
@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("ALL_PROXY", "socks://me:secret@10.0.0.1:1080", "ALL_PROXY names a proxy by socks://, .*write socks5://"),
        ("all_proxy", "socks4://10.0.0.1:1080", "all_proxy names a proxy by socks4://, .*write socks5://"),
        ("HTTP_PROXY", "ftp://me:secret@10.0.0.1", "HTTP_PROXY names a proxy by ftp://, .*write http://"),
        ("HTTP_PROXY", "http://", "HTTP_PROXY names a proxy without a host"),
        ("HTTP_PROXY", "http://[10.0.0.1", "HTTP_PROXY names a proxy without a host"),
        ("HTTP_PROXY", "http://10.0.0.1:port", "HTTP_PROXY names a proxy without a host"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_with_its_variable(
    variable: str, value: str, says: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidRequestError, match=says) as error:
        ask("http://api.example.com/v1")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("ask", [ask, aask])
def test_a_socks_proxy_without_its_package_says_what_to_install(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "socksio" else found(name))
    monkeypatch.setenv("ALL_PROXY", "socks5://10.0.0.1:1080")
    with pytest.raises(InvalidRequestError, match=r"ALL_PROXY names a SOCKS proxy.*pip install .httpx\[socks\]"):
        ask("http://api.example.com/v1")
    with pytest.raises(InvalidRequestError, match="`proxy` names a SOCKS proxy"):
        ask("http://api.example.com/v1", proxy="socks5h://10.0.0.2:1080")


@pytest.mark.parametrize("ask", [ask, aask])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", None])
def test_a_proxy_that_does_not_answer_is_named(
    variable: str | None, scheme: str, ask: Ask, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://me:secret@127.0.0.1:{closed_port}"
    if variable is not None:
        monkeypatch.setenv(variable.replace("HTTP", scheme.upper()), proxy)
    with pytest.raises(APIConnectionError) as error:
        ask(f"{scheme}://api.example.com/v1", **({} if variable else {"proxy": proxy}))
    source = "`proxy`" if variable is None else variable.replace("HTTP", scheme.upper())
    assert f"(through the proxy http://127.0.0.1:{closed_port}, set by {source})" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("ask", [ask, aask])
def test_a_proxy_that_refuses_is_named(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(reply(407)) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@127.0.0.1:{server.port}")
        with pytest.raises(APIConnectionError, match=f"127.0.0.1:{server.port}, set by HTTPS_PROXY") as error:
            ask("https://api.example.com/v1")
        assert "407" in str(error.value) and "secret" not in str(error.value)


@pytest.mark.parametrize("ask", [ask, aask])
def test_a_failure_behind_a_proxy_that_works_is_not_its_own(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(reply(body=answer())) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        assert ask("http://api.example.com/v1") == "Hello"


def test_what_doctor_asks() -> None:
    """Pure: no connection is made."""
    assert environment_proxy("https://api.example.com/v1") is None
    assert proxy_problem(Proxy("http://proxy.example.com:3128", "HTTPS_PROXY")) is None
    proxy = Proxy("https://me:secret@proxy.example.com", "ALL_PROXY")
    assert (proxy.name, str(proxy).count("secret")) == ("https://proxy.example.com, set by ALL_PROXY", 0)
