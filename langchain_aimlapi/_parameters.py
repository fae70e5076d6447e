"""Which settings are body parameters, and which of two settings wins. Pure."""

from __future__ import annotations

from typing import Any

# Fields that are body parameters of the same name.
PARAMETERS = (
    "temperature",
    "max_tokens",
    "top_p",
    "top_k",
    "stop",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "reasoning_effort",
    "reasoning",
    "verbosity",
    "service_tier",
    "store",
    "prompt_cache_options",
)
# What `with_structured_output` adds by itself: left out where a host or a model does not take it.
_ADDED = ("added_tool_choice", "added_response_format", "added_instruction")
# Call arguments that are no body parameters.
_NOT_SENT = frozenset(
    ("model", "timeout", "extra_body", "extra_headers", "extra_query", "client_request_id", "stream", "stream_usage")
) | {"replay_reasoning", "parse_think", "ls_structured_output_format", "structured_output_format", *_ADDED}


def merged(settings: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """Settings and others over them; a limit or a stop under its other name replaces, not joins."""
    parameters = dict(settings)
    for name, value in call.items():
        if name in _NOT_SENT:
            continue
        for one, other in (("max_tokens", "max_completion_tokens"), ("stop", "stop_sequences")):
            if name in (one, other):
                parameters.pop(one, None)
                parameters.pop(other, None)
        parameters[name] = value
    return parameters
