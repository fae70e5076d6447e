"""The settings of embeddings, media tools and loaders for the host and the connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import ConfigDict, Field, SecretStr

from aimlapi_transport.config.fields import ABOUT, TimeoutSetting
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
