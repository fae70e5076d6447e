"""AIMLAPI: LlamaIndex's LLM over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import llama_index_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from pydantic import ConfigDict

from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi._instrumentation import AsyncResponses, Convert, aobserved, observed, responses
from llama_index_aimlapi._structured import StructuredPrediction

if TYPE_CHECKING:  # imported at the first call, as all that only calls need: half of what importing this would cost
    from aimlapi_transport.chat.choices import OneChoice
    from aimlapi_transport.client import AsyncClient, Client
    from aimlapi_transport.service.catalogue import Model
    from llama_index_aimlapi._request import Call


class AIMLAPI(StructuredPrediction):
    """A chat model of AI/ML API, PowerTokens or AnyFast.

    Example:
        ```python
        from llama_index_aimlapi import AIMLAPI

        llm = AIMLAPI(model="anthropic/claude-sonnet-4.5")
        response = llm.complete("Hello")
        print(response.text, response.additional_kwargs["cost_usd"])
        ```

    The reasoning of a reply is a ThinkingBlock before its text, and `additional_kwargs["thinking_delta"]` of each
    piece of a stream that adds to it; token counts, cost in US dollars and the provider's id of the call are in
    `ChatResponse.additional_kwargs`. An instance is a value: it holds no connections and may be copied, pickled and
    shared between threads and event loops. `close()`, `aclose()` and `with` blocks give up its share in the process's
    connections, which end with the last model that uses them, or two seconds after it was dropped without being closed.
    A pickle holds the key only where it was passed in code.

    Every call takes, beside the body's parameters, `extra_body`, `extra_headers`, `extra_query`, `timeout` (seconds),
    `client_request_id`, `model`, `replay_reasoning`, `repair_history` and `parse_think`. What a call says wins
    over `additional_kwargs`, and these over the fields.

    Args:
        model: id of the model; there is no default.
        api_key: the key, or a function that returns it; by default AIMLAPI_API_KEY (or AIML_API_KEY), read at
            each call.
        api_base: address of the host up to `/v1` (also `base_url`); its host decides the preset unless one is given.
        temperature, max_tokens, reasoning_effort, ...: sent only where set.
        max_retries: further requests after a failed one, 2 by default.
        http_client, async_http_client: httpx clients of your own, used as they are and never closed here.

    Raises:
        AIMLAPIError: one class per kind of failure; see `llama_index_aimlapi.errors`.
    """

    model_config = ConfigDict(defer_build=False)  # built at once: its signature is complete before the first instance

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation."""
        return self._chat(messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation."""
        return await self._achat(messages, kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        from llama_index_aimlapi._responses import to_completion

        return to_completion(self._chat(self._prompt(prompt, formatted), kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        from llama_index_aimlapi._responses import to_completion

        return to_completion(await self._achat(self._prompt(prompt, formatted), kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer piece by piece: each response repeats all before it, the last one is the whole answer."""
        return observed(llm_chat_callback(), AIMLAPI._stream, self, messages, **kwargs)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer piece by piece: each response repeats all before it, the last one is the whole answer."""
        return await aobserved(llm_chat_callback(), AIMLAPI._astream, self, messages, **kwargs)

    def stream_complete(
        self, prompt: str | None = None, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer to a prompt piece by piece: each response repeats all before it."""

        def start(llm: AIMLAPI, prompt: str, **kwargs: Any) -> CompletionResponseGen:
            client, call = llm._begin_stream(llm._prompt(prompt, formatted), kwargs)
            return responses(
                client.stream(call.request, timeout=call.timeout), *_completions_of(call), call.usage.release
            )

        return observed(llm_completion_callback(), start, self, _required(prompt), **kwargs)

    async def astream_complete(
        self, prompt: str | None = None, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The answer to a prompt piece by piece: each response repeats all before it."""

        async def start(llm: AIMLAPI, prompt: str, **kwargs: Any) -> AsyncResponses[CompletionResponse]:
            client, call = await llm._abegin_stream(llm._prompt(prompt, formatted), kwargs)
            stream = client.stream(call.request, timeout=call.timeout)
            return AsyncResponses(stream, *_completions_of(call), call.usage.release)

        return await aobserved(llm_completion_callback(), start, self, _required(prompt), **kwargs)

    def chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponse:
        """The answer of a model that may call tools; asked again as `invalid_tool_call_retries` says."""
        if not self.invalid_tool_call_retries:
            return super().chat_with_tools(tools, *args, **kwargs)
        from llama_index_aimlapi._tool_call_retry import chat

        arguments = self._prepare_chat_with_tools(tools, *args, **kwargs)
        response = chat(self, arguments.pop("messages"), arguments, self.invalid_tool_call_retries)
        parallel = arguments.get("allow_parallel_tool_calls")
        return self._validate_chat_with_tools_response(response, tools, parallel is not False)

    async def achat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponse:
        """As `chat_with_tools`, for asyncio."""
        if not self.invalid_tool_call_retries:
            return await super().achat_with_tools(tools, *args, **kwargs)
        from llama_index_aimlapi._tool_call_retry import achat

        arguments = self._prepare_chat_with_tools(tools, *args, **kwargs)
        response = await achat(self, arguments.pop("messages"), arguments, self.invalid_tool_call_retries)
        parallel = arguments.get("allow_parallel_tool_calls")
        return self._validate_chat_with_tools_response(response, tools, parallel is not False)

    def stream_chat_with_tools(self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any) -> ChatResponseGen:
        """As `chat_with_tools`, piece by piece."""
        if not self.invalid_tool_call_retries:
            return super().stream_chat_with_tools(tools, *args, **kwargs)
        from llama_index_aimlapi._tool_call_retry import stream

        arguments = self._prepare_chat_with_tools(tools, *args, **kwargs)
        return stream(self, arguments.pop("messages"), arguments, self.invalid_tool_call_retries)

    async def astream_chat_with_tools(
        self, tools: Sequence[BaseTool], *args: Any, **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """As `chat_with_tools`, piece by piece, for asyncio."""
        if not self.invalid_tool_call_retries:
            return await super().astream_chat_with_tools(tools, *args, **kwargs)
        from llama_index_aimlapi._tool_call_retry import astream

        arguments = self._prepare_chat_with_tools(tools, *args, **kwargs)
        return astream(self, arguments.pop("messages"), arguments, self.invalid_tool_call_retries)

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
        from llama_index_aimlapi._tools import to_tool_choice, to_tools

        messages = list(chat_history or ())
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        definitions = to_tools(tools, strict=self.strict if strict is None else strict, refuse=self.strict_parameters)
        choice = to_tool_choice(tool_choice, definitions)
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

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """The response with one call at most, where several were not allowed."""
        if allow_parallel_tool_calls:
            return response
        message = response.message
        extra = [block for block in message.blocks if isinstance(block, ToolCallBlock)][1:]
        listed = message.additional_kwargs.get("tool_calls") or []
        if not extra and len(listed) < 2:
            return response
        fields: Json = {"blocks": [block for block in message.blocks if not any(block is other for other in extra)]}
        if listed:
            fields["additional_kwargs"] = {**message.additional_kwargs, "tool_calls": listed[:1]}
        return response.model_copy(update={"message": message.model_copy(update=fields)})

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The calls of a response: so far, from a piece of a stream; to be run, from a finished answer.

        Raises:
            ToolCallError: a finished answer holds a call that cannot be run, such as one cut short; or none at all,
                unless `error_on_no_tool_call` is off.
        """
        from llama_index_aimlapi._tools import selections
        from llama_index_aimlapi.errors import ToolCallError

        calls = selections(response)
        if not calls and error_on_no_tool_call:
            raise ToolCallError(
                f"The model called no tool: it answered {(response.message.content or '')[:200]!r}.", body=response.raw
            )
        return calls

    def estimate_cost(
        self, messages: str | Sequence[ChatMessage], *, output_tokens: int | None = None, **kwargs: Any
    ) -> float | None:
        """US dollars that a call will cost, at the catalogue's prices; None where the model has none for tokens.

        Args:
            messages: a conversation or a prompt.
            output_tokens: how long the answer will be; by default `max_tokens`, or 500 tokens.
        """
        from llama_index_aimlapi._request import to_call

        chat_messages = self._prompt(messages, formatted=True) if isinstance(messages, str) else messages
        client = self._client()
        call = to_call(self, client, chat_messages, kwargs, stream=False)
        cost = client.estimate_cost(call.request, output_tokens=output_tokens)
        return None if cost is None else float(cost)

    def refresh_profile(self) -> Model:
        """Sets `context_window` and `is_function_calling_model`, where you did not, by the live catalogue.

        Returns:
            All that the catalogue says of the model.

        Raises:
            NotFoundError: it has no such model; the error names the nearest.
        """
        model = self._client().model(self.model)
        if self.context_window is None:
            self.context_window = model.context_length
        if self.is_function_calling_model is None and model.capabilities:
            self.is_function_calling_model = "tools" in model.capabilities
        return model

    @classmethod
    def list_models(cls, *, api_base: str | None = None, **filters: Any) -> list[Model]:
        """The models of the live catalogue; needs no key.

        Args:
            filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`,
                `include`; see `aimlapi_transport.Client.models`.
        """
        from aimlapi_transport.client import Client

        return Client(base_url=api_base).models(**filters)

    def _prompt(self, prompt: str, formatted: bool) -> list[ChatMessage]:
        text = prompt if formatted or self.completion_to_prompt is None else self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=text)]

    def _chat(self, messages: Sequence[ChatMessage], kwargs: Json) -> ChatResponse:
        from llama_index_aimlapi._request import to_call
        from llama_index_aimlapi._responses import from_completion

        client = self._client()
        call = to_call(self, client, messages, kwargs, stream=False).reserve(client)
        try:
            completion = client.complete(call.request, timeout=call.timeout, on_progress=call.on_progress)
            call.counted(completion)
        finally:
            call.usage.release()
        return from_completion(completion, call.reading)

    async def _achat(self, messages: Sequence[ChatMessage], kwargs: Json) -> ChatResponse:
        from llama_index_aimlapi._request import to_call
        from llama_index_aimlapi._responses import from_completion

        client = self._async_client()
        call = await to_call(self, client, messages, kwargs, stream=False).areserve(client)
        try:
            completion = await client.complete(call.request, timeout=call.timeout, on_progress=call.on_progress)
            call.counted(completion)
        finally:
            call.usage.release()
        return from_completion(completion, call.reading)

    def _begin_stream(self, messages: Sequence[ChatMessage], kwargs: Json) -> tuple[Client, Call]:
        from llama_index_aimlapi._request import to_call

        client = self._client()
        return client, to_call(self, client, messages, kwargs, stream=True).reserve(client)

    async def _abegin_stream(self, messages: Sequence[ChatMessage], kwargs: Json) -> tuple[AsyncClient, Call]:
        from llama_index_aimlapi._request import to_call

        client = self._async_client()
        return client, await to_call(self, client, messages, kwargs, stream=True).areserve(client)

    def _stream(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        client, call = self._begin_stream(messages, kwargs)
        return responses(client.stream(call.request, timeout=call.timeout), *_responses_of(call), call.usage.release)

    async def _astream(self, messages: Sequence[ChatMessage], **kwargs: Any) -> AsyncResponses[ChatResponse]:
        client, call = await self._abegin_stream(messages, kwargs)
        stream = client.stream(call.request, timeout=call.timeout)
        return AsyncResponses(stream, *_responses_of(call), call.usage.release)


def _required(prompt: str | None) -> str:
    """A prompt; one that is missing is a `ValueError`, as LlamaIndex's decorator has it."""
    if prompt is None:
        raise ValueError("A prompt is missing: pass it first, or as `prompt`.")
    return prompt


def _responses_of(call: Call) -> tuple[OneChoice, Convert[ChatResponse]]:
    from aimlapi_transport.chat.choices import OneChoice
    from llama_index_aimlapi._chunks import Snapshots

    return OneChoice(call.request.choices), Snapshots(call.reading, call.counted).add


def _completions_of(call: Call) -> tuple[OneChoice, Convert[CompletionResponse]]:
    from llama_index_aimlapi._responses import to_completion

    choice, convert = _responses_of(call)
    return choice, lambda delta: to_completion(convert(delta))
