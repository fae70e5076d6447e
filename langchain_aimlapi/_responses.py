"""Completion and Delta -> LangChain's messages and chunks. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

from aimlapi_transport.chat.coercion import CoercedText, coerced_call, coerced_text
from aimlapi_transport.chat.response import Choice, Completion, Delta
from aimlapi_transport.chat.tool_calls import ToolCall as WireToolCall
from aimlapi_transport.chat.tool_calls import ToolCallDelta, parse_arguments
from aimlapi_transport.chat.usage import Usage
from aimlapi_transport.surrogates import LoneEscapeReplacer
from langchain_aimlapi._compat import generation_chunk, message_chunk
from langchain_aimlapi._content_blocks import PROVIDER, RAW_ARGUMENTS
from langchain_aimlapi._output_items import OUTPUT_ITEMS, indexed_item, piece_of

_encode = json.JSONEncoder(ensure_ascii=False).encode
# Fields of the reply that stand elsewhere, under LangChain's own names.
_MAPPED_FIELDS = ("meta", "choices", "usage")


def from_choice(completion: Completion, choice: Choice, tools: Sequence[Any] = ()) -> AIMessage:
    """One answer of a whole reply as a message.

    Args:
        tools: the definitions that were sent: a string that spells an array or an object where their schemas want one
            is that one.
    """
    choice = _coerced(choice, tools)
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in choice.tool_calls:
        error = _error(call, choice)
        if error is None:
            calls.append(ToolCall(name=call.name, args=call.parsed or {}, id=call.id, type="tool_call"))
        else:
            invalid.append(
                InvalidToolCall(
                    name=call.name or None, args=call.arguments, id=call.id, error=error, type="invalid_tool_call"
                )
            )
    return AIMessage(
        content=choice.text,
        additional_kwargs=_additional_kwargs(choice, with_text=True),
        tool_calls=calls,
        invalid_tool_calls=invalid,
        response_metadata=response_metadata(completion, choice),
        usage_metadata=usage_metadata(completion.usage),
    )


class StreamReader:
    """The chunks of one stream, which LangChain adds up to what `from_choice` gives for the whole.

    So what is sent piece by piece goes out with its piece, and all else once: a call's extras when they come,
    everything about the whole answer at its end.
    """

    def __init__(self, tools: Sequence[Any] = (), *, free_text: str = "input") -> None:
        self._tools = tools
        self._free_text = free_text
        self._calls: dict[int, _StreamedCall] = {}
        self._items: set[int] = set()

    def chunk(self, delta: Delta) -> ChatGenerationChunk:
        """One piece of the stream."""
        if delta.completion is not None:
            return self._last(delta.completion)
        kwargs: dict[str, Any] = {"reasoning_content": delta.reasoning} if delta.reasoning else {}
        if delta.tool_calls:
            return generation_chunk(self._call_chunk(delta, kwargs), delta.text)
        if delta.output_index is not None and delta.item is not None:
            self._items.add(delta.output_index)
            kwargs[OUTPUT_ITEMS] = [indexed_item(delta.item, delta.output_index)]
        elif delta.output_index is not None and delta.part is not None:
            kwargs[OUTPUT_ITEMS] = [piece_of(delta.output_index, delta.part)]
        elif delta.is_separator:
            kwargs[OUTPUT_ITEMS] = []  # it is of no item
        return generation_chunk(message_chunk(delta.text, kwargs), delta.text)

    def _call_chunk(self, delta: Delta, kwargs: dict[str, Any]) -> AIMessageChunk:
        pieces: list[ToolCallChunk] = []
        begins_object = False
        for fragment in delta.tool_calls:
            call = self._calls.get(fragment.index)
            if call is None:
                call = self._calls[fragment.index] = _StreamedCall(self._free_text)
            if fragment.id or fragment.extra:
                extra = call.new_extras(fragment)
                if extra:
                    kwargs.setdefault("tool_call_extras", {}).setdefault(call.id, {}).update(extra)
            if fragment.name and self._tools:
                call.coerce(coerced_text(self._tools, fragment.name))
            arguments = call.feed(fragment.arguments)
            begins_object = begins_object or arguments.lstrip().startswith("{")
            pieces.append(
                {
                    "name": fragment.name,
                    "args": arguments,
                    "id": fragment.id,
                    "index": fragment.index,
                    "type": "tool_call_chunk",
                }
            )
        if not begins_object:
            return message_chunk(delta.text, kwargs, pieces)
        return AIMessageChunk(
            content=delta.text,
            additional_kwargs=kwargs,
            tool_call_chunks=pieces,
            response_metadata={"model_provider": PROVIDER},
        )

    def _last(self, completion: Completion) -> ChatGenerationChunk:
        choice = _coerced(completion.choices[0], self._tools)
        kwargs = _additional_kwargs(choice, with_text=False, sent_items=self._items)
        extras = kwargs.pop("tool_call_extras", {})
        endings = []
        for index, call in enumerate(choice.tool_calls):
            streamed = self._calls.get(index, _StreamedCall(self._free_text))
            ending = streamed.ending(call, is_callable=_error(call, choice) is None)
            if ending:
                endings.append(tool_call_chunk(name=None, args=ending, id=None, index=index))
            rest = {name: value for name, value in extras.get(call.id, {}).items() if name not in streamed.sent}
            if rest:
                kwargs.setdefault("tool_call_extras", {})[call.id] = rest
        message = AIMessageChunk(
            content="",
            additional_kwargs=kwargs,
            tool_call_chunks=endings,
            response_metadata=response_metadata(completion, choice),
            usage_metadata=usage_metadata(completion.usage),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=generation_info(message))


class _StreamedCall:
    """What has been said of one call of a stream. A custom tool's free text is its only argument, of a given name."""

    def __init__(self, free_text: str) -> None:
        self.id = ""
        self.sent: set[str] = set()  # names of extras
        self._free_text = free_text
        self._is_custom = False
        self._coerced: CoercedText | None = None
        self._escapes = LoneEscapeReplacer()
        self._pieces: list[str] = []

    def coerce(self, coerced: CoercedText | None) -> None:
        """Has arguments read by the tool's schema, unless some were sent already."""
        self._coerced = None if self._pieces or self._is_custom else coerced

    def new_extras(self, fragment: ToolCallDelta) -> dict[str, Any]:
        """The extras that come with the call's id, which is said once: LangChain's blocks know a fragment by it."""
        self.id = fragment.id or self.id
        extra = fragment.extra or {}
        self._is_custom = self._is_custom or extra.get("type") == "custom"
        if not fragment.id:
            return {}  # sent at the end
        self.sent.update(extra)
        return extra

    def feed(self, text: str) -> str:
        """A piece of arguments as it goes out: blank space before them, and `null` for none, are no arguments."""
        if self._is_custom:
            text = ("" if self._pieces else self._head()) + json.dumps(text, ensure_ascii=False)[1:-1]
            self._pieces.append(text)
            return text
        if not self._pieces:
            text = text.lstrip()
            if text.rstrip() == "null":
                return ""
        text = self._escapes.feed(text)
        if self._coerced is not None:
            text = self._coerced.feed(text)
        if text:
            self._pieces.append(text)
        return text

    def ending(self, call: WireToolCall, *, is_callable: bool) -> str:
        """What makes the streamed arguments those of the call, or keeps them from being taken for another."""
        if self._is_custom:
            rest = '"}' if self._pieces else f'{self._head()}{json.dumps(call.arguments, ensure_ascii=False)[1:-1]}"}}'
            expected: Any = {self._free_text: call.arguments}
        else:
            rest, expected = self._escapes.flush(), call.parsed
            if self._coerced is not None:
                rest = self._coerced.feed(rest) + self._coerced.rest()
        text = "".join(self._pieces) + rest
        if is_callable and (text == call.arguments or parse_arguments(text)[0] == expected):
            return rest
        return rest + _invalidating_suffix(text)

    def _head(self) -> str:
        return f'{{"{self._free_text}": "'


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Token counts in LangChain's terms; details only where the provider sent them."""
    if usage is None:
        return None
    counts = UsageMetadata(input_tokens=usage.input, output_tokens=usage.output, total_tokens=usage.total)
    inputs = {"cache_read": usage.cache_read, "cache_creation": usage.cache_write, "audio": usage.input_audio}
    outputs = {"reasoning": usage.reasoning, "audio": usage.output_audio}
    if known := _set(inputs):
        counts["input_token_details"] = cast(InputTokenDetails, known)
    if known := _set(outputs):
        counts["output_token_details"] = cast(OutputTokenDetails, known)
    return counts


