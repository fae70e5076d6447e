"""Client and AsyncClient against scripted servers: the same requests, the same values, the same errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client
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
from tests.scripted import DONE, Act, answer, chunk, close, event, reply, scripted, stream
from tests.transport.calls import CALLS, HI, KEY, PIECES, Outcome, Pauses, async_call, collected, outcome, sync_call


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
def test_waits_as_long_as_it_is_told(call: Any) -> None:
    pauses = Pauses()
    with scripted(reply(429, retry_after="2"), reply(503, retry_after_ms="1500"), reply(body=answer())) as server:
        call(server, pauses, False)
    assert pauses.asked == [2.0, 1.5]


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


def test_nobody_there_is_a_connection_error() -> None:
    with pytest.raises(APIConnectionError):
        Client(api_key=KEY, base_url="http://127.0.0.1:9/v1", max_retries=0).chat("m", HI)


def test_errors_are_what_they_say() -> None:
    """The classes this table speaks of are the tree's, so one `except` catches them all."""
    kinds = (APITimeoutError, BadResponseError, IncompleteStreamError, RateLimitError, ServerError, StreamError)
    assert all(issubclass(kind, AIMLAPIError) for kind in kinds)
