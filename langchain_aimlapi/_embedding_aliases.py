"""What users of OpenAIEmbeddings call our settings -> our names. To accept another name, add a row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from langchain_aimlapi._aliases import NO_KEY, body_parameters, is_blank, is_key, settled, warn

# What other LangChain embeddings call our fields.
_SYNONYMS = {
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
_NEEDLESS: dict[str, tuple[Any, ...]] = {
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
_INSTEAD = {
    "client": "pass an `http_client` (httpx.Client)",
    "async_client": "pass an `http_async_client` (httpx.AsyncClient)",
}


def our_names(values: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The settings under our names; those that are none of ours become body parameters, with a warning.

    Raises:
        ValueError: a setting given under two names, or one that asks for what is not done here.
    """
    taken: dict[str, Any] = {}
    model_kwargs = body_parameters(values)
    idle: list[str] = []
    for given, value in values.items():
        name = _SYNONYMS.get(given, given)
        if name == "base_url" and is_blank(value):
            value = None
        if given == "model_kwargs" or (value is None and (name == "max_retries" or name not in fields)):
            continue
        if given in _INSTEAD:
            raise ValueError(f"`{given}` cannot be used: {_INSTEAD[given]}.")
        if given == "openai_api_type" and str(value).startswith("azure"):
            raise ValueError(f"`{given}` is {value!r}: {_AZURE}.")
        if given in _NEEDLESS:
            if value not in (*_NEEDLESS[given], values.get("model") if given == "deployment" else None):
                idle.append(given)
        elif name not in fields and is_key(name):
            raise ValueError(NO_KEY.format(given))
        elif name not in fields:
            from aimlapi_transport.config.settings import suggestion

            sent = f"`{given}` is no field of AIMLAPIEmbeddings: it is sent in the body, as if in `model_kwargs`."
            warn(sent + suggestion(given, [*fields, *_SYNONYMS]))
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
    return settled(taken, model_kwargs, values)
