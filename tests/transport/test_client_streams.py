"""Streams of the clients: what silence is, and what becomes of their connections."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.http.timeouts import TimeLimits
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
from tests.reliability.checks import eventually
from tests.scripted import DONE, Act, ScriptedServer, answer, chunk, event, reply, scripted, stream
from tests.transport.calls import CALLS, HI, KEY, PIECES, collected, outcome


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
@pytest.mark.parametrize("together", [False, True])
def test_a_failure_behind_some_text_fails_the_call(call: Any, together: bool) -> None:
    events = [chunk("He"), event({"error": {"message": "overloaded", "code": 503}}), chunk("llo", "stop"), DONE]
    act = stream(b"".join(events)) if together else stream(*events)
    name, details, requests, _ = outcome(call, (act,), True)
    assert (name, requests, details[1]) == ("ServerError", 1, "He")


def thinks(*pieces: bytes, seconds: float = 0.8) -> Act:
    """A stream whose head comes at once, and whose first event after a while."""

    async def act(writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head)
        await asyncio.sleep(seconds)
        for piece in pieces:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")

    return act


@pytest.mark.parametrize("call", CALLS)
def test_a_model_may_think_longer_than_its_events_may_be_apart(call: Any) -> None:
    act = thinks(*PIECES)
    assert outcome(call, (act,), True, stream_chunk_timeout=0.3) == ("Hello", "stop", 1, ())


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("between", [(), (b": PROCESSING\n\n",) * 40])
def test_silence_between_events_is_another_than_before_the_first(call: Any, between: tuple[bytes, ...]) -> None:
    """Also where nothing comes at all: a socket has one timeout for a body, if it is not read anew."""
    act = stream(chunk("He"), *between, end="stall", pause=0.05 if between else 0.0)
    limits = {"first_chunk_timeout": 60.0, "stream_chunk_timeout": 0.3}
    assert outcome(call, (act,), True, **limits)[:3] == ("APITimeoutError", (None, "He"), 1)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("act", [stream(end="stall"), stream(*[b": PROCESSING\n\n"] * 40, pause=0.05)])
def test_silence_before_the_first_event_has_its_own_limit(call: Any, act: Act) -> None:
    limits = {"first_chunk_timeout": 0.3, "stream_chunk_timeout": 60.0, "max_retries": 1}
    assert outcome(call, (act,), True, **limits)[:3] == ("APITimeoutError", (None, None), 2)


@pytest.mark.parametrize(
    ("settings", "first", "between", "whole"),
    [
        ({}, 600, 120, 600),
        ({"timeout": 7}, 7, 7, 7),
        ({"first_chunk_timeout": 0}, None, 120, 600),
        ({"stream_chunk_timeout": 0, "timeout": 7}, 7, 7, 7),
        ({"first_chunk_timeout": 900, "stream_chunk_timeout": 3}, 900, 3, 600),
        ({"first_chunk_timeout": 900, "timeout": 1000}, 900, 1000, 1000),
        ({"timeout": (2, None)}, None, None, None),
    ],
)
def test_how_long_silence_may_last(settings: dict[str, Any], first: Any, between: Any, whole: Any) -> None:
    client = Client(api_key=KEY, **settings)
    streamed, plain = (TimeLimits(client, client.request("m", HI, stream=stream), None) for stream in (True, False))
    assert (streamed.first_silence, streamed.silence, plain.first_silence) == (first, between, whole)
    assert streamed.timeouts().read == first


@pytest.mark.parametrize("call", CALLS)
def test_a_slow_but_living_stream_is_not_cut(call: Any) -> None:
    act = stream(*[chunk("x")] * 12, chunk(finish="stop"), pause=0.1)
    assert outcome(call, (act,), True, timeout=1.0) == ("x" * 12, "stop", 1, ())


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


def test_a_stream_closed_in_the_pause_before_a_retry_sends_no_further_request() -> None:
    with scripted(reply(503), stream(*PIECES)) as server:
        client = Client(api_key=KEY, base_url=server.base_url, sleep=lambda _: deltas.close())
        deltas: Any = client.stream_chat("m", HI)
        assert list(deltas) == []
        assert len(server.received) == 1


async def test_an_async_stream_closed_in_the_pause_before_a_retry_sends_no_further_request() -> None:
    received: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(503)

    async def close(_: float) -> None:
        await deltas.aclose()

    own = httpx.AsyncClient(transport=httpx.MockTransport(refuse))
    deltas: Any = AsyncClient(api_key=KEY, http_client=own, sleep=close).stream_chat("m", HI)
    assert [delta async for delta in deltas] == []
    assert len(received) == 1


class Silence(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that says nothing, and breaks once it is closed."""

    def __init__(self) -> None:
        self.is_read = threading.Event()
        self._is_closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        self.is_read.set()
        self._is_closed.wait()
        raise httpx.ReadError("closed")
        yield b""

    def close(self) -> None:
        self._is_closed.set()

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        self.is_read.set()
        await asyncio.to_thread(self._is_closed.wait)
        raise httpx.ReadError("closed")
        yield b""

    async def aclose(self) -> None:
        self._is_closed.set()


def test_a_stream_closed_before_its_first_event_is_not_tried_again() -> None:
    body, pauses = Silence(), list[float]()
    own = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))
    deltas = Client(api_key=KEY, http_client=own, sleep=pauses.append).stream_chat("m", HI)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(list, deltas)
        body.is_read.wait()
        deltas.close()
        assert (reading.result(), pauses) == ([], [])


async def test_an_async_stream_closed_before_its_first_event_is_not_tried_again() -> None:
    body, pauses = Silence(), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    own = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=body)))
    deltas: Any = AsyncClient(api_key=KEY, http_client=own, sleep=pause).stream_chat("m", HI)
    reading = asyncio.ensure_future(_drain(deltas))
    await asyncio.to_thread(body.is_read.wait)
    await deltas.aclose()
    await reading
    assert pauses == []


async def _drain(deltas: AsyncGenerator[Delta, None]) -> None:
    async for _ in deltas:
        pass


def test_one_client_serves_many_loops() -> None:
    with scripted(reply(body=answer())) as server:
        client = AsyncClient(api_key=KEY, base_url=server.base_url, max_retries=0)
        assert [asyncio.run(client.chat("m", HI)).text for _ in range(3)] == ["Hello"] * 3
        assert len(server.received) == 3


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
