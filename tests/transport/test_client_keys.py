"""The key of the clients: where it comes from, and that it shows nowhere."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import Client
from aimlapi_transport.errors import (
    AIMLAPIError,
    AuthenticationError,
)
from tests.scripted import Act, answer, chunk, close, event, reply, scripted, stream
from tests.transport.calls import CALLS, HI, KEY, Pauses, sync_call


@pytest.mark.parametrize("variable", ["AIMLAPI_API_KEY", "AIML_API_KEY"])
def test_the_key_comes_from_the_environment_and_is_stripped(monkeypatch: Any, variable: str) -> None:
    monkeypatch.setenv(variable, f"  {KEY}\n")
    with scripted(reply(body=answer())) as server:
        Client(base_url=server.base_url).chat("m", HI)
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_no_key_is_said_at_the_call_and_no_other_vendors_key_is_sent(monkeypatch: Any) -> None:
    for name in ("AIMLAPI_API_KEY", "AIML_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with scripted(reply(body=answer())) as server:
        client = Client(base_url=server.base_url)
        with pytest.raises(AuthenticationError, match="AIMLAPI_API_KEY or AIML_API_KEY"):
            client.chat("m", HI)
        assert server.received == []
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    with pytest.raises(AuthenticationError, match="ANYFAST_API_KEY"):
        Client(preset="anyfast").chat("qwen3.6-flash", HI)


@pytest.mark.parametrize("key", ["sk-\x00abc", "sk-äbc", "sk-a\nbc", "sk-a bc"])
def test_a_malformed_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        Client(api_key=key).chat("m", HI)
    assert "bc" not in str(caught.value)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "act",
    [
        reply(401, {"message": f"bad key {KEY}"}),
        reply(body={"error": {"message": f"bad key {KEY}"}}),
        stream(chunk("x"), event({"error": f"bad {KEY}"})),
        stream(chunk("x"), f"data: {{{KEY}\n\n".encode()),
        stream(chunk("x"), end="reset"),
        stream(chunk("x"), event({"error": {"message": "bad", "request_id": KEY}})),
        close(),
        reply(307, location="http://elsewhere/"),
        reply(401, f"bad key {KEY}".encode()),
        reply(body=f"<html>bad key {KEY}</html>".encode()),
        # half of it within what is shown
        reply(401, b"x" * 16_375 + KEY.encode()),
        reply(body=b"<html>" + b"x" * 185 + KEY.encode()),
        stream(chunk("x"), b"data: {" + b"x" * 70 + KEY.encode() + b"\n\n"),
    ],
)
def test_the_key_shows_in_no_error_and_no_log(act: Act, streamed: bool, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(act) as server:
        with pytest.raises(AIMLAPIError) as caught:
            sync_call(server, Pauses(), streamed, max_retries=0)
        client = Client(api_key=KEY, base_url=server.base_url)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client) + caplog.text
    assert KEY[:7] not in shown
    assert KEY[:7].encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "act",
    [
        reply(307, location="http://elsewhere/", x_request_id=KEY),
        reply(307, location=f"http://{KEY}/"),
        reply(401, {"message": "bad"}, x_inference_id=KEY),
        reply(401, {"message": "bad"}, x_echo=KEY),
        reply(body={"error": "bad"}, x_inference_id=KEY),
        reply(body=b"<html>", x_inference_id=KEY),
        stream(chunk("x"), b"data: {oops\n\n", x_inference_id=KEY),
        stream(chunk("x"), x_inference_id=KEY),
        reply(body=answer(), content_encoding=KEY),
    ],
)
def test_the_key_shows_in_no_error_though_a_header_echoes_it(act: Act, streamed: bool) -> None:
    with scripted(act) as server, pytest.raises(AIMLAPIError) as caught:
        sync_call(server, Pauses(), streamed, max_retries=0)
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert KEY.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadError, httpx.DecodingError, httpx.InvalidURL])
def test_the_key_shows_in_nothing_that_httpx_says(kind: type[Exception]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise kind(f"about {KEY}")

    own = httpx.Client(transport=httpx.MockTransport(fail))
    client = Client(api_key=KEY, base_url=f"http://{KEY}/v1", http_client=own, max_retries=0)
    with pytest.raises(AIMLAPIError, match=r"\[key removed\]") as caught:
        client.chat("m", HI)
    assert KEY not in f"{caught.value}{caught.value!r}{vars(caught.value)}"


def test_an_async_key_function_is_refused() -> None:
    async def key() -> str:
        return KEY

    with pytest.raises(AuthenticationError, match="async function"):
        Client(api_key=key).chat("m", HI)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    "act",
    [
        *(close(), reply(503), stream(chunk("x"), end="reset"), reply(body=b"{oops")),
        reply(401, {"message": f"bad key {KEY}"}),
        stream(chunk("x"), event({"error": f"bad {KEY}"})),
    ],
)
@pytest.mark.parametrize("call", CALLS)
def test_no_error_leads_to_the_key(act: Act, call: Any, streamed: bool) -> None:
    """Through its cause, its context, their requests, or the local variables of its traceback."""
    with scripted(act) as server, pytest.raises(AIMLAPIError) as caught:
        call(server, Pauses(), streamed, max_retries=0)
    error: BaseException | None = caught.value
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in frames.stack if "aimlapi_transport" in frame.filename]
    assert ours
    assert KEY not in repr([frame.locals for frame in ours])
    while error is not None:
        assert getattr(error, "_request", None) is None
        error = error.__cause__ or error.__context__
    assert KEY not in repr(vars(Client(api_key=KEY)))
