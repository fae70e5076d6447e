"""What `aimlapi doctor` finds, each by what a user would have set up wrong."""

from __future__ import annotations

import json
import socket
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import time

import pytest

from aimlapi_emulator import EmulatorServer
from tests.cli.conftest import Cli

Lines = dict[str, dict[str, str]]


def found(cli: Cli, *line: str) -> Lines:
    """The findings; where one is wrong, the exit code says so, and each wrong one says what to do."""
    ran = cli("doctor", "--json", *line)
    lines = json.loads(ran.out)
    wrong = [one for one in lines if one["state"] == "wrong"]
    assert ran.code == (1 if wrong else 0) and ran.err == ""
    assert all(one["advice"] for one in wrong), wrong
    return {one["what"]: one for one in lines}


def test_an_address_without_v1(cli: Cli, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", server.url)
    line = found(cli)["address"]
    assert line["state"] == "wrong" and "has no /v1" in line["found"]
    assert line["advice"] == f"Set it to {server.base_url}"
    line = found(cli, "--base-url", "https://api.aimlapi.com")["address"]
    assert line["state"] == "wrong" and line["advice"] == "Set it to https://api.aimlapi.com/v1"


def test_an_address_that_has_another_version_is_none_without(cli: Cli, server: EmulatorServer) -> None:
    assert found(cli)["address"]["state"] == "ok"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("http://user:secret@127.0.0.1:9", "127.0.0.1:9 does not answer"),
        ("127.0.0.1:9", "127.0.0.1:9 does not answer"),
        ("ftp://user:secret@127.0.0.1:9", "ftp://, which cannot be used"),
        ("socks4://127.0.0.1:9", "socks4://, which cannot be used"),
        ("http://", "without a host"),
    ],
)
def test_a_proxy_that_is_dead_or_of_an_unknown_scheme(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str, says: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIMLAPI_API_BASE", "http://api.example/v1")
    monkeypatch.setenv(variable, proxy)
    lines = found(cli)
    assert lines["proxy"]["state"] == "wrong" and says in lines["proxy"]["found"]
    assert variable in lines["proxy"]["found"] + lines["proxy"]["advice"]
    assert "secret" not in json.dumps(lines) and lines["models"]["state"] == "left out"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("sk-proj-0123456789abcdef", "those of OpenAI"), ("sk-ant-api03-0123456789", "those of Anthropic"),
        ("AIzaSy0123456789", "those of Google"), ("sk-or-v1-0123456789", "those of OpenRouter"),
        ('"0123456789abcdef"', "in quotes"), ("<YOUR_API_KEY>", "a placeholder"), ("your-api-key", "a placeholder"),
        ("Bearer0123456789", "begins with `Bearer`"), ("0123 456789", "a character that no key has"),
    ],
)  # fmt: skip
def test_a_key_of_the_wrong_kind(cli: Cli, monkeypatch: pytest.MonkeyPatch, key: str, says: str) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", key)
    lines = found(cli)
    assert lines["key"]["state"] == "wrong" and says in lines["key"]["found"]
    assert key not in json.dumps(lines)


def test_what_kind_a_key_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(cli)["kind of key"]["found"].startswith("regular")
    monkeypatch.setenv("AIMLAPI_API_KEY", "management-key-0123456789")
    assert found(cli)["kind of key"]["found"].startswith("management")


def test_two_keys(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIML_API_KEY", "sk-another-0123456789")
    line = found(cli)["other key"]
    assert line["state"] == "wrong" and "AIML_API_KEY holds another key than AIMLAPI_API_KEY" in line["found"]


@pytest.mark.parametrize(("seconds", "state"), [(-3600, "wrong"), (3600, "wrong"), (0, "ok")])
def test_a_clock_that_is_off(cli: Cli, seconds: int, state: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time() + seconds, usegmt=True)

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        line = found(cli, "--base-url", f"http://127.0.0.1:{server.server_port}/v1")["clock"]
        server.shutdown()
        thread.join()
    assert line["state"] == state and ("s off" in line["found"]) == (state == "wrong")


@pytest.mark.parametrize("one", ["http://127.0.0.1:9/v1", "https://api.example/v1"])
def test_two_names_of_the_address_that_say_different_things(
    cli: Cli, server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, one: str
) -> None:
    monkeypatch.setenv("AIMLAPI_BASE_URL", one)
    line = found(cli)["address"]
    assert line["state"] == "wrong" and "AIMLAPI_API_BASE and AIMLAPI_BASE_URL are both set" in line["found"]
    for other in (("models", "gpt-4o"), ("ask", "m", "q"), ("balance",)):
        ran = cli(*other)
        assert ran.code == 2 and "AIMLAPI_API_BASE and AIMLAPI_BASE_URL are both set" in ran.err
    monkeypatch.setenv("AIMLAPI_BASE_URL", server.base_url)
    assert found(cli)["address"]["state"] == "ok"
    monkeypatch.delenv("AIMLAPI_API_BASE")
    assert "(AIMLAPI_BASE_URL)" in found(cli)["address"]["found"] and cli("models", "gpt-4o").code == 0


def test_a_server_that_is_not_there(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = found(cli, "--base-url", f"http://127.0.0.1:{port}/v1")["models"]
    assert line["state"] == "wrong" and "refused" in line["found"]
