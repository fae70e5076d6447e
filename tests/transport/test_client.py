"""Client and AsyncClient against scripted servers: the same requests, the same values, the same errors."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import socket
import time
import traceback
import warnings
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.client import AsyncClient, Client, UnlistedParameterWarning
from aimlapi_transport.config.settings import Route
from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
    StreamError,
)
from aimlapi_transport.http.pool import PoolHandle
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
from tests.scripted import DONE, Act, ScriptedServer, answer, chunk, close, event, reply, scripted, stream

KEY = "sk-test-0123456789"
HI = [{"role": "user", "content": "Hi"}]
PIECES = (chunk("He", role="assistant"), chunk("llo"), chunk(finish="stop"))

Outcome = tuple[str, Any, int, tuple[float, ...]]


async def _answer_to(client: AsyncClient, *asked: Any, **options: Any) -> None:
    await client.chat(*asked, **options)
    async for _ in client.stream_chat(*asked, **options):
        pass


@pytest.mark.parametrize("is_async", [False, True])
def test_whole_and_streamed_every_option_of_a_call_arrives(is_async: bool) -> None:
    sent: list[httpx.Request] = []

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=answer("Hello"))

    history = [*HI, {"role": "assistant", "content": "Ho", "reasoning_content": "why"}, *HI]
    options: dict[str, Any] = {
        "timeout": 7.0,
        "client_request_id": "mine",
        "replay_reasoning": True,
        "temperature": 0.5,
    }
    options |= {"extra_body": {"x": 1}, "extra_headers": {"X-Mine": "2"}, "extra_query": {"q": "3"}}
    transport = httpx.MockTransport(answered)
    if is_async:
        own = httpx.AsyncClient(transport=transport)
        asyncio.run(_answer_to(AsyncClient(api_key=KEY, http_client=own), "m", history, **options))
    else:
        client = Client(api_key=KEY, http_client=httpx.Client(transport=transport))
        client.chat("m", history, **options)
        assert list(client.stream_chat("m", history, **options))
    for request, is_stream in zip(sent, (False, True), strict=True):
        body = json.loads(request.content)
        assert (body["model"], body["temperature"], body["x"], body.get("stream", False)) == ("m", 0.5, 1, is_stream)
        assert body["messages"][1]["reasoning_content"] == "why"
        assert (request.headers["x-mine"], request.headers["x-client-request-id"]) == ("2", "mine")
        assert request.url.params["q"] == "3"
        assert request.extensions["timeout"]["read"] == 7.0


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


def async_call(server: ScriptedServer, pauses: Pauses, streamed: bool, **config: Any) -> tuple[str, Completion]:
    async def run() -> tuple[str, Completion]:
        client = AsyncClient(api_key=KEY, base_url=server.base_url, sleep=pauses.asleep, **config)
        if not streamed:
            completion = await client.chat("m", HI)
            return completion.text, completion
        async with aclosing(client.stream_chat("m", HI)) as deltas:
            return collected(iter([delta async for delta in deltas]))

    return asyncio.run(run())


def async_own_call(
    server: ScriptedServer, pauses: Pauses, streamed: bool, *, library: Any = httpx, **config: Any
) -> tuple[str, Completion]:
    async def run() -> tuple[str, Completion]:
        async with library.AsyncClient() as http:
            client = AsyncClient(api_key=KEY, base_url=server.base_url, sleep=pauses.asleep, http_client=http, **config)
            if not streamed:
                completion = await client.chat("m", HI)
                return completion.text, completion
            async with aclosing(client.stream_chat("m", HI)) as deltas:
                return collected(iter([delta async for delta in deltas]))

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


ERROR = {"requestId": "r", "statusCode": 400, "message": "no"}
LATE = {"retry_after": "3600"}

WHOLE: list[tuple[str, tuple[Act, ...], Outcome]] = [
    ("ok", (reply(body=answer()),), ("Hello", "stop", 1, ())),
    ("created", (reply(201, answer()),), ("Hello", "stop", 1, ())),
    ("400", (reply(400, ERROR),), ("InvalidRequestError", (400, None), 1, ())),
    ("503 then ok", (reply(503), reply(body=answer())), ("Hello", "stop", 2, (True,))),
    ("503 always", (reply(503),), ("ServerError", (503, None), 3, (True, True))),
    ("429 told an hour", (reply(429, **LATE),), ("RateLimitError", (429, None), 1, ())),
    ("should not retry", (reply(503, x_should_retry="false"),), ("ServerError", (503, None), 1, ())),
    ("reset then ok", (close(reset=True), reply(body=answer())), ("Hello", "stop", 2, (True,))),
    ("closed always", (close(),), ("APIConnectionError", (None, None), 3, (True, True))),
    ("204", (reply(204, content_length="0"),), ("BadResponseError", (204, None), 1, ())),
    ("html", (reply(body=b"<html>login</html>", content_type="text/html"),), ("BadResponseError", (None, None), 1, ())),
    ("empty", (reply(body=b""),), ("BadResponseError", (None, None), 1, ())),
    ("not json", (reply(body=b"{oops"),), ("BadResponseError", (None, None), 1, ())),
    ("null", (reply(body=b"null"),), ("BadResponseError", (None, None), 1, ())),
    ("no choices", (reply(body={"id": "x"}),), ("BadResponseError", (None, None), 1, ())),
    ("error object", (reply(body={"error": {"message": "no"}}),), ("BadResponseError", (None, None), 1, ())),
    ("flat 503 in a 200", (reply(body={**ERROR, "statusCode": 503}),), ("ServerError", (503, None), 3, (True, True))),
    ("leading blanks", (reply(body=b"\n \n" + b'{"choices":[{"message":{"content":"x"}}]}'),), ("x", None, 1, ())),
    ("byte order mark", (reply(body=b'\xef\xbb\xbf{"choices":[{"message":{"content":"x"}}]}'),), ("x", None, 1, ())),
    ("half a body then ok", (reply(body=answer(), cut=True), reply(body=answer())), ("Hello", "stop", 2, (True,))),
    ("a stream unasked", (stream(*PIECES, DONE),), ("Hello", "stop", 1, ())),
    ("bad gzip", (reply(body=answer(), content_encoding="gzip"),), ("BadResponseError", (None, None), 1, ())),
    ("redirect away", (reply(307, location="http://127.0.0.1:1/x"),), ("BadResponseError", (307, None), 1, ())),
    ("redirect within", (reply(308, location="/v1/other"), reply(body=answer())), ("Hello", "stop", 2, ())),
    ("redirect for ever", (reply(307, location="/v1/x"),), ("BadResponseError", (None, None), 6, ())),
    ("redirect 302", (reply(302, location="/v1/x"),), ("BadResponseError", (302, None), 1, ())),
]

STREAMED: list[tuple[str, tuple[Act, ...], Outcome]] = [
    ("ok", (stream(*PIECES, DONE),), ("Hello", "stop", 1, ())),
    ("no done", (stream(*PIECES),), ("Hello", "stop", 1, ())),
    ("done without finish", (stream(chunk("Hello"), DONE),), ("Hello", None, 1, ())),
    ("neither", (stream(chunk("He")),), ("IncompleteStreamError", (None, "He"), 1, ())),
    ("cut", (stream(chunk("He"), end="cut"),), ("IncompleteStreamError", (None, "He"), 1, ())),
    ("reset", (stream(chunk("He"), end="reset"),), ("IncompleteStreamError", (None, "He"), 1, ())),
    ("cut inside an event", (stream(chunk("He"), b"data: {\"cho"),), ("IncompleteStreamError", (None, "He"), 1, ())),
    ("cut at once then ok", (stream(end="cut"), stream(*PIECES)), ("Hello", "stop", 2, (True,))),
    ("cut after a role then ok", (stream(chunk(role="assistant"), end="cut"), stream(*PIECES)), ("Hello", "stop", 2, (True,))),
    ("cut after the finish", (stream(*PIECES, end="cut"),), ("Hello", "stop", 1, ())),
    ("nothing", (stream(),), ("BadResponseError", (None, None), 1, ())),
    ("only done", (stream(DONE),), ("BadResponseError", (None, None), 1, ())),
    ("503 then ok", (reply(503), stream(*PIECES)), ("Hello", "stop", 2, (True,))),
    ("error first then ok", (stream(event({"error": {"message": "x"}})), stream(*PIECES)), ("Hello", "stop", 2, (True,))),
    ("error later", (stream(chunk("He"), event({"error": "x"})),), ("StreamError", (None, "He"), 1, ())),
    ("named error", (stream(chunk("He"), b"event: error\n" + event({"message": "x"})),), ("StreamError", (None, "He"), 1, ())),
    ("flat error", (stream(chunk("He"), event({**ERROR, "statusCode": 500}), DONE),), ("ServerError", (500, "He"), 1, ())),
    ("broken json", (stream(chunk("He"), b"data: {broken\n\n", *PIECES),), ("StreamError", (None, "He"), 1, ())),
    ("unterminated", (stream(chunk("He"), chunk("llo", finish="stop").rstrip()),), ("Hello", "stop", 1, ())),
    ("json instead", (reply(body=answer()),), ("Hello", "stop", 1, ())),
    ("mislabelled", (stream(*PIECES, content_type="application/json"),), ("Hello", "stop", 1, ())),
    ("html", (reply(body=b"<html>", content_type="text/html"),), ("BadResponseError", (None, None), 1, ())),
    ("null choices", (stream(event({"choices": None}), *PIECES),), ("Hello", "stop", 1, ())),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("acts", "expected"), [case[1:] for case in WHOLE], ids=[case[0] for case in WHOLE])
def test_a_whole_answer(call: Callable[..., Any], acts: tuple[Act, ...], expected: Outcome) -> None:
    """Sync and async alike: one table holds for both."""
    assert outcome(call, acts, False) == expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("acts", "expected"), [case[1:] for case in STREAMED], ids=[case[0] for case in STREAMED])
def test_a_streamed_answer(call: Callable[..., Any], acts: tuple[Act, ...], expected: Outcome) -> None:
    assert outcome(call, acts, True) == expected


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_max_retries_is_at_most_that_many_further_requests(call: Any, streamed: bool, retries: int) -> None:
    assert outcome(call, (reply(500),), streamed, max_retries=retries)[2] == retries + 1


@pytest.mark.parametrize("call", [sync_call, async_call])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_that_succeeds_gives_its_retries_back(call: Any, streamed: bool) -> None:
    """And one that needed none adds a fifth of one."""
    whole = stream(*PIECES, DONE) if streamed else reply(body=answer())
    pool_handle = PoolHandle()
    with scripted(reply(503), reply(503), whole) as server:
        quota = pool_handle.pool(Route(server.base_url)).retry_budget
        quota._left, quota._clock = 10.0, lambda: quota._seen  # no second passes, which would bring one back
        call(server, Pauses(), streamed, pool_handle=pool_handle)
        after_retries = quota._left
        call(server, Pauses(), streamed, pool_handle=pool_handle)
    pool_handle.close()
    assert len(server.received) == 4
    assert (after_retries, quota._left) == (pytest.approx(10), pytest.approx(10.2))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("streamed", [False, True])
def test_silence_is_a_timeout(call: Any, streamed: bool) -> None:
    act = stream(chunk("He"), end="stall") if streamed else stream(b" ", end="stall")
    name, details, requests, _ = outcome(call, (act,), streamed, timeout=0.3, max_retries=0)
    assert (name, requests) == ("APITimeoutError", 1)
    assert details == (None, "He" if streamed else None)


@pytest.mark.parametrize("call", CALLS)
def test_keep_alives_are_no_progress(call: Any) -> None:
    act = stream(chunk("He"), *[b": PROCESSING\n\n"] * 40, pause=0.05)
    assert outcome(call, (act,), True, timeout=0.3, max_retries=0)[:2] == ("APITimeoutError", (None, "He"))


@pytest.mark.parametrize("call", CALLS)
def test_a_slow_but_living_stream_is_not_cut(call: Any) -> None:
    act = stream(*[chunk("x")] * 12, chunk(finish="stop"), pause=0.1)
    assert outcome(call, (act,), True, timeout=1.0) == ("x" * 12, "stop", 1, ())


@pytest.mark.parametrize("call", CALLS)
def test_waits_as_long_as_it_is_told(call: Any) -> None:
    pauses = Pauses()
    with scripted(reply(429, retry_after="2"), reply(503, retry_after_ms="1500"), reply(body=answer())) as server:
        call(server, pauses, False)
    assert pauses.asked == [2.0, 1.5]


def test_finished_streams_give_their_connection_back() -> None:
    """Ten streams in a row use one connection: the end of the body is read after the end of the answer."""
    with scripted(stream(*PIECES, DONE)) as server:
        client = Client(api_key=KEY, base_url=server.base_url)
        for _ in range(10):
            collected(client.stream_chat("m", HI))
        assert server.connections == 1

        async def ten() -> None:
            for _ in range(10):
                async for _ in AsyncClient(api_key=KEY, base_url=server.base_url).stream_chat("m", HI):
                    pass

        asyncio.run(ten())
        assert server.connections == 2


def eventually(check: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not check() and time.monotonic() < end:
        time.sleep(0.01)
    return check()


ENDLESS = stream(*[chunk("x")] * 2000, pause=0.01)


def test_a_stream_left_early_frees_its_connection_at_once() -> None:
    with scripted(ENDLESS) as server:
        deltas = Client(api_key=KEY, base_url=server.base_url).stream_chat("m", HI)
        next(deltas)
        deltas.close()  # type: ignore[attr-defined]  # a generator, though it says Iterator
        assert eventually(lambda: server.closed == 1)


@pytest.mark.parametrize("how", ["aclose", "cancel"])
def test_an_async_stream_left_early_frees_its_connection_at_once(how: str) -> None:
    """Without the garbage collector's help."""

    async def run(server: ScriptedServer) -> None:
        deltas: AsyncGenerator[Delta, None] = AsyncClient(api_key=KEY, base_url=server.base_url).stream_chat("m", HI)
        await anext(deltas)
        if how == "aclose":
            await deltas.aclose()
        else:
            task = asyncio.ensure_future(_drain(deltas))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        for _ in range(2000):
            if server.closed:
                break
            await asyncio.sleep(0.01)
        assert server.closed == 1

    gc.disable()
    try:
        with scripted(ENDLESS) as server:
            asyncio.run(run(server))
    finally:
        gc.enable()


