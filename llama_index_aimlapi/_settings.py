"""The settings of an AIMLAPI, and the model's metadata, as far as it is known without a request.

To add a setting that is a body parameter, add a field and its name to `_PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import Field, PrivateAttr, field_serializer

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.chat_settings import RequestSettings, SharedParameters, set_parameter
from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.config.fields import ABOUT, model_problem
from aimlapi_transport.config.hosts import PRESETS, Preset, preset_for
from aimlapi_transport.config.model_families import ModelFacts, claims, facts_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.repr_fields import repr_fields
from aimlapi_transport.user_warnings import warn_unknown_context
from llama_index_aimlapi._connection import REFUSED, ConnectionSettings, resolved
from llama_index_aimlapi.errors import InvalidSettingsError

# Fields that are body parameters, and the parameter's name.
_PARAMETERS = {
    **{name: name for name in (*SharedParameters.model_fields, "modalities", "user", "instructions")},
    "previous_response_id": "previous_response_id",
    "audio_config": "audio",
    "thinking_dict": "thinking",
    "reasoning_options": "reasoning",
    "call_metadata": "metadata",
    "track_previous_responses": "use_previous_response_id",
}
_SORTED_PARAMETERS = sorted(_PARAMETERS)
# What other LlamaIndex LLMs call our fields.
_ALIASES = Aliases(
    owner="AIMLAPI",
    body="additional_kwargs",
    fields={
        "base_url": "api_base",
        "max_new_tokens": "max_tokens",
        "max_output_tokens": "max_tokens",
        "model_name": "model",
        "http_async_client": "async_http_client",
        "request_timeout": "timeout",
        "headers": "default_headers",
    },
    refused=REFUSED,
    ignored=("class_name",),
)
_TRACKING = "track_previous_responses"  # off is no parameter
_CALL_ALIASES = {**_ALIASES.fields, **_PARAMETERS}
_IGNORED_CALL_ARGUMENTS = frozenset(("use_chat_completions",))
# What adds up instead of being replaced.
_JOINED = ("extra_body", "extra_headers", "extra_query")
# Fields a repr shows in its own way, and those that LlamaIndex fills with objects.
_NOT_SHOWN = frozenset(("model", "api_base", "callback_manager", "messages_to_prompt", "completion_to_prompt"))


class UnknownContext(LLMMetadata):
    """Metadata of a model whose context is not known: reading the number that is used instead warns."""

    def __getattribute__(self, name: str) -> Any:
        if name == "context_window":
            warn_unknown_context(super().__getattribute__("model_name"))
        return super().__getattribute__(name)


class AIMLAPISettings(RequestSettings, SharedParameters, ConnectionSettings, FunctionCallingLLM):
    """The settings of an `AIMLAPI`; see there."""

    model: str = Field(kw_only=False, description=ABOUT["model"])
    modalities: list[str] | None = Field(default=None, description='What to answer with: `["text", "audio"]`.')
    audio_config: dict[str, Any] | None = Field(default=None, description="`voice` and `format` of spoken answers.")
    thinking_dict: dict[str, Any] | None = Field(default=None, description="The `thinking` parameter, where it exists.")
    user: str | None = Field(default=None, description="Your own name for who asks, for the vendor's logs.")
    built_in_tools: list[dict[str, Any]] | None = Field(
        default=None,
        description='Tools that the provider runs, under /v1/responses: `[{"type": "web_search"}]`, say.',
    )
    reasoning_options: dict[str, Any] | None = Field(
        default=None, description="How to think: `effort`, and under /v1/responses `summary`."
    )
    instructions: str | None = Field(default=None, description="Under /v1/responses: the system's message.")
    call_metadata: dict[str, Any] | None = Field(default=None, description="Sent as `metadata`: your own labels.")
    track_previous_responses: bool | None = Field(
        default=None,
        description="Under /v1/responses: send only what follows the last reply in the messages, and its id; messages "
        "without a reply continue the last one of this instance. The provider then keeps replies (`store`).",
    )
    previous_response_id: str | None = Field(
        default=None, description="Under /v1/responses: the id of a kept response to go on from."
    )
    strict: bool = Field(default=False, description="Whether tool arguments must match their schemas exactly.")
    additional_kwargs: dict[str, Any] = Field(default_factory=dict, description=ABOUT["additional_kwargs"])
    stream_usage: bool = Field(default=True, description=ABOUT["stream_usage"])
    invalid_tool_call_retries: int = Field(
        default=0,
        ge=0,
        description="How often in a row an agent's model is asked again after a tool call that cannot be run, such as "
        "one whose arguments are not JSON. Then, and by default at once, a ToolCallError is raised.",
    )
    parse_think: bool = Field(default=True, description=ABOUT["parse_think"])
    context_window: int | None = Field(
        default=None,
        description="Tokens of input and output together. By default what the documents say; where they say "
        "nothing, LlamaIndex's own default of 3900, with a warning.",
    )
    is_chat_model: bool = Field(default=True, description="Whether LlamaIndex sends messages or, if not, a prompt.")
    should_use_structured_outputs: bool | None = Field(
        default=None,
        description="Whether answers in a shape are asked for by a JSON schema. By default where documents list it.",
    )
    tools: list[dict[str, Any]] | None = Field(
        default=None, description="Tool definitions, as they travel, to send with every request: a vendor's own, say."
    )
    cache_idx: int | None = Field(
        default=None,
        ge=-1,
        description="Mark the conversation up to this message for the vendor's cache; -1 marks all of it.",
    )
    order: list[str] | None = Field(default=None, description="Providers to prefer, sent as `provider.order`.")
    allow_fallbacks: bool | None = Field(default=None, description="Sent as `provider.allow_fallbacks`.")
    tokenizer: Any = Field(
        default=None, description="A tokenizer, or its name for `transformers`. Only kept here, for who asks for it."
    )
    api_version: str | None = Field(default=None, description="Only kept here: the hosts have one version.")
    reuse_client: bool = Field(default=True, description="Only kept here: connections belong to the process.")
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether the model takes tools. By default yes, unless its documents say no."
    )

    _last_response_id: str | None = PrivateAttr(default=None)

    def __init__(self, model: str | None = None, **settings: Any) -> None:
        if model is not None and settings.get("model_name") not in (None, model):
            raise InvalidSettingsError("`model` is passed twice, with two values: pass one of them.")
        taken = resolved(type(self), _ALIASES, {"model": model, **settings})
        if problem := model_problem(taken, type(self).model_fields["model"], "model", "openai/gpt-4o"):
            raise InvalidSettingsError(problem)
        super().__init__(**taken)

    @field_serializer("tokenizer")
    def _tokenizer_to_json(self, tokenizer: Any) -> str | None:
        return tokenizer if isinstance(tokenizer, str) else None

    def __repr_args__(self) -> Any:
        """What is in a repr: model, host, and what was set; no key."""
        return repr_fields(self, self.model, self.api_base, _NOT_SHOWN)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serializes this class."""
        return "AIMLAPI"

    @property
    def metadata(self) -> LLMMetadata:
        """What is known about the model. Does no I/O and never raises; what you set wins.

        Where no packaged source names the context, LlamaIndex's default stands for it, and reading it warns.
        """
        facts = self._facts()
        context = self.context_window or (facts.context_length if facts is not None else None)
        body = self.additional_kwargs
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or self.max_tokens
        return (UnknownContext if context is None else LLMMetadata)(
            context_window=context or DEFAULT_CONTEXT_WINDOW,
            num_output=limit if isinstance(limit, int) else -1,
            is_chat_model=self.is_chat_model,
            is_function_calling_model=self._takes_tools(facts),
            model_name=self.model,
        )

    def _host(self) -> Preset:
        return PRESETS.get(self.preset or "") or preset_for(self.api_base)

    def _facts(self) -> ModelFacts | None:
        """What the packaged facts say of the model, where the host is AI/ML API (or a proxy of it)."""
        return facts_for(self.model) if self._host().lists_models else None

    def _takes_tools(self, facts: ModelFacts | None) -> bool:
        if self.is_function_calling_model is not None:
            return self.is_function_calling_model
        listed = self._host().rules_for(self.model).parameters
        return claims(facts, "tools") is not False if listed is None else "tools" in listed

    @property
    def _tokenizer(self) -> Any:
        """The `tokenizer` you passed, loaded where you passed its name; None where you passed none."""
        if not isinstance(self.tokenizer, str):
            return self.tokenizer
        try:
            # it may be missing, or without types: which, differs by machine
            from transformers import AutoTokenizer  # type: ignore[import-not-found,import-untyped,unused-ignore]
        except ImportError:
            raise InvalidRequestError(
                f"`tokenizer` is the name {self.tokenizer!r}: install `transformers`, or pass a tokenizer."
            ) from None
        return AutoTokenizer.from_pretrained(self.tokenizer)

    def to_payload(self) -> Json:
        """What observers are shown of this LLM: no secret among it."""
        payload: Json = {"class_name": self.class_name(), **self.metadata.model_dump()}
        stop = self.additional_kwargs.get("stop") or self.additional_kwargs.get("stop_sequences")
        if isinstance(stop, str) and stop:
            payload["stop"] = [stop]
        elif stop and isinstance(stop, Iterable):  # what is neither is refused with the request
            payload["stop"] = list(stop)
        return {**payload, "model": self.model, "temperature": self.temperature}

    def _get_model_kwargs(self, **kwargs: Any) -> Json:
        """The arguments of a call: fields, then `additional_kwargs`, then the call's own. The only merge."""
        merged: Json = {"model": self.model}
        for field in _SORTED_PARAMETERS:
            value = getattr(self, field)
            if value is not None and (value or field != _TRACKING):
                merged[_PARAMETERS[field]] = value
        routing: Json = {}
        if self.order is not None:
            routing["order"] = self.order
        if self.allow_fallbacks is not None:
            routing["allow_fallbacks"] = self.allow_fallbacks
        if routing or self.extra_body:
            merged["extra_body"] = {**({"provider": routing} if routing else {}), **(self.extra_body or {})}
        for overrides in (self.additional_kwargs, kwargs):
            for set_name, value in overrides.items():
                name = _CALL_ALIASES.get(set_name, set_name)
                if name in _IGNORED_CALL_ARGUMENTS:
                    continue
                if name in _JOINED and value is not None:
                    if not isinstance(value, Mapping):
                        raise InvalidRequestError(f"`{name}` is of type {type(value).__name__}: pass a dict.")
                    value = {**(merged.get(name) or {}), **value}
                set_parameter(merged, name, value)
        return merged
