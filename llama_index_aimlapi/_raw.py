"""Dicts whose keys are attributes, too: what is shown of a reply to programs written for an SDK's objects. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llama_index_aimlapi._partial_json import PartialObject


class RawReply(dict[str, Any]):
    """A reply whose keys are attributes, too: `raw["usage"]["total_tokens"]` is `raw.usage.total_tokens`.

    It has an attribute for each key and no other. What one gives is a copy: change the reply by its keys.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return _with_attributes(self[name])
        raise AttributeError(f"the reply has no {name!r}")


class ToolCallDict(RawReply):
    """A call as it travels, `{"id", "type", "function": {"name", "arguments"}}`: LlamaIndex's token counter reads it.

    Attributes:
        parser: the arguments as they are shown while they are streamed; no part of the value.
    """

    parser: PartialObject | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


def _with_attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return RawReply(value)
    return [_with_attributes(item) for item in value] if isinstance(value, list) else value
