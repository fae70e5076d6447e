"""Whoever waits may be killed, cancelled or out of time: what was ordered is there for the next."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_emulator.server.run import EmulatorServer
from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import APITimeoutError
from aimlapi_transport.media.generations import Generation
from langchain_aimlapi.errors import APITimeoutError as LangChainTimeoutError
from langchain_aimlapi.tools import AIMLAPIVideoTool
from llama_index_aimlapi.tools import AIMLAPIToolSpec
from tests.media.test_langchain_tools import COST, Host
from tests.media.test_llama_index import settings

WAITS = """
import sys
from aimlapi_transport import Client

client = Client(api_key="any-key", base_url=sys.argv[1])
order = client.submit("video", "google/veo3", "A cat", duration=4)
print(order.to_json(), flush=True)
client.wait(order, on_progress=lambda status: print(status.provider_state, flush=True))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is one of POSIX")
def test_what_a_killed_process_ordered_is_waited_for_by_another(server: EmulatorServer) -> None:
    process = subprocess.Popen([sys.executable, "-c", WAITS, server.base_url], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        written, state = process.stdout.readline(), process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and state == "queued\n"
    client = Client(api_key="any-key", base_url=server.base_url, sleep=lambda seconds: None)
    result = client.wait(written)
    assert result.urls and result.id == Generation.from_json(written).id and result.cost_usd is not None


class Endless(httpx.AsyncBaseTransport):
    """Takes an order, and answers no question for it.

    Attributes:
        asked: set once it is asked.
        left: set once nobody waits for the answer.
    """

    def __init__(self) -> None:
        self.asked, self.left = asyncio.Event(), asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"id": "g:1", "status": "queued"})
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError


@pytest.mark.parametrize("way", ["transport", "langchain", "llama_index"])
async def test_cancelling_ends_a_question_that_is_under_way(way: str, caplog: pytest.LogCaptureFixture) -> None:
    host = Endless()
    http = httpx.AsyncClient(transport=host)
    tool: Any
    if way == "transport":
        waits = AsyncClient(api_key="k", http_client=http).video("veo2", "A cat")
    elif way == "langchain":
        tool = AIMLAPIVideoTool(model="veo2", api_key="k", http_async_client=http)
        waits = tool.ainvoke({"prompt": "A cat"})
    else:
        spec = AIMLAPIToolSpec(video_model="veo2", include=["video"], api_key="k", async_http_client=http)
        waits = spec.to_tool_list()[0].acall(prompt="A cat")
    task = asyncio.ensure_future(waits)
    await host.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert host.left.is_set() and "`wait('video:veo2:g:1')`" in caplog.text


@pytest.mark.parametrize("way", ["transport", "langchain", "llama_index"])
def test_ctrl_c_says_what_was_ordered(way: str, caplog: pytest.LogCaptureFixture) -> None:
    """Also in frameworks, which get the exception as it is: it carries the generation."""

    class Interrupted(Host):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                raise KeyboardInterrupt
            return super().__call__(request)

    host = Interrupted()
    with pytest.raises(KeyboardInterrupt) as caught:
        if way == "transport":
            Client(api_key="k", http_client=host.settings["http_client"]).video("veo2", "A cat")
        elif way == "langchain":
            AIMLAPIVideoTool(model="veo2", **host.settings).invoke({"prompt": "A cat"})
        else:
            spec = AIMLAPIToolSpec(video_model="veo2", include=["video"], **settings(host))
            spec.generate_video(prompt="A cat")
    assert caught.value.generation.reference == "video:veo2:g:1"  # type: ignore[attr-defined]  # an attribute of ours
    notes = getattr(caught.value, "__notes__", [caplog.text])  # Python 3.11: at the end of the traceback, too
    assert "`wait('video:veo2:g:1')`" in caplog.text and "video:veo2:g:1" in notes[-1]
    done = Host({"GET /v2/video/generations": {"status": "completed", "video": {"url": "https://cdn.test/film.mp4"}}})
    client = Client(api_key="k", http_client=done.settings["http_client"])
    assert client.wait("video:veo2:g:1").urls == ["https://cdn.test/film.mp4"]


def timeout_of(way: str, host: Host) -> APITimeoutError:
    with pytest.raises(APITimeoutError) as caught:
        if way == "transport":
            client = Client(api_key="k", http_client=host.settings["http_client"], sleep=lambda seconds: None)
            client.video("veo2", "A cat", wait_timeout=0.001)
        elif way == "langchain":
            AIMLAPIVideoTool(model="veo2", wait_timeout=0.001, **host.settings).invoke({"prompt": "A cat"})
        else:
            spec = AIMLAPIToolSpec(video_model="veo2", include=["video"], wait_timeout=0.001, **settings(host))
            spec.generate_video(prompt="A cat")
    return caught.value


@pytest.mark.parametrize("way", ["transport", "langchain", "llama_index"])
def test_a_deadlines_error_carries_the_order_as_json(way: str) -> None:
    host = Host({"GET /v2/video/generations": {"id": "g:1", "status": "generating"}})
    error = timeout_of(way, host)
    assert isinstance(error, LangChainTimeoutError) == (way == "langchain")
    order = Generation.from_json(error.generation.to_json())
    assert (order.id, order.model, order.operation, order.cost_usd) == (
        "g:1",
        "veo2",
        "video",
        COST["usage"]["usd_spent"],
    )
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert again.generation == order and str(again) == str(error)
    host.replies["GET /v2/video/generations"] = {"status": "completed", "video": {"url": "https://cdn.test/film.mp4"}}
    client = Client(api_key="k", http_client=host.settings["http_client"])
    assert client.wait(order.to_json()).urls == ["https://cdn.test/film.mp4"]
