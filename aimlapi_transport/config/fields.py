"""What the settings of the frameworks' classes share: their descriptions, what they may be, and what some are in JSON.

The frameworks' classes are Pydantic's. It is imported here only where one of them is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx
    from pydantic.fields import FieldInfo

    TimeoutSetting: TypeAlias = float | tuple[float | None, float | None] | httpx.Timeout | None
    HttpClient: TypeAlias = httpx.Client | None
    AsyncHttpClient: TypeAlias = httpx.AsyncClient | None
else:  # for checkers and editors: a class that is made must not import httpx, and httpx2's are taken, too
    TimeoutSetting = HttpClient = AsyncHttpClient = Any

ABOUT = {
    "additional_kwargs": "Further body parameters.",
    "api_key": "The key, or a function that returns it (for async calls, an async one will do). By "
    "default AIMLAPI_API_KEY (or AIML_API_KEY), read at each call.",
    "base_url": "Address of the host up to `/v1`. By default AIMLAPI_API_BASE (or AIMLAPI_BASE_URL), else AI/ML API. "
    "A user and password in it are not serialized.",
    "deadline": "Seconds a call, or a batch of texts, may take in all, retries included. By default without end.",
    "default_headers": "Sent with every request. May hold secrets: not serialized.",
    "default_query": "Added to the URL of every request. May hold secrets: not serialized.",
    "dimensions": "Length of the vectors, for models that can choose.",
    "first_chunk_timeout": "Seconds until the first event of a stream, where a model may think for minutes; 0 for no "
    "limit. By default `timeout`, or 600. With both, the shorter counts.",
    "extra_body": "Body fields sent as they are, unchecked.",
    "http_async_client": "An `httpx.AsyncClient` of your own.",
    "http_client": "An `httpx.Client` of your own.",
    "http_socket_options": "What to set on each socket, as `socket.setsockopt` takes it.",
    "include": "Under /v1/responses: what else a reply is to hold.",
    "limits": "How long a reply may be: by default 256 MB, and 64 MB for one event of a stream.",
    "logprobs": "Whether to tell how likely each token was.",
    "max_retries": "Further requests after a failed one.",
    "max_tokens": "Most tokens to answer with, reasoning included; at least 1. Sent as `max_completion_tokens` where "
    "the model wants that.",
    "model": "Id of the model, for example `openai/gpt-4o`.",
    "parse_think": "Whether `<think>...</think>` at the start of an answer is read as reasoning: by default it is; "
    "False leaves it in the text.",
    "preset": "Whose rules apply: `aimlapi`, `powertokens` or `anyfast`. By default decided by the address's host.",
    "proxy": "URL of a proxy; by default the environment's. Not serialized: it may hold a password.",
    "reasoning_effort": "How long to think: `low`, `medium` or `high`, and what else the model takes.",
    "repair_history": "Leave results of tools without their call out, and answer calls without a result with a "
    "sentence that says so, as a trimmed history needs; by default both are errors.",
    "replay_reasoning": "Send earlier reasoning back: always, never, or (None) as the model's family wants it.",
    "store": "Whether the vendor may keep the answer.",
    "stream_usage": "Whether streams are asked for token counts: by default they are. Counts that come unasked, as "
    "under /v1/responses, are told.",
    "strict_parameters": "Raise on what the model's documents do not list, instead of warning.",
    "stream_chunk_timeout": "Seconds until each further event of a stream; 0 for no limit. By default `timeout`, or "
    "120. With both, the shorter counts.",
    "task_type": "What the vectors are for, for models that ask (`CLUSTERING`). By default what the call says: "
    "queries or documents.",
    "temperature": "How much chance there is in an answer: 0 to 2; 0 to 1 for some families.",
    "timeout": "Seconds to wait without data: a number, (connect, read), or httpx.Timeout. By default 600 for a whole "
    "answer and before the first event of a stream, 120 before each further one.",
    "top_logprobs": "Likeliest tokens to tell for each place, 0 to 20; needs `logprobs`.",
    "top_p": "Share of the likeliest tokens to choose from: above 0, up to 1.",
    "truncation": "Under /v1/responses: `auto` or `disabled`, for conversations that are too long.",
    "use_responses_api": "Whether calls go to /v1/responses. By default where the model is served only there, or where "
    "a call asks for what only that endpoint has: a tool that the provider runs, a summary of the reasoning, ...",
}
"""The descriptions of settings that several classes have, by the transport's or the body's name."""


ACCEPTED: Mapping[str, str] = {
    "api_key": "a string, a SecretStr, or a function that returns the key",
    **dict.fromkeys(("base_url", "api_base"), "a string"),
    "preset": "aimlapi, powertokens or anyfast",
    "max_retries": "a whole number, at least 0",
    "deadline": "seconds, above 0",
    "limits": "an aimlapi_transport.Limits",
    "default_headers": "a dict of strings",
    "default_query": "a dict",
    "proxy": "a string",
    "timeout": "seconds, (connect, read), or an httpx.Timeout",
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), "a number"),
    **dict.fromkeys(("max_tokens", "top_k", "n", "seed", "top_logprobs"), "a whole number"),
    **dict.fromkeys(("logprobs", "store", "streaming", "stream_usage", "replay_reasoning"), "True or False"),
    **dict.fromkeys(("strict_parameters", "include_response_headers", "parse_think", "strict"), "True or False"),
    **dict.fromkeys(("use_responses_api", "use_previous_response_id", "show_progress_bar"), "True or False"),
    **dict.fromkeys(("skip_empty", "track_previous_responses"), "True or False"),
    **dict.fromkeys(("include", "modalities"), "a list of strings"),
    "truncation": "`auto` or `disabled`",
    **dict.fromkeys(("context_management", "tools", "built_in_tools"), "a list of dicts"),
    **dict.fromkeys(("reasoning_effort", "verbosity", "service_tier", "user", "instructions", "task_type"), "a string"),
    **dict.fromkeys(("reasoning", "prompt_cache_options", "extra_body", "disabled_params"), "a dict"),
    **dict.fromkeys(("reasoning_options", "thinking_dict", "audio_config", "call_metadata"), "a dict"),
    "stop": "a string or a list of strings",
    "logit_bias": "a dict of numbers by token",
    **dict.fromkeys(
        ("first_chunk_timeout", "stream_chunk_timeout"),
        "seconds, or 0 for no limit",
    ),
    **dict.fromkeys(("model_kwargs", "additional_kwargs"), "a dict of body parameters"),
    **dict.fromkeys(("chunk_size", "max_concurrency", "dimensions"), "a whole number, at least 1"),
    "embed_batch_size": "a whole number from 1 to 2048",
    "context_window": "a whole number of tokens",
}
"""What settings may be, for the error that names a value of another type."""

_SECRET = ("api_key", "default_headers", "default_query")  # values no error may show


def validated_field(value: Any, validate: Callable[[Any], Any], name: str) -> Any:
    """The value of a field as Pydantic takes it; else an error that names it and what is accepted.

    Args:
        validate: Pydantic's own, of a wrap validator.
    """
    if name not in ACCEPTED:
        return validate(value)
    from pydantic import ValidationError

    try:
        return validate(value)
    except ValidationError:
        problem = f"has an invalid value of type {type(value).__name__}" if name in _SECRET else f"is {value!r}"
        raise ValueError(f"`{name}` {problem}: pass {ACCEPTED[name]}.") from None


def model_problem(settings: Mapping[str, Any], field: FieldInfo, name: str, example: str) -> str | None:
    """What is wrong with the id of a model, None where nothing is.

    Args:
        field: of the model's id: a subclass may have a default for it.
        name: of that field.
        example: an id, for who passed none.
    """
    if name not in settings and not field.is_required():
        return None
    model = settings.get(name)
    if isinstance(model, str) and model.strip():
        return None
    if isinstance(model, str):
        return f"`model` is empty: pass the id of a model, for example `{example}`."
    kind = "" if model is None else "a string, "
    return f"`model` is {model!r}: pass {kind}the id of a model, for example `{example}`."


def digest(values: Mapping[str, Any]) -> str:
    """A text that tells headers or queries apart without showing their values, which may be secrets."""
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]


def public_address(address: str | None) -> str | None:
    """An address without user and password, which may be secrets."""
    parts = urlsplit(address or "")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else address


def key_to_json(key: Any) -> Any:
    """None where the key is a function: it has no form in JSON."""
    return None if callable(key) else key


def timeout_to_json(timeout: Any) -> Any:
    """[connect, read] in seconds, where it is an `httpx.Timeout`: of that, the other two are not kept."""
    return [timeout.connect, timeout.read] if hasattr(timeout, "connect") else timeout


def timeout_from_json(timeout: Any) -> Any:
    """A pair where JSON has a list, as it knows no other."""
    return tuple(timeout) if isinstance(timeout, list) else timeout