class Body(httpx.AsyncByteStream):
    """A body without end that knows whether it was closed."""

    is_closed = False

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while True:
            yield chunk("x")

    async def aclose(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("layer", ["transport", "langchain", "llama_index chat", "llama_index complete"])
async def test_an_async_stream_is_closed_before_its_aclose_returns(layer: str) -> None:
    """Not when the garbage collector comes by: every layer iterates inside `aclosing`."""
    body = Body()
    own = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))
    stream: Any
    if layer == "transport":
        stream = AsyncClient(api_key=KEY, http_client=own).stream_chat("m", HI)
    elif layer == "langchain":
        stream = ChatAIMLAPI(model="m", api_key=KEY, http_async_client=own)._astream([HumanMessage("Hi")])
    else:
        llm = AIMLAPI(model="m", api_key=KEY, async_http_client=own)
        stream = await (llm.astream_complete("Hi") if "complete" in layer else llm.astream_chat([ChatMessage("Hi")]))
    await anext(stream)
    assert not body.is_closed
    await stream.aclose()
    assert body.is_closed


async def _drain(deltas: AsyncGenerator[Delta, None]) -> None:
    async for _ in deltas:
        pass


def test_one_client_serves_many_loops() -> None:
    with scripted(reply(body=answer())) as server:
        client = AsyncClient(api_key=KEY, base_url=server.base_url, max_retries=0)
        assert [asyncio.run(client.chat("m", HI)).text for _ in range(3)] == ["Hello"] * 3
        assert len(server.received) == 3


