"""A host in memory: answers what it is told to, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
from langchain_core.messages import AIMessageChunk

from langchain_aimlapi import ChatAIMLAPI

KEY = "sk-test-0123456789"
HEADERS = {"x-inference-id": "inf-1", "x-aimlapi-credits-used": "20", "x-aimlapi-usd-spent": "0.00001"}


class Host:
    """Replies in turn, the last one again and again: a dict goes as JSON, a list as the chunks of a stream."""

    def __init__(self, *replies: Any, status: int = 200) -> None:
        self.replies = replies
        self.status = status
        self.headers = HEADERS
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.bodies.append(json.loads(request.content))
        reply = self.replies[min(len(self.bodies), len(self.replies)) - 1]
        if isinstance(reply, list):
            data = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in reply) + "data: [DONE]\n\n"
            return httpx.Response(
                200, content=data.encode(), headers={**self.headers, "content-type": "text/event-stream"}
            )
        return httpx.Response(self.status, json=reply, headers=self.headers)

    def model(self, **settings: Any) -> ChatAIMLAPI:
        settings.setdefault("model", "some/new-model")
        settings.setdefault("api_key", KEY)
        return ChatAIMLAPI(
            http_client=httpx.Client(transport=httpx.MockTransport(self.answer)),
            http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(self.answer)),
            **settings,
        )


def whole(message: dict[str, Any], finish: str = "stop", **fields: Any) -> dict[str, Any]:
    """A whole completion around this message."""
    return {
        "id": "c1",
        "created": 7,
        "model": "served",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 8,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
        **fields,
    }


def chunks(deltas: Sequence[dict[str, Any]], finish: str = "stop", **fields: Any) -> list[dict[str, Any]]:
    """The same completion as a stream: one chunk for each delta, the finish twice, a late all-zero usage."""
    head = {"id": "c1", "created": 7, "model": "served"}
    full = whole({}, finish, **fields)
    events = [{**head, "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": full["usage"]})
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    events.append({"id": "", "choices": [{"index": 0, "finish_reason": finish}], "usage": zero})
    events.append({**head, "choices": [], **{k: v for k, v in fields.items() if k != "usage"}})
    return events


def call(index: int | None, id: str | None, name: str | None, arguments: Any, **extra: Any) -> dict[str, Any]:
    """A tool call, or a fragment of one."""
    item: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}, **extra}
    if index is not None:
        item["index"] = index
    if id is not None:
        item["id"] = id
    return item


def added(parts: Any) -> AIMessageChunk:
    total: AIMessageChunk | None = None
    for part in parts:
        total = part if total is None else total + part
    assert total is not None
    return total
