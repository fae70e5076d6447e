"""A reply as it came, for `ChatResponse.raw`: a dict, read by programs written for an SDK's objects, too. Pure."""

from __future__ import annotations

from typing import Any

# What the SDK's objects hold even where the reply does not, as None.
_OPTIONAL = frozenset(
    (
        *("id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"),
        *("index", "finish_reason", "logprobs"),
        *("role", "content", "refusal", "tool_calls", "function_call", "audio", "annotations"),
        *("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"),
    )
)


class RawReply(dict[str, Any]):
    """A reply whose keys are attributes, too: `raw["usage"]["total_tokens"]` is `raw.usage.total_tokens`.

    What an attribute gives is a copy: change the reply by its keys.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return _with_attributes(self[name])
        if name in _OPTIONAL:
            return None
        if name in ("delta", "message"):  # the last piece of a stream is the whole answer, and adds nothing
            return RawReply()
        raise AttributeError(f"the reply has no {name!r}")


def _with_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return RawReply(value)
    return [_with_attributes(item) for item in value] if isinstance(value, list) else value