def test_a_server_that_dropped_the_idle_connection_is_asked_again_without_a_retry() -> None:
    with scripted(reply(body=answer(), connection="close")) as server:
        client = Client(api_key=KEY, base_url=server.base_url, max_retries=0)
        assert [client.chat("m", HI).text for _ in range(3)] == ["Hello"] * 3


def test_ids_and_cost_come_back() -> None:
    headers = {"x_inference_id": "inf-1", "x_client_request_id": "mine", "x_aimlapi_credits_used": "20"}
    with scripted(reply(body=answer(), **headers), stream(*PIECES, **headers), reply(400, ERROR, **headers)) as server:
        client = Client(api_key=KEY, base_url=server.base_url)
        completion = client.chat("m", HI, client_request_id="mine")
        _, streamed = collected(client.stream_chat("m", HI, client_request_id="mine"))
        with pytest.raises(InvalidRequestError) as caught:
            client.chat("m", HI)
        assert [request.headers.get("x-client-request-id") for request in server.received] == ["mine", "mine", None]
    for one in (completion, streamed):
        assert (one.inference_id, one.client_request_id) == ("inf-1", "mine")
        assert one.cost is not None
        assert (one.cost.usd, one.cost.credits) == (0.00001, 20)
    assert caught.value.request_id == "inf-1"


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


