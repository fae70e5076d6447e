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
    ThinkingBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from pydantic import ConfigDict

from llama_index_aimlapi import _lazy
from llama_index_aimlapi._instrumentation import AsyncResponses, aobserved, observed
from llama_index_aimlapi._tool_calling import ToolCalling

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model


class AIMLAPI(ToolCalling):
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
        return _lazy._calls.chat(self, messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The answer to a conversation."""
        return await _lazy._calls.achat(self, messages, kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return to_completion(_lazy._calls.chat(self, self._prompt(prompt, formatted), kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The answer to a prompt."""
        return to_completion(await _lazy._calls.achat(self, self._prompt(prompt, formatted), kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer piece by piece: each response repeats all before it, the last one is the whole answer."""
        return observed(llm_chat_callback(), _lazy._calls.stream, self, messages, **kwargs)

    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """The answer piece by piece: each response repeats all before it, the last one is the whole answer."""
        return await aobserved(llm_chat_callback(), _lazy._calls.astream, self, messages, **kwargs)

    def stream_complete(
        self, prompt: str | None = None, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer to a prompt piece by piece: each response repeats all before it."""

        def start(llm: AIMLAPI, prompt: str, **kwargs: Any) -> CompletionResponseGen:
            return _lazy._calls.stream(llm, llm._prompt(prompt, formatted), to_completion, **kwargs)

        return observed(llm_completion_callback(), start, self, _required(prompt), **kwargs)

    async def astream_complete(
        self, prompt: str | None = None, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The answer to a prompt piece by piece: each response repeats all before it."""

        async def start(llm: AIMLAPI, prompt: str, **kwargs: Any) -> AsyncResponses[CompletionResponse]:
            return await _lazy._calls.astream(llm, llm._prompt(prompt, formatted), to_completion, **kwargs)

        return await aobserved(llm_completion_callback(), start, self, _required(prompt), **kwargs)

    def estimate_cost(
        self, messages: str | Sequence[ChatMessage], *, output_tokens: int | None = None, **kwargs: Any
    ) -> float | None:
        """US dollars that a call will cost, at the catalogue's prices; None where the model has none for tokens.

        Args:
            messages: a conversation or a prompt.
            output_tokens: how long the answer will be; by default `max_tokens`, or 500 tokens.
        """
        chat_messages = self._prompt(messages, formatted=True) if isinstance(messages, str) else messages
        client = self._client()
        call = _lazy._calls.to_call(self, client, chat_messages, kwargs, stream=False)
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


def _required(prompt: str | None) -> str:
    """A prompt; one that is missing is a `ValueError`, as LlamaIndex's decorator has it."""
    if prompt is None:
        raise ValueError("A prompt is missing: pass it first, or as `prompt`.")
    return prompt


def to_completion(response: ChatResponse) -> CompletionResponse:
    """The response as `complete` gives it: its text, all else in `additional_kwargs`."""
    message = response.message
    kwargs = {**message.additional_kwargs, **response.additional_kwargs}
    thoughts = [block.content for block in message.blocks if isinstance(block, ThinkingBlock) and block.content]
    if thoughts:
        kwargs["reasoning_content"] = "\n".join(thoughts)
    return CompletionResponse(
        text=message.content or "",
        additional_kwargs=kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )
