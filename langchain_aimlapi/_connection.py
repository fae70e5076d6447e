"""The settings of both classes for the host and the connections, under LangChain's names."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self

from aimlapi_transport import config
from aimlapi_transport.config.fields import ABOUT, AsyncHttpClient
from aimlapi_transport.connection_settings import ConnectionFields


class ConnectionSettings(ConnectionFields):
    """The settings of a `ChatAIMLAPI` and an `AIMLAPIEmbeddings` that the transport takes."""

    model_config = ConfigDict(defer_build=True)  # only the classes on top of this one are ever built

    base_url: str | None = Field(default=None, description=ABOUT["base_url"])
    http_async_client: AsyncHttpClient = Field(
        default=None, exclude=True, repr=False, description=ABOUT["http_async_client"]
    )

    if not TYPE_CHECKING:  # the names of the LlamaIndex classes, which a constructor takes, too

        @property
        def api_base(self) -> str | None:
            """The address, as the LlamaIndex classes name it."""
            return self.base_url

        @property
        def async_http_client(self) -> AsyncHttpClient:
            """Your own client for async calls, as the LlamaIndex classes name it."""
            return self.http_async_client

    @property
    def openai_proxy(self) -> str | None:
        """The proxy, as other classes name it."""
        return self.proxy

    @property
    def openai_api_key(self) -> SecretStr | Callable[[], Any] | None:
        """The key, as other classes name it; where none was passed, the one the environment held at construction."""
        key = self.api_key
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
            from aimlapi_transport.errors import AIMLAPIError  # with the first instance

            key = base_url = None
            with suppress(AIMLAPIError):
                settings = config.settings.Settings(base_url=self.base_url, preset=self.preset)
                base_url = settings.base_url
                key = SecretStr(settings.read_key().value)
            environment = self.__dict__["_environment"] = (key, base_url)  # beside the fields: no part of the value
        return environment

    @model_validator(mode="after")
    def _note_environment(self) -> Self:
        if self.api_key is None or self.base_url is None:  # else the environment has nothing to say
            self._read_environment()
        return self

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        state["__dict__"].pop("_environment", None)  # the environment's key does not travel
        return state
