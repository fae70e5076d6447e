"""Every dialect of the emulator and every published reply: default, output v1 and events v3 agree, sync and async."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_tests.utils.stream_lifecycle import assert_valid_event_stream

from aimlapi_emulator import EmulatorServer
from langchain_aimlapi import ChatAIMLAPI
from tests.langchain.host import added
from tests.langchain.test_content_blocks import blocks

PUBLISHED = Path(__file__).parents[2] / "aimlapi_emulator" / "published.json"
ROWS = [row for row in json.loads(PUBLISHED.read_text())["recordings"] if row["endpoint"].endswith("/chat/completions")]

# One of each dialect: the carriers of reasoning and the shapes of a streamed call differ.
MODELS = [
    *("openai/gpt-4o", "openai/o3-pro", "anthropic/claude-sonnet-4.5", "anthropic/claude-opus-4-6"),
    *("alibaba/qwen3-32b", "Qwen/QwQ-32B", "minimax/m2", "deepseek/deepseek-v4-pro", "google/gemini-2.5-pro"),
    *(
        "zhipu/glm-4.7",
        "x-ai/grok-4-fast-reasoning",
        "moonshot/kimi-k2-0905-preview",
        "bytedance/seed-1-8",
        "xiaomi/mimo-v2.5",
    ),
]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


def essence(message: AIMessage) -> dict[str, Any]:
    """What a reply says; ids are made anew for each of the emulator's replies, and left out."""
    return {
        "blocks": [{k: v for k, v in block.items() if k != "id"} for block in blocks(message)],
        "text": message.text,
        "calls": [(call["name"], call["args"]) for call in message.tool_calls],
        "usage": message.usage_metadata,
    }


def streams_agree(model: Callable[..., Runnable[Any, Any]], question: str) -> dict[str, Any]:
    """What all four streams say: they must say the same, in valid events."""

    async def run() -> tuple[list[Any], AIMessage]:
        stream: Any = await model().astream_events(question, version="v3")
        return [event async for event in stream], await stream.output

    stream: Any = model().stream_events(question, version="v3")
    heard = list(stream)
    heard_async, output = asyncio.run(run())
    for events in (heard, heard_async):
        assert_valid_event_stream(events)
        assert events[-1]["event"] == "message-finish"
    said = essence(added(model().stream(question)))
    for other in (added(model(output_version="v1").stream(question)), stream.output, output):
        assert essence(other) == said
    return said


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("question", ["Say hello to Ann.", "What is the weather in Lisbon and in Oslo?"])
def test_a_dialect(server: EmulatorServer, model: str, question: str) -> None:
    def bound(**settings: Any) -> Runnable[Any, Any]:
        llm = ChatAIMLAPI(model=model, api_key="emulator", base_url=server.base_url, **settings)
        return llm.bind_tools([get_weather]) if "weather" in question else llm

    said = streams_agree(bound, question)
    for settings in ({}, {"output_version": "v1"}):
        reply = essence(bound(**settings).invoke(question))
        assert {**reply, "usage": None} == {**said, "usage": None}
        assert (reply["usage"] or {}).get("total_tokens") == (said["usage"] or {}).get("total_tokens")
    assert len(said["calls"]) == (2 if "weather" in question else 0)


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["request"]["model"])
def test_a_published_reply(row: dict[str, Any]) -> None:
    streamed = "sse" in row
    data = "".join(f"{line}\n\n" for line in row["sse"]) if streamed else json.dumps(row["body"])
    kind = {"content-type": "text/event-stream" if streamed else "application/json"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=data.encode(), headers=kind))

    def model(**settings: Any) -> ChatAIMLAPI:
        clients: dict[str, Any] = {"http_client": httpx.Client(transport=transport)}
        clients["http_async_client"] = httpx.AsyncClient(transport=transport)
        return ChatAIMLAPI(model=row["request"]["model"], api_key="k", **clients, **settings)

    said = streams_agree(model, "Hi")
    assert said["usage"]["total_tokens"] >= 0
    if streamed:
        return
    message = row["body"]["choices"][0]["message"]
    reply = model().invoke("Hi")
    assert essence(reply) == essence(model(output_version="v1").invoke("Hi")) == said
    thoughts = [block["reasoning"] for block in reply.content_blocks if block["type"] == "reasoning"]
    named = message.get("reasoning_content") or message.get("reasoning")
    if named:
        assert thoughts == [named]
    else:
        assert bool("".join(thoughts)) == (message["content"] or "").lstrip().startswith("<think>")
