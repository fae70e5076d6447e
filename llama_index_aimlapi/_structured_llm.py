"""An LLM all of whose answers are objects of a class: what `AIMLAPI.as_structured_llm` gives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts.base import ChatPromptTemplate
from pydantic import BaseModel, Field


class AIMLAPIStructured(StructuredLLM):
    """An `AIMLAPI` all of whose answers are objects of a class: in `raw`, and as JSON in the text."""

    llm_kwargs: dict[str, Any] = Field(default_factory=dict, description="What to pass to every call.")

    def _asked(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
        return self.output_cls, _AsTheyAre(messages), {**self.llm_kwargs, **kwargs}

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The object that answers a conversation."""
        return _response(self.llm.structured_predict(*self._asked(messages, kwargs)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The object that answers a conversation."""
        return _response(await self.llm.astructured_predict(*self._asked(messages, kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The object as it comes, see `AIMLAPI.stream_structured_predict`."""
        llm: Any = self.llm
        with closing(llm.stream_structured_predict(*self._asked(messages, kwargs))) as objects:
            for value in objects:
                yield _response(value)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The object as it comes, see `AIMLAPI.stream_structured_predict`."""
        llm: Any = self.llm
        stream = await llm.astream_structured_predict(*self._asked(messages, kwargs))

        async def responses() -> ChatResponseAsyncGen:
            async with aclosing(stream) as objects:
                async for value in objects:
                    yield _response(value)

        return responses()

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """The object as it comes, in answer to a prompt."""
        with closing(self.stream_chat([ChatMessage(prompt)], **kwargs)) as responses:
            for response in responses:
                yield CompletionResponse(text=response.message.content or "", raw=response.raw)

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """The object as it comes, in answer to a prompt."""
        stream = await self.astream_chat([ChatMessage(prompt)], **kwargs)

        async def completions() -> CompletionResponseAsyncGen:
            async with aclosing(stream) as responses:
                async for response in responses:
                    yield CompletionResponse(text=response.message.content or "", raw=response.raw)

        return completions()


class _AsTheyAre(ChatPromptTemplate):
    """Messages that are no template: braces in them are braces."""

    def __init__(self, messages: Sequence[ChatMessage]) -> None:
        super().__init__(message_templates=[])
        self.message_templates = list(messages)

    def format_messages(self, llm: BaseLLM | None = None, **kwargs: Any) -> list[ChatMessage]:
        """The messages themselves."""
        return list(self.message_templates)


def _response(value: BaseModel) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=value.model_dump_json()), raw=value)
