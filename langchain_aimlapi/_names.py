"""What users of other chat models call our settings -> our names. To accept another name, add a row."""

from __future__ import annotations

import warnings
from collections.abc import Container, Mapping
from typing import Any

from pydantic import SecretStr

# What other LangChain chat models call our fields.
_SYNONYMS = {
    "api_base": "base_url",
    "aimlapi_api_base": "base_url",
    "openai_api_base": "base_url",
    "aimlapi_api_key": "api_key",
    "openai_api_key": "api_key",
    "model": "model_name",
    "timeout": "request_timeout",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
}
# Settings of other classes that have no effect here (said in a warning)...
_NEEDLESS = frozenset(
    (
        *("stream_chunk_timeout", "tiktoken_model_name", "organization", "openai_organization"),
        *("include_response_headers", "disabled_params", "http_socket_options"),
    )
)
# ... and those that ask for what is not done: refused, with what to do instead.
_RESPONSES = "it belongs to the Responses API, and only chat completions are spoken here"
_INSTEAD = {
    "use_responses_api": _RESPONSES,
    "use_previous_response_id": _RESPONSES,
    "context_management": _RESPONSES,
    "truncation": _RESPONSES,
    "include": _RESPONSES,
    "openai_proxy": "set HTTPS_PROXY, or pass an `http_client` with your proxy",
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
    "root_client": "pass an `http_client` (httpx.Client)",
    "root_async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}


def our_names(values: Mapping[str, Any], fields: Container[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given under two names, or one that asks for what is not done here.
    """
    taken: dict[str, Any] = {}
    model_kwargs = dict(values.get("model_kwargs") or {})
    for given, value in values.items():
        name = _SYNONYMS.get(given, given)
        if name == "model_kwargs" or (name == "max_retries" and value is None):
            continue
        if name in _INSTEAD and value:
            raise ValueError(f"`{given}` cannot be used: {_INSTEAD[name]}.")
        if name in _INSTEAD or (value is None and name not in fields):
            continue
        if name in _NEEDLESS:
            warnings.warn(f"`{given}` has no effect in ChatAIMLAPI.", stacklevel=5)
        elif name not in fields:
            warnings.warn(f"`{given}` is no field of ChatAIMLAPI: it is sent as a body parameter.", stacklevel=5)
            model_kwargs[name] = value
        elif name in taken and value is not None and taken[name] is not None:
            raise ValueError(f"`{given}` is given twice: `{name}` is another name of it.")
        elif taken.get(name) is None:
            taken[name] = value
    if model_kwargs or "model_kwargs" in values:
        taken["model_kwargs"] = model_kwargs
    if isinstance(taken.get("api_key"), str):
        taken["api_key"] = SecretStr(taken["api_key"])
    return taken
