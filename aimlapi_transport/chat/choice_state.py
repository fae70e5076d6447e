"""What has arrived of one choice of a chat completion. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from aimlapi_transport.chat.merge import reasoning_details
from aimlapi_transport.chat.response import Choice, finish_reason_for
from aimlapi_transport.chat.think_tags import ThinkSplitter
from aimlapi_transport.chat.tool_calls import ToolCallReader
from aimlapi_transport.chat.wire_types import Json


@dataclass(slots=True)
class ChoiceState:
    """The pieces of one choice, each field by itself.

    Attributes:
        think: splits inline reasoning off the text; None where there can be none any more.
        tools: None before the first call.
        thoughts: reasoning that came as content parts, in the shape of `reasoning_details`.
        finish: the last finish reason, unchanged.
    """

    index: int
    think: ThinkSplitter | None
    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    thoughts: list[Json] = field(default_factory=list)
    tools: ToolCallReader | None = None
    finish: str | None = None
    native_finish: str | None = None
    logprobs: Json | None = None
    extra: Json = field(default_factory=dict)

    @property
    def has_content(self) -> bool:
        """Whether any text, reasoning or call has come."""
        return bool(self.text or self.reasoning or self.tools or (self.think is not None and self.think.has_begun))

    def choice(self) -> Choice:
        """All that has arrived so far."""
        pending_reasoning, pending_text = self.think.rest() if self.think is not None else ("", "")
        extra = {**self.extra}
        if self.thoughts:
            extra = {**reasoning_details(self.thoughts), **extra}
        if self.tools is not None and (call := self.tools.function_call()) is not None:
            extra["function_call"] = call  # for programs that read the older field; it is among the calls, too
        return Choice(
            index=self.index,
            text="".join(self.text) + pending_text,
            reasoning="".join(self.reasoning) + pending_reasoning,
            refusal="".join(self.refusal),
            tool_calls=() if self.tools is None else self.tools.calls(),
            finish_reason=None if self.finish is None else finish_reason_for(self.finish),
            native_finish_reason=self.native_finish or self.finish,
            logprobs=self.logprobs,
            extra=extra,
        )
