"""Recorders and tracers, which replace methods of httpx's or httpcore's classes, see every exchange of default clients."""

from __future__ import annotations

from typing import Any

import httpcore
import httpx
import pytest

from tests.scripted import DONE, answer, reply, stream
from tests.transport.calls import PIECES, async_call, outcome, sync_call

HTTPX = (httpx.HTTPTransport, "handle_request"), (httpx.AsyncHTTPTransport, "handle_async_request")
HTTPCORE = (httpcore.ConnectionPool, "handle_request"), (httpcore.AsyncConnectionPool, "handle_async_request")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("classes", [HTTPX, HTTPCORE])
def test_a_tracer_sees_each_exchange(classes: Any, streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenTelemetry's instrumentation wraps them."""
    seen = []
    (sync_class, sync_name), (async_class, async_name) = classes
    sync_real, async_real = getattr(sync_class, sync_name), getattr(async_class, async_name)

    def handle(self: Any, request: Any) -> Any:
        seen.append("sync")
        return sync_real(self, request)

    async def ahandle(self: Any, request: Any) -> Any:
        seen.append("async")
        return await async_real(self, request)

    monkeypatch.setattr(sync_class, sync_name, handle)
    monkeypatch.setattr(async_class, async_name, ahandle)
    whole = stream(*PIECES, DONE) if streamed else reply(body=answer())
    for call, kind in ((sync_call, "sync"), (async_call, "async")):
        seen.clear()
        assert outcome(call, (reply(503), whole), streamed)[:3] == ("Hello", "stop", 2)
        assert seen == [kind] * 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_mock_answers_in_the_place_of_the_network(streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pytest-httpx puts one there: with content, or with a stream that is played again by each iteration."""
    data = b"".join(PIECES) if streamed else httpx.Response(200, json=answer()).content
    makes = [
        lambda: httpx.Response(200, content=data),
        lambda: httpx.Response(200, stream=httpx.ByteStream(data)),
    ]
    for make in makes:

        def handle(self: Any, request: Any, make: Any = make) -> httpx.Response:
            return make()  # type: ignore[no-any-return]

        async def ahandle(self: Any, request: Any, make: Any = make) -> httpx.Response:
            return make()  # type: ignore[no-any-return]

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", ahandle)
        for call in (sync_call, async_call):
            assert outcome(call, (reply(500),), streamed)[:3] == ("Hello", "stop", 0)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_recorder_reads_the_body_first(streamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As vcrpy records: it reads the real reply, closes it, and puts what it read in its place."""
    real, areal = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle(self: Any, request: httpx.Request) -> httpx.Response:
        response = real(self, request)
        data = b"".join(response.stream)  # type: ignore[arg-type]
        response.close()
        response.stream = httpx.ByteStream(data)
        return response

    async def ahandle(self: Any, request: httpx.Request) -> httpx.Response:
        response = await areal(self, request)
        data = b"".join([piece async for piece in response.stream])  # type: ignore[union-attr]
        await response.aclose()
        response.stream = httpx.ByteStream(data)
        return response

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", ahandle)
    whole = stream(*PIECES) if streamed else reply(body=answer())
    for call in (sync_call, async_call):
        assert outcome(call, (whole,), streamed)[:3] == ("Hello", "stop", 1)
