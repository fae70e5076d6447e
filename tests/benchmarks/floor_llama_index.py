"""LlamaIndex's floor: the least code that makes an LLM of `FunctionCallingLLM`, and of `BaseEmbedding`.

It knows what it will be sent, and reads that and nothing else. Its responses are built by hand, past validation; all else
is LlamaIndex's own.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM

from tests.benchmarks.floor_http import aevents, apost, events, post


class FloorLLM(FunctionCallingLLM):
    """An LLM that can do what is measured, and no more.

    Args:
        url: of the endpoint.
        scene: what the server will send.
    """

    model: str
    url: str
    scene: str

    @property
    def metadata(self) -> LLMMetadata:
        return _metadata(self.model)

    def _body(self, messages: Sequence[ChatMessage], **more: Any) -> dict[str, Any]:
        sent = [_to_wire(message) for message in messages]
        return {"model": self.model, "messages" if self.url.endswith("completions") else "input": sent, **more}

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        return _response(post(self.url, self._body(messages)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        return _response(await apost(self.url, self._body(messages)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseGen:
        body = self._body(messages, stream=True)

        def chunks() -> ChatResponseGen:
            add = _READERS[self.scene]()
            for event in events(self.url, body):
                if (response := add(event)) is not None:
                    yield response

        return chunks()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        body = self._body(messages, stream=True)

        async def chunks() -> ChatResponseAsyncGen:
            add = _READERS[self.scene]()
            async for event in aevents(self.url, body):
                if (response := add(event)) is not None:
                    yield response

        return chunks()

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError("Measure `chat` and its other forms: the floor has no more.")

    stream_complete = acomplete = astream_complete = complete
    _prepare_chat_with_tools = complete


@lru_cache
def _metadata(model: str) -> LLMMetadata:
    """LlamaIndex asks for it at each call, for its events."""
    return LLMMetadata(model_name=model, is_chat_model=True, is_function_calling_model=True)


def _to_wire(message: ChatMessage) -> dict[str, Any]:
    blocks = message.blocks
    if len(blocks) == 1:
        return {"role": message.role.value, "content": blocks[0].text}
    return {"role": message.role.value, "content": [_part(block) for block in blocks]}


def _part(block: Any) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    return {"type": "image_url", "image_url": {"url": str(block.url)}}


def _response(reply: Any) -> ChatResponse:
    message = reply["choices"][0]["message"]
    blocks: list[Any] = [_text_block(message["content"])] if message["content"] else []
    for call in message.get("tool_calls") or ():
        function = call["function"]
        blocks.append(_call_block(call["id"], function["name"], orjson.loads(function["arguments"])))
    return _so_far(blocks, reply, None)


class _Text:
    """Each piece of a stream is a response that repeats all before it."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, event: Any) -> ChatResponse | None:
        if not event["choices"]:
            return None
        delta = event["choices"][0]["delta"].get("content") or ""
        self.text += delta
        return _so_far([_text_block(self.text)], event, delta)


class _Reasoning:
    def __init__(self) -> None:
        self.text = ""

    def __call__(self, event: Any) -> ChatResponse | None:
        if not event["choices"]:
            return None
        self.text += event["choices"][0]["delta"].get("reasoning_content") or ""
        return _so_far([_thought(self.text)], event, "")


class _Arguments:
    def __init__(self) -> None:
        self.name = ""
        self.id: str | None = None
        self.text = ""

    def __call__(self, event: Any) -> ChatResponse | None:
        choices = event["choices"]
        for call in choices[0]["delta"].get("tool_calls") or () if choices else ():
            if "id" in call:
                self.id, self.name = call["id"], call["function"]["name"]
            self.text += call["function"]["arguments"]
            return self.so_far(event)
        return None

    def so_far(self, event: Any) -> ChatResponse:
        return _so_far([_call_block(self.id, self.name, self.text)], event, "")


class _Responses:
    """A stream of /v1/responses."""

    def __init__(self) -> None:
        self.text, self.thought, self.call = "", "", _Arguments()

    def __call__(self, event: Any) -> ChatResponse | None:
        kind = event["type"]
        if kind == "response.output_text.delta":
            self.text += event["delta"]
            return _so_far([_text_block(self.text)], event, event["delta"])
        if kind == "response.reasoning_summary_text.delta":
            self.thought += event["delta"]
            return _so_far([_thought(self.thought)], event, "")
        if kind == "response.function_call_arguments.delta":
            self.call.text += event["delta"]
            return self.call.so_far(event)
        if kind == "response.output_item.added" and event["item"]["type"] == "function_call":
            self.call.id, self.call.name = event["item"]["call_id"], event["item"]["name"]
        return None


_READERS: dict[str, Callable[[], Callable[[Any], ChatResponse | None]]] = {
    "text": _Text,
    "reasoning": _Reasoning,
    "arguments": _Arguments,
    "spelled": _Arguments,
    "responses": _Responses,
}


def _text_block(text: str) -> Any:
    return _by_hand(TextBlock, {"block_type": "text", "text": text})


def _thought(text: str) -> Any:
    fields = {"block_type": "thinking", "content": text, "num_tokens": None, "additional_information": {}}
    return _by_hand(ThinkingBlock, fields)


def _call_block(call_id: str | None, name: str, arguments: Any) -> Any:
    fields = {"block_type": "tool_call", "tool_call_id": call_id, "tool_name": name, "tool_kwargs": arguments}
    return _by_hand(ToolCallBlock, fields)


def _so_far(blocks: list[Any], raw: Any, delta: str | None) -> Any:
    message = _by_hand(ChatMessage, {"role": MessageRole.ASSISTANT, "additional_kwargs": {}, "blocks": blocks})
    fields = {"message": message, "raw": raw, "delta": delta, "logprobs": None, "additional_kwargs": {}}
    return _by_hand(ChatResponse, fields)


_put = object.__setattr__


_SET: set[str] = set()


def _by_hand(cls: Any, fields: dict[str, Any]) -> Any:
    model = cls.__new__(cls)
    _put(model, "__dict__", fields)
    _put(model, "__pydantic_fields_set__", _SET)
    _put(model, "__pydantic_extra__", None)
    _put(model, "__pydantic_private__", None)
    return model


def floor_embedding(model: str, base_url: str) -> Any:
    """LlamaIndex's embedding class over base64; made here, so that the LLM's import does not pay for it."""
    from llama_index.core.base.embeddings.base import BaseEmbedding

    class FloorEmbedding(BaseEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            body = {"model": model, "input": texts, "encoding_format": "base64"}
            rows = post(base_url + "/embeddings", body)["data"]
            return [array("f", base64.b64decode(row["embedding"])).tolist() for row in rows]

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        _get_query_embedding = _get_text_embedding

        async def _aget_query_embedding(self, query: str) -> list[float]:
            raise NotImplementedError("Measure `get_text_embedding_batch`: the floor has no async form.")

    return FloorEmbedding(model_name=model, embed_batch_size=512)
