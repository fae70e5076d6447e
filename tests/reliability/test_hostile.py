"""Servers that mean harm: what they send is bounded in memory and in time, and comes to an error of ours."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.embeddings import embedding_request
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, BadResponseError, InvalidRequestError
from tests.reliability.forms import FORMS, Form, came
from tests.scripted import DONE, Act, answer, chunk, event, reply, scripted, stream

KEY = "sk-test-0123456789abcdef"
HI = [{"role": "user", "content": "Hi"}]
SMALL = Limits(reply=200_000, event=50_000, choices=100)
MEGABYTE = 1024 * 1024


def whole(url: str, **config: Any) -> Any:
    return Client(api_key=KEY, base_url=url, max_retries=0, **config).chat("m", HI).text


def streamed(url: str, **config: Any) -> Any:
    return [delta.text for delta in Client(api_key=KEY, base_url=url, max_retries=0, **config).stream_chat("m", HI)]


def awhole(url: str, **config: Any) -> Any:
    return asyncio.run(AsyncClient(api_key=KEY, base_url=url, max_retries=0, **config).chat("m", HI)).text


def astreamed(url: str, **config: Any) -> Any:
    async def run() -> list[str]:
        client = AsyncClient(api_key=KEY, base_url=url, max_retries=0, **config)
        return [delta.text async for delta in client.stream_chat("m", HI)]

    return asyncio.run(run())


def embedded(url: str, **config: Any) -> Any:
    client = Client(api_key=KEY, base_url=url, max_retries=0, **config)
    return client.embed(embedding_request("voyage-2", ["a"]), 1)


def aembedded(url: str, **config: Any) -> Any:
    client = AsyncClient(api_key=KEY, base_url=url, max_retries=0, **config)
    return asyncio.run(client.embed(embedding_request("voyage-2", ["a"]), 1))


CHAT = (whole, streamed, awhole, astreamed)
ALL = (*CHAT, embedded, aembedded)


def endless(head: str, piece: bytes, *, pause: float = 0.0) -> Act:
    """The same bytes for ever, as long as somebody reads."""

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode() if head else b"")
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return act


def bomb(times: int, unpacked: bytes) -> bytes:
    """Gzip in layers."""
    packed = unpacked
    for _ in range(times):
        packed = gzip.compress(packed, 9)
    return packed


def deep(levels: int) -> bytes:
    return b'{"error":' * levels + b"1" + b"}" * levels


def calls(count: int) -> list[dict[str, Any]]:
    return [{"index": n, "id": f"c{n}", "function": {"name": "f", "arguments": "{}"}} for n in range(count)]


OCTETS = "200 OK\r\ncontent-type: text/event-stream"
PLAIN = "200 OK\r\ncontent-type: application/json"
BAD, LATE = BadResponseError, APITimeoutError
HOSTILE: dict[
    str, tuple[Act, type[AIMLAPIError] | tuple[type[AIMLAPIError], ...], str, tuple[Callable[..., Any], ...]]
] = {
    "a reply without end": (endless(PLAIN, b'{"x":"' + b"x" * 10_000), BAD, "longer than the limit of 200,000", ALL),
    "blank lines without end": (endless(PLAIN, b"\n" * 10_000), BAD, "longer than the limit of 200,000", ALL),
    "comments without end": (endless(OCTETS, b": x\n\n" * 2_000), BAD, "longer than the limit of 200,000", CHAT),
    "events without end": (endless(OCTETS, chunk("x" * 1000)), BAD, "longer than the limit of 200,000", CHAT),
    "an event without end": (endless(OCTETS, b"data: " + b"x" * 10_000), BAD, "event of the stream is longer", CHAT),
    "a line of one byte at a time": (
        stream(b"data: ", *[b"x"] * 300, b"x" * 60_000),
        BAD,
        "event of the stream is longer",
        CHAT,
    ),
    "headers without end": (endless("200 OK", b"x-more: " + b"x" * 1000 + b"\r\n"), AIMLAPIError, "", ALL),
    "one header without end": (endless("200 OK\r\nx-more: ", b"x" * 10_000), AIMLAPIError, "", ALL),
    "a status line without end": (endless("", b"HTTP/1.1 200 " + b"x" * 10_000), AIMLAPIError, "", ALL),
    "a refusal without end": (
        endless("400 Bad\r\ncontent-type: text/plain", b"x" * 10_000),
        InvalidRequestError,
        "",
        ALL,
    ),
    "keep-alive blanks": (endless(PLAIN, b"\n", pause=0.05), LATE, "only keep-alives", CHAT),
    "keep-alive comments": (endless(OCTETS, b": x\n\n", pause=0.05), LATE, "only keep-alives", CHAT),
    "a bomb": (
        reply(body=bomb(1, b'{"x":"' + b"x" * 30 * MEGABYTE), content_encoding="gzip"),
        BAD,
        "longer than the limit",
        ALL,
    ),
    "a bomb in layers": (
        reply(body=bomb(3, b" " * 30 * MEGABYTE), content_encoding="gzip, gzip, gzip"),
        BAD,
        "content-encoding is 'gzip, gzip, gzip'",
        ALL,
    ),
    "a bomb of a kind not asked for": (reply(body=b"\x28\xb5", content_encoding="zstd"), BAD, "'zstd'", ALL),
    "a bomb in a refusal": (
        reply(400, bomb(3, b" " * 30 * MEGABYTE), content_encoding="gzip, gzip"),
        InvalidRequestError,
        "status 400",
        ALL,
    ),
    "a bomb of events": (
        reply(
            body=zlib.compress(b": x\n\n" * 6 * MEGABYTE, 9),
            content_type="text/event-stream",
            content_encoding="deflate",
        ),
        BAD,
        "longer than the limit",
        CHAT,
    ),
    "deep objects": (reply(body=deep(150_000 // 10)), BAD, "", ALL),
    "deep lists": (reply(body=b'{"choices":' + b"[" * 99_000), BAD, "", ALL),
    "deep lists, closed": (reply(body=b'{"choices":' + b"[" * 900 + b"]" * 900 + b"}"), BAD, "", ALL),
    "a deep error": (reply(400, deep(900)), InvalidRequestError, "status 400", ALL),
    "deep events": (stream(chunk("x"), event(deep(900))), AIMLAPIError, "not JSON", CHAT),
    "many tool calls": (
        stream(*[chunk(tool_calls=[one]) for one in calls(2000)]),
        BAD,
        "more tool calls than the limit of 100",
        CHAT,
    ),
    "many tool calls at once": (
        reply(body=answer(choices=[{"message": {"tool_calls": calls(1000)}}])),
        BAD,
        "more tool calls than the limit of 100",
        CHAT,
    ),
    "many answers": (
        stream(*[event({"choices": [{"index": n, "delta": {"content": "x"}}]}) for n in range(2000)]),
        BAD,
        "more answers than the limit of 100",
        CHAT,
    ),
    "a message of a kind that regular expressions fear": (
        stream(event({"error": {"message": "exceeds the limit " * 2700}})),
        AIMLAPIError,
        "exceeds",
        CHAT,
    ),
}
RUNS = [(name, call) for name, row in HOSTILE.items() for call in row[3]]


@pytest.mark.parametrize(("name", "call"), RUNS, ids=[f"{name}-{call.__name__}" for name, call in RUNS])
def test_harm_comes_to_an_error_of_ours(name: str, call: Callable[..., Any]) -> None:
    act, kind, says, _ = HOSTILE[name]
    start = time.monotonic()
    with scripted(act) as server, pytest.raises(kind) as caught:
        call(server.base_url, timeout=0.5 if kind is LATE else 30, limits=SMALL)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 4000
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_limits_are_settings_of_every_model(form: Form) -> None:
    with scripted(reply(body=answer("x" * 2000))) as server:
        model = form.make("m", server.base_url, limits=Limits(reply=1000), max_retries=0)
        found = came(lambda: form.came(model))
    assert (found.kind, "limit of 1,000 bytes" in str(found.error)) == ("BadResponseError", True)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_deadline_ends_a_call_that_is_alive(form: Form) -> None:
    """Pieces keep coming, well within `timeout`; the deadline counts them all together, and retries, too."""
    piece = chunk("x") if form.kind == "stream" else b'{"data": "' + b"x" * 10
    act = stream(*[piece] * 600, pause=0.05)
    start = time.monotonic()
    with scripted(act) as server:
        found = form.came(form.make("m", server.base_url, deadline=0.5, timeout=30, max_retries=2))
        assert len(server.received) <= 1
    assert (found.kind, "deadline of 0.5 s" in str(found.error)) == ("APITimeoutError", True)
    assert time.monotonic() - start < 15


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_deadline_keeps_what_came_before_it(form: Form, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock on which a second passes with each look at it, so that the pieces that come before are counted."""
    clock = SimpleNamespace(monotonic=count().__next__)
    monkeypatch.setattr("aimlapi_transport.http.timeouts.time", clock)
    piece = chunk("x") if form.kind == "stream" else b'{"data": "' + b"x" * 10
    with scripted(endless(OCTETS if form.kind == "stream" else PLAIN, piece, pause=0.001)) as server:
        found = form.came(form.make("m", server.base_url, deadline=30, timeout=60, max_retries=2))
        assert len(server.received) == 1
    assert (found.kind, "deadline of 30 s" in str(found.error)) == ("APITimeoutError", True)
    assert clock.monotonic() < 40
    assert bool(found.text) == (form.kind == "stream")


