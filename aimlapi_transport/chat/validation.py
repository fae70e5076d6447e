"""What a parameter's name and value must be whatever the model. To check another parameter, add a row.

Ranges differ by model and stand with its facts and profile; here is what no schema of any host takes.
Source: the request schemas under https://docs.aimlapi.com/api-references/text-models-llm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from aimlapi_transport.config.model_families import documented_parameters
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.request_options import CALL_OPTIONS

# The schemas list low, medium and high; vendors behind the provider have the others.
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LEVELS = ("low", "medium", "high")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _is_bias(value: Any) -> bool:
    return _is_object(value) and all(
        isinstance(bias, (int, float)) and not isinstance(bias, bool) and -100 <= bias <= 100 for bias in value.values()
    )


ONLY_RESPONSES = (
    *("include", "previous_response_id", "truncation", "background", "conversation", "context_management"),
    *("max_tool_calls", "use_previous_response_id", "instructions"),
)
"""Parameters that have a meaning under /v1/responses alone."""
SHARED_WITH_RESPONSES = (
    *("temperature", "top_p", "store", "metadata", "service_tier", "user", "prompt", "prompt_cache_key"),
    *("prompt_cache_retention", "prompt_cache_options", "safety_identifier", "top_logprobs", "parallel_tool_calls"),
)
"""Those that /v1/responses takes under the same name."""

_Row = tuple[Callable[[Any], bool], str]
_WHOLE: _Row = (_is_whole, "a whole number")
_BOOL: _Row = (_is_bool, "True or False")
_OBJECT: _Row = (_is_object, "an object")
_LIST: _Row = (_is_list, "a list")
_VALUES: dict[str, _Row] = {
    **dict.fromkeys(("n", "seed", "max_tokens", "max_completion_tokens", "top_logprobs"), _WHOLE),
    **dict.fromkeys(("logprobs", "parallel_tool_calls", "enable_thinking", "store"), _BOOL),
    **dict.fromkeys(("reasoning", "thinking", "audio", "prediction", "web_search_options", "response_format"), _OBJECT),
    **dict.fromkeys(("stream_options", "metadata"), _OBJECT),
    **dict.fromkeys(("modalities", "functions"), _LIST),
    "logit_bias": (_is_bias, "an object of numbers from -100 to 100 by token id"),
    "reasoning_effort": (lambda value: value in _EFFORTS, "low, medium or high"),
    "verbosity": (lambda value: value in _LEVELS, "low, medium or high"),
}


def check_value(name: str, value: Any) -> None:
    """Raises InvalidRequestError for a value that no schema takes; parameters without a row pass."""
    row = _VALUES.get(name)
    if row is not None and not row[0](value):
        raise InvalidRequestError(f"`{name}` is {value!r}: pass {row[1]}.")


_CLOSE = 0.85  # of `difflib`: `temprature` is close to `temperature`, `top_a` is not to `top_k`


def nearest_parameter(name: str) -> str | None:
    """The parameter that a name is likely a slip of; None where it is one itself, or is close to none."""
    known = documented_parameters() | _VALUES.keys() | _KNOWN
    if name in known:
        return None
    from difflib import get_close_matches  # only who misspells pays for it

    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()  # `maxTokens`, as JavaScript has it
    return next(iter(get_close_matches(spelled, known, n=1, cutoff=_CLOSE)), None)


# What no model's chat schema lists: parameters of /v1/responses and of vendors, and the options of a call.
_KNOWN = frozenset(
    (
        *(*ONLY_RESPONSES, *SHARED_WITH_RESPONSES, *CALL_OPTIONS),
        *("text", "max_output_tokens", "stop_sequences", "function_call", "functions", "stop", "response_format"),
        *("tool_choice", "tools", "min_p", "top_a", "model", "stream", "timeout", "on_progress", "stream_usage"),
    )
)
