"""The settings of both classes for the host and the connections, and their copies.

To add a setting of the transport, add a field and a line to `_connection`.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator
from typing_extensions import Self

from aimlapi_transport.config.fields import ABOUT, AsyncHttpClient, HttpClient
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.http.pool import Closable, PoolHandle
from langchain_aimlapi._aliases import as_value_errors

if TYPE_CHECKING:  # imported at the first call
    from aimlapi_transport.client import AsyncClient, Client


class ConnectionSettings(Closable, BaseModel):
    """The settings of a `ChatAIMLAPI` and an `AIMLAPIEmbeddings` that the transport takes."""

    model_config = ConfigDict(defer_build=True)  # only the classes on top of this one are ever built

    base_url: str | None = Field(default=None, description=ABOUT["base_url"])
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
    proxy: str | None = Field(
        default=None,
        exclude=True,
        repr=False,
        description=ABOUT["proxy"],
    )
    http_client: HttpClient = Field(
        default=None, exclude=True, repr=False, description="An `httpx.Client` of your own."
    )
    http_async_client: AsyncHttpClient = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_async_client"]
    )

    if TYPE_CHECKING:  # the names of the LlamaIndex classes, which a constructor takes, too
        api_base: str | None = None
        async_http_client: AsyncHttpClient = None
    else:

        @property
        def api_base(self) -> str | None:
            """The address, as the LlamaIndex classes name it."""
            return self.base_url

        @property
        def async_http_client(self) -> AsyncHttpClient:
            """Your own client for async calls, as the LlamaIndex classes name it."""
            return self.http_async_client

    _pool_handle: PoolHandle = PrivateAttr(default_factory=PoolHandle)

    @property
    def openai_proxy(self) -> str | None:
        """The proxy, as other classes name it."""
        return self.proxy

    @property
    def openai_api_key(self) -> SecretStr | Callable[[], Any] | None:
        """The key, as other classes name it; where none was passed, the one the environment held at construction."""
        key: Any = getattr(self, "api_key")  # noqa: B009  # a field of both classes, each with its own description
        if key is not None:
            return SecretStr(key) if isinstance(key, str) else key
        return self._read_environment()[0]

    @property
    def openai_api_base(self) -> str | None:
        """The address, as other classes name it; where none was passed, the one in force at construction."""
        return self._read_environment()[1]

    aimlapi_api_key = openai_api_key
    aimlapi_api_base = openai_api_base

    def _read_environment(self) -> tuple[SecretStr | None, str | None]:
        """The environment's key and the address, to be read only: each call looks them up again."""
        environment: tuple[SecretStr | None, str | None] | None = self.__dict__.get("_environment")
        if environment is None:
            from aimlapi_transport.config.settings import Settings
            from aimlapi_transport.errors import AIMLAPIError

            key = base_url = None
            with suppress(AIMLAPIError):
                settings = Settings(base_url=self.base_url, preset=self.preset)
                base_url = settings.base_url
                key = SecretStr(settings.read_key().value)
            environment = self.__dict__["_environment"] = (key, base_url)  # beside the fields: no part of the value
        return environment

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        """Refuses now what the first call would refuse: an address, a proxy, a timeout that is none."""
        from aimlapi_transport.config.settings import Settings

        config = self._config()
        with as_value_errors():
            Settings(**config)
        if config["api_key"] is None or self.base_url is None:  # else the environment has nothing to say
            self._read_environment()
        return self

    def _check_own_clients(self, *ours: str) -> None:
        """Refuses what is no client of httpx, and settings of our clients (`ours`) beside one of the user's."""
        if self.http_client is None and self.http_async_client is None:
            return
        from aimlapi_transport.http.user_client import check_http_clients

        with as_value_errors():
            check_http_clients(http_client=self.http_client, http_async_client=self.http_async_client)
        for name in ours:
            if getattr(self, name):
                raise ValueError(f"`{name}` cannot be combined with a client of your own: set it on that client.")

    def _config(self) -> dict[str, Any]:
        model: Any = self  # each class describes its key and its timeout itself; sockets are ChatAIMLAPI's alone
        key = model.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.base_url,
            "preset": self.preset,
            "timeout": model.timeout,
            "max_retries": self.max_retries,
            "first_chunk_timeout": self.first_chunk_timeout,
            "stream_chunk_timeout": self.stream_chunk_timeout,
            "deadline": self.deadline,
            "limits": self.limits,
            "proxy": self.proxy,
            "headers": self.default_headers,
            "query": self.default_query,
            "strict_parameters": self.strict_parameters,
            "socket_options": getattr(self, "http_socket_options", None),
        }

    def _client(self) -> "Client":
        from aimlapi_transport.client import Client

        return Client(http_client=self.http_client, pool_handle=self._pool_handle, **self._config())

    def _async_client(self) -> "AsyncClient":
        from aimlapi_transport.client import AsyncClient

        return AsyncClient(http_client=self.http_async_client, pool_handle=self._pool_handle, **self._config())

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {**state["__dict__"], "http_client": None, "http_async_client": None}  # connections do not travel
        fields.pop("_environment", None)  # nor does the environment's key
        return {**state, "__dict__": fields}

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for client in (self.http_client, self.http_async_client):
            if client is not None:
                memo[id(client)] = client  # shared: a pool of connections is no value
        return super().__deepcopy__(memo)
