"""A cancelled call ends, whatever the tasks and scopes below it do with the cancellation."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest

from aimlapi_transport import AsyncClient


class LosesCancellation(httpx.AsyncBaseTransport):
    """Waits, and does with a cancellation what `then` says."""

    def __init__(self, then: str) -> None:
        self.then = then
        self.begun = asyncio.Event()
        self.closed = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self.then == "waits":
                await asyncio.Event().wait()
            if self.then == "fails":
                raise ValueError("no") from None
        return httpx.Response(200, stream=_Body(self))


class _Body(httpx.AsyncByteStream):
    def __init__(self, transport: LosesCancellation) -> None:
        self.transport = transport

    async def aclose(self) -> None:
        self.transport.closed += 1


@pytest.mark.parametrize("then", ["answers", "waits", "fails"])
async def test_a_cancellation_that_is_lost_below_is_not_lost(then: str) -> None:
    transport = LosesCancellation(then)
    async with httpx.AsyncClient(transport=transport) as http:
        client = AsyncClient(api_key="k", base_url="https://example.com", http_client=http)
        task = asyncio.ensure_future(client.chat("m", [{"role": "user", "content": "Hi"}]))
        await transport.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (transport.closed, asyncio.all_tasks()) == (then == "answers", {asyncio.current_task()})


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("scheme", "times"), [("https", 1), ("http", 1), ("http", 2), ("http", 3)])
async def test_a_call_cancelled_before_its_reply_leaves_no_socket(scheme: str, times: int, own: bool) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # of the request, or of the handshake
        begun.set()
        with contextlib.suppress(ConnectionError):
            while await reader.read(1024):
                pass
        ended.set()
        writer.close()

    async with await asyncio.start_server(says_nothing, "127.0.0.1", 0) as server, httpx.AsyncClient() as http:
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        client = AsyncClient(api_key="k", base_url=url, http_client=http if own else None)
        task = asyncio.ensure_future(client.chat("m", [{"role": "user", "content": "Hi"}]))
        await begun.wait()
        for _ in range(times):  # again while the first is being dealt with, as `asyncio.run` does at its end
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(ended.wait(), 5)
