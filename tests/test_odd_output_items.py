"""Items of /v1/responses that no document describes come through both frameworks, and go back, without an accident."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessageChunk
from llama_index.core.llms import ChatMessage

from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

ODD: list[dict[str, Any]] = [
    {"type": []},
    {"type": "message", "content": 5},
    {"type": "message", "content": [{"type": {}, "text": []}]},
    {"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": [{"type": []}, 5]}]},
    {"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": 7}]},
    {"type": "reasoning", "summary": 7},
    {"type": "web_search_call", "action": [1]},
    {"type": "image_generation_call", "result": {}},
    {"type": "function_call", "name": [], "arguments": {}, "call_id": 3},
    {"type": "code_interpreter_call", "outputs": 5},
    {"type": "mcp_call", "output": [], "arguments": 4},
    {"type": "file_search_call", "results": {}},
]


def settings(item: dict[str, Any], streamed: bool) -> dict[str, Any]:
    response = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item]}
    place = {"output_index": 0, "item": item}
    events = [
        {"type": "response.output_item.added", **place},
        {"type": "response.output_item.done", **place},
        {"type": "response.completed", "response": response},
    ]
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    reply = {"content": stream, "headers": {"content-type": "text/event-stream"}} if streamed else {"json": response}
    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, **reply)))
    return {
        "model": "openai/gpt-5-pro",
        "base_url": "http://127.0.0.1:1/v1",
        "api_key": "k",
        "max_retries": 0,
        "http_client": client,
    }


@pytest.mark.parametrize("version", [None, "v1", "responses/v1", "v0"])
@pytest.mark.parametrize("item", ODD, ids=json.dumps)
def test_langchain(item: dict[str, Any], version: str | None) -> None:
    whole = ChatAIMLAPI(**settings(item, False), output_version=version)
    chunks = list(ChatAIMLAPI(**settings(item, True), output_version=version).stream("x"))
    joined = AIMessageChunk("").__add__(chunks)  # type: ignore[arg-type]  # a list of them is taken, too
    for message in (whole.invoke("x"), joined):
        assert isinstance(message.content_blocks, list)
        if not message.tool_calls and not message.invalid_tool_calls:
            whole.invoke([("user", "x"), message, ("user", "y")])


@pytest.mark.parametrize("item", ODD, ids=json.dumps)
def test_llama_index(item: dict[str, Any]) -> None:
    whole = AIMLAPI(**settings(item, False))
    message = whole.chat([ChatMessage("x")]).message
    if item["type"] != "function_call":
        whole.chat([ChatMessage("x"), message, ChatMessage("y")])
    assert [chunk.message.blocks for chunk in AIMLAPI(**settings(item, True)).stream_chat([ChatMessage("x")])]