def generation_info(message: AIMessage) -> dict[str, Any]:
    """How an answer ended, where callbacks of tracing tools read it: beside the message, too."""
    metadata = message.response_metadata
    return {name: metadata[name] for name in ("finish_reason", "model_name", "logprobs") if name in metadata}


def response_metadata(completion: Completion, choice: Choice) -> dict[str, Any]:
    """Where an answer came from, how it ended and what it cost (`cost_usd`, in US dollars)."""
    metadata: dict[str, Any] = {
        "model_provider": PROVIDER,
        "model_name": completion.model,
        "id": completion.id,
        "created": completion.created,
        "finish_reason": choice.finish_reason,
        "native_finish_reason": choice.native_finish_reason,
        "inference_id": completion.inference_id,
        "client_request_id": completion.client_request_id,
        "logprobs": choice.logprobs,
        "token_usage": completion.usage.raw if completion.usage else None,
    }
    if completion.cost is not None:
        metadata["cost_usd"] = completion.cost.usd
        metadata["cost"] = {"usd": completion.cost.usd, "credits": completion.cost.credits}
    for name, value in completion.extra.items():
        if name not in _MAPPED_FIELDS:
            metadata.setdefault(name, value)
    return _set(metadata)


def _coerced(choice: Choice, tools: Sequence[Any]) -> Choice:
    if not tools or not choice.tool_calls:
        return choice
    return replace(choice, tool_calls=tuple(coerced_call(call, tools) for call in choice.tool_calls))


