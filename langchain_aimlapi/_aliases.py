"""Aliases: what users of other LangChain classes call our settings -> our names. To accept another name, add a row."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from aimlapi_transport.user_warnings import stacklevel

NO_KEY = "`{}` is no field: pass the key of the host in `base_url` as `api_key`."
_SECRET = ("api_key", "default_headers")  # values no error may show


def body_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """The `model_kwargs` among the settings: a copy, to add to."""
    given = values.get("model_kwargs") or {}
    if not isinstance(given, Mapping):
        raise ValueError(f"`model_kwargs` is {given!r}: pass a dict of body parameters.")
    return dict(given)


def is_blank(value: Any) -> bool:
    """Whether a text is empty or white space: such an address counts as none."""
    return isinstance(value, str) and not value.strip()


def with_model_kwargs(taken: dict[str, Any], model_kwargs: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with their `model_kwargs` where there are any, and the key hidden."""
    if model_kwargs or "model_kwargs" in values:
        taken["model_kwargs"] = model_kwargs
    if isinstance(taken.get("api_key"), str):
        taken["api_key"] = SecretStr(taken["api_key"])
    return taken


def validated_field(value: Any, validated: Callable[[Any], Any], name: str, accepted: Mapping[str, str]) -> Any:
    """The value of a field as Pydantic takes it; else an error that names it and what is accepted."""
    try:
        return validated(value)
    except ValidationError:
        shown = f"a {type(value).__name__} that does not fit" if name in _SECRET else repr(value)
        raise ValueError(f"`{name}` is {shown}: pass {accepted[name]}.") from None


def is_key(name: str) -> bool:
    """Whether a setting of this name would be a key: it must never travel in a body, as unknown settings do."""
    return name.lower().replace("_", "").endswith("apikey")


def warn(message: str) -> None:
    """A warning about the user's own line."""
    warnings.warn(message, stacklevel=stacklevel())


# -- chat models -------------------------------------------------------------------------------------------------------

