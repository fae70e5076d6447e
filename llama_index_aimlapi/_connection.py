"""The settings of both classes for the host, the key and the connections, and their copies.

To add a setting of the transport, add a field and a line to `_config`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.schema import BaseComponent
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.config.fields import (
    ABOUT,
    AsyncHttpClient,
    HttpClient,
    TimeoutSetting,
    timeout_from_json,
    timeout_to_json,
    validated_field,
)
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.http.pool import Closable, PoolHandle
from llama_index_aimlapi.errors import InvalidSettingsError

if TYPE_CHECKING:  # imported at the first call: half of what importing this module would cost
    from aimlapi_transport.client import AsyncClient, Client

_INSTEAD = "no SDK is involved. Pass `api_key` and `api_base`, and an httpx client as `{}`"
REFUSED = {
    "openai_client": _INSTEAD.format("http_client"),
    "async_openai_client": _INSTEAD.format("async_http_client"),
}
"""Settings of other LlamaIndex classes that cannot be used, with what to do instead."""


class ConnectionSettings(Closable, BaseComponent):
    """The settings of an `AIMLAPI` and an `AIMLAPIEmbedding` that the transport takes."""

    # Deferred: of classes on top of each other only the last is built.
    model_config = ConfigDict(
        arbitrary_types_allowed=True, protected_namespaces=(), populate_by_name=True, defer_build=True
    )

    api_key: SecretStr | str | Callable[[], Any] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["api_key"]
    )
    api_base: str | None = Field(default=None, description=ABOUT["base_url"])
    preset: Literal["aimlapi", "powertokens", "anyfast"] | None = Field(default=None, description=ABOUT["preset"])
    default_headers: Mapping[str, str] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["default_headers"]
    )
    default_query: Mapping[str, Any] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["default_query"]
    )
    timeout: TimeoutSetting = Field(default=None, description=ABOUT["timeout"])
    max_retries: int = Field(default=2, ge=0, description=ABOUT["max_retries"])
    first_chunk_timeout: float | None = Field(default=None, ge=0, description=ABOUT["first_chunk_timeout"])
    stream_chunk_timeout: float | None = Field(default=None, ge=0, description=ABOUT["stream_chunk_timeout"])
    deadline: float | None = Field(default=None, gt=0, description=ABOUT["deadline"])
    limits: Limits | None = Field(default=None, description=ABOUT["limits"])
    strict_parameters: bool = Field(default=False, description=ABOUT["strict_parameters"])
    proxy: str | None = Field(default=None, exclude=True, repr=False, description=ABOUT["proxy"])
    http_socket_options: Sequence[tuple[Any, ...]] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_socket_options"]
    )
    http_client: HttpClient = Field(
        default=None, exclude=True, repr=False, description="An `httpx.Client` of your own."
    )
    async_http_client: AsyncHttpClient = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_async_client"]
    )

    if TYPE_CHECKING:  # the names of the LangChain classes, which a constructor takes, too
        base_url: str | None = None
        http_async_client: AsyncHttpClient = None

    _pool_handle: PoolHandle = PrivateAttr(default_factory=PoolHandle)

    def __init__(self, **settings: Any) -> None:
        if isinstance(settings.get("api_key"), str):
            settings["api_key"] = SecretStr(settings["api_key"])
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise InvalidSettingsError(_sentence(error)) from None  # its own words would show the key

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
    def _check_connection(self) -> Self:
        """Refuses now what the first call would refuse: an address, a proxy, a timeout that is none."""
        from aimlapi_transport.config.settings import Settings

        try:
            Settings(**self._config())
            if self.http_client is not None or self.async_http_client is not None:
                from aimlapi_transport.http.user_client import check_http_clients

                check_http_clients(http_client=self.http_client, async_http_client=self.async_http_client)
        except InvalidRequestError as error:
            raise InvalidSettingsError(error.message) from None
        for name in ("proxy", "http_socket_options"):
            if getattr(self, name) and (self.http_client is not None or self.async_http_client is not None):
                raise InvalidSettingsError(
                    f"`{name}` cannot be combined with a client of your own: set it on that client."
                )
        return self

    if not TYPE_CHECKING:

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

    def _config(self) -> Json:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.api_base,
            "preset": self.preset,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "first_chunk_timeout": self.first_chunk_timeout,
            "stream_chunk_timeout": self.stream_chunk_timeout,
            "deadline": self.deadline,
            "limits": self.limits,
            "headers": self.default_headers,
            "query": self.default_query,
            "proxy": self.proxy,
            "socket_options": self.http_socket_options,
            "strict_parameters": self.strict_parameters,
        }

    def _client(self) -> Client:
        from aimlapi_transport.client import Client

        return Client(http_client=self.http_client, pool_handle=self._pool_handle, **self._config())

    def _async_client(self) -> AsyncClient:
        from aimlapi_transport.client import AsyncClient

        return AsyncClient(http_client=self.async_http_client, pool_handle=self._pool_handle, **self._config())

    def __getstate__(self) -> Json:
        """An instance is a value: your own HTTP clients are connections, and stay behind."""
        without = self.model_copy(update={"http_client": None, "async_http_client": None})
        state: Json = super(ConnectionSettings, without).__getstate__()
        return state

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the settings, which shares your own HTTP clients."""
        memo = {} if memo is None else memo
        for client in (self.http_client, self.async_http_client):
            if client is not None:
                memo[id(client)] = client
        return super().__deepcopy__(memo)


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

    Raises:
        InvalidSettingsError: a setting given twice, a key under another name, or another library's client.

    Warns:
        UserWarning: of what has no effect, and of each setting that is none of ours.
    """
    try:
        taken = aliases.settings(settings, cls.model_fields)
    except InvalidRequestError as error:
        raise InvalidSettingsError(error.message) from None
    return {name: value for name, value in taken.items() if value is not None}
