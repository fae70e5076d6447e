"""What users of other chat models call our settings -> our names. To accept another name, add a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from langchain_aimlapi._aliases import NO_KEY, body_parameters, is_blank, is_key, settled, warn

# What other LangChain chat models call our fields.
SYNONYMS = {
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
# Body parameters under another name than our field's: which one is sent, the model decides.
_TWINS = ("max_completion_tokens", "stop_sequences")
# Settings of other classes that have no effect here (said in a warning)...
_NEEDLESS = frozenset(
    (
        *("callback_manager", "custom_llm_provider", "base_model", "num_ctx"),
        *("app_url", "app_title", "app_categories", "openrouter_provider", "plugins", "route", "session_id", "trace"),
    )
)
NO_EFFECT = ("openai_organization", "tiktoken_model_name")  # the same, but readable afterwards
# ... and those that ask for what is not done: refused, with what to do instead.
_RESPONSES = "it belongs to the Responses API, and only chat completions are spoken here"
_INSTEAD = {
    "use_responses_api": _RESPONSES,
    "use_previous_response_id": _RESPONSES,
    "context_management": _RESPONSES,
    "truncation": _RESPONSES,
    "include": _RESPONSES,
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
    "root_client": "pass an `http_client` (httpx.Client)",
    "root_async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}
# Call-time arguments of the same kind: they reach no chat completion.
_CALL_INSTEAD = {
    "previous_response_id": _RESPONSES,
    "context_management": _RESPONSES,
    "truncation": _RESPONSES,
    "include": _RESPONSES,
    "use_responses_api": _RESPONSES,
    "background": _RESPONSES,
    "conversation": _RESPONSES,
}


def our_names(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given twice, or one that asks for what is not done here.
    """
    taken: dict[str, Any] = {}
    model_kwargs = body_parameters(values)
    for given, value in values.items():
        name = SYNONYMS.get(given, given)
        if name == "model_kwargs":
            continue
        if name == "base_url" and is_blank(value):
            value = None
        if given in model_kwargs and value is not None:
            raise ValueError(f"`{given}` is given twice: as an argument, and in `model_kwargs`.")
        if name in _INSTEAD and value:
            raise ValueError(f"`{given}` cannot be used: {_INSTEAD[name]}.")
        if name in _INSTEAD or (value is None and (name not in fields or name in ("max_retries", "streaming"))):
            continue
        if name in _NEEDLESS or (name in NO_EFFECT and value is not None):
            warn(f"`{given}` has no effect in ChatAIMLAPI: leave it out.")
        if name in _NEEDLESS:
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
                warn(sent + suggestion(given, [*fields, *SYNONYMS]))
            model_kwargs[name] = value
    for given in [given for given in model_kwargs if SYNONYMS.get(given, given) in fields and given not in _TWINS]:
        warn(f"`{given}` is a field of ChatAIMLAPI: pass it as an argument, not in `model_kwargs`.")
        taken[SYNONYMS.get(given, given)] = model_kwargs.pop(given)
    return settled(taken, model_kwargs, values)


def refused(call: Mapping[str, Any]) -> str | None:
    """What is wrong with the names of a call's arguments, None where nothing is."""
    for name, reason in _CALL_INSTEAD.items():
        if call.get(name):
            return f"`{name}` cannot be used: {reason}."
    key = next((name for name in call if is_key(name)), None)
    return key and f"`{key}` is no argument of a call: pass `api_key` where the model is made."
