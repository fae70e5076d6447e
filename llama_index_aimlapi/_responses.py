"""A whole answer -> LlamaIndex's response. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import uuid4

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from aimlapi_transport.chat.coercion import coerced_call
from aimlapi_transport.chat.response import Choice, Completion
from aimlapi_transport.chat.tool_calls import ToolCall
from aimlapi_transport.chat.usage import Usage
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_codec import dumps
from aimlapi_transport.responses.output_items import CALLS, answer_of, reasoning_parts
from aimlapi_transport.structured.json_text import arguments_in
from llama_index_aimlapi._messages import CITED, MESSAGE_FIELDS, REASONING_FIELDS
from llama_index_aimlapi._raw import RawReply
from llama_index_aimlapi._tools import FINISH_REASON, tool_call_dict

OWN_ITEMS = ("message", "reasoning", *CALLS)
"""Output items of /v1/responses that have blocks of their own; all others are of tools that the provider ran."""


class Reading(NamedTuple):
    """What to know of a request when its answer is read.

    Attributes:
        single_call: whether only the first tool call counts.
        forced: the definition of the one tool that had to be called; arguments written as text are its call.
        tools: the definitions that were sent: a string that spells an array or an object where their schemas want one
            is that one.
        with_tools: whether tools were offered: then reasoning alone is the answer of an agent's model, not a thought.
    """

    single_call: bool = False
    forced: Json | None = None
    with_tools: bool = False
    tools: Sequence[Any] = ()


def from_completion(completion: Completion, reading: Reading, *, delta: str | None = None) -> ChatResponse:
    """A whole answer as LlamaIndex has it: the first, where there are several.

    Args:
        delta: what the last piece of a stream added; None for an answer that was not streamed.
    """
    choice = completion.choices[0]
    if reading.with_tools and _is_reasoning_alone(choice):
        choice = replace(choice, text=choice.reasoning)
        delta = delta if delta is None else choice.text
    calls = choice.tool_calls[:1] if reading.single_call else choice.tool_calls
    if reading.forced and not calls:
        calls = _call_from_block(choice, reading.forced)
    if reading.tools and calls:
        calls = tuple(coerced_call(call, reading.tools) for call in calls)
    return ChatResponse(
        message=ChatMessage(
            role=MessageRole.ASSISTANT,
            additional_kwargs=_message_fields(completion, choice, calls),
            blocks=_blocks(completion, choice, calls),
        ),
        raw=RawReply(counted(completion.raw, completion.usage)),
        delta=delta,
        logprobs=logprobs_from(choice.logprobs) if choice.logprobs else None,
        additional_kwargs=_facts(completion, choice),
    )


def _message_fields(completion: Completion, choice: Choice, calls: Sequence[ToolCall]) -> Json:
    """What a message holds beside its blocks: for the model to get back, or where LlamaIndex looks for it."""
    fields: Json = {}
    if calls:
        fields["tool_calls"] = [tool_call_dict(call.id, call.name, call.arguments, call.extra) for call in calls]
    for name in MESSAGE_FIELDS:
        if choice.extra.get(name):
            fields[name] = choice.extra[name]
    if choice.refusal:
        fields["refusal"] = choice.refusal
    audio = choice.extra.get("audio")
    if isinstance(audio, dict) and audio.get("id"):
        fields["reference_audio_id"] = audio["id"]
        if audio.get("transcript"):
            fields["audio_transcript"] = audio["transcript"]
    if choice.items:
        fields |= {"output_items": [*choice.items], "output_model": completion.model, "response_id": completion.id}
        fields["output_stored"] = completion.extra.get("store") is not False
        if built_in := [item for item in choice.items if item.get("type") not in OWN_ITEMS]:
            fields["built_in_tool_calls"] = built_in
    return fields


def logprobs_from(value: Json | None) -> list[list[LogProb]] | None:
    """For each token the alternatives, the chosen one first; None where the reply has none."""
    tokens = value.get("content") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None
    return [_alternatives(token) for token in tokens if isinstance(token, dict)]


def _alternatives(token: Json) -> list[LogProb]:
    alternatives: dict[str, LogProb] = {}
    for value in (token, *(token.get("top_logprobs") or ())):
        text, logprob = value.get("token"), value.get("logprob")
        if isinstance(text, str) and isinstance(logprob, (int, float)) and text not in alternatives:
            alternatives[text] = LogProb(token=text, logprob=logprob, bytes=value.get("bytes") or [])
    return list(alternatives.values())


def _is_reasoning_alone(choice: Choice) -> bool:
    """Whether a finished answer says nothing but its reasoning: Kimi, say, may put an answer there."""
    other = choice.text or choice.tool_calls or choice.refusal or _media(choice)
    return bool(choice.reasoning and choice.finish_reason == "stop" and not other)


def _call_from_block(choice: Choice, forced: Json) -> tuple[ToolCall, ...]:
    """The call of the one tool that had to be called, where the model wrote its arguments as text instead."""
    if choice.refusal or choice.finish_reason in ("length", "content_filter"):
        return ()
    arguments = arguments_in(answer_of(choice.items) if choice.items else choice.text, forced)
    if arguments is None:
        return ()
    text = dumps(arguments).decode()
    return (ToolCall(f"call_{uuid4().hex[:24]}", forced["function"]["name"], text, arguments, None, {}),)


def _blocks(completion: Completion, choice: Choice, calls: Sequence[ToolCall]) -> list[Any]:
    """Reasoning, text and its citations, what else was made, and the calls, in this order."""
    tokens = (completion.usage.reasoning if completion.usage else None) or None
    blocks: list[Any] = []
    for item in choice.items:
        if item.get("type") == "reasoning":
            thought = "\n\n".join(text for _, text in reasoning_parts(item)) or None
            count = None if blocks else tokens
            blocks.append(ThinkingBlock(content=thought, num_tokens=count, additional_information=item))
    if not blocks:
        kept: Json = {}
        for name in REASONING_FIELDS:
            if choice.extra.get(name):
                kept[name] = choice.extra[name]
        if choice.reasoning or kept:
            thought = choice.reasoning or None
            blocks.append(ThinkingBlock(content=thought, num_tokens=tokens, additional_information=kept))
    media = _media(choice) if choice.extra or choice.items else []
    if choice.text or not (blocks or calls or media):
        blocks.append(TextBlock(text=choice.text))
    if choice.extra or completion.extra:
        blocks += _citations(choice, completion)
    blocks += media
    for call in calls:  # one that cannot be run keeps its text: nobody takes half an object for a whole one
        arguments = call.arguments if call.parsed is None else call.parsed
        blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=arguments))
    return blocks


def _media(choice: Choice) -> list[Any]:
    """Speech, pictures, videos and files that were made, wherever the reply has them."""
    blocks: list[Any] = []
    audio = choice.extra.get("audio")
    if isinstance(audio, dict) and audio.get("data"):
        blocks.append(AudioBlock(audio=str(audio["data"]).encode(), format=audio.get("format")))
    for part in (*_objects(choice.extra.get("images")), *_objects(choice.extra.get("content_parts"))):
        blocks += [block for kind in _MEDIA if (block := _media_block(kind, part.get(kind))) is not None]
    for item in choice.items:
        if item.get("type") == "image_generation_call" and isinstance(item.get("result"), str):
            kind = f"image/{item.get('output_format') or 'png'}"
            blocks.append(ImageBlock(image=item["result"].encode(), image_mimetype=kind))
    return blocks


class _Media(NamedTuple):
    """The block that a part of a reply becomes, its field for bytes, and its fields by the names of the part's."""

    block: Any
    data: str | None = None
    fields: Sequence[tuple[str, str]] = ()


