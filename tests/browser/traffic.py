"""What a program might say: an agent's turns, streams, an image, a failure."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path
from typing import Any

from aimlapi_transport import Client
from aimlapi_transport.errors import AIMLAPIError

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "compare.png"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def agent(client: Client) -> None:
    """Three turns of one conversation, with a tool."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "You are terse."},
        {"role": "user", "content": "What is the weather in Lisbon? Use the tool."},
    ]
    reply = client.chat("openai/gpt-4o", messages, tools=[TOOL])
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.tool_calls
    ]
    messages.append({"role": "assistant", "content": None, "tool_calls": calls})
    messages += [{"role": "tool", "tool_call_id": call["id"], "content": "18 degrees and sunny"} for call in calls]
    reply = client.chat("openai/gpt-4o", messages, tools=[TOOL])
    messages += [{"role": "assistant", "content": reply.text}, {"role": "user", "content": "And tomorrow?"}]
    client.chat("openai/gpt-4o", messages, tools=[TOOL], temperature=0.2)


def everything(base_url: str) -> None:
    """One of each kind."""
    with Client(base_url=base_url, api_key="sk-browser-0123456789", max_retries=0) as client:
        for number in range(3):
            client.chat("anthropic/claude-sonnet-4.5", [{"role": "user", "content": f"Say {number}"}])
        picture = f"data:image/png;base64,{base64.b64encode(PICTURE.read_bytes()).decode()}"
        parts = [{"type": "text", "text": "What does it show?"}, {"type": "image_url", "image_url": {"url": picture}}]
        client.chat("openai/gpt-4o", [{"role": "user", "content": parts}])
        with contextlib.suppress(AIMLAPIError):
            client.chat("no/such-model", [{"role": "user", "content": "Hello"}])
        for _ in client.stream_chat(
            "deepseek/deepseek-r1", [{"role": "user", "content": "Which is larger, 9.9 or 9.11?"}]
        ):
            pass
        hostile = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
        client.chat("openai/gpt-4o", [{"role": "user", "content": hostile}])
        agent(client)
