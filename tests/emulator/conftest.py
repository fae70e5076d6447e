"""One emulator for all tests of this folder, and a client with a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_emulator.server.run import EmulatorServer


@pytest.fixture(scope="session")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


@pytest.fixture(scope="session")
def client(server: EmulatorServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer any-key"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=20, trust_env=False) as http:
        yield http


def asking(text: str, model: str = "openai/gpt-4o", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def chunks_of(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON objects of a stream."""
    assert response.status_code == 200, response.text
    lines = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def folded(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """A stream put together again: text, reasoning, calls, finish reason, usage, cost."""
    whole: dict[str, Any] = {"text": "", "reasoning": "", "calls": {}, "finish": None, "usage": None, "meta": None}
    for chunk in chunks:
        whole["usage"] = chunk.get("usage") or whole["usage"]
        whole["meta"] = chunk.get("meta") or whole["meta"]
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            whole["text"] += delta.get("content") or ""
            whole["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            whole["finish"] = choice.get("finish_reason") or whole["finish"]
            for call in delta.get("tool_calls") or []:
                held = whole["calls"].setdefault(call["index"], {"id": "", "name": "", "arguments": ""})
                held["id"] = held["id"] or call.get("id") or ""
                held["name"] = held["name"] or call["function"].get("name") or ""
                held["arguments"] += call["function"].get("arguments") or ""
    return whole


def tool(name: str, description: str = "", required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """An OpenAI tool; properties are types by name, or whole schemas."""
    schemas = {key: value if isinstance(value, dict) else {"type": value} for key, value in properties.items()}
    parameters = {"type": "object", "properties": schemas, "required": list(schemas) if required is None else required}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER = tool("get_weather", "Get the weather in a city.", city="string")
ACCEPTED = (200, 201)
