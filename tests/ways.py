"""One conversation asked in every way: both frameworks, both endpoints, whole and streamed, sync and async.

Conversations, tools and answers are written in the words of chat completions; what was sent is kept as it was.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from langchain_core.messages import AIMessage, convert_to_messages
from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ToolCallBlock,
)

from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

Json = dict[str, Any]
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


@dataclass(frozen=True)
class Way:
    """How a conversation is asked."""

    framework: str
    endpoint: str
    is_streamed: bool
    is_async: bool

    def __str__(self) -> str:
        calls = f"{'a' if self.is_async else ''}{'stream' if self.is_streamed else 'whole'}"
        return f"{self.framework}-{self.endpoint}-{calls}"


WAYS = [
    Way(*way)
    for way in itertools.product(("langchain", "llama_index"), ("chat", "responses"), (False, True), (False, True))
]
FOUR_WAYS = [way for way in WAYS if not (way.is_streamed or way.is_async)]
"""Both frameworks and both endpoints: for what is sent, and refused before."""


@dataclass
class Host:
    """Gives the answer that a function makes of the body it is sent; a message of chat completions."""

    answer: Callable[[Json], Json] = lambda body: {"content": "ok"}
    bodies: list[Json] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.raw.append(request.content)
        self.bodies.append(body)
        message = self.answer(body)
        if request.url.path.endswith("/responses"):
            return _response(message, is_streamed=bool(body.get("stream")))
        return _completion(message, is_streamed=bool(body.get("stream")))

    def ask(
        self,
        way: Way,
        messages: Sequence[Json],
        tools: Sequence[Any] = (),
        *,
        settings: Json | None = None,
        **call: Any,
    ) -> Answer:
        """The answer to a conversation; `settings` are for the model, the rest for the call."""
        ask = _ask_langchain if way.framework == "langchain" else _ask_llama_index
        kwargs = {"model": "openai/gpt-4o", "api_key": "k", "max_retries": 0, **(settings or {})}
        kwargs["use_responses_api"] = way.endpoint == "responses"
        return ask(self, way, kwargs, messages, tools, call)


@dataclass
class Answer:
    """An answer in words that are neither framework's: (name, arguments) of its calls, and the framework's message."""

    calls: list[tuple[str, Any]]
    invalid: list[str]
    message: Any


def _ask_langchain(host: Host, way: Way, settings: Json, messages: Any, tools: Any, call: Json) -> Answer:
    transport = httpx.MockTransport(host)
    llm: Any = ChatAIMLAPI(
        http_client=httpx.Client(transport=transport),
        http_async_client=httpx.AsyncClient(transport=transport),
        base_url="http://127.0.0.1/v1",
        **settings,
    )
    sent = [m if not isinstance(m, dict) else _langchain_message(m) for m in messages]
    llm = llm.bind_tools(list(tools)) if tools else llm

    async def stream() -> Any:
        whole: Any = None
        async for chunk in llm.astream(sent, **call):
            whole = chunk if whole is None else whole + chunk
        return whole

    if way.is_streamed and way.is_async:
        answer = asyncio.run(stream())
    elif way.is_streamed:
        answer = None
        for chunk in llm.stream(sent, **call):
            answer = chunk if answer is None else answer + chunk
    elif way.is_async:
        answer = asyncio.run(llm.ainvoke(sent, **call))
    else:
        answer = llm.invoke(sent, **call)
    assert isinstance(answer, AIMessage)
    calls = [(str(one["name"]), one["args"]) for one in answer.tool_calls]
    return Answer(calls, [str(one["name"]) for one in answer.invalid_tool_calls], answer)


def _langchain_message(message: Json) -> Any:
    return convert_to_messages([{**message, "content": message.get("content") or ""}])[0]


def _ask_llama_index(host: Host, way: Way, settings: Json, messages: Any, tools: Any, call: Json) -> Answer:
    transport = httpx.MockTransport(host)
    llm = AIMLAPI(
        http_client=httpx.Client(transport=transport),
        async_http_client=httpx.AsyncClient(transport=transport),
        api_base="http://127.0.0.1/v1",
        **settings,
    )
    sent = [llama_index_message(m) if isinstance(m, dict) else m for m in messages]
    further = {**({"tools": list(tools)} if tools else {}), **call}

    async def astream() -> Any:
        last = None
        async for response in await llm.astream_chat(sent, **further):
            last = response
        return last

    if way.is_streamed and way.is_async:
        response = asyncio.run(astream())
    elif way.is_streamed:
        *_, response = llm.stream_chat(sent, **further)
    elif way.is_async:
        response = asyncio.run(llm.achat(sent, **further))
    else:
        response = llm.chat(sent, **further)
    blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    valid = [(block.tool_name, block.tool_kwargs) for block in blocks if isinstance(block.tool_kwargs, dict)]
    return Answer(valid, [b.tool_name for b in blocks if not isinstance(b.tool_kwargs, dict)], response.message)


def llama_index_message(message: Json) -> ChatMessage:
    """A message of chat completions as LlamaIndex has it; pictures of data URLs."""
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) and content else content or []
    blocks: list[ContentBlock] = [
        TextBlock(text=part["text"]) if part["type"] == "text" else ImageBlock(url=part["image_url"]["url"])
        for part in parts
    ]
    for call in message.get("tool_calls") or ():
        arguments = json.loads(call["function"]["arguments"])
        blocks.append(ToolCallBlock(tool_call_id=call["id"], tool_name=call["function"]["name"], tool_kwargs=arguments))
    kwargs = {"tool_call_id": message["tool_call_id"]} if "tool_call_id" in message else {}
    return ChatMessage(role=MessageRole(message["role"]), blocks=blocks, additional_kwargs=kwargs)


# -- what the host answers ---------------------------------------------------------------------------------------------


def _completion(message: Json, *, is_streamed: bool) -> httpx.Response:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    head = {"id": "c1", "created": 1, "model": "served"}
    if not is_streamed:
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": None, **message}}
        return httpx.Response(200, json={**head, "object": "chat.completion", "choices": [choice], "usage": USAGE})
    deltas: list[Json] = [{"role": "assistant", "content": message.get("content") or ""}]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
        for piece in (function["arguments"][:3], function["arguments"][3:]):
            deltas.append(
                {"tool_calls": [{"index": index, "function": {"name": function["name"], "arguments": piece}}]}
            )
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": USAGE})
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return httpx.Response(200, text=data, headers={"content-type": "text/event-stream"})


def _response(message: Json, *, is_streamed: bool) -> httpx.Response:
    items: list[Json] = []
    if message.get("content"):
        part = {"type": "output_text", "text": message["content"], "annotations": []}
        items.append({"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]})
    for index, call in enumerate(message.get("tool_calls") or ()):
        items.append({"type": "function_call", "id": f"fc_{index}", "call_id": call["id"], **call["function"]})
    usage = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    body = {"id": "r1", "object": "response", "model": "served", "status": "completed", "usage": usage, "output": items}
    if not is_streamed:
        return httpx.Response(200, json=body)
    events: list[Json] = [{"type": "response.created", "response": {**body, "output": [], "status": "in_progress"}}]
    for index, item in enumerate(items):
        empty = {**item, **({"arguments": ""} if "arguments" in item else {"content": []})}
        events.append({"type": "response.output_item.added", "output_index": index, "item": empty})
        if "arguments" in item:
            piece = {"type": "response.function_call_arguments.delta", "item_id": item["id"], "output_index": index}
            events += [{**piece, "delta": item["arguments"][:3]}, {**piece, "delta": item["arguments"][3:]}]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": "response.completed", "response": body})
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return httpx.Response(200, text=data, headers={"content-type": "text/event-stream"})