def test_an_error_keeps_the_replys_headers_but_for_its_cookies() -> None:
    act = reply(401, {"message": "no"}, set_cookie="session=1", x_inference_id="inf", x_other="2")
    with scripted(act) as server, pytest.raises(AuthenticationError) as caught:
        sync_call(server, Pauses(), False)
    assert (caught.value.request_id, caught.value.headers["x-other"]) == ("inf", "2")
    assert "set-cookie" not in caught.value.headers


@pytest.mark.parametrize("error", [{"message": "bad"}, {"message": "bad", "request_id": "other"}])
def test_an_error_in_a_reply_is_known_by_the_replys_id(error: dict[str, str]) -> None:
    act = reply(body={"error": error}, x_inference_id="inf")
    with scripted(act) as server, pytest.raises(AIMLAPIError) as caught:
        sync_call(server, Pauses(), False, max_retries=0)
    assert caught.value.request_id == "inf"


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
        ({"base_url": "https://[bad/v1"}, "starts with https"),
        ({"base_url": "https://exa mple.com/v1"}, "starts with https"),
        ({"base_url": "https://host:99999/v1"}, "starts with https"),
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


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cut", [1, 2])
def test_a_byte_order_mark_cut_anywhere_loses_nothing(call: Any, cut: int) -> None:
    data = b"\xef\xbb\xbf" + b"".join(PIECES)
    assert outcome(call, (stream(data[:cut], data[cut:], pause=0.02),), True) == ("Hello", "stop", 1, ())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("pieces", [PIECES, (*PIECES, DONE)])
def test_silence_after_the_end_of_an_answer_takes_nothing_away(call: Any, pieces: tuple[bytes, ...]) -> None:
    """And does not keep the caller for the whole timeout once [DONE] was said."""
    start = time.monotonic()
    timeout = 30 if DONE in pieces else 0.3
    assert outcome(call, (stream(*pieces, end="stall"),), True, timeout=timeout) == ("Hello", "stop", 1, ())
    assert time.monotonic() - start < 10


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


def test_nobody_there_is_a_connection_error() -> None:
    with pytest.raises(APIConnectionError):
        Client(api_key=KEY, base_url="http://127.0.0.1:9/v1", max_retries=0).chat("m", HI)


def test_errors_are_what_they_say() -> None:
    """The classes this table speaks of are the tree's, so one `except` catches them all."""
    kinds = (APITimeoutError, BadResponseError, IncompleteStreamError, RateLimitError, ServerError, StreamError)
    assert all(issubclass(kind, AIMLAPIError) for kind in kinds)


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
    with pytest.raises(InvalidRequestError, match="no proxy's URL: pass one that begins with http://"):
        Client(proxy=proxy)
