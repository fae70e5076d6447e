"""A stream's deltas -> LlamaIndex's responses, each of which repeats all before it and is never touched again. Pure.

Most readers look only at what a piece adds, and keep none: so what came before it is put together when it is looked at.
Else an answer would be copied once for each of its pieces, and a long one would cost with its square.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
)

from aimlapi_transport.chat.coercion import CoercedText, coerced_text
from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.text_buffer import TextBuffer
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from aimlapi_transport.chat.usage import usage_from
from aimlapi_transport.chat.wire_types import Json
from llama_index_aimlapi._compat import built, unread
from llama_index_aimlapi._partial_json import PartialObject
from llama_index_aimlapi._raw import RawReply
from llama_index_aimlapi._responses import OWN_ITEMS, Reading, call_block, counted, from_completion, logprobs_from
from llama_index_aimlapi._tools import ToolCallDict


class _Call:
    """What has come of one call."""

    __slots__ = ("arguments", "coerced", "extra", "id", "name", "parser", "shown")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.arguments = TextBuffer()
        self.coerced: CoercedText | None = None
        self.extra: Json = {}
        self.parser = PartialObject()
        self.shown = 0

    def add(self, fragment: ToolCallDelta, tools: Sequence[Any]) -> None:
        if fragment.id or fragment.name:
            self.id = self.id or fragment.id
            self.name = self.name or fragment.name or ""
            if fragment.name and tools and not self.arguments.length:
                self.coerced = coerced_text(tools, fragment.name)
        arguments = fragment.arguments
        if arguments and self.coerced is not None:
            arguments = self.coerced.feed(arguments)
        if arguments:
            self.arguments.add(arguments)
        # Observers who keep every piece would keep as many copies of a long argument: its object is made anew
        # when it has grown by one part in 64.
        length = self.arguments.length
        if length - self.shown >= self.shown / 64:
            self.shown = length
        if fragment.extra:
            self.extra = {**self.extra, **fragment.extra}

    def so_far(self) -> _CallSoFar:
        return self, self.id, self.name, self.arguments.length, self.extra, self.shown


_CallSoFar = tuple[_Call, str | None, str, int, Json, int]


class Snapshots:
    """Add a stream's deltas one by one; each addition is the answer so far.

    Args:
        reading: as in `from_completion`.
    """

    __slots__ = ("_calls", "_choice", "_listed", "_logprobs", "_reading", "_reasoning", "_refusal", "_text")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._choice: int | None = None
        self._text = TextBuffer()
        self._reasoning = TextBuffer()
        self._refusal = TextBuffer()
        self._calls: list[_Call] = []
        self._listed: tuple[_CallSoFar, ...] = ()
        self._logprobs: list[list[LogProb]] | None = None

    def add(self, delta: Delta) -> ChatResponse | None:
        """The answer up to this delta; None where the delta belongs to another of `n` choices."""
        if delta.completion is not None:
            return from_completion(delta.completion, self._reading, delta="")
        if delta.choice != self._choice:
            if self._choice is not None:
                return None  # the first answer, as of a whole reply
            self._choice = delta.choice  # mostly 0, but where it alone comes under another number it is the first
        kwargs: Json = {}
        if delta.text:
            self._text.add(delta.text)
        if delta.reasoning:
            self._reasoning.add(delta.reasoning)
            kwargs["thinking_delta"] = delta.reasoning
        if delta.refusal:
            self._refusal.add(delta.refusal)
        if delta.tool_calls:
            for fragment in delta.tool_calls:
                self._add_fragment(fragment)
        if delta.item is not None and delta.item.get("type") not in OWN_ITEMS:
            kwargs["built_in_tool_calls"] = [delta.item]
        if delta.logprobs:
            self._logprobs = [*(self._logprobs or ()), *(logprobs_from(delta.logprobs) or ())]
        raw = delta.raw
        return unread(
            (self._message, self._reasoning.length, self._text.length, self._refusal.length, self._listed),
            raw=RawReply(counted(raw, usage_from(raw["usage"])) if raw.get("usage") else raw),
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
        self._listed = tuple(call.so_far() for call in self._calls)

    def _message(self, reasoning: int, text: int, refusal: int, calls: tuple[_CallSoFar, ...]) -> ChatMessage:
        """The message when its texts had these lengths."""
        blocks: list[Any] = []
        if reasoning:
            blocks.append(
                built(
                    ThinkingBlock,
                    block_type="thinking",
                    content=self._reasoning.up_to(reasoning),
                    num_tokens=None,
                    additional_information={},
                )
            )
        if text:
            blocks.append(built(TextBlock, block_type="text", text=self._text.up_to(text)))
        listed = []
        for call, call_id, name, length, extra, shown in calls:
            arguments = call.arguments.up_to(length)
            blocks.append(call_block(call_id, name, arguments))
            function = ToolCallDict(name=name, arguments=arguments)
            entry = ToolCallDict({"id": call_id, "type": "function", "function": function, **extra})
            entry.parser, entry.shown = call.parser, shown
            listed.append(entry)
        kwargs: Json = {"tool_calls": listed} if listed else {}
        if refusal:
            kwargs["refusal"] = self._refusal.up_to(refusal)
        return built(ChatMessage, role=MessageRole.ASSISTANT, additional_kwargs=kwargs, blocks=blocks)
