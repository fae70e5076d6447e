"""The settings of a ChatAIMLAPI: its fields, their validation, and the host's rules and profile that follow from them.

To add a setting that is a body parameter, add a field to `BodyParameters`, and what it may be to
`aimlapi_transport.config.fields.ACCEPTED`.
"""

# Annotations are no strings, here and in `_connection`: Pydantic would compile each for each class, 6 % of an import.

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, ModelProfile
from langchain_core.runnables import RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
    model_validator,
)
from typing_extensions import Self

from aimlapi_transport import config
from aimlapi_transport.chat_settings import RequestSettings, SharedParameters, set_parameter
from aimlapi_transport.config.fields import (
    ABOUT,
    TimeoutSetting,
    key_to_json,
    model_problem,
    timeout_to_json,
)
from aimlapi_transport.user_warnings import warn
from langchain_aimlapi._aliases import CHAT, chat_settings
from langchain_aimlapi._connection import ConnectionSettings
from langchain_aimlapi._profile import DECLARED, belongs_to_other_model, model_profile

if TYPE_CHECKING:  # imported by the first instance
    from aimlapi_transport.config.hosts import Preset

# What `with_structured_output` adds by itself: left out where a host or a model does not take it.
_ADDED = ("added_tool_choice", "added_response_format", "added_instruction")
# Call arguments that are no body parameters.
_NOT_SENT = frozenset(
    ("model", "timeout", "extra_body", "extra_headers", "extra_query", "client_request_id", "stream", "stream_usage")
) | {
    "replay_reasoning",
    "repair_history",
    "parse_think",
    "use_responses_api",
    "on_progress",
    "ls_structured_output_format",
    "structured_output_format",
    *_ADDED,
}


class BodyParameters(SharedParameters):
    """The settings that are parameters of the body, under the same names."""

    model_config = ConfigDict(defer_build=True)  # only the classes on top of this one are ever built

    top_k: int | None = Field(default=None, description="Among how many of the likeliest tokens to choose.")
    stop: list[str] | str | None = Field(default=None, description="Up to four texts that end the answer.")
    n: int | None = Field(default=None, description="How many answers to give; not with streaming.")
    seed: int | None = Field(default=None, description="The same seed asks for the same answer; at least 1.")
    presence_penalty: float | None = Field(default=None, description="-2 to 2: more for new subjects.")
    frequency_penalty: float | None = Field(default=None, description="-2 to 2: more against repetition.")
    logit_bias: dict[str, float] | dict[int, float] | None = Field(
        default=None, description="-100 to 100 by token id: less or more likely."
    )
    reasoning: dict[str, Any] | None = Field(
        default=None, description="How to think, for models that take it so: `effort`, `max_tokens`, `exclude`."
    )
    verbosity: str | None = Field(default=None, description="How long to answer: `low`, `medium` or `high`.")
    service_tier: str | None = Field(default=None, description="How urgently to serve, in the vendor's words.")
    prompt_cache_options: dict[str, Any] | None = Field(
        default=None, description="How to cache the prompt, in the vendor's words."
    )
    use_previous_response_id: bool | None = Field(
        default=None,
        description="Under /v1/responses: send only what follows the last reply, and its id; the provider then keeps "
        "replies (`store`).",
    )
    context_management: list[dict[str, Any]] | None = Field(
        default=None, description="Under /v1/responses: how the provider shortens a long conversation."
    )


PARAMETERS = tuple(BodyParameters.model_fields)
_SORTED_PARAMETERS = sorted(PARAMETERS)