def _additional_kwargs(choice: Choice, *, with_text: bool, sent_items: Collection[int] = ()) -> dict[str, Any]:
    """The message's further fields; the running texts, and the output items, only where no chunk has carried them."""
    kwargs: dict[str, Any] = dict(choice.extra)
    if choice.items:
        kwargs.pop("annotations", None)  # stand in the items
        items = [indexed_item(item, index) for index, item in enumerate(choice.items) if index not in sent_items]
        if items:
            kwargs[OUTPUT_ITEMS] = items
    if with_text and choice.reasoning:
        kwargs["reasoning_content"] = choice.reasoning
    if choice.refusal:
        kwargs["refusal"] = choice.refusal
    extras: dict[str, Any] = {}
    for call in choice.tool_calls:
        if extra := _extras(call):
            extras[call.id] = extra
    if extras:
        kwargs["tool_call_extras"] = extras
    return kwargs


def _extras(call: WireToolCall) -> dict[str, Any]:
    """What a call holds besides LangChain's fields; its text where ours would be another (a provider's cache of the
    conversation fits only the same text)."""
    extra = dict(call.extra)
    ours = _encode(call.parsed) if call.parsed else None
    if ours is not None and call.arguments != ours and extra.get("type") != "custom":
        extra[RAW_ARGUMENTS] = call.arguments
    return extra


def _error(call: WireToolCall, choice: Choice) -> str | None:
    """Why a call is none. Free text cannot tell that it was cut; the finish reason can."""
    cut = call.extra.get("type") == "custom" and choice.finish_reason == "length" and call is choice.tool_calls[-1]
    return "the answer was cut at its limit" if cut else call.error


def _invalidating_suffix(arguments: str) -> str:
    """An ending that keeps LangChain from completing arguments that were cut or never were an object.

    It parses streamed arguments leniently, so half of a call would become a whole one with other arguments.
    """
    for ending in ("", *_ENDINGS):
        try:
            if not isinstance(parse_partial_json(arguments + ending), dict):
                return ending
        except ValueError:
            return ending
    return _ENDINGS[0]


# A bracket that closes what is not open, behind the end of a string, of a string that ends in a backslash, or of none.
_ENDINGS = tuple(quote + bracket for quote in ('"', '""', "") for bracket in ("]", "}"))


def _set(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
