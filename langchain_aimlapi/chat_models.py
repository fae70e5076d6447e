"""ChatAIMLAPI: LangChain's chat model over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import ConfigurableField, Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, model_validator
from typing_extensions import Self

from aimlapi_transport.lazy_imports import lazy_names
from aimlapi_transport.token_estimate import estimated_tokens
from aimlapi_transport.version import __version__
from langchain_aimlapi import _content_blocks, _lazy
from langchain_aimlapi._serialization import SerializableChat

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Model
    from langchain_aimlapi._binding import ModelBinding


class ChatAIMLAPI(SerializableChat):
    """A chat model of AI/ML API, PowerTokens or AnyFast.

    Example:
        ```python
        from langchain_aimlapi import ChatAIMLAPI

        model = ChatAIMLAPI(model="anthropic/claude-sonnet-4.5")
        message = model.invoke("Hello")
        print(message.content, message.response_metadata["cost_usd"])
        ```

    The reasoning of a reply is in `additional_kwargs["reasoning_content"]` and a `reasoning` content block; what it
    cost, in US dollars, is in `response_metadata["cost_usd"]`. An instance is a value: it holds no connections and
    may be copied, pickled and shared between threads and event loops. `close()`, `aclose()` and `with` blocks give up
    its share in the process's connections, which end with the last model that uses them, or two seconds after it was
    dropped without being closed.

    Args:
        model: id of the model; there is no default.
        api_key: the key, or a function that returns it; by default AIMLAPI_API_KEY (or AIML_API_KEY), read at
            each call.
        base_url: address of the host up to `/v1`; its host decides the preset unless one is given.
        temperature, max_tokens, reasoning_effort, ...: sent only where set. ChatOpenAI's names are taken, too.
        timeout: seconds to wait without data: by default 600 for a whole answer, 120 between events, 5 to connect.
        max_retries: further requests after a failed one, 2 by default.
        http_client, http_async_client: httpx clients of your own, used as they are and never closed here.

    Raises:
        langchain_aimlapi.errors: one class per kind of failure, each also a `langchain_core.exceptions` one.
    """

    model_config = ConfigDict(defer_build=False)  # built at once: its signature is complete before the first instance

    @model_validator(mode="after")
    def _set_aimlapi_version(self) -> Self:
        self._add_version("aimlapi-integrations", __version__)
        _content_blocks.register()
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _lazy._calls.generate(self, messages, stop, run_manager, kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await _lazy._calls.agenerate(self, messages, stop, run_manager, kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        return _lazy._calls.stream(self, messages, stop, run_manager, kwargs)

    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        return _lazy._calls.astream(self, messages, stop, run_manager, kwargs)

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        for output in llm_outputs:
            for name in counts:
                count = ((output or {}).get("token_usage") or {}).get(name)
                counts[name] += count if isinstance(count, int) else 0  # as it came: it may be anything
        return {"token_usage": counts, "model_name": self.model_name}

    def bind(self, **kwargs: Any) -> ModelBinding:  # type: ignore[override]  # LangChain's is private
        """A model with these arguments in every call; `bind_tools` and `with_structured_output` keep them."""
        return _lazy._binding.ModelBinding(bound=self, kwargs=kwargs)

    def with_config(
        self, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A model with this config in every call; `bind_tools` and `with_structured_output` keep it."""
        return _lazy._binding.kept(super().with_config(config, **kwargs))

    def with_listeners(self, **listeners: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """A model with these listeners in every call; `bind_tools` and `with_structured_output` keep them."""
        return _lazy._binding.kept(super().with_listeners(**listeners))

    def configurable_fields(
        self, **fields: AnyConfigurableField
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """A model whose settings the config of a call chooses, with tools and structured output, too."""
        return _lazy._binding.kept(super().configurable_fields(**fields))

    def configurable_alternatives(
        self, which: ConfigurableField, **options: Any
    ) -> RunnableSerializable[LanguageModelInput, AIMessage]:
        """This or another model, as the config of a call chooses, with tools and structured output, too."""
        return _lazy._binding.kept(super().configurable_alternatives(which, **options))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A model that may call these tools.

        Args:
            tools: LangChain tools, functions, Pydantic classes, TypedDicts, JSON schemas, or the API's objects.
            tool_choice: "any", "required" or True for some tool; "auto"; "none"; one tool's name; or an object. Where
                the host takes none that forces a call, the nearest it takes is sent, with one warning.
            strict: whether arguments must match the schema exactly, for models that can promise it.
            parallel_tool_calls: whether several calls may come at once.
            response_format: a schema, or the API's object, for the answer beside the calls.

        Raises:
            InvalidRequestError: a tool without a name, or a choice of a tool that is not bound.
        """
        arguments = _lazy._tools.bound_tools(
            tools,
            tool_choice=tool_choice,
            strict=strict,
            refuse=self.strict_parameters,
            parallel_tool_calls=parallel_tool_calls,
            response_format=response_format,
        )
        return self.bind(**arguments, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Literal["function_calling", "json_schema", "json_mode"] | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """A model whose answers have the shape of a schema.

        Args:
            schema: a Pydantic class, a dataclass, a union of them, a TypedDict, a JSON schema, or a tool in the API's
                form. What is no object (a list, a union) travels inside one.
            method: `json_schema` (by `response_format` with the schema), `function_calling` (by a forced tool call),
                or `json_mode` (any JSON object: your prompt must describe it). By default the first of the first
                two that the model's profile promises, `function_calling` where nothing is known; a model that takes
                neither has the schema in its instructions.
            include_raw: answer `{"raw", "parsed", "parsing_error"}`, and tell a failure instead of raising it.
            strict: whether the answer must match exactly, for models that can promise it. A schema that strict output
                cannot say is sent without, with a warning; `strict_parameters=True` raises.
            tools: other tools the model may call first; then `parsed` is None and the calls are in `raw`. Needs
                `include_raw`.

        Raises:
            OutputParserException: the answer is a refusal, was cut, or does not have the shape. JSON in a code fence
                is read, and so is JSON written as text where the tool was to be called.
            InvalidRequestError: no schema, or an argument that is none of the above.
        """
        return _lazy._structured.structured(
            self, self, {}, schema, method=method, include_raw=include_raw, strict=strict, tools=tools, **kwargs
        )

    def estimate_cost(
        self, input: LanguageModelInput, *, output_tokens: int | None = None, **kwargs: Any
    ) -> float | None:
        """US dollars that a call will cost, at the catalogue's prices; None where the model has none for tokens.

        Args:
            input: what the call will be given.
            output_tokens: how long the answer will be; by default `max_tokens`, or 500 tokens.
        """
        return _lazy._catalogue.estimated_cost(self, input, output_tokens, kwargs)

    def refresh_profile(self) -> ModelProfile | None:
        """Adds to `profile` what the live catalogue says of the model and the packaged facts do not; and returns it.

        Raises:
            NotFoundError: the catalogue has no such model; it names the nearest.
        """
        self.profile = _lazy._catalogue.refreshed(self)
        return self.profile

    @classmethod
    def list_models(cls, *, base_url: str | None = None, **filters: Any) -> list[Model]:
        """The models of the live catalogue; needs no key.

        Args:
            filters: `id`, `type`, `tags`, `modalities`, `input_modalities`, `output_modalities`, `capabilities`,
                `include`; see `aimlapi_transport.Client.models`.
        """
        return _lazy._catalogue.listed(base_url, filters)

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of a text, by `custom_get_token_ids`.

        Raises:
            NotImplementedError: there is none; `get_num_tokens` estimates without it.
        """
        if self.custom_get_token_ids is None:
            raise NotImplementedError(
                "No tokenizer is set: pass one as `custom_get_token_ids` where the model is made, or count with "
                "`get_num_tokens`, which estimates without one."
            )
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """An estimate, unless there are `custom_get_token_ids`: four ASCII characters to a token, one CJK character."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return estimated_tokens(text)

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """An estimate; of texts by `get_num_tokens`."""
        counted = count_tokens_approximately(messages, tools=[*_lazy._tools.to_tools(tools)] if tools else None)
        texts = (message.text for message in messages)
        return counted + sum(self.get_num_tokens(text) - -(-len(text) // 4) for text in texts)


# The older distribution has `ChatAimlapi` here.
__getattr__ = lazy_names(__name__, {"ChatAimlapi": "langchain_aimlapi.deprecated"})[0]
