"""Every recorded reply of /v1/responses, published and emulated, through the transport and both classes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cassette_files import Cassette
from cassette_owner import owned_by_test
from cassette_player import play
from emulated_programs import RESPONSES as PROGRAMS
from emulated_programs import emulated
from replayed import RESPONSES
from through_langchain import joined

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.chat.request import Request
from aimlapi_transport.chat.response import Completion
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

EMULATED = [emulated(name) for name in PROGRAMS]
ALL = [*RESPONSES, *EMULATED]


@dataclass
class Said:
    """What a reply says, read by one look-up for each value."""

    text: str
    reasoning: str
    calls: list[tuple[str, str]]
    kinds: list[str]
    id: str
    input: int
    output: int


def said(cassette: Cassette) -> Said:
    if cassette.is_stream:
        lines = [line for line in cassette.reply.split("\n") if line.startswith("data: ")]
        response = json.loads(lines[-1][6:])["response"]
    else:
        response = json.loads(cassette.reply)
    items = response["output"]
    return Said(
        "".join(part["text"] for item in items if item["type"] == "message" for part in item["content"]),
        "\n\n".join(part["text"] for item in items if item["type"] == "reasoning" for part in item["summary"]),
        [(item["name"], item["arguments"]) for item in items if item["type"] == "function_call"],
        [item["type"] for item in items],
        response["id"],
        response["usage"]["input_tokens"],
        response["usage"]["output_tokens"],
    )


def found(completion: Completion) -> Said:
    assert completion.usage is not None
    return Said(
        completion.text,
        completion.reasoning,
        [(call.name, call.arguments) for call in completion.tool_calls],
        [item["type"] for item in completion.choices[0].items],
        str(completion.id),
        completion.usage.input,
        completion.usage.output,
    )


def request_of(client: Client | AsyncClient, cassette: Cassette) -> Request:
    """The recorded request, to the letter."""
    body: dict[str, Any] = cassette.request
    stream = body.pop("stream", False)
    messages = [{"role": "user", "content": "Hi"}]
    return client.request(
        body["model"],
        messages,
        parameters={"include": []},
        extra_body=body,
        stream=stream,
        use_responses_api=True,
    )


@owned_by_test(*ALL)
def test_the_client_reads_what_was_recorded(cassette: Cassette) -> None:
    client = Client()
    request = request_of(client, cassette)
    with play(cassette):
        if cassette.is_stream:
            deltas = list(client.stream(request))
            completion = deltas[-1].completion
            assert completion is not None and "".join(delta.text for delta in deltas) == completion.text
        else:
            completion = client.complete(request)
            assert completion.raw == json.loads(cassette.reply)
    assert found(completion) == said(cassette)


@owned_by_test(*ALL)
async def test_the_async_client_reads_what_was_recorded(cassette: Cassette) -> None:
    client = AsyncClient()
    request = request_of(client, cassette)
    with play(cassette):
        if cassette.is_stream:
            completion = [delta async for delta in client.stream(request)][-1].completion
        else:
            completion = await client.complete(request)
    assert completion is not None and found(completion) == said(cassette)


def settings(cassette: Cassette) -> dict[str, Any]:
    """The model as the recorded request sets it up: its body goes out to the letter."""
    body = {name: value for name, value in cassette.request.items() if name not in ("model", "stream")}
    return {"model": cassette.request["model"], "use_responses_api": True, "include": [], "extra_body": body}


@owned_by_test(*ALL)
def test_langchain_reads_what_was_recorded(cassette: Cassette) -> None:
    model = ChatAIMLAPI(**settings(cassette))
    with play(cassette):
        message = joined(list(model.stream("Hi"))) if cassette.is_stream else model.invoke("Hi")
    expected = said(cassette)
    assert (message.text, message.response_metadata["id"]) == (expected.text, expected.id)
    assert message.additional_kwargs.get("reasoning_content", "") == expected.reasoning
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        (name, json.loads(arguments)) for name, arguments in expected.calls
    ]
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == expected.output


@owned_by_test(*ALL)
def test_llama_index_reads_what_was_recorded(cassette: Cassette) -> None:
    llm = AIMLAPI(**settings(cassette))
    with play(cassette):
        response = list(llm.stream_complete("Hi"))[-1] if cassette.is_stream else llm.complete("Hi")
    expected = said(cassette)
    assert (response.text, response.additional_kwargs["id"]) == (expected.text, expected.id)
    assert response.additional_kwargs.get("reasoning_content", "").replace("\n", "") == expected.reasoning.replace(
        "\n", ""
    )
    assert response.additional_kwargs["completion_tokens"] == expected.output