# What other LangChain chat models call our fields.
CHAT_ALIASES = {
    "api_base": "base_url",
    "aimlapi_api_base": "base_url",
    "openai_api_base": "base_url",
    "openrouter_api_base": "base_url",
    "aimlapi_api_key": "api_key",
    "openai_api_key": "api_key",
    "openrouter_api_key": "api_key",
    "model": "model_name",
    "timeout": "request_timeout",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
    "organization": "openai_organization",
    "openai_proxy": "proxy",
}
# Call-time settings that may be given once for all calls.
_PER_CALL = frozenset(
    ("extra_headers", "extra_query", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "response_format")
)
# Body parameters with another name than our field: the model decides which one is sent.
_ALTERNATIVES = ("max_completion_tokens", "stop_sequences")
# Settings of other classes that have no effect: a warning names them.
_WITHOUT_EFFECT = frozenset(
    (
        *("callback_manager", "custom_llm_provider", "base_model", "num_ctx"),
        *("app_url", "app_title", "app_categories", "openrouter_provider", "plugins", "route", "session_id", "trace"),
    )
)
NO_EFFECT = ("openai_organization", "tiktoken_model_name")  # without effect, but kept as attributes
# Settings of other classes that are refused, with the reason or what to pass instead.
_REFUSED = {
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
    "root_client": "pass an `http_client` (httpx.Client)",
    "root_async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}


def chat_settings(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given twice, or one that asks for what is not done here.
    """
    taken: dict[str, Any] = {}
    model_kwargs = body_parameters(values)
    for given, value in values.items():
        name = CHAT_ALIASES.get(given, given)
        if name == "model_kwargs":
            continue
        if name == "base_url" and is_blank(value):
            value = None
        if given in model_kwargs and value is not None:
            raise ValueError(f"`{given}` is given twice: as an argument, and in `model_kwargs`.")
        if name in _REFUSED and value:
            raise ValueError(f"`{given}` cannot be used: {_REFUSED[name]}.")
        if name in _REFUSED or (value is None and (name not in fields or name in ("max_retries", "streaming"))):
            continue
        if name in _WITHOUT_EFFECT or (name in NO_EFFECT and value is not None):
            warn(f"`{given}` has no effect in ChatAIMLAPI: leave it out.")
        if name in _WITHOUT_EFFECT:
            continue
        if name in fields:
            if name in taken and value is not None and taken[name] is not None:
                raise ValueError(f"`{given}` is given twice: `{name}` is another name of it.")
            if taken.get(name) is None:
                taken[name] = value
        elif is_key(name):
            raise ValueError(NO_KEY.format(given))
        else:
            if name not in _PER_CALL:
                from aimlapi_transport.config.settings import suggestion

                sent = f"`{given}` is no field of ChatAIMLAPI: it is sent in the body, as if in `model_kwargs`."
                warn(sent + suggestion(given, [*fields, *CHAT_ALIASES]))
            model_kwargs[name] = value
    for given in [
        given for given in model_kwargs if CHAT_ALIASES.get(given, given) in fields and given not in _ALTERNATIVES
    ]:
        warn(f"`{given}` is a field of ChatAIMLAPI: pass it as an argument, not in `model_kwargs`.")
        taken[CHAT_ALIASES.get(given, given)] = model_kwargs.pop(given)
    return with_model_kwargs(taken, model_kwargs, values)


def refusal_of_call(call: Mapping[str, Any]) -> str | None:
    """What is wrong with the names of a call's arguments, None where nothing is."""
    key = next((name for name in call if is_key(name)), None)
    return key and f"`{key}` is no argument of a call: pass `api_key` where the model is made."


# -- embeddings --------------------------------------------------------------------------------------------------------

# What other LangChain embeddings call our fields.
EMBEDDING_ALIASES = {
    "model_name": "model",
    "api_base": "base_url",
    "aimlapi_api_base": "base_url",
    "openai_api_base": "base_url",
    "aimlapi_api_key": "api_key",
    "openai_api_key": "api_key",
    "request_timeout": "timeout",
    "headers": "default_headers",
    "openai_proxy": "proxy",
    "input_type": "task_type",
}
_AZURE = "there is no Azure here; pass `base_url` for another address"
# Settings that have no effect here (said in a warning), and those of their values that ask for what is done anyway.
_EMBEDDING_NO_EFFECT: dict[str, tuple[Any, ...]] = {
    "check_embedding_ctx_length": (False,),  # texts are never cut, and never sent as token ids
    "tiktoken_enabled": (False,),
    "tiktoken_model_name": (),
    "embedding_ctx_length": (),
    "allowed_special": (),
    "disallowed_special": (),
    "retry_min_seconds": (),
    "retry_max_seconds": (),
    "deployment": (),
    "api_version": (),
    "openai_api_version": (),
    "openai_api_type": ("openai", "open_ai"),
    "organization": (),
    "openai_organization": (),
}
_EMBEDDING_REFUSED = {
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}


def embedding_settings(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given under two names, or one that asks for what is not done here.
    """
    taken: dict[str, Any] = {}
    model_kwargs = body_parameters(values)
    idle: list[str] = []
    for given, value in values.items():
        name = EMBEDDING_ALIASES.get(given, given)
        if name == "base_url" and is_blank(value):
            value = None
        if given == "model_kwargs" or (value is None and (name == "max_retries" or name not in fields)):
            continue
        if given in _EMBEDDING_REFUSED:
            raise ValueError(f"`{given}` cannot be used: {_EMBEDDING_REFUSED[given]}.")
        if given == "openai_api_type" and str(value).startswith("azure"):
            raise ValueError(f"`{given}` is {value!r}: {_AZURE}.")
        if given in _EMBEDDING_NO_EFFECT:
            if value not in (*_EMBEDDING_NO_EFFECT[given], values.get("model") if given == "deployment" else None):
                idle.append(given)
        elif name not in fields and is_key(name):
            raise ValueError(NO_KEY.format(given))
        elif name not in fields:
            from aimlapi_transport.config.settings import suggestion

            sent = f"`{given}` is no field of AIMLAPIEmbeddings: it is sent in the body, as if in `model_kwargs`."
            warn(sent + suggestion(given, [*fields, *EMBEDDING_ALIASES]))
            model_kwargs[name] = value
        elif taken.get(name) is not None and value is not None and taken[name] != value:
            raise ValueError(f"`{given}` is given twice: `{name}` is another name of it.")
        elif taken.get(name) is None:
            taken[name] = value
    if idle:
        names = ", ".join(f"`{name}`" for name in idle)
        warn(f"{names} has no effect in AIMLAPIEmbeddings: texts travel whole, as texts.")
    for name in ("model", "input", *(name for name in ("dimensions", "task_type") if taken.get(name) is not None)):
        if name in model_kwargs:
            raise ValueError(f"`{name}` is in `model_kwargs`: pass it as an argument of its own.")
    return with_model_kwargs(taken, model_kwargs, values)
