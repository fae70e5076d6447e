"""ChatAIMLAPI: LangChain's chat model over the shared transport. It translates and merges settings, no more."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Literal

import pydantic.v1
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from langchain_core.tools import BaseTool
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from aimlapi_transport.callers import is_asked_by_an_agent
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.limits import Limits
from aimlapi_transport.pools import Closable, Lease
from aimlapi_transport.presets import PRESETS, Preset, preset_for
from aimlapi_transport.version import __version__
from langchain_aimlapi import _content_blocks, _loading
from langchain_aimlapi._names import SYNONYMS, fitting, our_names, refused
from langchain_aimlapi._profile import (
    DECLARED,
    fitted,
    is_of_another,
    model_profile,
    takes_cache_marks,
    without_cache_marks,
)
from langchain_aimlapi._shown import shown
from langchain_aimlapi._tools import to_json_schema, to_response_format, to_tool_choice, to_tools
from langchain_aimlapi.errors import InvalidRequestError, translated

# What is imported inside functions is what only calls need, httpx above all: two thirds of what importing this module
# would cost.
if TYPE_CHECKING:
    from aimlapi_transport.client import AsyncClient, Client
    from aimlapi_transport.completion import Completion
    from aimlapi_transport.request import Request

# Fields that are body parameters of the same name.
_PARAMETERS = (
    "temperature",
    "max_tokens",
    "top_p",
    "top_k",
    "stop",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "reasoning_effort",
    "reasoning",
    "verbosity",
    "service_tier",
    "store",
    "prompt_cache_options",
)
# What they may be, for the error that names a value of another type.
_ACCEPTED = {
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), "a number"),
    **dict.fromkeys(("max_tokens", "top_k", "n", "seed", "top_logprobs"), "a whole number"),
    "max_retries": "a whole number, at least 0",
    "deadline": "seconds, above 0",
    "limits": "an aimlapi_transport.limits.Limits",
    "api_key": "a text, a SecretStr, or a function that returns the key",
    **dict.fromkeys(("logprobs", "store", "streaming", "stream_usage", "replay_reasoning"), "True or False"),
    **dict.fromkeys(("strict_parameters", "include_response_headers"), "True or False"),
    **dict.fromkeys(("model_name", "base_url", "reasoning_effort", "verbosity", "service_tier"), "a text"),
    **dict.fromkeys(("reasoning", "prompt_cache_options", "extra_body", "disabled_params"), "a dict"),
    "stop": "a text or a list of texts",
    "logit_bias": "a dict of numbers by token",
    "preset": "aimlapi, powertokens or anyfast",
    "stream_chunk_timeout": "seconds, or 0 for no limit",
    "default_headers": "a dict of texts",
    "default_query": "a dict",
    "model_kwargs": "a dict of body parameters",
}

# Fields a repr shows in its own way.
_NOT_SHOWN = frozenset(("model_name", "base_url", "metadata", "profile"))


class ChatAIMLAPI(Closable, BaseChatModel):
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
    its share in the process's connections, which end with the last model that uses them.

    Raises:
        langchain_aimlapi.errors: one class per kind of failure, each also a `langchain_core.exceptions` one.
    """

    model_name: str = Field(alias="model", description="Id of the model, for example `openai/gpt-4o`.")
    api_key: SecretStr | str | Callable[[], Any] | None = Field(
        default=None,
        repr=False,
        description="The key, or a function that returns it (for async calls, an async one will do). By default "
        "AIMLAPI_API_KEY (or AIML_API_KEY), read at each call.",
    )
    base_url: str | None = Field(
        default=None, description="Address of the host up to `/v1`. By default AIMLAPI_API_BASE, else AI/ML API."
    )
    preset: Literal["aimlapi", "powertokens", "anyfast"] | None = Field(
        default=None, description="Whose rules apply. By default decided by the host in `base_url`."
    )
    temperature: float | None = Field(default=None, description="0 to 2; 0 to 1 for some families.")
    max_tokens: int | None = Field(
        default=None,
        description="Most tokens to answer with, reasoning included. Sent as `max_completion_tokens` where the model "
        "wants that.",
    )
    top_p: float | None = Field(default=None, description="Above 0, up to 1.")
    top_k: int | None = Field(default=None, description="Among how many of the likeliest tokens to choose.")
    stop: list[str] | str | None = Field(default=None, description="Up to four texts that end the answer.")
    n: int | None = Field(default=None, description="How many answers to give; not with streaming.")
    seed: int | None = Field(default=None, description="At least 1.")
    presence_penalty: float | None = Field(default=None, description="-2 to 2.")
    frequency_penalty: float | None = Field(default=None, description="-2 to 2.")
    logprobs: bool | None = Field(default=None, description="Whether to tell how likely each token was.")
    top_logprobs: int | None = Field(default=None, description="0 to 20; needs `logprobs`.")
    logit_bias: dict[str, float] | dict[int, float] | None = Field(
        default=None, description="-100 to 100 by token id: less or more likely."
    )
    reasoning_effort: str | None = Field(default=None, description="`low`, `medium` or `high`.")
    reasoning: dict[str, Any] | None = Field(default=None, description="`effort`, `max_tokens`, `exclude`.")
    verbosity: str | None = Field(default=None, description="`low`, `medium` or `high`.")
    service_tier: str | None = Field(default=None, description="How urgently to serve, in the vendor's words.")
    store: bool | None = Field(default=None, description="Whether the vendor may keep the answer.")
    prompt_cache_options: dict[str, Any] | None = Field(
        default=None, description="How to cache the prompt, in the vendor's words."
    )
    model_kwargs: dict[str, Any] = Field(default_factory=dict, description="Further body parameters.")
    extra_body: dict[str, Any] | None = Field(default=None, description="Body fields sent as they are, unchecked.")
    disabled_params: dict[str, Any] | None = Field(
        default=None, description="Parameters never to send: `{name: None}`, or `{name: [values not to send]}`."
    )
    streaming: bool | None = Field(
        default=None, description="Whether `invoke` reads a stream, too (True), or even `stream` does not (False)."
    )
    stream_usage: bool | None = Field(
        default=None, description="Whether streams are asked for token counts: by default they are."
    )
    include_response_headers: bool = Field(
        default=False, description='Whether `response_metadata["headers"]` has the reply\'s headers.'
    )
    replay_reasoning: bool | None = Field(
        default=None,
        description="Send earlier reasoning back: always, never, or (None) as the model's family wants it.",
    )
    strict_parameters: bool = Field(
        default=False, description="Raise on parameters the model's documents do not list, instead of warning."
    )
    max_retries: int = Field(default=2, ge=0, description="Further requests after a failed one.")
    request_timeout: float | tuple[float | None, float | None] | Any | None = Field(
        default=None,
        alias="timeout",
        description="Seconds of silence to bear: a number, (connect, silence), or httpx.Timeout. By default 600 for "
        "a whole answer, 120 between two events of a stream.",
    )
    stream_chunk_timeout: float | None = Field(
        default=None,
        ge=0,
        description="Seconds between two events of a stream, where that is less than `timeout`; 0 for no limit.",
    )
    deadline: float | None = Field(
        default=None, gt=0, description="Seconds a call may take in all, retries included. By default without end."
    )
    limits: Limits | None = Field(
        default=None, description="How long a reply may be: by default 256 MB, and 64 MB for one event of a stream."
    )
    default_headers: Mapping[str, str] | None = Field(
        default=None, exclude=True, repr=False, description="Sent with every request. May hold secrets: not serialized."
    )
    default_query: Mapping[str, Any] | None = Field(default=None, description="Added to the URL of every request.")
    proxy: str | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="URL of a proxy; by default the environment's. Not serialized: it may hold a password.",
    )
    http_socket_options: Sequence[tuple[Any, ...]] | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description="What to set on each socket, as `socket.setsockopt` takes it.",
    )
    http_client: Any = Field(default=None, exclude=True, repr=False, description="An `httpx.Client` of your own.")
    http_async_client: Any = Field(
        default=None, exclude=True, repr=False, description="An `httpx.AsyncClient` of your own."
    )
    openai_organization: str | None = Field(default=None, description="No effect: taken from other classes' users.")
    tiktoken_model_name: str | None = Field(default=None, description="No effect: taken from other classes' users.")

    _lease: Lease = PrivateAttr(default_factory=Lease)

    # Values in the errors would show the key of a mistyped call: our own sentences name them, where they may.
    model_config = ConfigDict(
        populate_by_name=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _take_names(cls, values: Any) -> Any:
        """Other names of our fields become ours; unknown ones become body parameters, with a warning."""
        if not isinstance(values, dict):
            return values
        taken = our_names(values, cls.model_fields)
        if is_of_another(taken.get("profile"), str(taken.get("model_name"))):
            del taken["profile"]  # all fields of an instance but with another model, as configurable fields do
        if isinstance(taken.get("request_timeout"), list):
            taken["request_timeout"] = tuple(taken["request_timeout"])  # JSON knows no other
        return taken

    @field_validator(*_ACCEPTED, mode="wrap")
    @classmethod
    def _name_the_value(cls, value: Any, validated: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return fitting(value, validated, str(info.field_name), _ACCEPTED)

    @model_validator(mode="after")
    def _check_n(self) -> Self:
        if self.n is not None and (self.n < 1 or (self.n > 1 and self.streaming)):
            accepted = "pass 1, or leave `streaming` off" if self.n > 1 else "pass 1 or more"
            raise ValueError(f"`n` is {self.n}: {accepted}.")
        for name, values in (self.disabled_params or {}).items():
            if values is not None and not isinstance(values, (list, tuple, set, frozenset)):
                raise ValueError(
                    f"`disabled_params[{name!r}]` is {values!r}: pass None, or a list of values not to send."
                )
        return self

    @model_validator(mode="after")
    def _set_aimlapi_version(self) -> Self:
        self._add_version("aimlapi-integrations", __version__)
        self._found()
        _content_blocks.register()
        _loading.register(*ChatAIMLAPI.lc_id())
        if self.http_client is not None or self.http_async_client is not None:
            import httpx

            for name, wanted in (("http_client", httpx.Client), ("http_async_client", httpx.AsyncClient)):
                client = getattr(self, name)
                if client is not None and not isinstance(client, wanted):
                    raise ValueError(f"`{name}` is a {type(client).__name__}: pass an httpx.{wanted.__name__}.")
            if self.proxy or self.http_socket_options:
                raise ValueError("`proxy` and `http_socket_options` are for our clients: give them to your own one.")
        return self

    @model_validator(mode="after")
    def _check_profile_keys(self) -> Self:
        """LangChain's check of the same name, at a hundredth of its cost for a profile that passes."""
        if isinstance(self.profile, dict) and not self.profile.keys() <= DECLARED:
            warnings.warn(f"`profile` has unknown keys: {sorted(self.profile.keys() - DECLARED)}.", stacklevel=2)
        return self

    def _resolve_model_profile(self) -> ModelProfile | None:
        """What the packaged facts say of the model, where the host is AI/ML API (or a proxy of it)."""
        return self._known_profile(self.model_name)

    def _known_profile(self, model: str) -> ModelProfile | None:
        return model_profile(model) if self._host().lists_models else None

    def _host(self) -> Preset:
        return PRESETS[self.preset] if self.preset else preset_for(self.base_url)

    def _profile_of(self, model: str) -> ModelProfile | None:
        """The profile that counts in a call of this model: the instance's own, or the one of another id."""
        mine = model == self.model_name and not is_of_another(self.profile, model)
        return self.profile if mine else self._known_profile(model)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with these fields changed; another model brings its own profile."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_serialized", None)  # LangChain's note of what the original was
        if is_of_another(copied.profile, copied.model_name):
            copied.profile = copied._resolve_model_profile()
        return copied

    def __repr_args__(self) -> Any:
        """What stands in a repr: model, host, and what was set; no key."""
        yield from shown(self, self.model_name, self.base_url, _NOT_SHOWN)
        metadata = {name: value for name, value in (self.metadata or {}).items() if name != "lc_versions"}
        if metadata:
            yield "metadata", metadata
        if self.profile != self._resolve_model_profile():
            yield "profile", self.profile

    @property
    def model(self) -> str:
        """The model's id."""
        return self.model_name

    @property
    def timeout(self) -> Any:
        """Seconds of silence to bear, None for the defaults."""
        return self.request_timeout

    @property
    def openai_api_key(self) -> SecretStr | Callable[[], Any] | None:
        """The key, as other classes name it; where none was passed, the one the environment held at construction."""
        if self.api_key is not None:
            return SecretStr(self.api_key) if isinstance(self.api_key, str) else self.api_key
        return self._found()[0]

    @property
    def openai_api_base(self) -> str | None:
        """The address, as other classes name it; where none was passed, the one in force at construction."""
        return self._found()[1]

    @property
    def openai_proxy(self) -> str | None:
        """The proxy, as other classes name it."""
        return self.proxy

    aimlapi_api_key = openai_api_key
    aimlapi_api_base = openai_api_base

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, Any]:
        """A model whose fields a call's config may set; fields by any of their names."""
        return super().configurable_fields(**{SYNONYMS.get(name, name): field for name, field in kwargs.items()})

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `langchain_core.load` writes an instance, and reads it back with `allowed_objects=[ChatAIMLAPI]`."""
        return True

    @field_serializer("api_key", when_used="json")
    def _key_to_json(self, key: Any) -> Any:
        return None if callable(key) else key  # a function has no form in JSON

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The key is written as the name of the environment's variable."""
        return {"api_key": self._host().key_variables[0]}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What is written otherwise than it stands: JSON has no `httpx.Timeout`."""
        import httpx

        timeout = self.request_timeout
        return {"request_timeout": [timeout.connect, timeout.read]} if isinstance(timeout, httpx.Timeout) else {}

    def _found(self) -> tuple[SecretStr | None, str | None]:
        """The environment's key and the address, to be read only: each call looks them up again."""
        found: tuple[SecretStr | None, str | None] | None = self.__dict__.get("_environment")
        if found is None:
            key = base_url = None
            with suppress(AIMLAPIError):
                from aimlapi_transport.settings import Settings

                settings = Settings(base_url=self.base_url, preset=self.preset)
                base_url = settings.base_url
                key = SecretStr(settings.key().value)
            found = self.__dict__["_environment"] = (key, base_url)  # beside the fields: no part of the value
        return found

    @property
    def _llm_type(self) -> str:
        return "aimlapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """All that decides an answer: what caches and tracers tell models apart by. Headers only as a digest."""
        config = self._config()
        names = ("base_url", "preset", "query", "strict_parameters")
        params = {"model": self.model_name, **{name: config[name] for name in names}, **self._settings()}
        params |= {"extra_body": self.extra_body, "replay_reasoning": self.replay_reasoning}
        if self.default_headers:
            told = repr(sorted(self.default_headers.items())).encode()
            params["default_headers"] = hashlib.sha256(told).hexdigest()[:16]
        return {name: value for name, value in params.items() if value is not None}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The key of caches: all that decides an answer, as it is now. What `dumps` writes would leave out headers."""
        return str(sorted({**self._get_invocation_params(stop=stop, **kwargs), **kwargs}.items()))

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        counts = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        for output in llm_outputs:
            for name in counts:
                count = ((output or {}).get("token_usage") or {}).get(name)
                counts[name] += count if isinstance(count, int) else 0  # as it came: it may be anything
        return {"token_usage": counts, "model_name": self.model_name}

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        values = {**state["__dict__"], "http_client": None, "http_async_client": None}  # connections do not travel
        values.pop("_environment", None)  # nor does the environment's key
        return {**state, "__dict__": values}

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            if client is not None:
                memo[id(client)] = client  # shared: a pool of connections is no value
        return super().__deepcopy__(memo)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        settings = {**self._settings(), **kwargs}
        params = LangSmithParams(
            ls_provider=_content_blocks.PROVIDER,
            ls_model_type="chat",
            ls_model_name=kwargs.get("model") or self.model_name,
        )
        if settings.get("temperature") is not None:
            params["ls_temperature"] = settings["temperature"]
        limit = settings.get("max_tokens") or settings.get("max_completion_tokens")
        if limit:
            params["ls_max_tokens"] = limit
        sequences = stop or settings.get("stop")
        if sequences:
            params["ls_stop"] = [sequences] if isinstance(sequences, str) else list(sequences)
        return params

    def get_token_ids(self, text: str) -> list[int]:
        """Places of an estimated tokenization: as many as `get_num_tokens` says, unless you set your own tokenizer."""
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        return list(range(-(-len(text) // 4)))

    def get_num_tokens(self, text: str) -> int:
        """An estimate, made without a tokenizer: four characters to a token."""
        return len(self.get_token_ids(text))

    def get_num_tokens_from_messages(self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """An estimate, made without a tokenizer."""
        return count_tokens_approximately(messages, tools=[*to_tools(tools)] if tools else None)

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
            tools: LangChain tools, functions, Pydantic classes, TypedDicts, JSON schemas, or the wire's objects.
            tool_choice: "any", "required" or True for some tool; "auto"; "none"; one tool's name; or an object.
            strict: whether arguments must match the schema exactly, for models that can promise it.
            parallel_tool_calls: whether several calls may come at once.
            response_format: a schema, or the wire's object, for the answer beside the calls.

        Raises:
            InvalidRequestError: a tool without a name, or a choice of a tool that is not bound.
        """
        definitions = to_tools(tools, strict=strict)
        choice = to_tool_choice(tool_choice, definitions)
        if definitions:
            kwargs["tools"] = definitions
        if choice is not None:
            # An agent forces the tool of its `response_format` by itself: left out where the host takes no force.
            by_agent = tool_choice == "any" and is_asked_by_an_agent()
            kwargs["added_tool_choice" if by_agent else "tool_choice"] = choice
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        if response_format is not None:
            kwargs["response_format"] = to_response_format(response_format, strict=strict)
        return super().bind(**kwargs)

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
            schema: a Pydantic class, a TypedDict, a JSON schema, or a tool in the wire's form.
            method: `json_schema` (by `response_format` with the schema), `function_calling` (by a forced tool call),
                or `json_mode` (any JSON object: your prompt must describe it). By default the first of the first
                two that the model's profile promises, `function_calling` where nothing is known; a model that takes
                neither is told the schema in its instructions.
            include_raw: answer `{"raw", "parsed", "parsing_error"}`, and tell a failure instead of raising it.
            strict: whether the answer must match exactly, for models that can promise it.
            tools: other tools the model may call first; then `parsed` is None and the calls are in `raw`. Needs
                `include_raw`.

        Raises:
            OutputParserException: the answer is a refusal, was cut, or does not have the shape. JSON in a code fence
                is read, and so is JSON written as text where the tool was to be called.
            InvalidRequestError: no schema, or an argument that is none of the above.
        """
        from langchain_aimlapi._structured import StructuredAnswer, instruction, is_class, with_raw

        if method not in (None, "function_calling", "json_schema", "json_mode"):
            raise InvalidRequestError(f"`method` is {method!r}: pass function_calling, json_schema or json_mode.")
        if schema is None and method != "json_mode":
            raise InvalidRequestError(f"`schema` is missing: `method={method}` needs one.")
        if tools and not include_raw:
            raise InvalidRequestError("`tools` are given: pass `include_raw=True`, for their calls are in `raw`.")
        chosen = method or self._best_method(schema)
        if chosen == "json_schema" and isinstance(schema, type) and issubclass(schema, pydantic.v1.BaseModel):
            chosen = "function_calling"  # its schema is of an older draft
        shape = {} if schema is None else to_json_schema(schema, strict=strict)
        bound = to_tools(tools or (), strict=strict)
        name = None
        if chosen == "function_calling":
            (definition,) = to_tools([shape], strict=strict)
            name = definition["function"]["name"]
            bound = [definition, *bound]
            # The choice is ours, not the user's: left out where a host or a model does not take it.
            kwargs["added_tool_choice"] = "required"
        elif chosen == "json_schema":
            kwargs["response_format"] = to_response_format(schema, strict=strict)
        elif method is None:
            kwargs |= {"added_response_format": {"type": "json_object"}, "added_instruction": instruction(shape)}
        else:
            kwargs["response_format"] = {"type": "json_object"}
        if bound:
            kwargs["tools"] = bound
        told = {"kwargs": {"method": chosen, "strict": strict}, "schema": schema}
        llm = self.bind(ls_structured_output_format=told, **kwargs)
        optional: frozenset[str] = getattr(schema, "__optional_keys__", frozenset())
        parser = StructuredAnswer(
            kind=schema if is_class(schema) else None,
            # LangChain lists the keys of a TypedDict by their defaults: those it need not have are no fault.
            required=tuple(name for name in shape.get("required", ()) if name not in optional),
            tool=name,
            others=bool(tools),
        )
        return with_raw(llm, parser) if include_raw else llm | parser

    def _best_method(self, schema: Any) -> Literal["function_calling", "json_schema", "json_mode"]:
        """The surest way to a schema that the model's profile and the host allow."""
        profile = self._profile_of(self.model_name) or {}
        listed = self._host().rules_for(self.model_name).parameters
        if profile.get("structured_output") and (listed is None or "response_format" in listed):
            return "json_schema"
        tools = profile.get("tool_calling") is not False and (listed is None or "tools" in listed)
        return "function_calling" if tools else "json_mode"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from aimlapi_transport.client import Client

        with translated():
            client = Client(http_client=self.http_client, lease=self._lease, **self._config())
            request = self._request(client, messages, stop, False, kwargs)
            return self._result(client.complete(request, timeout=self._patience(False, kwargs)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        from aimlapi_transport.client import AsyncClient

        with translated():
            client = AsyncClient(http_client=self.http_async_client, lease=self._lease, **self._config())
            request = self._request(client, messages, stop, False, kwargs)
            return self._result(await client.complete(request, timeout=self._patience(False, kwargs)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        from aimlapi_transport.client import Client
        from langchain_aimlapi._chunks import StreamReader

        with translated():
            client = Client(http_client=self.http_client, lease=self._lease, **self._config())
            request = self._request(client, messages, stop, True, kwargs)
            reader, answer = StreamReader(), None
            for delta in client.stream(request, timeout=self._patience(True, kwargs)):
                answer = delta.choice if answer is None else answer
                # LangChain adds chunks up: a second answer would run into the first
                if delta.choice == answer or delta.completion is not None:
                    yield self._with_headers(reader.chunk(delta), delta.completion)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        from aimlapi_transport.client import AsyncClient
        from langchain_aimlapi._chunks import StreamReader

        with translated():
            client = AsyncClient(http_client=self.http_async_client, lease=self._lease, **self._config())
            request = self._request(client, messages, stop, True, kwargs)
            reader, answer = StreamReader(), None
            async with aclosing(client.stream(request, timeout=self._patience(True, kwargs))) as deltas:
                async for delta in deltas:
                    answer = delta.choice if answer is None else answer
                    if delta.choice == answer or delta.completion is not None:
                        yield self._with_headers(reader.chunk(delta), delta.completion)

    def _config(self) -> dict[str, Any]:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.base_url,
            "preset": self.preset,
            "timeout": self.request_timeout,
            "max_retries": self.max_retries,
            "deadline": self.deadline,
            "limits": self.limits,
            "proxy": self.proxy,
            "socket_options": self.http_socket_options,
            "headers": self.default_headers,
            "query": self.default_query,
            "strict_parameters": self.strict_parameters,
        }

    def _settings(self) -> dict[str, Any]:
        """The body parameters the instance sets: fields, and `model_kwargs` over them."""
        fields = {name: value for name in _PARAMETERS if (value := getattr(self, name)) is not None}
        return _merged(fields, self.model_kwargs)

    def _patience(self, stream: bool, call: dict[str, Any]) -> Any:
        """The timeout of a call: of a stream, the shorter of `timeout` and `stream_chunk_timeout`."""
        timeout = call["timeout"] if call.get("timeout") is not None else self.request_timeout
        if not stream or self.stream_chunk_timeout is None:
            return timeout
        import httpx

        from aimlapi_transport.client import CONNECT_SECONDS

        if isinstance(timeout, httpx.Timeout):
            connect, silence = timeout.connect, timeout.read
        elif isinstance(timeout, tuple) and len(timeout) == 2:
            connect, silence = timeout
        elif timeout is None:
            connect, silence = CONNECT_SECONDS, None
        elif isinstance(timeout, (int, float)) and timeout > 0:
            connect, silence = min(timeout, CONNECT_SECONDS), timeout
        else:
            return timeout  # no timeout at all: the transport says what is one
        bounds = [seconds for seconds in (silence, self.stream_chunk_timeout or None) if seconds is not None]
        return connect, min(bounds, default=None)

    def _request(
        self, client: Client | AsyncClient, messages: list[BaseMessage], stop: Any, stream: bool, call: dict[str, Any]
    ) -> Request:
        """The one place where settings meet: fields, then what was bound, then what the call says."""
        if problem := refused(call):
            raise InvalidRequestError(problem)
        for name in ("extra_headers", "extra_query", "extra_body"):
            if call.get(name) is not None and not isinstance(call[name], Mapping):
                raise InvalidRequestError(f"`{name}` is a {type(call[name]).__name__}: pass a dict.")
        parameters = _merged(self._settings(), {**call, **({} if stop is None else {"stop": stop})})
        call = {**self.model_kwargs, **call}
        added: dict[str, Any] = {}
        thinking = parameters.get("thinking")
        thinks = isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive")
        if "added_tool_choice" in call and not thinks:  # no model is forced while it thinks
            added["tool_choice"] = call["added_tool_choice"]
        if "added_response_format" in call:
            added["response_format"] = call["added_response_format"]
        if stream and parameters.get("n") not in (None, 1):
            raise InvalidRequestError(f"`n` is {parameters['n']!r}: a stream carries one answer; pass 1, or invoke.")
        options = parameters.pop("stream_options", None)
        if stream:
            if call.get("stream_usage") is not None:
                options = {**(options or {}), "include_usage": bool(call["stream_usage"])}
            if options is None and self.stream_usage is not False:
                added["stream_options"] = {"include_usage": True}
            elif options and options != {"include_usage": False}:
                parameters["stream_options"] = options
        if "tools" in parameters:
            parameters["tools"] = to_tools(parameters["tools"]) or None
        if "tool_choice" in parameters:
            parameters["tool_choice"] = to_tool_choice(parameters["tool_choice"], parameters.get("tools") or ())
        if parameters.get("response_format") is not None:
            parameters["response_format"] = to_response_format(parameters["response_format"])
        for group in (parameters, added):
            for name, values in (self.disabled_params or {}).items():
                if name in group and (values is None or group[name] in values):
                    del group[name]
        model = call.get("model") or self.model_name
        from langchain_aimlapi._messages import to_wire

        sent = fitted(to_wire(messages), model, self._profile_of(model))
        if "added_instruction" in call:
            from langchain_aimlapi._structured import instructed

            sent = instructed(sent, call["added_instruction"])
        if client.preset.lists_models and not takes_cache_marks(model):
            sent, parameters["tools"] = without_cache_marks(sent, parameters.get("tools"))
        return client.request(
            model,
            sent,
            parameters=parameters,
            added=added,
            extra_body={**(self.extra_body or {}), **(call.get("extra_body") or {})},
            extra_headers=call.get("extra_headers"),
            extra_query=call.get("extra_query"),
            client_request_id=call.get("client_request_id"),
            stream=stream,
            replay_reasoning=call.get("replay_reasoning", self.replay_reasoning),
        )

    def _result(self, completion: Completion) -> ChatResult:
        from langchain_aimlapi._chunks import from_choice, generation_info

        messages = [from_choice(completion, choice) for choice in completion.choices]
        generations = [
            ChatGeneration(message=message, generation_info=generation_info(message)) for message in messages
        ]
        if self.include_response_headers:
            for generation in generations:
                generation.message.response_metadata["headers"] = dict(completion.headers)
        usage = completion.usage
        return ChatResult(
            generations=generations,
            llm_output={"model_name": completion.model, "token_usage": usage.raw if usage else {}},
        )

    def _with_headers(self, chunk: ChatGenerationChunk, completion: Completion | None) -> ChatGenerationChunk:
        if self.include_response_headers and completion is not None:
            chunk.message.response_metadata["headers"] = dict(completion.headers)
        return chunk


# What `with_structured_output` adds by itself: left out where a host or a model does not take it.
_ADDED = ("added_tool_choice", "added_response_format", "added_instruction")
# Call arguments that are no body parameters.
_NOT_SENT = frozenset(
    ("model", "timeout", "extra_body", "extra_headers", "extra_query", "client_request_id", "stream", "stream_usage")
) | {"replay_reasoning", "ls_structured_output_format", "structured_output_format", *_ADDED}


def _merged(settings: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """Settings and others over them; a limit or a stop under its other name replaces, not joins."""
    parameters = dict(settings)
    for name, value in call.items():
        if name in _NOT_SENT:
            continue
        for one, other in (("max_tokens", "max_completion_tokens"), ("stop", "stop_sequences")):
            if name in (one, other):
                parameters.pop(one, None)
                parameters.pop(other, None)
        parameters[name] = value
    return parameters
