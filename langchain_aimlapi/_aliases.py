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
    model_kwargs = _body_parameters(values)
    for name, value in values.items():
        if name in model_kwargs and value is not None:
            raise ValueError(f"`{name}` is given twice: as an argument, and in `model_kwargs`.")
    taken = _resolved(CHAT, values, fields, model_kwargs)
    for name in [name for name in model_kwargs if CHAT.fields.get(name, name) in fields and name not in _ALTERNATIVES]:
        warn(f"`{name}` is a field of ChatAIMLAPI: pass it as an argument, not in `model_kwargs`.")
        taken[CHAT.fields.get(name, name)] = model_kwargs.pop(name)
    return taken


def embedding_settings(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given under two names, or one that asks for what is not done here.
    """
    model_kwargs = _body_parameters(values)
    if str(values.get("openai_api_type")).startswith("azure"):
        raise ValueError("There is no Azure here: leave `openai_api_type` out; pass `base_url` for another address.")
    if values.get("deployment") == values.get("model"):
        values = {name: value for name, value in values.items() if name != "deployment"}
    taken = _resolved(EMBEDDINGS, values, fields, model_kwargs)
    for name in ("model", "input", *(name for name in ("dimensions", "task_type") if taken.get(name) is not None)):
        if name in model_kwargs:
            raise ValueError(f"`{name}` is in `model_kwargs`: pass it as an argument of its own.")
    return taken


def _body_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The `model_kwargs` among the settings: a copy, to add to."""
    given = values.get("model_kwargs") or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"`model_kwargs` is {given!r}: pass a dict of body parameters.")
    return dict(given)


def _resolved(
    aliases: Aliases, values: Mapping[str, Any], fields: Collection[str], model_kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The settings by field, the key hidden. What is no field joins `model_kwargs`, with a warning."""
    with as_value_errors():
        taken, others = aliases.resolve(values, fields)
        strict = taken.get("strict_parameters") is True
        model_kwargs.update(aliases.body_parameters(others, fields, "model_kwargs", strict=strict))
    if model_kwargs or "model_kwargs" in values:
        taken["model_kwargs"] = model_kwargs
    if isinstance(taken.get("api_key"), str):
        taken["api_key"] = SecretStr(taken["api_key"])
    return taken


class as_value_errors:
    """Raises the transport's refusals as ValueErrors, which Pydantic takes from a validator into its own error."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        from aimlapi_transport.errors import InvalidRequestError

        if isinstance(error, InvalidRequestError):
            raise ValueError(error.message) from None
