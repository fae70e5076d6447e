"""A reply as server-sent events: the chunks of a dialect, in order. Pure; sending them is `app`'s business.

To change how a family streams, change its `StreamShape` in `dialects`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from aimlapi_emulator.dialects.completion import (
    audio_of,
    beside,
    call_on_wire,
    citations,
    inline,
    reasoning_details,
    reply_id,
    signature,
)
from aimlapi_emulator.dialects.families import upstream_name
from aimlapi_emulator.dialects.identity import EPOCH
from aimlapi_emulator.dialects.logprobs import logprobs_of
from aimlapi_emulator.dialects.usage import meta_of, usage_of
from aimlapi_emulator.mind.reply import Answer, Reply
from aimlapi_emulator.mind.tokens import pieces

DONE = "[DONE]"


def events(answer: Answer) -> Iterator[bytes]:
    """The events of a streamed reply, each with the blank line that ends it."""
    for chunk in chunks(answer):
        yield b"data: " + orjson.dumps(chunk) + b"\n\n"
    if answer.dialect.stream.done:
        yield f"data: {DONE}\n\n".encode()


def chunks(answer: Answer) -> list[dict[str, Any]]:
    """All chunk objects. The last one carries the cost in `meta`."""
    shape = answer.dialect.stream
    made: list[dict[str, Any]] = []
    asked = answer.body.get("stream_options")
    wish = asked.get("include_usage") if isinstance(asked, dict) else None
    with_usage = shape.usage_always if wish is None else wish is True or shape.usage_in_finish
    for at, reply in enumerate(answer.choices):
        made.extend(_chunk(answer, [_choice(answer, at, delta)]) for delta in _deltas(answer, at, reply))
    last = len(answer.choices) - 1
    for at, reply in enumerate(answer.choices):
        finishing = _chunk(answer, [_choice(answer, at, dict(shape.closing), reply.finish)])
        if with_usage and shape.usage_in_finish and at == last:
            finishing["usage"] = usage_of(answer)
        made.append(finishing)
    if shape.hollow_end:
        made.append(_chunk(answer, [{"index": last, "finish_reason": answer.choices[-1].finish}]))
    if with_usage and not shape.usage_in_finish:
        made.append({**_chunk(answer, []), "usage": usage_of(answer)})
    for at, chunk in enumerate(made):
        if shape.id_once and at:
            chunk["id"] = ""
        if shape.obfuscation:
            chunk["obfuscation"] = answer.identity.letters(f"obfuscation{at}", "b62", 4 + at % 13)
    made[-1].update(citations(answer))
    made[-1].update(meta_of(answer))
    return made


def _chunk(answer: Answer, choices: list[dict[str, Any]]) -> dict[str, Any]:
    shape = answer.dialect.stream
    chunk = {
        "id": reply_id(answer),
        "object": "chat.completion.chunk",
        "created": EPOCH,
        "model": upstream_name(answer.facts),
        **beside(answer, shape.body),
        "choices": choices,
    }
    return {**chunk, "usage": None} if shape.usage_null else chunk


def _choice(answer: Answer, at: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    shape = answer.dialect.stream
    logprobs = delta.pop("logprobs", None)
    choice = {"index": at, "delta": delta, **beside(answer, shape.choice)}
    if logprobs is not None:
        choice["logprobs"] = logprobs
    if finish is not None or shape.finish_key:
        choice["finish_reason"] = finish
    if finish is not None and "native_finish_reason" in choice:
        choice["native_finish_reason"] = finish
    return choice


def _deltas(answer: Answer, at: int, reply: Reply) -> Iterator[dict[str, Any]]:
    shape = answer.dialect.stream
    yield from (dict(delta) for delta in shape.opening)
    for delta in _inner_deltas(answer, at, reply):
        yield {**delta, **beside(answer, shape.every)}


def _inner_deltas(answer: Answer, at: int, reply: Reply) -> Iterator[dict[str, Any]]:
    carrier, shape = answer.dialect.carrier, answer.dialect.stream
    text = reply.text
    if reply.reasoning and not reply.hidden:
        if carrier == "think":
            text = inline(reply)
        else:
            for piece in portions(reply.reasoning):
                yield from _reasoning_delta(carrier, piece, nulls=shape.nulls)
    if reply.spoken:
        yield from _audio_deltas(answer, at, reply)
        return
    for piece in _cut_tags(text) if carrier == "think" else portions(text):
        delta: dict[str, Any] = {"content": piece}
        if shape.nulls:
            delta["reasoning_content"] = None
        if answer.body.get("logprobs") is True:
            delta["logprobs"] = logprobs_of(answer, piece)
        yield delta
    if carrier == "signature" and reply.reasoning and not reply.calls:
        yield {"content": "", **signature(answer)}
    yield from _call_deltas(answer, reply)


def _reasoning_delta(carrier: str, piece: str, *, nulls: bool) -> Iterator[dict[str, Any]]:
    if carrier == "reasoning_content":
        yield {"content": None, "reasoning_content": piece} if nulls else {"content": "", "reasoning_content": piece}
    elif carrier == "reasoning":
        yield {"content": "", "reasoning": piece, "reasoning_details": reasoning_details(piece)}


def _call_deltas(answer: Answer, reply: Reply) -> Iterator[dict[str, Any]]:
    style = answer.dialect.stream.calls
    content = {"content": None} if answer.dialect.stream.nulls else {}
    for index, call in enumerate(reply.calls):
        whole = {"index": index, **call_on_wire(call)}
        if style == "whole" or call.kind == "custom":
            if answer.dialect.carrier == "signature" and index == 0:
                whole.update(signature(answer))
            yield {**content, "tool_calls": [whole]}
            continue
        head = {**whole, "function": {"name": call.name, "arguments": ""}}
        yield {**content, "tool_calls": [head]}
        for piece in portions(call.arguments):
            part: dict[str, Any] = {"index": index, "function": {"arguments": piece}}
            if style == "empty-ids":
                part = {"index": index, "id": "", "type": "function", "function": {"arguments": piece}}
            yield {**content, "tool_calls": [part]}


def _audio_deltas(answer: Answer, at: int, reply: Reply) -> Iterator[dict[str, Any]]:
    audio = audio_of(answer, at, reply)
    yield {"audio": {"id": audio["id"], "transcript": ""}}
    for piece in portions(reply.text):
        yield {"audio": {"transcript": piece}}
    data = audio["data"]
    for start in range(0, len(data), 2400):
        yield {"audio": {"data": data[start : start + 2400]}}
    yield {"audio": {"expires_at": audio["expires_at"]}}


def portions(text: str) -> Iterator[str]:
    """One to three tokens at a time, as recorded streams do; a long text in larger portions."""
    tokens = pieces(text)
    unit = 1 + len(tokens) // 400
    at = 0
    while at < len(tokens):
        step = unit * (1 + at % 3)
        yield "".join(tokens[at : at + step])
        at += step


def _cut_tags(text: str) -> Iterator[str]:
    """Portions in which `<think>` and `</think>` never come whole: they are cut wherever they fall."""
    start = 0
    for tag in ("<think>", "</think>"):
        at = text.find(tag, start)
        if at < 0:
            break
        yield from portions(text[start:at])
        cut = at + 3 + len(tag) % 3
        yield text[at:cut]
        start = cut
    yield from portions(text[start:])
