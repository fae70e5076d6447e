"""The settings of the frameworks' classes that the transport takes, and their copies: a Pydantic mixin.

To add a setting of the transport, add a field and a line to `_config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
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

from aimlapi_transport.config.fields import (
    ABOUT,
    ACCEPTED,
    AsyncHttpClient,
    HttpClient,
    public_address,
    timeout_from_json,
    timeout_to_json,
    validated_field,
)
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.http.pool import Closable, NoValue, PoolHandle

if TYPE_CHECKING:  # imported at the first call: half of what importing this module would cost
    from aimlapi_transport.client import AsyncClient, Client


T_Client = TypeVar("T_Client", "Client", "AsyncClient")


class _KeptClients(NoValue):
    """The clients of an instance, by their class, each beside the settings it was made with."""

    def __init__(self) -> None:
        self.clients: dict[type, tuple[dict[str, Any], Any]] = {}


class ConnectionFields(Closable, BaseModel):
    """The settings for the host and the connections that are the same in both frameworks.

    The address, the key, the timeout and the client for async calls are fields of the classes on top of this one, under
    the names of each framework; each can also be read by the name that the other has.
    """

    model_config = ConfigDict(defer_build=True)  # only the classes on top of this one are ever built

    preset: Literal["aimlapi", "powertokens", "anyfast"] | None = Field(default=None, description=ABOUT["preset"])
    max_retries: int = Field(default=2, ge=0, description=ABOUT["max_retries"])
    first_chunk_timeout: float | None = Field(default=None, ge=0, description=ABOUT["first_chunk_timeout"])
    stream_chunk_timeout: float | None = Field(default=None, ge=0, description=ABOUT["stream_chunk_timeout"])
    deadline: float | None = Field(default=None, gt=0, description=ABOUT["deadline"])
    limits: Limits | None = Field(default=None, description=ABOUT["limits"])
    strict_parameters: bool = Field(default=False, description=ABOUT["strict_parameters"])
    default_headers: Mapping[str, str] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["default_headers"]
    )
    default_query: Mapping[str, Any] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["default_query"]
    )
    proxy: str | None = Field(default=None, exclude=True, repr=False, description=ABOUT["proxy"])
    http_client: HttpClient = Field(default=None, exclude=True, repr=False, description=ABOUT["http_client"])

    if TYPE_CHECKING:
        api_key: Any = None
        base_url: str | None = None
        api_base: str | None = None
        http_async_client: AsyncHttpClient = None
        async_http_client: AsyncHttpClient = None

        @property
        def timeout(self) -> Any: ...

    _pool_handle: PoolHandle = PrivateAttr(default_factory=PoolHandle)
    _kept: _KeptClients = PrivateAttr(default_factory=_KeptClients)

    _clients: ClassVar = ("http_client", "http_async_client", "async_http_client")
    _shared_by_copies: ClassVar[tuple[str, ...]] = _clients

    @field_validator("*", mode="wrap")
    @classmethod
    def _name_the_value(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        return validated_field(value, validate, str(info.field_name))

    @field_validator("timeout", "request_timeout", check_fields=False)
    @classmethod
    def _timeout_from_json(cls, timeout: Any) -> Any:
        return timeout_from_json(timeout)

    @field_serializer("timeout", check_fields=False)
    def _timeout_to_json(self, timeout: Any) -> Any:
        return timeout_to_json(timeout)

    @field_serializer("base_url", "api_base", check_fields=False)
    def _address_to_json(self, address: str | None) -> str | None:
        return public_address(address)

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        """Refuses now what the first call would refuse: an address, a proxy, a timeout that is none."""
        from aimlapi_transport.config.settings import Settings
        from aimlapi_transport.errors import InvalidRequestError
        from aimlapi_transport.http.user_client import check_http_clients

        clients = self._own_clients()
        try:
            Settings(**self._config())
            check_http_clients(**clients)
        except InvalidRequestError as error:
            raise ValueError(error.message) from None
        for name in ("proxy", "http_socket_options") if clients else ():
            if getattr(self, name, None):
                raise ValueError(f"`{name}` cannot be combined with a client of your own: set it on that client.")
        return self

    def _own_clients(self) -> dict[str, Any]:
        """The HTTP clients that the user brought along, by field."""
        return {name: client for name in self._clients if (client := self.__dict__.get(name)) is not None}

    def _config(self) -> dict[str, Any]:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.base_url,
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
            "socket_options": getattr(self, "http_socket_options", None),
            "strict_parameters": self.strict_parameters,
        }

    def _client(self) -> Client:
        from aimlapi_transport.client import Client

        return self._kept_client(Client, self.http_client)

    def _async_client(self) -> AsyncClient:
        from aimlapi_transport.client import AsyncClient

        return self._kept_client(AsyncClient, self.http_async_client)

    def _kept_client(self, kind: type[T_Client], http_client: Any) -> T_Client:
        """The client of the last call, or another where the settings, or the environment's address, have changed."""
        settings = {**self._config(), "http_client": http_client}
        settings["headers"] = {key: str(value) for key, value in self._copy_of("default_headers").items()}
        settings["query"] = self._copy_of("default_query")
        settings["socket_options"] = tuple(map(tuple, settings["socket_options"] or ()))
        if not str(self.base_url or "").strip():
            from aimlapi_transport.config.settings import resolve_host

            settings["base_url"] = resolve_host(self.preset, None)[1]
        kept: tuple[dict[str, Any], T_Client] | None = self._kept.clients.get(kind)
        if kept is not None and kept[0] == settings:
            return kept[1]
        from aimlapi_transport.http.user_client import check_http_clients

        check_http_clients(**self._own_clients())
        client = kind(pool_handle=self._pool_handle, **settings)
        self._kept.clients[kind] = settings, client
        return client

    def _copy_of(self, name: str) -> dict[Any, Any]:
        """The headers or the query as they are now: the user's own may be changed in place, or assigned anything."""
        value: Any = getattr(self, name)
        try:
            return dict(value or {})
        except (TypeError, ValueError):
            from aimlapi_transport.errors import InvalidRequestError

            kind = type(value).__name__
            raise InvalidRequestError(f"`{name}` is of type {kind}: pass {ACCEPTED[name]}.") from None

    def __getstate__(self) -> dict[Any, Any]:
        """An instance is a value: your own HTTP clients are connections, and stay behind."""
        without = copy(self)
        without.__dict__.update(dict.fromkeys(self._own_clients()))
        return super(ConnectionFields, without).__getstate__()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the settings, which shares what is no value, such as your own HTTP clients."""
        memo = {} if memo is None else memo
        for name in self._shared_by_copies:
            if (shared := self.__dict__.get(name)) is not None:
                memo[id(shared)] = shared
        return super().__deepcopy__(memo)
