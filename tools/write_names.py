"""Writes the tables of names in docs/migrating: what becomes of each setting of another class, by trying it.

python tools/write_names.py
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PAGES = sorted((Path(__file__).parent.parent / "docs" / "migrating").glob("*.md"))

# The constructors' own names, fields and aliases, without what the frameworks give every model.
# Source: `model_fields` of langchain-openai 1.7.3, langchain-openrouter 0.2.9, langchain-aimlapi 0.1.3,
# llama-index-llms-openai-like 0.8.1, llama-index-llms-openai 0.8.3, llama-index-embeddings-openai 0.6.0
CHAT_OPENAI = """model model_name api_key openai_api_key base_url openai_api_base organization openai_organization
openai_proxy timeout request_timeout max_retries temperature max_tokens max_completion_tokens top_p n seed stop
stop_sequences presence_penalty frequency_penalty logprobs top_logprobs logit_bias reasoning_effort reasoning verbosity
service_tier store include truncation context_management prompt_cache_options use_previous_response_id
use_responses_api streaming stream_usage stream_chunk_timeout model_kwargs extra_body disabled_params
include_response_headers default_headers default_query http_client http_async_client http_socket_options
tiktoken_model_name client async_client root_client root_async_client"""
CHAT_OPENROUTER = """model model_name api_key openrouter_api_key base_url openrouter_api_base timeout request_timeout
max_retries temperature max_tokens max_completion_tokens top_p n seed stop stop_sequences presence_penalty
frequency_penalty reasoning streaming stream_usage model_kwargs default_headers app_url app_title app_categories
openrouter_provider route plugins session_id trace client"""
CHAT_AIMLAPI_OLD = """model model_name aimlapi_api_key aimlapi_api_base default_headers"""
OPENAI_LIKE = """model api_key api_base temperature max_tokens timeout max_retries default_headers reuse_client
api_version strict reasoning_effort modalities audio_config logprobs top_logprobs additional_kwargs context_window
is_chat_model is_function_calling_model should_use_structured_outputs tokenizer http_client async_http_client
openai_client async_openai_client"""
OPENAI = """model api_key api_base temperature max_tokens timeout max_retries default_headers reuse_client api_version
strict reasoning_effort modalities audio_config logprobs top_logprobs additional_kwargs http_client async_http_client
openai_client async_openai_client"""
OPENAI_RESPONSES = """model api_key api_base temperature top_p max_output_tokens reasoning_options include instructions
track_previous_responses previous_response_id store built_in_tools truncation user call_metadata strict
additional_kwargs max_retries timeout default_headers api_version context_window http_client async_http_client
openai_client async_openai_client"""
OPENAI_EMBEDDINGS = """model api_key openai_api_key base_url openai_api_base openai_organization openai_proxy timeout
request_timeout max_retries dimensions chunk_size embedding_ctx_length check_embedding_ctx_length tiktoken_enabled
tiktoken_model_name allowed_special disallowed_special show_progress_bar skip_empty model_kwargs headers default_headers
default_query retry_min_seconds retry_max_seconds http_client http_async_client deployment"""
OPENAI_EMBEDDING = """model model_name api_key api_base api_version dimensions embed_batch_size additional_kwargs
max_retries timeout default_headers reuse_client num_workers http_client async_http_client mode"""

_ADDRESS = "https://example.com/v1"
_SAMPLES: dict[str, Any] = {
    **dict.fromkeys(("base_url", "openai_api_base", "openrouter_api_base", "aimlapi_api_base", "api_base"), _ADDRESS),
    **dict.fromkeys(("timeout", "request_timeout", "stream_chunk_timeout", "temperature", "top_p"), 0.5),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), 0.5),
    **dict.fromkeys(("max_retries", "max_tokens", "max_completion_tokens", "seed", "top_logprobs"), 7),
    **dict.fromkeys(("n", "context_window", "dimensions", "chunk_size", "embed_batch_size", "num_workers"), 7),
    **dict.fromkeys(("logprobs", "streaming", "strict", "is_function_calling_model", "include_response_headers"), True),
    **dict.fromkeys(("use_responses_api", "use_previous_response_id", "store", "reuse_client"), True),
    **dict.fromkeys(("should_use_structured_outputs", "track_previous_responses"), True),
    **dict.fromkeys(("stream_usage", "is_chat_model"), False),
    **dict.fromkeys(("show_progress_bar", "skip_empty"), True),
    **{key: ["x"] for key in ("stop", "stop_sequences", "include", "app_categories", "plugins")},
    "context_management": [{"type": "compaction"}],
    "modalities": ["text"],
    "http_socket_options": [(6, 1, 1)],
    "logit_bias": {"50256": -100},
    "disabled_params": {"seed": None},
    **{key: {"x": "y"} for key in ("default_headers", "headers", "default_query", "model_kwargs", "extra_body")},
    **{key: {"x": "y"} for key in ("additional_kwargs", "audio_config", "reasoning", "prompt_cache_options")},
    **{key: {"x": "y"} for key in ("openrouter_provider", "trace")},
    **{key: {"x": "y"} for key in ("reasoning_options", "call_metadata")},
    "openai_proxy": "http://proxy.example:3128",
    "max_output_tokens": 70,
    "built_in_tools": [{"type": "web_search"}],
    "reasoning_effort": "low",
}


# Fields that differ from one instance to the next, or follow from others.
_OF_THE_INSTANCE = ("metadata", "profile", "callback_manager")


def chat_aimlapi(**settings: Any) -> Any:
    from langchain_aimlapi import ChatAIMLAPI

    return ChatAIMLAPI(**_with_model(settings))


def aimlapi(**settings: Any) -> Any:
    from llama_index_aimlapi import AIMLAPI

    return AIMLAPI(**_with_model(settings))


def embeddings(**settings: Any) -> Any:
    from langchain_aimlapi import AIMLAPIEmbeddings

    return AIMLAPIEmbeddings(**_with_model(settings))


def embedding(**settings: Any) -> Any:
    from llama_index_aimlapi import AIMLAPIEmbedding

    return AIMLAPIEmbedding(**_with_model(settings))


def _with_model(settings: dict[str, Any]) -> dict[str, Any]:
    return settings if settings.keys() & {"model", "model_name"} else {"model": "some/model", **settings}


CLASSES: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "ChatOpenAI": (CHAT_OPENAI, chat_aimlapi),
    "ChatOpenRouter": (CHAT_OPENROUTER, chat_aimlapi),
    "ChatAimlapi": (CHAT_AIMLAPI_OLD, chat_aimlapi),
    "OpenAILike": (OPENAI_LIKE, aimlapi),
    "OpenAI": (OPENAI, aimlapi),
    "OpenAIResponses": (OPENAI_RESPONSES, aimlapi),
    "OpenAIEmbeddings": (OPENAI_EMBEDDINGS, embeddings),
    "OpenAIEmbedding": (OPENAI_EMBEDDING, embedding),
}


def fate(name: str, build: Callable[..., Any]) -> str:
    """What becomes of a setting: our name of it, or what is said about it."""
    if name in ("http_client", "async_http_client", "http_async_client"):
        return _fate_of_a_client(name, build)
    sample = "other/model" if name in ("model", "model_name") else _SAMPLES.get(name, "x-sample")
    plain = _fields(build())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            given = _fields(build(**{name: sample}))
        except Exception as error:
            return "refused: " + _sentence(str(error))
    if said:
        message = str(said[0].message)
        if "no effect" in message or "is ignored" in message:
            return "no effect; a warning says so"
        if "is sent in the body" in message:
            into = re.search(r"as if in (`\w+`)", message)
            return "sent in the body, with a warning" + (f"; pass it in {into[1]}" if into else "")
        raise AssertionError(message)
    changed = [field for field, value in given.items() if plain[field] != value and field not in _OF_THE_INSTANCE]
    if not changed:
        return "not needed"
    return f"`{name}`" if name in changed or name in ("model", "model_name", "timeout") else f"`{changed[0]}`"


def _fate_of_a_client(name: str, build: Callable[..., Any]) -> str:
    import httpx

    client: Any = httpx.AsyncClient() if "async" in name else httpx.Client()
    build(**{name: client})
    return f"`{name}`"


def _fields(instance: Any) -> dict[str, Any]:
    return {field: getattr(instance, field) for field in type(instance).model_fields}


def _sentence(message: str) -> str:
    """The reason in an error's text, Pydantic's frame taken off."""
    found = re.search(r"Value error, (.*?)(?: \[type=|$)", message, re.S)
    text = (found[1] if found else message).splitlines()[0]
    return re.sub(r"^`\w+` cannot be used: ", "", text).rstrip(".")


def table(title: str) -> str:
    """The names of one class: those that stay, and what becomes of the others."""
    names, build = CLASSES[title]
    fates = {name: fate(name, build) for name in names.split()}
    same = [f"`{name}`" for name, kept in fates.items() if kept == f"`{name}`"]
    rows = [f"| `{name}` | {kept} |" for name, kept in fates.items() if kept != f"`{name}`"]
    lines = ["As they are: " + ", ".join(same) + "."]
    if rows:
        lines += ["", "| their setting | our setting |", "|---|---|", *rows]
    return "\n".join(lines)


def written(page: str) -> str:
    """The page with its tables as the code has them now."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- names of {match[1]} -->\n\n{table(match[1])}\n\n<!-- end -->"

    return re.sub(r"<!-- names of (\w+) -->.*?<!-- end -->", fill, page, flags=re.S)


def main() -> None:
    for page in PAGES:
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
