"""The emulator answers over real HTTP, whole and streamed, with tools and with context."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_emulator import emulator


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with emulator() as server, httpx.Client(base_url=server.base_url, headers={"Authorization": "Bearer any"}) as http:
        yield http


def test_a_whole_reply_and_its_stream_say_the_same(client: httpx.Client) -> None:
    body: dict[str, Any] = {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}
    whole = client.post("/chat/completions", json=body).json()
    streamed = client.post("/chat/completions", json={**body, "stream": True}).text
    chunks = [json.loads(line[6:]) for line in streamed.split("\n") if line.startswith("data: {")]
    text = "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"])
    assert whole["choices"][0]["message"]["content"] == text == "Hello! How can I help you today?"
    assert {chunk["id"] for chunk in chunks} == {whole["id"]}
