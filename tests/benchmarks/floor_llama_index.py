"""LlamaIndex's floor: the least code that makes an LLM of `FunctionCallingLLM`, and of `BaseEmbedding`.

The pieces of a stream are built by hand, past validation, as an integration that cares would; all else is LlamaIndex's own.
"""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    ImageBlock,
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
    """An LLM that can do what is measured, and no more."""

    model: str
    base_url: str

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True, is_function_calling_model=True)

    def _body(self, messages: Sequence[ChatMessage], stream: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": [_to_wire(message) for message in messages]}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    @property
    def _url(self) -> str:
        return self.base_url + "/chat/completions"

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        return _response(post(self._url, self._body(messages, False)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        return _response(await apost(self._url, self._body(messages, False)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseGen:
        body = self._body(messages, True)

        def chunks() -> ChatResponseGen:
            so_far = _SoFar()
            for event in events(self._url, body):
                yield so_far.add(event)

        return chunks()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        body = self._body(messages, True)

        async def chunks() -> ChatResponseAsyncGen:
            so_far = _SoFar()
            async for event in aevents(self._url, body):
                yield so_far.add(event)

        return chunks()

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError("Measure `chat` and its other forms: the floor has no more.")

    stream_complete = acomplete = astream_complete = complete
    _prepare_chat_with_tools = complete


class FloorResponsesLLM(FloorLLM):
    """The same under /v1/responses: text."""

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseGen:
        body = self._body(messages, True)

        def chunks() -> ChatResponseGen:
            so_far = _SoFar()
            for event in events(self.base_url + "/responses", body):
                if event["type"] == "response.output_text.delta":
                    yield so_far.add_text(event)

        return chunks()

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        body = self._body(messages, True)

        async def chunks() -> ChatResponseAsyncGen:
            so_far = _SoFar()
            async for event in aevents(self.base_url + "/responses", body):
                if event["type"] == "response.output_text.delta":
                    yield so_far.add_text(event)

        return chunks()


def _to_wire(message: ChatMessage) -> dict[str, Any]:
    blocks = message.blocks
    if len(blocks) == 1 and isinstance(blocks[0], TextBlock):
        return {"role": message.role.value, "content": blocks[0].text}
    return {"role": message.role.value, "content": [_part(block) for block in blocks]}


def _part(block: Any) -> dict[str, Any]:
    if isinstance(block, TextBlock):
        return {"type": "text", "text": block.text}
    assert isinstance(block, ImageBlock)
    return {"type": "image_url", "image_url": {"url": str(block.url)}}


def _response(reply: Any) -> ChatResponse:
    message = ChatMessage(
        role=MessageRole.ASSISTANT, blocks=[TextBlock(text=reply["choices"][0]["message"]["content"])]
    )
    return ChatResponse(message=message, raw=reply, additional_kwargs=dict(reply["usage"]))


class _SoFar:
    """Each piece of a stream is a response that repeats all before it."""

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.name = ""
        self.id: str | None = None
        self.arguments = ""

    def add_text(self, event: Any) -> ChatResponse:
        """A text delta of /v1/responses."""
        self.text += event["delta"]
        blocks = [_by_hand(TextBlock, block_type="text", text=self.text)]
        message = _by_hand(ChatMessage, role=MessageRole.ASSISTANT, additional_kwargs={}, blocks=blocks)
        return _by_hand(
            ChatResponse, message=message, raw=event, delta=event["delta"], logprobs=None, additional_kwargs={}
        )

    def add(self, event: Any) -> ChatResponse:
        delta = event["choices"][0]["delta"] if event["choices"] else {}
        text = delta.get("content") or ""
        self.text += text
        self.reasoning += delta.get("reasoning_content") or ""
        for call in delta.get("tool_calls") or ():
            self.id = self.id or call.get("id")
            self.name = self.name or call["function"].get("name") or ""
            self.arguments += call["function"].get("arguments") or ""
        blocks: list[Any] = []
        kwargs: dict[str, Any] = {}
        if self.reasoning:
            thought = {"content": self.reasoning, "num_tokens": None, "additional_information": {}}
            blocks.append(_by_hand(ThinkingBlock, block_type="thinking", **thought))
        if self.text:
            blocks.append(_by_hand(TextBlock, block_type="text", text=self.text))
        if self.name:
            call = {"tool_call_id": self.id, "tool_name": self.name, "tool_kwargs": self.arguments}
            blocks.append(_by_hand(ToolCallBlock, block_type="tool_call", **call))
            function = {"name": self.name, "arguments": self.arguments}
            kwargs["tool_calls"] = [{"id": self.id, "type": "function", "function": function}]
        message = _by_hand(ChatMessage, role=MessageRole.ASSISTANT, additional_kwargs=kwargs, blocks=blocks)
        return _by_hand(ChatResponse, message=message, raw=event, delta=text, logprobs=None, additional_kwargs={})


_put = object.__setattr__


def _by_hand(cls: Any, **fields: Any) -> Any:
    model = cls.__new__(cls)
    _put(model, "__dict__", fields)
    _put(model, "__pydantic_fields_set__", set(fields))
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
