"""What the settings of the frameworks' classes share: their descriptions, and what some are in JSON.

The frameworks' classes are Pydantic's. It is imported here only when it builds such a class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

ABOUT = {
    "additional_kwargs": "Further body parameters.",
    "api_key": "The key, or a function that returns it (for async calls, an async one will do). By "
    "default AIMLAPI_API_KEY (or AIML_API_KEY), read at each call.",
    "base_url": "Address of the host up to `/v1`. By default AIMLAPI_API_BASE, else AI/ML API.",
    "deadline": "Seconds a call, or a batch of texts, may take in all, retries included. By default without end.",
    "default_headers": "Sent with every request. May hold secrets: not serialized.",
    "dimensions": "Length of the vectors, for models that can choose.",
    "extra_body": "Body fields sent as they are, unchecked.",
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
    "reasoning_effort": "How long to think: `low`, `medium` or `high`, and what else the model takes.",
    "repair_history": "Leave results of tools without their call out, and answer calls without a result with a "
    "sentence that says so, as a trimmed history needs; by default both are errors.",
    "replay_reasoning": "Send earlier reasoning back: always, never, or (None) as the model's family wants it.",
    "store": "Whether the vendor may keep the answer.",
    "stream_usage": "Whether streams are asked for token counts: by default they are.",
    "strict_parameters": "Raise on what the model's documents do not list, instead of warning.",
    "task_type": "What the vectors are for, for models that ask (`CLUSTERING`). By default what the call says: "
    "queries or documents.",
    "temperature": "How much chance there is in an answer: 0 to 2; 0 to 1 for some families.",
    "timeout": "Seconds to wait without data: a number, (connect, read), or httpx.Timeout. By default 600 for a whole "
    "answer, 120 between two events of a stream.",
    "top_logprobs": "Likeliest tokens to tell for each place, 0 to 20; needs `logprobs`.",
    "top_p": "Share of the likeliest tokens to choose from: above 0, up to 1.",
    "truncation": "Under /v1/responses: `auto` or `disabled`, for conversations that are too long.",
    "use_responses_api": "Whether calls go to /v1/responses. By default where the model is served only there, or where "
    "a call asks for what only that endpoint has: a tool that the provider runs, a summary of the reasoning, ...",
}
"""The descriptions of settings that several classes have, by the transport's or the body's name."""


class Serialized:
    """Metadata of a field: what stands for its value where the class is serialized.

    Pydantic's `field_serializer` takes an eighth of the import of ChatAIMLAPI.

    Args:
        form: gives what stands for a value.
        when_used: "always", or "json" to leave the value as it is in `model_dump()`.
    """

    def __init__(self, form: Callable[[Any], Any], when_used: Literal["always", "json"] = "always") -> None:
        self.form = form
        self.when_used = when_used

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        serialization = core_schema.plain_serializer_function_ser_schema(self.form, when_used=self.when_used)
        return {**handler(source), "serialization": serialization}


def key_to_json(key: Any) -> Any:
    """None where the key is a function: it has no form in JSON."""
    return None if callable(key) else key


def timeout_to_json(timeout: Any) -> Any:
    """[connect, read] in seconds, where it is an `httpx.Timeout`: of that, the other two are not kept."""
    return [timeout.connect, timeout.read] if hasattr(timeout, "connect") else timeout


def timeout_from_json(timeout: Any) -> Any:
    """A pair where JSON has a list, as it knows no other."""
    return tuple(timeout) if isinstance(timeout, list) else timeout
