"""A stream's deltas -> LlamaIndex's responses, each of which repeats all before it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from aimlapi_transport.chat.coercion import CoercedText, coerced_text
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from aimlapi_transport.chat.usage import usage_from
from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi._partial_json import PartialObject
from llama_index_aimlapi._raw import RawReply, ToolCallDict
from llama_index_aimlapi._responses import OWN_ITEMS, Reading, counted, from_completion, logprobs_from
from llama_index_aimlapi._tools import tool_call_dict


class _Call:
    """What has come of one call."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.arguments = ""
        self.coerced: CoercedText | None = None
        self.extra: Json = {}
        self.parser = PartialObject("")

    def add(self, fragment: ToolCallDelta, tools: Sequence[Any]) -> None:
        self.id = self.id or fragment.id
        self.name = self.name or fragment.name or ""
        if fragment.name and tools and not self.arguments:
            self.coerced = coerced_text(tools, fragment.name)
        self.arguments += fragment.arguments if self.coerced is None else self.coerced.feed(fragment.arguments)
        # Observers who keep every piece would keep as many copies of a long argument: its object is made anew
        # when it has grown by one part in 64.
        if len(self.arguments) - len(self.parser.text) > len(self.parser.text) / 64:
            self.parser = PartialObject(self.arguments)
        if fragment.extra:
            self.extra = {**self.extra, **fragment.extra}

    def entry(self) -> ToolCallDict:
        """The call as it travels."""
        entry = tool_call_dict(self.id, self.name, self.arguments, self.extra)
        entry.parser = self.parser
        return entry


class Snapshots:
    """Add the deltas of one answer one by one; each addition is the answer so far.

    Args:
        reading: as in `from_completion`.
        on_completion: called with the whole answer before it is read.
    """

    def __init__(self, reading: Reading, on_completion: Callable[[Completion], None] = lambda completion: None) -> None:
        self._reading = reading
        self._on_completion = on_completion
        self._text = ""
        self._reasoning = ""
        self._refusal = ""
        self._calls: list[_Call] = []
        self._logprobs: list[list[LogProb]] | None = None

    def add(self, delta: Delta) -> ChatResponse:
        """The answer up to this delta."""
        if delta.completion is not None:
            self._on_completion(delta.completion)
            return from_completion(delta.completion, self._reading, delta="")
        kwargs: Json = {}
        if delta.reasoning:
            self._reasoning += delta.reasoning
            kwargs["thinking_delta"] = delta.reasoning
        self._text += delta.text
        self._refusal += delta.refusal
        for fragment in delta.tool_calls:
            self._add_fragment(fragment)
        if delta.logprobs:
            self._logprobs = [*(self._logprobs or ()), *(logprobs_from(delta.logprobs) or ())]
        if delta.item is not None and delta.item.get("type") not in OWN_ITEMS:
            kwargs["built_in_tool_calls"] = [delta.item]
        raw = delta.raw
        if raw.get("usage"):
            raw = counted(raw, usage_from(raw["usage"]))
        blocks: list[Any] = []
        further: Json = {}
        if self._reasoning:
            blocks.append(ThinkingBlock(content=self._reasoning))
        if self._text:
            blocks.append(TextBlock(text=self._text))
        for call in self._calls:
            blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments))
            further.setdefault("tool_calls", []).append(call.entry())
        if self._refusal:
            further["refusal"] = self._refusal
        return ChatResponse(
            message=ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=further),
            raw=RawReply(raw),
            delta=delta.text,
            logprobs=self._logprobs,
            additional_kwargs=kwargs,
        )

    def _add_fragment(self, fragment: ToolCallDelta) -> None:
        if self._reading.single_call and fragment.index > 0:
            return
        while len(self._calls) <= fragment.index:
            self._calls.append(_Call())
        self._calls[fragment.index].add(fragment, self._reading.tools)
