"""The settings of both classes for the host, the key and the connections, and their copies.

To add a setting of the transport, add a field and a line to `_config`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from llama_index.core.schema import BaseComponent
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_validator
from typing_extensions import Self

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.config.fields import ABOUT, Serialized, timeout_from_json, timeout_to_json
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.http.pool import Closable, PoolHandle
from aimlapi_transport.user_warnings import warn

if TYPE_CHECKING:  # imported at the first call: half of what importing this module would cost
    import httpx

    from aimlapi_transport.client import AsyncClient, Client

_INSTEAD = "no SDK is involved. Pass `api_key` and `api_base`, and an httpx client as `{}`"
REFUSED = {
    "openai_client": _INSTEAD.format("http_client"),
    "async_openai_client": _INSTEAD.format("async_http_client"),
}
"""Settings of other LlamaIndex classes that cannot be used, with what to do instead."""


class ConnectionSettings(Closable, BaseComponent):
    """The settings of an `AIMLAPI` and an `AIMLAPIEmbedding` that the transport takes."""

    # Deferred: classes on top of each other, of which only the last is ever built and at the first instance.
    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=(), defer_build=True)

    api_key: SecretStr | Callable[[], str] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["api_key"]
    )
    api_base: str | None = Field(default=None, description=ABOUT["base_url"])
    preset: str | None = Field(default=None, description=ABOUT["preset"])
    default_headers: dict[str, str] | None = Field(
        default=None, exclude=True, repr=False, description=ABOUT["default_headers"]
    )
    timeout: Annotated[Any, Serialized(timeout_to_json)] = Field(default=None, description=ABOUT["timeout"])
    max_retries: int = Field(default=2, description=ABOUT["max_retries"])
    deadline: float | None = Field(default=None, description=ABOUT["deadline"])
    limits: Limits | None = Field(default=None, description=ABOUT["limits"])
    strict_parameters: bool = Field(default=False, description=ABOUT["strict_parameters"])

    _pool_handle: PoolHandle = PrivateAttr(default_factory=PoolHandle)
    _http_client: httpx.Client | None = PrivateAttr(default=None)
    _async_http_client: httpx.AsyncClient | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        api_key: str | SecretStr | Callable[[], str] | None = None,
        http_client: httpx.Client | None = None,
        async_http_client: httpx.AsyncClient | None = None,
        **settings: Any,
    ) -> None:
        if not (api_key is None or isinstance(api_key, (str, SecretStr)) or callable(api_key)):
            raise InvalidRequestError(f"`api_key` is a {type(api_key).__name__}: pass a text or a function.")
        settings["api_key"] = SecretStr(api_key) if isinstance(api_key, str) else api_key
        super().__init__(**settings)
        if http_client is not None or async_http_client is not None:
            from aimlapi_transport.http.user_client import check_http_clients

            check_http_clients(http_client=http_client, async_http_client=async_http_client)
            self._http_client, self._async_http_client = http_client, async_http_client
        from aimlapi_transport.config.settings import Settings

        Settings(**self._config())  # so that a wrong address or preset is said here, not at the first call

    @field_validator("timeout")
    @classmethod
    def _timeout_from_json(cls, timeout: Any) -> Any:
        return timeout_from_json(timeout)

    def _config(self) -> Json:
        key = self.api_key
        return {
            "api_key": key.get_secret_value() if isinstance(key, SecretStr) else key,
            "base_url": self.api_base,
            "preset": self.preset,
            "timeout": self.timeout,
            "max_retries": self.max_retries,
            "deadline": self.deadline,
            "limits": self.limits,
            "headers": self.default_headers,
            "strict_parameters": self.strict_parameters,
        }

    def _client(self) -> Client:
        from aimlapi_transport.client import Client

        return Client(http_client=self._http_client, pool_handle=self._pool_handle, **self._config())

    def _async_client(self) -> AsyncClient:
        from aimlapi_transport.client import AsyncClient

        return AsyncClient(http_client=self._async_http_client, pool_handle=self._pool_handle, **self._config())

    def __getstate__(self) -> Json:
        """An instance is a value: your own HTTP clients are connections, and stay behind."""
        state: Json = super(ConnectionSettings, self._without_clients()).__getstate__()
        return state

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the settings, which shares your own HTTP clients."""
        copied = super(ConnectionSettings, self._without_clients()).__deepcopy__(memo)
        copied._http_client, copied._async_http_client = self._http_client, self._async_http_client
        return copied

    def _without_clients(self) -> Self:
        without = self.model_copy()
        without._http_client = without._async_http_client = None
        return without


def resolved(cls: type[ConnectionSettings], aliases: Aliases, given: Mapping[str, Any]) -> Json:
    """The settings under our names, those that are set; of others that are none of ours a warning is given.

    Raises:
        InvalidRequestError: a setting given twice, another library's client, or, with `strict_parameters`, a setting
            that is none.
    """
    taken, others = aliases.resolve(given, cls.model_fields)
    for name in others:
        from aimlapi_transport.config.settings import suggestion

        advice = suggestion(name, [*cls.model_fields, *aliases.fields])
        if given.get("strict_parameters"):
            raise InvalidRequestError(
                f"{aliases.owner} has no setting `{name}`: a body parameter goes into `additional_kwargs`.{advice}"
            )
        warn(
            f"{aliases.owner} has no setting `{name}`: it is ignored. A body parameter goes into `additional_kwargs`."
            + advice
        )
    return {name: value for name, value in taken.items() if value is not None}
