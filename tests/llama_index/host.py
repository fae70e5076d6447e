"""A host inside the process that answers by script: the real clients over HTTP, no socket. Keeps what it was sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from llama_index_aimlapi import AIMLAPI

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


class Bytes(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, which knows whether it was closed."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Host:
    """Gives its replies one after the other, the last one again and again.

    A reply is a dict (a whole one), a list of events (a stream), or an httpx.Response.
    """

    replies: Sequence[Any]
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    streams: list[Bytes] = field(default_factory=list)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, httpx.Response):
            return reply
        if isinstance(reply, list):
            pieces = [event if isinstance(event, bytes) else sse(event) for event in reply]
            self.streams.append(Bytes(pieces))
            headers = {"content-type": "text/event-stream", **self.headers}
            return httpx.Response(200, headers=headers, stream=self.streams[-1])
        return httpx.Response(200, headers=self.headers, json=reply)

    def llm(self, model: str = "some/model", **settings: Any) -> AIMLAPI:
        """An LLM that asks this host, sync and async."""
        transport = httpx.MockTransport(self)
        return AIMLAPI(
            model=model,
            api_key=settings.pop("api_key", "test-key"),
            http_client=httpx.Client(transport=transport),
            async_http_client=httpx.AsyncClient(transport=transport),
            **settings,
        )


def sse(event: Any) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    """One event of a stream."""
    return {"id": "c1", "model": "served", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def last(usage: Any = USAGE) -> dict[str, Any]:
    """The event behind the answer, with the counts."""
    return {"id": "c1", "model": "served", "choices": [], "usage": usage}


DONE = b"data: [DONE]\n\n"


def whole(content: str | None = "Hi", finish: str = "stop", usage: Any = USAGE, **message: Any) -> dict[str, Any]:
    """A whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "model": "served", "choices": [choice], "usage": usage}


def call(name: str, arguments: str, call_id: str = "call_1", **extra: Any) -> dict[str, Any]:
    """A tool call as it travels."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def piece(arguments: str | None = None, name: str | None = None, index: int = 0, **extra: Any) -> dict[str, Any]:
    """A fragment of a tool call."""
    function = {k: v for k, v in {"name": name, "arguments": arguments}.items() if v is not None}
    return {"index": index, "function": function, **extra}


async def gathered(form: str, llm: AIMLAPI, *args: Any, **kwargs: Any) -> list[Any]:
    """All responses of one of the eight forms: `chat`, `astream_complete`, ..."""
    given = getattr(llm, form)(*args, **kwargs)
    if form.startswith("a"):
        given = await given
    if "stream" not in form:
        return [given]
    return [chunk async for chunk in given] if form.startswith("a") else list(given)
