"""A response in the background: asked for until it is there, bounded, and cancelled by who gives it up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.errors import AIMLAPIError, APITimeoutError, ServerError

HI = [{"role": "user", "content": "Hi"}]
GPT = "openai/gpt-5-pro"


def response(status: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": "Done", "annotations": []}
    items = [{"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}]
    return {"id": "r/1", "object": "response", "status": status, "output": items if status == "completed" else []}


class Host:
    """Tells one status after the other, the last again and again."""

    def __init__(self, *statuses: str) -> None:
        self.statuses: Iterator[str] = iter(statuses)
        self.last = "queued"
        self.seen: list[tuple[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.url.raw_path.decode()))
        self.last = next(self.statuses, self.last)
        if self.last == "500":
            return httpx.Response(500, json={"message": "Down"})
        error = {"error": {"code": "server_error", "message": "It failed."}} if self.last == "failed" else {}
        return httpx.Response(200, json={**response(self.last), **error})

    def client(self, **settings: Any) -> Client:
        http = httpx.Client(transport=httpx.MockTransport(self))
        return Client(api_key="k", http_client=http, sleep=lambda _: None, **settings)


def test_it_is_asked_for_until_it_is_there() -> None:
    host, told = Host("queued", "in_progress", "completed"), list[str | None]()
    client = host.client()
    request = client.request(GPT, HI, parameters={"background": True})
    completion = client.complete(request, on_progress=lambda c: told.append(c.native_finish_reason))
    assert completion.text == "Done"
    assert told == ["queued", "in_progress"]
    assert host.seen == [("POST", "/v1/responses")] + [("GET", "/v1/responses/r%2F1")] * 2


def test_a_failure_while_asking_is_tried_again() -> None:
    host = Host("queued", "500", "completed")
    assert host.client().chat(GPT, HI, background=True).text == "Done"


def test_one_that_fails_is_an_error_and_not_cancelled() -> None:
    host = Host("queued", "failed")
    with pytest.raises(ServerError, match="It failed"):
        host.client(max_retries=0).chat(GPT, HI, background=True)
    assert [method for method, _ in host.seen] == ["POST", "GET"]


def test_one_that_never_ends_ends_at_the_deadline_and_is_cancelled() -> None:
    host = Host("queued")
    with pytest.raises(APITimeoutError, match="still queued at the deadline") as raised:
        host.client(deadline=0.2).chat(GPT, HI, background=True)
    assert raised.value.partial.native_finish_reason == "queued"
    assert host.seen[-1] == ("POST", "/v1/responses/r%2F1/cancel")


def test_who_is_told_may_give_it_up() -> None:
    def enough(_: Any) -> None:
        raise KeyboardInterrupt

    host = Host("queued")
    client = host.client()
    with pytest.raises(KeyboardInterrupt):
        client.complete(client.request(GPT, HI, parameters={"background": True}), on_progress=enough)
    assert host.seen[-1] == ("POST", "/v1/responses/r%2F1/cancel")


def test_a_task_that_is_cancelled_cancels_it() -> None:
    host = Host("queued")

    async def given_up() -> None:
        asked = asyncio.Event()
        http = httpx.AsyncClient(transport=httpx.MockTransport(host))
        client = AsyncClient(api_key="k", http_client=http)
        request = client.request(GPT, HI, parameters={"background": True})
        task = asyncio.ensure_future(client.complete(request, on_progress=lambda _: asked.set()))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(given_up())
    assert host.seen[-1] == ("POST", "/v1/responses/r%2F1/cancel")


def test_a_response_cancelled_by_others_is_an_error() -> None:
    with pytest.raises(AIMLAPIError, match="was cancelled"):
        Host("queued", "cancelled").client(max_retries=0).chat(GPT, HI, background=True)
