"""/v1/messages: Claude's own form, whole and streamed, read into the values of chat completions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aimlapi_emulator.server.run import EmulatorServer
from aimlapi_transport import AsyncClient, Client, Completion
from aimlapi_transport.errors import (
    AIMLAPIError,
    BadResponseError,
    IncompleteStreamError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
)

MODEL = "claude-sonnet-4-5"
ASKED = [{"role": "user", "content": "Weather in Lisbon?"}]
CONTENT = [
    {"type": "thinking", "thinking": "Let me look.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "b3Bh"},
    {"type": "text", "text": "I look it up."},
    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Lisboa", "days": 2}},
    {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": CONTENT,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 20},
    "meta": {"usage": {"credits_used": 2000, "usd_spent": 0.001}},
}


def events(message: dict[str, Any], piece: int = 4) -> list[dict[str, Any]]:
    """A message as the events that bring it, as Claude's documentation shows them."""
    start = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    del start["meta"]
    found: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    forms = {
        "text": ("text", "text_delta", "text"),
        "thinking": ("thinking", "thinking_delta", "thinking"),
        "tool_use": ("input", "input_json_delta", "partial_json"),
    }
    for index, block in enumerate(message["content"]):
        field, delta, name = forms.get(block["type"], ("", "", ""))
        empty: Any = {} if field == "input" else ""
        begun = {key: value for key, value in block.items() if key != "signature"}
        found.append(
            {
                "type": "content_block_start",
                "index": index,
                "content_block": {**begun, field: empty} if field else block,
            }
        )
        text = (json.dumps(block["input"]) if block["input"] else "") if field == "input" else block.get(field, "")
        found += (
            {"type": "content_block_delta", "index": index, "delta": {"type": delta, name: text[at : at + piece]}}
            for at in range(0, len(text), piece)
        )
        if "signature" in block:
            signed = {"type": "signature_delta", "signature": block["signature"]}
            found.append({"type": "content_block_delta", "index": index, "delta": signed})
        found.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    usage = {"output_tokens": message["usage"]["output_tokens"]}
    found.append({"type": "message_delta", "delta": ending, "usage": usage, "meta": message["meta"]})
    return [*found, {"type": "message_stop"}]


def stream(found: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in found)


def client(body: bytes, status: int = 200, seen: list[httpx.Request] | None = None, **headers: str) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=body, headers=headers)

    return Client(api_key="k", max_retries=0, http_client=httpx.Client(transport=httpx.MockTransport(answer)))


def values(completion: Completion) -> Any:
    choice = completion.choices[0]
    calls = [(call.id, call.name, call.arguments) for call in choice.tool_calls]
    return (
        choice.text,
        choice.reasoning,
        calls,
        choice.finish_reason,
        completion.usage,
        completion.cost,
        completion.model,
    )


def test_a_message_is_read_into_the_same_values() -> None:
    seen: list[httpx.Request] = []
    completion = client(json.dumps(MESSAGE).encode(), seen=seen).messages(
        MODEL, ASKED, system="Be brief.", max_tokens=50
    )
    choice = completion.choices[0]
    assert (choice.text, choice.reasoning, choice.finish_reason) == ("I look it up.", "Let me look.", "tool_calls")
    assert [(call.id, call.name, json.loads(call.arguments)) for call in choice.tool_calls] == [
        ("toolu_1", "weather", {"city": "Lisboa", "days": 2}),
        ("toolu_2", "now", {}),
    ]
    assert completion.usage is not None and completion.cost is not None
    assert (completion.usage.input, completion.usage.output, completion.cost.usd) == (15, 20, 0.001)
    assert completion.raw["content"] == CONTENT and completion.raw["id"] == "msg_1"
    assert seen[0].url.path == "/v1/messages"
    assert json.loads(seen[0].content) == {"model": MODEL, "messages": ASKED, "max_tokens": 50, "system": "Be brief."}


@pytest.mark.parametrize("piece", [1, 4, 1000])
async def test_a_stream_adds_up_to_the_message(piece: int) -> None:
    whole = client(json.dumps(MESSAGE).encode()).messages(MODEL, ASKED)
    body = stream(events(MESSAGE, piece))
    pieces = list(client(body).stream_messages(MODEL, ASKED))
    completion = pieces[-1].completion
    assert completion is not None and completion.raw["content"] == CONTENT
    assert "".join(delta.text for delta in pieces) == whole.text
    assert "".join(delta.reasoning for delta in pieces) == whole.choices[0].reasoning
    mine, theirs = values(completion), values(whole)
    calls = [[(id, name, json.loads(arguments)) for id, name, arguments in one[2]] for one in (mine, theirs)]
    assert calls[0] == calls[1] and (*mine[:2], *mine[3:]) == (*theirs[:2], *theirs[3:])

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    asynchronous = AsyncClient(api_key="k", http_client=http).stream_messages(MODEL, ASKED)
    last = [delta async for delta in asynchronous][-1].completion
    assert last is not None and values(last) == mine


def test_a_stream_that_breaks_off_is_no_answer() -> None:
    for cut in (3, 8, len(events(MESSAGE)) - 1):
        with pytest.raises(IncompleteStreamError, match="message_stop") as caught:
            list(client(stream(events(MESSAGE)[:cut])).stream_messages(MODEL, ASKED))
        assert caught.value.partial is not None


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529, ServerError),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}, 429, RateLimitError),
        ({"type": "error", "error": {"type": "api_error", "message": "Broken"}}, 200, AIMLAPIError),
        ({"id": "x"}, 200, BadResponseError),
        ([], 200, BadResponseError),
    ],
)
def test_what_is_no_message_is_an_error(body: Any, status: int, expected: type[AIMLAPIError]) -> None:
    with pytest.raises(expected):
        client(json.dumps(body).encode(), status).messages(MODEL, ASKED)


def test_an_error_in_a_stream_is_raised_with_what_arrived() -> None:
    broken = [*events(MESSAGE)[:9], {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]
    with pytest.raises(AIMLAPIError, match="Overloaded") as caught:
        list(client(stream(broken)).stream_messages(MODEL, ASKED))
    assert caught.value.partial is not None and caught.value.partial.choices[0].reasoning


@pytest.mark.parametrize(
    ("messages", "words"),
    [([], "No messages"), ([{"role": "system", "content": "x"}], "system="), ([{"role": "tool"}], "'tool'")],
)
def test_what_claude_does_not_take_is_refused(messages: Any, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        client(b"").messages(MODEL, messages)
    with pytest.raises(InvalidRequestError, match="no /v1/messages"):
        Client(preset="powertokens", api_key="k").messages(MODEL, ASKED)


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


def test_the_emulator_calls_a_tool_in_claudes_form_and_reads_its_result(server: EmulatorServer) -> None:
    emulated = Client(api_key="any", base_url=server.base_url)
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"name": "get_weather", "description": "The weather in a city.", "input_schema": schema}]
    history: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Lisbon?"}]
    first = emulated.messages("anthropic/claude-sonnet-4.5", history, tools=tools)
    assert first.choices[0].finish_reason == "tool_calls"
    history.append({"role": "assistant", "content": first.raw["content"]})
    result = {"type": "tool_result", "tool_use_id": first.choices[0].tool_calls[0].id, "content": "18 degrees"}
    history.append({"role": "user", "content": [result]})
    second = emulated.messages("anthropic/claude-sonnet-4.5", history, tools=tools)
    deltas = emulated.stream_messages("anthropic/claude-sonnet-4.5", history, tools=tools)
    assert "".join(delta.text for delta in deltas) == second.text
    assert "18 degrees" in second.text and second.cost is not None