class ChatSettings(RequestSettings, BodyParameters, ConnectionSettings, BaseChatModel):
    """The settings of a `ChatAIMLAPI`; see there."""

    model_name: str = Field(alias="model", description=ABOUT["model"])
    api_key: SecretStr | str | Callable[[], Any] | None = Field(default=None, repr=False, description=ABOUT["api_key"])
    model_kwargs: dict[str, Any] = Field(default_factory=dict, description=ABOUT["additional_kwargs"])
    disabled_params: dict[str, Any] | None = Field(
        default=None, description="Parameters never to send: `{name: None}`, or `{name: [values not to send]}`."
    )
    streaming: bool | None = Field(
        default=None, description="Whether `invoke` reads a stream, too (True), or even `stream` does not (False)."
    )
    stream_usage: bool | None = Field(default=None, description=ABOUT["stream_usage"])
    include_response_headers: bool = Field(
        default=False, description='Whether `response_metadata["headers"]` has the reply\'s headers.'
    )
    parse_think: bool | None = Field(default=None, description=ABOUT["parse_think"])
    request_timeout: TimeoutSetting = Field(default=None, alias="timeout", description=ABOUT["timeout"])
    http_socket_options: Sequence[tuple[Any, ...]] | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description=ABOUT["http_socket_options"],
    )
    openai_organization: str | None = Field(default=None, description="No effect: taken from other classes' users.")
    tiktoken_model_name: str | None = Field(default=None, description="No effect: taken from other classes' users.")

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
    def _resolve_aliases(cls, values: Any) -> Any:
        """Other names of our fields become ours; unknown ones become body parameters, with a warning."""
        if not isinstance(values, dict):
            return values
        taken = chat_settings(values, cls.model_fields)
        field = cls.model_fields["model_name"]
        if problem := model_problem(taken, field, "model_name", "openai/gpt-4o"):
            raise ValueError(problem)
        if belongs_to_other_model(taken.get("profile"), str(taken.get("model_name", field.default))):
            del taken["profile"]  # all fields of an instance but with another model, as configurable fields do
        return taken

    @field_serializer("api_key", when_used="json")
    def _key_to_json(self, key: Any) -> Any:
        return key_to_json(key)

    @field_serializer("request_timeout", when_used="json")
    def _request_timeout_to_json(self, timeout: Any) -> Any:
        return timeout_to_json(timeout)

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
    def _check_profile_keys(self) -> Self:
        """In place of LangChain's check of the same name, which costs as much as all else of an instance (90 us)."""
        if isinstance(self.profile, dict) and not self.profile.keys() <= DECLARED:
            warn(f"`profile` has unknown keys: {sorted(self.profile.keys() - DECLARED)}.")
        return self

    def _resolve_model_profile(self) -> ModelProfile | None:
        """LangChain asks for the default of `profile` so: its documentation has integrations override this."""
        return self._known_profile(self.model_name)

    def _known_profile(self, model: str) -> ModelProfile | None:
        """What the packaged facts say of the model, where the host is AI/ML API (or a proxy of it)."""
        return model_profile(model) if self._host().lists_models else None

    def _host(self) -> "Preset":
        return config.hosts.PRESETS[self.preset] if self.preset else config.hosts.preset_for(self.base_url)

    def _profile_of(self, model: str) -> ModelProfile | None:
        """The profile that counts in a call of this model: the instance's own, or the one of another id."""
        mine = model == self.model_name and not belongs_to_other_model(self.profile, model)
        return self.profile if mine else self._known_profile(model)

    @property
    def model(self) -> str:
        """The model's id."""
        return self.model_name

    @property
    def timeout(self) -> Any:
        """Seconds without data to wait, None for the defaults."""
        return self.request_timeout

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> "RunnableSerializable[Any, Any]":
        """A model whose fields a call's config may set; fields by any of their names."""
        return super().configurable_fields(**{CHAT.fields.get(name, name): field for name, field in kwargs.items()})

    def _body_parameters(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """The body parameters of a call: the fields', `model_kwargs` over them, its own over those."""
        parameters: dict[str, Any] = {}
        for name in _SORTED_PARAMETERS:
            value = getattr(self, name)
            if value is not None:
                parameters[name] = value
        for overrides in (self.model_kwargs, call):
            for name, value in overrides.items():
                if name in _NOT_SENT:
                    continue
                set_parameter(parameters, name, value)
        return parameters