_AUDIO = _Media(AudioBlock, "audio", (("format", "format"),))
_MEDIA = {
    "image_url": _Media(ImageBlock),
    "video_url": _Media(VideoBlock),
    "audio_url": _AUDIO,
    "input_audio": _AUDIO,
    "audio": _AUDIO,
    "file": _Media(DocumentBlock, "data", (("filename", "title"),)),
}


def _media_block(kind: str, inner: Any) -> Any:
    """The block of what a part of a reply holds under this name; None where it is not one."""
    if isinstance(inner, str):
        inner = {"url": inner}
    if not isinstance(inner, dict):
        return None
    media = _MEDIA[kind]
    fields = {field: inner.get(name) for name, field in media.fields}
    data, url = inner.get("file_data" if kind == "file" else "data"), inner.get("url")
    if kind == "file":
        url = data if isinstance(data, str) and ":" in data else None
    if isinstance(url, str):
        return media.block(url=url, **fields)
    return media.block(**{media.data: data.encode()}, **fields) if media.data and isinstance(data, str) else None


def _citations(choice: Choice, completion: Completion) -> list[CitationBlock]:
    """The sources that the answer names: annotations of its text, else the pages it names beside it."""
    cited: list[tuple[str, str, str, Json]] = []
    for annotation in _objects(choice.extra.get("annotations")):
        page = annotation.get("url_citation")
        page = page if isinstance(page, dict) else annotation
        if isinstance(page.get("url"), str):
            span = {name: page[name] for name in ("start_index", "end_index") if isinstance(page.get(name), int)}
            quote = page.get("content") or choice.text[span.get("start_index", 0) : span.get("end_index", 0)]
            cited.append((page["url"], str(page.get("title") or page["url"]), str(quote), span))
    if not cited:
        pages = [page for page in _objects(completion.extra.get("search_results")) if isinstance(page.get("url"), str)]
        cited = [(p["url"], str(p.get("title") or p["url"]), str(p.get("snippet") or ""), {}) for p in pages]
    if not cited:
        named = completion.extra.get("citations")
        cited = [(url, url, "", {}) for url in (named if isinstance(named, list) else ()) if isinstance(url, str)]
    return [
        CitationBlock(
            cited_content=TextBlock(text=quote), source=url, title=title, additional_location_info={CITED: i, **span}
        )
        for i, (url, title, quote, span) in enumerate(cited)
    ]


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _facts(completion: Completion, choice: Choice) -> Json:
    """What is known about the answer beside its content; absent where the provider did not say."""
    usage, cost = completion.usage, completion.cost
    known = {
        "prompt_tokens": usage and usage.input,
        "completion_tokens": usage and usage.output,
        "total_tokens": usage and usage.total,
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
    facts: Json = {FINISH_REASON: choice.finish_reason}
    for name, value in known.items():
        if value is not None:
            facts[name] = value
    return facts


def counted(raw: Json, usage: Usage | None) -> Json:
    """The raw reply, with whole numbers for the counts in `usage`: LlamaIndex adds them up unchecked."""
    if usage is None:
        return raw
    counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total}
    sent = usage.raw or {}
    if raw.get("usage") is usage.raw and counts.items() <= sent.items():
        return raw
    return {**raw, "usage": {**sent, **counts}}