class NotedSilence(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body without content that notes how long it would be waited for."""

    def __init__(self, request: httpx.Request, noted: list[float]) -> None:
        self._request, self._noted = request, noted

    def __iter__(self) -> Iterator[bytes]:
        self._noted.append(self._request.extensions["timeout"]["read"])
        yield b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._noted.append(self._request.extensions["timeout"]["read"])
        yield b""


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_body_of_an_error_is_waited_for_until_the_deadline_at_most(streamed: bool, is_async: bool) -> None:
    noted: list[float] = []
    transport = httpx.MockTransport(lambda request: httpx.Response(500, stream=NotedSilence(request, noted)))
    settings: dict[str, Any] = {"api_key": KEY, "deadline": 3, "max_retries": 0}

    async def run(client: AsyncClient) -> None:
        if streamed:
            await anext(client.stream_chat("m", HI))
        await client.chat("m", HI)

    with pytest.raises(AIMLAPIError, match="500"):
        if is_async:
            asyncio.run(run(AsyncClient(http_client=httpx.AsyncClient(transport=transport), **settings)))
        client = Client(http_client=httpx.Client(transport=transport), **settings)
        next(client.stream_chat("m", HI)) if streamed else client.chat("m", HI)
    assert len(noted) == 1
    assert noted[0] <= 3


def test_a_deadline_leaves_no_time_for_a_pause_past_it() -> None:
    with scripted(reply(429, retry_after="30")) as server:
        client = Client(api_key=KEY, base_url=server.base_url, deadline=5, max_retries=2)
        start = time.monotonic()
        with pytest.raises(AIMLAPIError, match="429"):
            client.chat("m", HI)
        assert (len(server.received), time.monotonic() - start < 20) == (1, True)


@pytest.mark.parametrize("deadline", [0, -1, "5", float("nan")])
def test_a_wrong_deadline_names_itself(deadline: Any) -> None:
    with pytest.raises(InvalidRequestError, match="`deadline` is"):
        Client(deadline=deadline)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_large_reply_costs_a_few_times_its_size() -> None:
    """20 MB in one line, cut into pieces of 100 bytes."""
    piece = b"x" * 100
    with scripted(stream(b'data: {"choices":[{"delta":{"content":"', *[piece] * 2000, b'"}}]}\n\n', DONE)) as server:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert "".join(streamed(server.base_url)) == "x" * 200_000
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_body_that_is_packed_as_asked_for_is_read() -> None:
    body = json.dumps(answer("packed")).encode()
    for name, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body)), ("identity", body)):
        with scripted(reply(body=packed, content_encoding=name)) as server:
            assert [call(server.base_url) for call in (whole, awhole)] == ["packed"] * 2
