"""What the transport read -> LlamaIndex responses: a whole answer, or a snapshot of it after every piece. Pure.

Every piece of a stream becomes a response of its own that repeats all before it and is never touched again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

from aimlapi_transport.completion import Choice, Completion, Delta
from aimlapi_transport.tool_calls import ToolCall, ToolCallDelta
from aimlapi_transport.usage import Usage
from aimlapi_transport.wire import Json
from llama_index_aimlapi._blocks import MESSAGE_FIELDS, REASONING_FIELDS
from llama_index_aimlapi._partial_json import PartialObject
from llama_index_aimlapi._tools import FINISH_REASON, ToolCallDict, tool_call_dict

Model = TypeVar("Model", bound=BaseModel)


def from_completion(completion: Completion, *, single_call: bool = False, delta: str | None = None) -> ChatResponse:
    """A whole answer as LlamaIndex has it: the first, where there are several.

    Args:
        single_call: whether only the first tool call counts.
        delta: what the last piece of a stream added; None for an answer that was not streamed.
    """
    taken = completion.choices[0]
    calls = taken.tool_calls[:1] if single_call else taken.tool_calls
    further: Json = {name: taken.extra[name] for name in MESSAGE_FIELDS if taken.extra.get(name)}
    if taken.refusal:
        further["refusal"] = taken.refusal
    blocks = _blocks(taken, calls, completion.usage)
    audio = taken.extra.get("audio")
    if isinstance(audio, dict) and audio.get("id"):
        further["reference_audio_id"] = audio["id"]
        if audio.get("transcript"):
            further["audio_transcript"] = audio["transcript"]
    listed = [tool_call_dict(call.id, call.name, call.arguments, call.extra) for call in calls]
    return built(
        ChatResponse,
        message=_message(blocks, listed, further),
        raw=_raw(completion),
        delta=delta,
        logprobs=logprobs_from(taken.logprobs),
        additional_kwargs=_facts(completion, taken),
    )


def to_completion(response: ChatResponse) -> CompletionResponse:
    """The response as `complete` gives it: its text, all else in `additional_kwargs`."""
    message = response.message
    kwargs = {**message.additional_kwargs, **response.additional_kwargs}
    thoughts = [block.content for block in message.blocks if isinstance(block, ThinkingBlock) and block.content]
    if thoughts:
        kwargs["reasoning_content"] = "\n".join(thoughts)
    return built(
        CompletionResponse,
        text=message.content or "",
        additional_kwargs=kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


class _Call:
    """What has come of one call."""

    __slots__ = ("arguments", "extra", "id", "name", "parser")

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.arguments = ""
        self.extra: Json = {}
        self.parser = PartialObject()


class Snapshots:
    """Add a stream's deltas one by one; each addition is the answer so far.

    Args:
        single_call: whether only the first tool call counts.
    """

    __slots__ = ("_calls", "_logprobs", "_reasoning", "_refusal", "_single_call", "_text")

    def __init__(self, *, single_call: bool = False) -> None:
        self._single_call = single_call
        self._text = ""
        self._reasoning = ""
        self._refusal = ""
        self._calls: list[_Call] = []
        self._logprobs: list[list[LogProb]] | None = None

    def add(self, delta: Delta) -> ChatResponse | None:
        """The answer up to this delta; None where the delta belongs to another of `n` choices."""
        if delta.completion is not None:
            return from_completion(delta.completion, single_call=self._single_call, delta="")
        if delta.choice != 0:
            return None  # the first answer, as of a whole reply
        kwargs: Json = {}
        if delta.text:
            self._text += delta.text
        if delta.reasoning:
            self._reasoning += delta.reasoning
            kwargs["thinking_delta"] = delta.reasoning
        if delta.refusal:
            self._refusal += delta.refusal
        for fragment in delta.tool_calls:
            self._add_fragment(fragment)
        if delta.logprobs:
            self._logprobs = [*(self._logprobs or ()), *(logprobs_from(delta.logprobs) or ())]
        return built(
            ChatResponse,
            message=self._message(),
            raw=delta.raw,
            delta=delta.text,
            logprobs=self._logprobs,
            additional_kwargs=kwargs,
        )

    def _add_fragment(self, fragment: ToolCallDelta) -> None:
        if self._single_call and fragment.index > 0:
            return
        while len(self._calls) <= fragment.index:
            self._calls.append(_Call())
        call = self._calls[fragment.index]
        call.id = call.id or fragment.id
        call.name = call.name or fragment.name or ""
        call.arguments += fragment.arguments
        if fragment.extra:
            call.extra = {**call.extra, **fragment.extra}

    def _message(self) -> ChatMessage:
        blocks: list[Any] = []
        if self._reasoning:
            blocks.append(
                built(
                    ThinkingBlock,
                    block_type="thinking",
                    content=self._reasoning,
                    num_tokens=None,
                    additional_information={},
                )
            )
        if self._text:
            blocks.append(built(TextBlock, block_type="text", text=self._text))
        listed = []
        for call in self._calls:
            blocks.append(_call_block(call.id, call.name, call.arguments))
            entry = tool_call_dict(call.id, call.name, call.arguments, call.extra)
            entry.parser = call.parser
            listed.append(entry)
        return _message(blocks, listed, {"refusal": self._refusal} if self._refusal else {})


def built(cls: type[Model], **fields: Any) -> Model:
    """A model of these fields, all of them given, as validation would leave it, at a tenth of its cost.

    A stream makes three of them for every piece of an answer; a test holds them equal to validated ones.
    """
    model = cls.__new__(cls)
    put = object.__setattr__
    put(model, "__dict__", fields)
    put(model, "__pydantic_fields_set__", set(fields))
    put(model, "__pydantic_extra__", None)
    put(model, "__pydantic_private__", None)
    return model


def logprobs_from(value: Json | None) -> list[list[LogProb]] | None:
    """For each token the alternatives, the chosen one first; None where the reply has none."""
    tokens = value.get("content") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, dict)]


def _alternatives(token: Json) -> list[LogProb]:
    found: dict[str, LogProb] = {}
    for value in (token, *(token.get("top_logprobs") or ())):
        text, logprob = value.get("token"), value.get("logprob")
        if isinstance(text, str) and isinstance(logprob, (int, float)) and text not in found:
            found[text] = LogProb(token=text, logprob=logprob, bytes=value.get("bytes") or [])
    return list(found.values())


def _blocks(choice: Choice, calls: Sequence[ToolCall], usage: Usage | None) -> list[Any]:
    """Reasoning, text, what else was made, and the calls, in this order."""
    blocks: list[Any] = []
    kept = {name: choice.extra[name] for name in REASONING_FIELDS if choice.extra.get(name)}
    if choice.reasoning or kept:
        blocks.append(
            ThinkingBlock(
                content=choice.reasoning or None,
                num_tokens=(usage.reasoning if usage else None) or None,
                additional_information=kept,
            )
        )
    audio = choice.extra.get("audio")
    images = [image for image in choice.extra.get("images") or () if isinstance(image, dict)]
    urls = [url for image in images if isinstance(url := (image.get("image_url") or {}).get("url"), str)]
    if choice.text or not (blocks or calls or urls or isinstance(audio, dict)):
        blocks.append(built(TextBlock, block_type="text", text=choice.text))
    if isinstance(audio, dict) and audio.get("data"):
        blocks.append(AudioBlock(audio=str(audio["data"]).encode()))
    blocks += [ImageBlock(url=url) for url in urls]
    # A call that cannot be run keeps its text: nobody takes half an object for a whole one.
    blocks += [_call_block(c.id, c.name, c.parsed if c.parsed is not None else c.arguments) for c in calls]
    return blocks


def _call_block(call_id: str | None, name: str, arguments: Any) -> ToolCallBlock:
    return built(ToolCallBlock, block_type="tool_call", tool_call_id=call_id, tool_name=name, tool_kwargs=arguments)


def _message(blocks: list[Any], calls: list[ToolCallDict], further: Json) -> ChatMessage:
    kwargs = {"tool_calls": calls, **further} if calls else further
    return built(ChatMessage, role=MessageRole.ASSISTANT, additional_kwargs=kwargs, blocks=blocks)


def _facts(completion: Completion, choice: Choice) -> Json:
    """What is known about the answer beside its content; absent where the provider did not say."""
    facts: Json = {FINISH_REASON: choice.finish_reason}
    usage, cost = completion.usage, completion.cost
    if usage is not None:
        facts["prompt_tokens"] = usage.input
        facts["completion_tokens"] = usage.output
        facts["total_tokens"] = usage.total
    known = {
        "cached_tokens": usage and usage.cache_read,
        "cache_write_tokens": usage and usage.cache_write,
        "reasoning_tokens": usage and usage.reasoning,
        "cost_usd": cost and cost.usd,
        "credits_used": cost and cost.credits,
        "native_finish_reason": choice.native_finish_reason,
        "id": completion.id,
        "model": completion.model,
        "inference_id": completion.inference_id,
        "client_request_id": completion.client_request_id,
        "refusal": choice.refusal or None,
        "annotations": choice.extra.get("annotations"),
        "citations": completion.extra.get("citations"),
        "search_results": completion.extra.get("search_results"),
    }
    facts.update((name, value) for name, value in known.items() if value is not None)
    return facts


def _raw(completion: Completion) -> Json:
    """The reply as it came, with whole numbers for the counts in `usage`: LlamaIndex adds them up unchecked."""
    usage = completion.usage
    if usage is None:
        return completion.raw
    counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total}
    sent = usage.raw or {}
    if all(sent.get(name) == count for name, count in counts.items()) and completion.raw.get("usage") is sent:
        return completion.raw
    return {**completion.raw, "usage": {**sent, **counts}}
