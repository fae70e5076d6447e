"""The settings of both classes for the host, the key and the connections, under LlamaIndex's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from llama_index.core.schema import BaseComponent
from pydantic import ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.config.fields import ABOUT, AsyncHttpClient, TimeoutSetting
from aimlapi_transport.connection_settings import ConnectionFields
from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi.errors import InvalidSettingsError

_INSTEAD = "no SDK is involved. Pass `api_key` and `api_base`, and an httpx client as `{}`"
REFUSED = {
    "openai_client": _INSTEAD.format("http_client"),
    "async_openai_client": _INSTEAD.format("async_http_client"),
}
"""Settings of other LlamaIndex classes that cannot be used, with what to do instead."""


class ConnectionSettings(ConnectionFields, BaseComponent):
    """The settings of an `AIMLAPI` and an `AIMLAPIEmbedding` that the transport takes."""

    # Deferred: of classes on top of each other only the last is built.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, protected_namespaces=(), populate_by_name=True, defer_build=True
    )

    api_key: SecretStr | str | Callable[[], Any] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["api_key"]
    )
    api_base: str | None = Field(default=None, description=ABOUT["base_url"])
    timeout: TimeoutSetting = Field(default=None, description=ABOUT["timeout"])
    http_socket_options: Sequence[tuple[Any, ...]] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_socket_options"]
    )
    async_http_client: AsyncHttpClient = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_async_client"]
    )

    def __init__(self, **settings: Any) -> None:
        if isinstance(settings.get("api_key"), str):
            settings["api_key"] = SecretStr(settings["api_key"])
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise InvalidSettingsError(_sentence(error)) from None  # its own words would show the key

    if not TYPE_CHECKING:  # the names of the LangChain classes, which a constructor takes, too

        @property
        def base_url(self) -> str | None:
            """The address, as the LangChain classes name it."""
            return self.api_base

        @property
        def http_async_client(self) -> AsyncHttpClient:
            """Your own client for async calls, as the LangChain classes name it."""
            return self.async_http_client

    def __eq__(self, other: object) -> bool:
        """Whether the settings are the same; of callback managers, whether their handlers are."""
        return type(self) is type(other) and _value_of(self) == _value_of(other)


def _value_of(settings: ConnectionSettings) -> tuple[Json, list[Any]]:
    fields = dict(settings.__dict__)
    manager = fields.pop("callback_manager", None)
    return fields, list(manager.handlers) if manager is not None else []


def _sentence(error: ValidationError) -> str:
    """What is wrong with a setting, in a sentence that shows no value of which it is not said that it may."""
    problem = error.errors(include_input=False, include_url=False)[0]
    message = str(problem["msg"]).removeprefix("Value error, ")
    name = ".".join(map(str, problem["loc"]))
    return message if not name or message.startswith("`") else f"`{name}` cannot be used: {message}."


def resolved(cls: type[ConnectionSettings], aliases: Aliases, settings: Mapping[str, Any]) -> Json:
    """The settings under our names, those that are set; what is none of ours joins `additional_kwargs`.

    None counts as not set, but for a field to which a subclass gave a default.

    Raises:
        InvalidSettingsError: a setting given twice, a key under another name, or another library's client.

    Warns:
        UserWarning: of what has no effect, and of each setting that is none of ours.
    """
    try:
        taken = aliases.settings(settings, cls.model_fields)
    except InvalidRequestError as error:
        raise InvalidSettingsError(error.message) from None
    return {
        name: value
        for name, value in taken.items()
        if value is not None or _is_unset_by_none(cls.model_fields.get(name))
    }


def _is_unset_by_none(field: FieldInfo | None) -> bool:
    """Whether None says something: a subclass gave a default to a field that may be None."""
    if field is None or field.is_required() or type(None) not in get_args(field.annotation):
        return False
    return field.get_default() is not None
