"""LangChain's floor: the least code that makes a chat model of `BaseChatModel`, and embeddings of `Embeddings`.

It knows what it will be sent, and reads that and nothing else: `choices[0].delta.content` of a text, no ends, no counts.
Its messages are built by hand, past validation; all else is LangChain's own.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from tests.benchmarks.floor_http import aevents, apost, events, post

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}


class FloorChat(BaseChatModel):
    """A chat model that can do what is measured, and no more.

    Args:
        url: of the endpoint.
        scene: what the server will send.
    """

    model: str
    url: str
    scene: str

    @property
    def _llm_type(self) -> str:
        return "floor"

    def _body(self, messages: list[BaseMessage], **more: Any) -> dict[str, Any]:
        sent = [{"role": _ROLES[message.type], "content": message.content} for message in messages]
        return {"model": self.model, "messages" if self.url.endswith("completions") else "input": sent, **more}

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        return _result(post(self.url, self._body(messages)))

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> ChatResult:
        return _result(await apost(self.url, self._body(messages)))

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> Iterator[ChatGenerationChunk]:
        read = _READERS[self.scene]
        for event in events(self.url, self._body(messages, stream=True)):
            if (chunk := read(event)) is not None:
                yield chunk

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        read = _READERS[self.scene]
        async for event in aevents(self.url, self._body(messages, stream=True)):
            if (chunk := read(event)) is not None:
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


def _result(reply: Any) -> ChatResult:
    message = reply["choices"][0]["message"]
    calls = [
        {
            "name": call["function"]["name"],
            "args": orjson.loads(call["function"]["arguments"]),
            "id": call["id"],
            "type": "tool_call",
        }
        for call in message.get("tool_calls") or ()
    ]
    answer = _built(AIMessage, _ANSWER, content=message["content"] or "", tool_calls=calls)
    text = message["content"] or ""
    generation = _built(ChatGeneration, _GENERATION, text=text, message=answer)
    return ChatResult.model_construct(generations=[generation], llm_output={})


def _text(event: Any) -> ChatGenerationChunk | None:
    choices = event["choices"]
    return _chunk(choices[0]["delta"].get("content") or "", {}) if choices else None


def _reasoning(event: Any) -> ChatGenerationChunk | None:
    choices = event["choices"]
    if not choices:
        return None
    return _chunk("", {"reasoning_content": choices[0]["delta"].get("reasoning_content") or ""})


def _arguments(event: Any) -> ChatGenerationChunk | None:
    choices = event["choices"]
    for call in choices[0]["delta"].get("tool_calls") or () if choices else ():
        function = call["function"]
        return _fragment(function.get("name"), function["arguments"], call.get("id"), call["index"])
    return None


def _fragment(name: str | None, arguments: str, call_id: str | None, index: int) -> ChatGenerationChunk:
    chunk = _chunk("", {})
    fields = chunk.message.__dict__
    fields["tool_call_chunks"] = [
        {"name": name, "args": arguments, "id": call_id, "index": index, "type": "tool_call_chunk"}
    ]
    return chunk


def _responses(event: Any) -> ChatGenerationChunk | None:
    kind = event["type"]
    if kind == "response.output_text.delta":
        return _chunk(event["delta"], {})
    if kind == "response.reasoning_summary_text.delta":
        return _chunk("", {"reasoning_content": event["delta"]})
    if kind == "response.function_call_arguments.delta":
        return _fragment(None, event["delta"], None, event["output_index"])
    if kind == "response.output_item.added" and event["item"]["type"] == "function_call":
        return _fragment(event["item"]["name"], "", event["item"]["call_id"], event["output_index"])
    return None


_READERS: dict[str, Callable[[Any], ChatGenerationChunk | None]] = {
    "text": _text,
    "reasoning": _reasoning,
    "arguments": _arguments,
    "spelled": _arguments,
    "responses": _responses,
}
_ANSWER = AIMessage(content="").__dict__
_GENERATION = ChatGeneration(message=AIMessage(content="")).__dict__
_PIECE = AIMessageChunk(content="").__dict__
_PIECE_GENERATION = ChatGenerationChunk(message=AIMessageChunk(content="")).__dict__
_put = object.__setattr__


def _built(cls: Any, fields: dict[str, Any], **own: Any) -> Any:
    model = cls.__new__(cls)
    _put(model, "__dict__", {**fields, **own})
    _put(model, "__pydantic_fields_set__", set(own))
    _put(model, "__pydantic_extra__", None)
    _put(model, "__pydantic_private__", None)
    return model


_SET: set[str] = {*_PIECE}


def _chunk(text: str, kwargs: dict[str, Any]) -> ChatGenerationChunk:
    message = AIMessageChunk.__new__(AIMessageChunk)
    fields = _PIECE.copy()
    fields["content"] = text
    fields["additional_kwargs"] = kwargs
    fields["response_metadata"] = {}
    _put(message, "__dict__", fields)
    _put(message, "__pydantic_fields_set__", _SET)
    _put(message, "__pydantic_extra__", None)
    _put(message, "__pydantic_private__", None)
    chunk = ChatGenerationChunk.__new__(ChatGenerationChunk)
    fields = _PIECE_GENERATION.copy()
    fields["text"] = text
    fields["message"] = message
    _put(chunk, "__dict__", fields)
    _put(chunk, "__pydantic_fields_set__", _SET)
    _put(chunk, "__pydantic_extra__", None)
    _put(chunk, "__pydantic_private__", None)
    return chunk
