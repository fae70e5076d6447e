"""Whatever way a host tells an answer, both frameworks read the same: whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.llms import ChatMessage, ChatResponse

from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

Json = dict[str, Any]


class Answer(NamedTuple):
    """What a program sees of an answer: its text, and its calls as (name, arguments, id)."""

    text: str
    calls: list[tuple[str, Any, str]]


class Host:
    """A host that always gives the same reply: a dict as JSON, a list as an event stream."""

    def __init__(self, reply: Json | list[Json], **settings: Any) -> None:
        is_stream = isinstance(reply, list)
        events = [json.dumps(event) for event in reply] if is_stream else []
        body = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]) if is_stream else json.dumps(reply)
        kind = {"content-type": "text/event-stream" if is_stream else "application/json"}
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body.encode(), headers=kind))
        self.sync, self.asynchronous = httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)
        self.settings = {"model": "openai/gpt-4o", "api_key": "k", "max_retries": 0, **settings}

    def langchain(self) -> ChatAIMLAPI:
        return ChatAIMLAPI(http_client=self.sync, http_async_client=self.asynchronous, **self.settings)

    def llama_index(self) -> AIMLAPI:
        return AIMLAPI(http_client=self.sync, async_http_client=self.asynchronous, **self.settings)


def from_message(message: AIMessage) -> Answer:
    assert not message.invalid_tool_calls
    return Answer(message.text, [(call["name"], call["args"], call["id"] or "") for call in message.tool_calls])


def from_response(response: ChatResponse, llm: AIMLAPI) -> Answer:
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return Answer(response.message.content or "", [(call.tool_name, call.tool_kwargs, call.tool_id) for call in calls])


def summed(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    first, *others = chunks
    return first.__add__(others)  # type: ignore[arg-type]  # a list of them is taken, too


def whole(reply: Json, **settings: Any) -> list[Answer]:
    """By each framework and each kind of call."""
    host, messages = Host(reply, **settings), [ChatMessage("x")]
    model, llm = host.langchain(), host.llama_index()

    async def later() -> list[Answer]:
        return [from_message(await model.ainvoke("x")), from_response(await llm.achat(messages), llm)]

    return [from_message(model.invoke("x")), from_response(llm.chat(messages), llm), *asyncio.run(later())]


def streamed(events: list[Json], **settings: Any) -> list[Answer]:
    """By each framework and each kind of call: what the pieces add up to, and what the last one says."""
    host, messages = Host(events, **settings), [ChatMessage("x")]
    model, llm = host.langchain(), host.llama_index()

    def of_pieces(responses: list[ChatResponse]) -> list[Answer]:
        final = from_response(responses[-1], llm)
        return [final, Answer("".join(response.delta or "" for response in responses), final.calls)]

    async def later() -> list[Answer]:
        chunks = [chunk async for chunk in model.astream("x")]
        responses = [response async for response in await llm.astream_chat(messages)]
        return [from_message(summed(chunks)), *of_pieces(responses)]

    chunks, responses = list(model.stream("x")), list(llm.stream_chat(messages))
    return [from_message(summed(chunks)), *of_pieces(responses), *asyncio.run(later())]


def event(delta: Json, finish: str | None = None, index: int = 0) -> Json:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


WEATHER = ("weather", {"city": "Bern", "days": [1, 2]}, "call_1")
TIME = ("time", {}, "call_2")


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 30), max_size=4, unique=True).map(sorted),
    groups=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    name_alone=st.booleans(),
    both=st.booleans(),
)
def test_fragments_of_a_call_may_come_in_any_grouping(
    cuts: list[int], groups: list[int], name_alone: bool, both: bool
) -> None:
    """A name and pieces of its arguments as entries of one delta, in several, or of two calls beside each other."""
    entries: list[Json] = []
    for index, (name, arguments, call_id) in enumerate([WEATHER, TIME] if both else [WEATHER]):
        text = json.dumps(arguments)
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < len(text)]
        head = {"index": index, "id": call_id, "type": "function"}
        entries.append({**head, "function": {"name": name, "arguments": "" if name_alone else pieces.pop(0)}})
        entries += [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    events, sizes = [], iter(groups * len(entries))
    while entries:
        size = next(sizes)
        events.append(event({"tool_calls": entries[:size]}))
        entries = entries[size:]
    expected = Answer("", [WEATHER, TIME] if both else [WEATHER])
    assert all(answer == expected for answer in streamed([*events, event({}, "tool_calls")]))
