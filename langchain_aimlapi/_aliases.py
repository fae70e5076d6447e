"""Aliases: what users of other LangChain classes call our settings -> our names. To accept another name, add a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import SecretStr

from aimlapi_transport.config.aliases import Aliases
from aimlapi_transport.user_warnings import warn

_CLIENTS = {
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
    "root_client": "pass an `http_client` (httpx.Client)",
    "root_async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}
_ADDRESS_AND_KEY = {
    "api_base": "base_url",
    "aimlapi_api_base": "base_url",
    "async_http_client": "http_async_client",
    "openai_api_base": "base_url",
    "aimlapi_api_key": "api_key",
    "openai_api_key": "api_key",
    "openai_proxy": "proxy",
}
CHAT = Aliases(
    owner="ChatAIMLAPI",
    body="model_kwargs",
    fields={
        **_ADDRESS_AND_KEY,
        "openrouter_api_base": "base_url",
        "openrouter_api_key": "api_key",
        "model": "model_name",
        "timeout": "request_timeout",
        "max_completion_tokens": "max_tokens",
        "stop_sequences": "stop",
        "organization": "openai_organization",
    },
    refused=_CLIENTS,
    without_effect=dict.fromkeys(
        (
            *("callback_manager", "custom_llm_provider", "base_model", "num_ctx"),
            *("app_url", "app_title", "app_categories", "openrouter_provider", "plugins", "route", "session_id"),
            *("trace", "openai_organization", "tiktoken_model_name"),
        ),
        (),
    ),
)
EMBEDDINGS = Aliases(
    owner="AIMLAPIEmbeddings",
    body="model_kwargs",
    fields={
        **_ADDRESS_AND_KEY,
        "model_name": "model",
        "request_timeout": "timeout",
        "headers": "default_headers",
        "input_type": "task_type",
    },
    refused={name: _CLIENTS[name] for name in ("client", "async_client")},
    without_effect={
        **dict.fromkeys(("check_embedding_ctx_length", "tiktoken_enabled"), (False,)),  # texts travel whole, as texts
        **dict.fromkeys(("tiktoken_model_name", "embedding_ctx_length", "allowed_special", "disallowed_special"), ()),
        **dict.fromkeys(("retry_min_seconds", "retry_max_seconds", "deployment"), ()),
        **dict.fromkeys(("api_version", "openai_api_version", "organization", "openai_organization"), ()),
        "openai_api_type": ("openai", "open_ai"),
    },
)
# Body parameters with another name than our field: the model decides which one is sent.
_ALTERNATIVES = ("max_completion_tokens", "stop_sequences")


def chat_settings(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given twice, or one that asks for what is not done here.
    """
    taken = _settings(CHAT, values, fields)
    model_kwargs = values.get("model_kwargs") or {}
    for name in model_kwargs:
        if values.get(name) is not None:
            raise ValueError(f"`{name}` is passed twice, as an argument and in `model_kwargs`: leave one out.")
        if CHAT.fields.get(name, name) in fields and name not in _ALTERNATIVES:
            warn(f"`{name}` is a field of ChatAIMLAPI: pass it as an argument, not in `model_kwargs`.")
            taken[CHAT.fields.get(name, name)] = taken["model_kwargs"].pop(name)
    return taken


def embedding_settings(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given under two names, or one that asks for what is not done here.
    """
    if str(values.get("openai_api_type")).startswith("azure"):
        raise ValueError("Azure is not supported: leave `openai_api_type` out; pass `base_url` for another address.")
    if values.get("deployment") == values.get("model"):
        values = {name: value for name, value in values.items() if name != "deployment"}
    taken = _settings(EMBEDDINGS, values, fields)
    for name in ("model", "input", *(name for name in ("dimensions", "task_type") if taken.get(name) is not None)):
        if name in taken.get("model_kwargs", ()):
            raise ValueError(f"`{name}` is in `model_kwargs`: pass it as an argument of its own.")
    return taken


def _settings(aliases: Aliases, values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings by field, the key hidden."""
    from aimlapi_transport.errors import InvalidRequestError  # with the first instance

    try:
        taken = aliases.settings(values, fields)
    except InvalidRequestError as error:  # of a validator, Pydantic takes ValueErrors into its own error
        raise ValueError(error.message) from None
    if isinstance(taken.get("api_key"), str):
        taken["api_key"] = SecretStr(taken["api_key"])
    return taken
