"""Tools: the methods of an `AIMLAPI` that offer them to a model, and that read what it called.

A model whose call cannot be run is asked again, as often as `invalid_tool_call_retries` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
)
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool

from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi import _lazy
from llama_index_aimlapi._structured import StructuredPrediction
from llama_index_aimlapi.errors import ToolCallError


class ToolCalling(StructuredPrediction):
    """The part of an `AIMLAPI` that deals with tools."""

    def chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponse:
        """The answer of a model that may call tools; asked again as `invalid_tool_call_retries` says."""
        tries = self._tries(tools, *args, **kwargs)
        while True:
            response: ChatResponse = self.chat(**tries.arguments)
            if not tries.is_asked_again(response):
                return self._validate_chat_with_tools_response(response, tools, tries.parallel)

    async def achat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponse:
        """As `chat_with_tools`, for asyncio."""
        tries = self._tries(tools, *args, **kwargs)
        while True:
            response: ChatResponse = await self.achat(**tries.arguments)
            if not tries.is_asked_again(response):
                return self._validate_chat_with_tools_response(response, tools, tries.parallel)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """As `chat_with_tools`, piece by piece; the last piece of a try that is repeated is left out."""
        tries = self._tries(tools, *args, **kwargs)
        return _streamed(self, tries) if self.invalid_tool_call_retries else self.stream_chat(**tries.arguments)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """As `stream_chat_with_tools`, for asyncio."""
        tries = self._tries(tools, *args, **kwargs)
        return _astreamed(self, tries) if self.invalid_tool_call_retries else await self.astream_chat(**tries.arguments)

    def _tries(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> _Tries:
        return _Tries(self._prepare_chat_with_tools(tools, *args, **kwargs), self.invalid_tool_call_retries)

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: Any = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Json:
        """The arguments of `chat` for a call with tools.

        What the framework decides by itself (a required call, no parallel calls) is marked as such, and left out
        where the host or the model does not list it; what you pass is sent or refused by name.
        """
        messages = list(chat_history or ())
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        definitions = _lazy._tools.to_tools(
            tools, strict=self.strict if strict is None else strict, refuse=self.strict_parameters
        )
        choice = _lazy._tools.to_tool_choice(tool_choice, definitions)
        prepared: Json = {"messages": messages, "tools": definitions or None, "tool_choice": None, **kwargs}
        if definitions:
            prepared["tool_choice"] = choice or ("required" if tool_required else "auto")
            is_yours = kwargs.get("parallel_tool_calls") is not None
            prepared["allow_parallel_tool_calls"] = None if is_yours else allow_parallel_tool_calls
            if not is_yours:
                prepared["parallel_tool_calls"] = allow_parallel_tool_calls
            if choice is None:
                prepared["tool_required"] = tool_required
        return prepared

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The calls of a response: so far, from a piece of a stream; to be run, from a finished answer.

        Raises:
            ToolCallError: a finished answer holds a call that cannot be run, such as one cut short; or none at all,
                unless `error_on_no_tool_call` is off.
        """
        calls = _lazy._tools.selections(response)
        if not calls and error_on_no_tool_call:
            raise ToolCallError(
                f"The model called no tool: it answered {(response.message.content or '')[:200]!r}.", body=response.raw
            )
        return calls


class _Tries:
    """The tries of one answer.

    Attributes:
        arguments: of `chat`, for the next one.
        parallel: whether an answer may call several tools.
    """

    def __init__(self, arguments: Json, retries: int) -> None:
        self.arguments = arguments
        self.parallel = arguments.get("allow_parallel_tool_calls") is not False
        self._retries = retries

    def is_asked_again(self, response: ChatResponse) -> bool:
        """Whether the model has to write its calls again: the conversation is then continued with what is wrong."""
        more = _lazy._tools.correction(response) if self._retries else []
        if more:
            self._retries -= 1
            self.arguments = {**self.arguments, "messages": [*self.arguments["messages"], *more]}
        return bool(more)


def _streamed(llm: ToolCalling, tries: _Tries) -> ChatResponseGen:
    again = True
    while again:
        again = False  # of a stream without a piece, too
        with closing(llm.stream_chat(**tries.arguments)) as responses:
            for response in responses:
                again = tries.is_asked_again(response)
                if not again:
                    yield response


async def _astreamed(llm: ToolCalling, tries: _Tries) -> ChatResponseAsyncGen:
    again = True
    while again:
        again = False
        async with aclosing(await llm.astream_chat(**tries.arguments)) as responses:
            async for response in responses:
                again = tries.is_asked_again(response)
                if not again:
                    yield response
