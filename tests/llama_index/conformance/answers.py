"""What a model answers, in the wire's words: one value, which is sent whole or in events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

USAGE: Json = {
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "total_tokens": 16,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
DONE = b"data: [DONE]\n\n"
# Of a message, what a stream sends in pieces; all else it sends at once.
_TEXTS = ("reasoning_content", "reasoning", "content", "refusal")


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        message: the fields of the message: content, reasoning_content, tool_calls, ...
        finish: the finish reason.
        usage: the counts, None for none.
        further: other top-level fields of the reply; a stream sends them with the counts.
        choice: other fields of the choice, such as logprobs; a stream sends them with the text.
        headers: of the reply.
        streamed: the events to stream it in, where the usual ones will not do.
    """

    message: Json
    finish: str = "stop"
    usage: Json | None = field(default_factory=lambda: USAGE)
    further: Json = field(default_factory=dict)
    choice: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    streamed: Sequence[Any] | None = None

    def whole(self) -> Json:
        """The body of a whole reply."""
        message = {"role": "assistant", "content": None, **self.message}
        choice = {"index": 0, "message": message, "finish_reason": self.finish, **self.choice}
        top = {"id": "c1", "object": "chat.completion", "created": 1, "model": "served", "choices": [choice]}
        return {**top, **({} if self.usage is None else {"usage": self.usage}), **self.further}

    def events(self) -> list[Any]:
        """The events of a stream: texts in two pieces, every call in two fragments, the counts last."""
        if self.streamed is not None:
            return list(self.streamed)
        events = [chunk(role="assistant", content=None)]
        for name in (*(n for n in self.message if n not in (*_TEXTS, "tool_calls")), *_TEXTS):
            value = self.message.get(name)
            if name in _TEXTS and isinstance(value, str):
                middle = (len(value) + 1) // 2
                parts = [part for part in (value[:middle], value[middle:]) if part]
                events += [chunk(**{name: part}) for part in parts]
            elif value:
                events.append(chunk(**{name: value}))
        for index, call_ in enumerate(self.message.get("tool_calls") or ()):
            arguments = call_["function"]["arguments"]
            middle = len(arguments) // 2
            begun = {**call_["function"], "arguments": arguments[:middle]}
            events.append(chunk(tool_calls=[{"index": index, **call_, "function": begun}]))
            events.append(chunk(tool_calls=[{"index": index, "function": {"arguments": arguments[middle:]}}]))
        if self.choice:
            events[-1]["choices"][0].update(self.choice)
        events.append(chunk(self.finish))
        if self.usage is not None or self.further:
            events.append(counts(self.usage, **self.further))
        return [*events, DONE]


def text(content: str = "Hello there", **message: Any) -> Answer:
    """An answer in words."""
    return Answer({"content": content, **message})


def calling(*calls: Json, **message: Any) -> Answer:
    """An answer that calls tools."""
    return Answer({"tool_calls": list(calls), **message}, "tool_calls")


def call(name: str, arguments: str, call_id: str = "call_1", **extra: Any) -> Json:
    """A tool call as it travels."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **extra}


def chunk(finish: str | None = None, **delta: Any) -> Json:
    """One event of a stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served", "choices": [choice]}


def counts(usage: Json | None, **further: Any) -> Json:
    """The event with the counts, which has no choice."""
    top = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "served", "choices": []}
    return {**top, "usage": usage, **further}


def fragment(arguments: str | None = None, name: str | None = None, **fields: Any) -> Json:
    """A fragment of a tool call."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {**fields, "function": function}
