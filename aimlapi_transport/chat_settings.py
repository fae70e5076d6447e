"""The settings of both frameworks' chat classes that are the same in both: a Pydantic mixin."""

# Annotations are no strings: Pydantic would compile each for each class.

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from aimlapi_transport.config.fields import ABOUT


class SharedParameters(BaseModel):
    """The settings that are parameters of the body, under the same names."""

    model_config = ConfigDict(defer_build=True)  # only the classes on top of this one are ever built

    temperature: float | None = Field(default=None, description=ABOUT["temperature"])
    max_tokens: int | None = Field(default=None, description=ABOUT["max_tokens"])
    top_p: float | None = Field(default=None, description=ABOUT["top_p"])
    logprobs: bool | None = Field(default=None, description=ABOUT["logprobs"])
    top_logprobs: int | None = Field(default=None, description=ABOUT["top_logprobs"])
    reasoning_effort: str | None = Field(default=None, description=ABOUT["reasoning_effort"])
    store: bool | None = Field(default=None, description=ABOUT["store"])
    include: list[str] | None = Field(default=None, description=ABOUT["include"])
    truncation: str | None = Field(default=None, description=ABOUT["truncation"])


class RequestSettings(BaseModel):
    """The settings of how a request is made."""

    model_config = ConfigDict(defer_build=True)

    use_responses_api: bool | None = Field(default=None, description=ABOUT["use_responses_api"])
    extra_body: dict[str, Any] | None = Field(default=None, description=ABOUT["extra_body"])
    replay_reasoning: bool | None = Field(default=None, description=ABOUT["replay_reasoning"])
    repair_history: bool = Field(default=False, description=ABOUT["repair_history"])


# Two names of one parameter: one replaces the other.
_TWINS = {
    **dict.fromkeys(("max_tokens", "max_completion_tokens"), ("max_tokens", "max_completion_tokens")),
    **dict.fromkeys(("stop", "stop_sequences"), ("stop", "stop_sequences")),
}


def set_parameter(parameters: dict[str, Any], name: str, value: Any) -> None:
    """Sets a parameter of the body in place of what it was, under either name of it."""
    for twin in _TWINS.get(name, ()):
        parameters.pop(twin, None)
    parameters[name] = value
