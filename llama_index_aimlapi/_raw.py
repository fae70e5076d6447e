"""A reply unchanged, for `ChatResponse.raw`: a dict, read by programs written for an SDK's objects, too. Pure."""

from __future__ import annotations

from typing import Any


class RawReply(dict[str, Any]):
    """A reply whose keys are attributes, too: `raw["usage"]["total_tokens"]` is `raw.usage.total_tokens`.

    It has an attribute for each key and no other. What one gives is a copy: change the reply by its keys.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return _with_attributes(self[name])
        raise AttributeError(f"the reply has no {name!r}")


def _with_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return RawReply(value)
    return [_with_attributes(item) for item in value] if isinstance(value, list) else value
