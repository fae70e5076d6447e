"""LangChain's floor: the least code that makes a chat model of `BaseChatModel`, and embeddings of `Embeddings`.

Chunks are built by hand, past validation, as an integration that cares would; all else is LangChain's own.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from tests.benchmarks.floor_http import aevents, apost, events, post


class FloorChat(BaseChatModel):
    """A chat model that can do what is measured, and no more."""

    model: str
    base_url: str

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _body(self, messages: list[BaseMessage], stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": [_to_wire(message) for message in messages]}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    @property
    def _url(self) -> str:
        return self.base_url + "/chat/completions"

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return _result(post(self._url, self._body(messages, False)))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        return _result(await apost(self._url, self._body(messages, False)))

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        for event in events(self._url, self._body(messages, True)):
            yield _chunk(event)

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for event in aevents(self._url, self._body(messages, True)):
            yield _chunk(event)


class FloorResponses(FloorChat):
    """The same under /v1/responses: text and counts."""

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        for event in events(self.base_url + "/responses", self._body(messages, True)):
            if (chunk := _event(event)) is not None:
                yield chunk

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for event in aevents(self.base_url + "/responses", self._body(messages, True)):
            if (chunk := _event(event)) is not None:
                yield chunk


class FloorEmbeddings(Embeddings):
    """Embeddings over base64."""

    def __init__(self, model: str, base_url: str) -> None:
        self._model = model
        self._url = base_url + "/embeddings"

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors = []
        for start in range(0, len(texts), 512):
            body = {"model": self._model, "input": texts[start : start + 512], "encoding_format": "base64"}
            rows = post(self._url, body)["data"]
            vectors += [array("f", base64.b64decode(row["embedding"])).tolist() for row in rows]
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def _to_wire(message: BaseMessage) -> dict[str, Any]:
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": message.content}
    if isinstance(message, AIMessage):
        return {"role": "assistant", "content": message.content}
    assert isinstance(message, SystemMessage)
    return {"role": "system", "content": message.content}


def _result(reply: Any) -> ChatResult:
    choice, usage = reply["choices"][0], reply["usage"]
    message = AIMessage(
        content=choice["message"]["content"],
        response_metadata={"model_name": reply["model"], "finish_reason": choice["finish_reason"], "id": reply["id"]},
        usage_metadata=_usage(usage),
    )
    return ChatResult(generations=[ChatGeneration(message=message)], llm_output={"token_usage": usage})


def _usage(usage: Any) -> Any:
    return {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
    }


def _chunk(event: Any) -> ChatGenerationChunk:
    if not event["choices"]:
        return ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=_usage(event["usage"])))
    choice = event["choices"][0]
    delta = choice["delta"]
    calls = delta.get("tool_calls")
    text = delta.get("content") or ""
    if choice["finish_reason"]:
        metadata = {"finish_reason": choice["finish_reason"]}
        return ChatGenerationChunk(message=AIMessageChunk(content=text, response_metadata=metadata))
    if calls:
        return _fragments(calls)
    reasoning = delta.get("reasoning_content")
    return _by_hand(text, {"reasoning_content": reasoning} if reasoning else {})


def _event(event: Any) -> ChatGenerationChunk | None:
    """The chunk of an event that says something."""
    if event["type"] == "response.output_text.delta":
        return _by_hand(event["delta"], {})
    if event["type"] == "response.completed":
        counts = {name: event["response"]["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens")}
        return ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=counts))
    return None


_MESSAGE = AIMessageChunk(content="").__dict__
_GENERATION = ChatGenerationChunk(message=AIMessageChunk(content="")).__dict__
_put = object.__setattr__


def _fragments(calls: Any) -> ChatGenerationChunk:
    """Fragments of calls, as validation would leave them: what begins an object is LangChain's to read."""
    pieces = [
        tool_call_chunk(
            name=call["function"].get("name"),
            args=call["function"].get("arguments"),
            id=call.get("id"),
            index=call["index"],
        )
        for call in calls
    ]
    if any((piece["args"] or "")[:1] == "{" for piece in pieces):
        return ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=pieces))
    chunk = _by_hand("", {})
    fields = chunk.message.__dict__
    fields["tool_call_chunks"] = pieces
    for piece in pieces:
        name, arguments, call_id = piece["name"], piece["args"], piece["id"]
        if arguments:
            fields["invalid_tool_calls"].append(
                {"name": name, "args": arguments, "id": call_id, "error": None, "type": "invalid_tool_call"}
            )
        else:
            fields["tool_calls"].append({"name": name or "", "args": {}, "id": call_id, "type": "tool_call"})
    return chunk


def _by_hand(text: str, kwargs: dict[str, Any]) -> ChatGenerationChunk:
    message = AIMessageChunk.__new__(AIMessageChunk)
    lists = {"tool_calls": [], "invalid_tool_calls": [], "tool_call_chunks": []}
    fields = {**_MESSAGE, "content": text, "additional_kwargs": kwargs, "response_metadata": {}, **lists}
    _put(message, "__dict__", fields)
    _put(message, "__pydantic_fields_set__", {"content"})
    _put(message, "__pydantic_extra__", {})
    _put(message, "__pydantic_private__", None)
    chunk = ChatGenerationChunk.__new__(ChatGenerationChunk)
    _put(chunk, "__dict__", {**_GENERATION, "text": text, "message": message})
    _put(chunk, "__pydantic_fields_set__", {"message", "text"})
    _put(chunk, "__pydantic_extra__", None)
    _put(chunk, "__pydantic_private__", None)
    return chunk
