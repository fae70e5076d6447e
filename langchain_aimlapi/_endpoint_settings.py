"""The settings of embeddings, media tools and loaders for the host and the connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import (
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from aimlapi_transport.config.fields import ABOUT, TimeoutSetting, timeout_from_json, timeout_to_json, validated_field
from langchain_aimlapi._connection import ConnectionSettings


class EndpointSettings(ConnectionSettings):
    """The settings of all but chat models, which have names of LangChain's for some of them."""

    # Values in the errors would show the key of a mistyped call: our own sentences name them, where they may.
    model_config = ConfigDict(
        extra="forbid", protected_namespaces=(), arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    api_key: SecretStr | str | Callable[[], str | Awaitable[str]] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["api_key"]
    )
    timeout: TimeoutSetting = Field(
        default=None,
        description="Seconds to wait without data, (connect, read), or httpx.Timeout. By default 600.",
    )

    @field_validator("*", mode="wrap")
    @classmethod
    def _name_the_value(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return validated_field(value, validate, str(info.field_name))

    @field_validator("timeout")
    @classmethod
    def _timeout_from_json(cls, timeout: Any) -> Any:
        return timeout_from_json(timeout)

    @field_serializer("timeout")
    def _timeout_to_json(self, timeout: Any) -> Any:
        return timeout_to_json(timeout)

    @model_validator(mode="after")
    def _check_clients(self) -> Self:
        self._check_own_clients("proxy")
        return self
