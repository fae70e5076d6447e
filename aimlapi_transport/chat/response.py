"""An answer as values: whole (`Completion`, its `Choice`s), or piece by piece (`Delta`). Pure.

What fills them is `parser`, and `responses.reader`. To hand out a new field of a reply, add it here and read it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aimlapi_transport.chat.tool_calls import ToolCall, ToolCallDelta
from aimlapi_transport.chat.usage import Cost, Usage
from aimlapi_transport.chat.wire_types import Json

__all__ = ["Choice", "Completion", "Delta", "finish_reason_for", "raw_choice"]

# The vendors' words for the four reasons; any other word is passed on as it came.
_FINISH_REASONS = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
}


def finish_reason_for(word: str) -> str:
    """`stop`, `length`, `tool_calls`, `content_filter`, or the vendor's word where it means none of them."""
    return _FINISH_REASONS.get(word) or _FINISH_REASONS.get(word.lower(), word)


@dataclass(slots=True)
class Delta:
    """What one event added to one choice of an answer.

    Attributes:
        text, reasoning, refusal: pieces to append.
        tool_calls: fragments of calls; `index` tells the calls of a choice apart.
        choice: which of the `n` answers this belongs to.
        logprobs: `{"content": [...], "refusal": [...]}` of the tokens in this piece.
        extra: other fields of the message: annotations, audio, reasoning_details, signatures, ...
        raw: the event, unchanged.
        completion: the whole answer, on the last delta of a reply only.
        item: an output item that is now whole, unchanged; under /v1/responses only.
        output_index: of the output item this belongs to; under /v1/responses only.
        part: which part of its item the text or the reasoning is of: `text` of a message, `summary` or `content` of
            reasoning, and the index there (-1 where what came is the rest of a whole message).
        phase: of the message that the text is of, where it says one; under /v1/responses only.
        is_separator: whether the text or the reasoning is what separates two items or parts, and is of neither.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    choice: int = 0
    raw: Json = field(default_factory=dict)
    refusal: str = ""
    logprobs: Json | None = None
    extra: Json | None = None
    completion: Completion | None = None
    item: Json | None = None
    output_index: int | None = None
    part: tuple[str, int] | None = None
    phase: str | None = None
    is_separator: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the `n` answers of a completion.

    Attributes:
        finish_reason: `stop`, `length`, `tool_calls`, `content_filter`, or the vendor's word; None if never sent.
        native_finish_reason: the vendor's own word.
        extra: other fields of the message (annotations, audio, reasoning_details, encrypted_content,
            extra_content with a thought signature, ...) and of the choice.
        items: all output items, unchanged and in their order; under /v1/responses only.
    """

    index: int
    text: str
    reasoning: str
    refusal: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    native_finish_reason: str | None
    logprobs: Json | None
    extra: Json
    items: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer.

    Attributes:
        model: the served model's own name, often not the id asked for.
        usage: token counts, None where the provider sent none.
        cost: what the provider charged, None where it did not say.
        inference_id: the provider's id of this call (`x-inference-id`), the `reference_id` of its billing.
        client_request_id: the id you sent, if the provider took it.
        extra: other top-level fields: citations, search_results, system_fingerprint, provider, ...
        raw: the raw reply; for a stream, the same shape put together from its events.
        headers: the reply's, names in lower case.
    """

    id: str | None
    model: str | None
    created: int | None
    choices: tuple[Choice, ...]
    usage: Usage | None
    cost: Cost | None
    inference_id: str | None
    client_request_id: str | None
    extra: Json
    raw: Json
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The first choice's text."""
        return self.choices[0].text if self.choices else ""

    @property
    def reasoning(self) -> str:
        """The first choice's reasoning."""
        return self.choices[0].reasoning if self.choices else ""

    @property
    def refusal(self) -> str:
        """The first choice's refusal."""
        return self.choices[0].refusal if self.choices else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The first choice's tool calls."""
        return self.choices[0].tool_calls if self.choices else ()

    @property
    def finish_reason(self) -> str | None:
        """The first choice's finish reason."""
        return self.choices[0].finish_reason if self.choices else None

    @property
    def native_finish_reason(self) -> str | None:
        """The first choice's finish reason in the vendor's own word."""
        return self.choices[0].native_finish_reason if self.choices else None


def raw_choice(choice: Choice, finish: str | None) -> Json:
    """A choice that a stream added up to, as a whole reply has it, with its finish reason unchanged."""
    message: Json = {"role": "assistant", "content": choice.text}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.refusal:
        message["refusal"] = choice.refusal
    if choice.tool_calls:
        message["tool_calls"] = [call.to_wire() for call in choice.tool_calls]
    return {
        "index": choice.index,
        "message": {**message, **choice.extra},
        "finish_reason": finish,
        "native_finish_reason": choice.native_finish_reason,
        "logprobs": choice.logprobs,
    }
