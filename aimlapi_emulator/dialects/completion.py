"""The whole reply as JSON: one completion object in a dialect. To add a field a family sends, add it to its row."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from aimlapi_emulator.dialects.audio import wav
from aimlapi_emulator.dialects.families import upstream_name
from aimlapi_emulator.dialects.identity import EPOCH
from aimlapi_emulator.dialects.logprobs import logprobs_of
from aimlapi_emulator.dialects.usage import meta_of, usage_of
from aimlapi_emulator.mind.reply import Answer, Call, Reply


def completion(answer: Answer) -> dict[str, Any]:
    """The body of a non-streaming reply."""
    body: dict[str, Any] = {
        "id": reply_id(answer),
        "object": "chat.completion",
        "created": EPOCH,
        "model": upstream_name(answer.facts),
        "choices": [_choice(answer, at, choice) for at, choice in enumerate(answer.choices)],
        "usage": usage_of(answer),
    }
    return {**body, **beside(answer, answer.dialect.body), **citations(answer), **meta_of(answer)}


def reply_id(answer: Answer) -> str:
    return answer.identity.made(answer.dialect.id)


def beside(answer: Answer, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's constant fields, its formats filled in."""
    filled = {}
    for key, value in row.items():
        if isinstance(value, str) and "{" in value:
            value = reply_id(answer) if value == "{id}" else answer.identity.made(value, key)
        filled[key] = copy.deepcopy(value)
    return filled


def citations(answer: Answer) -> dict[str, Any]:
    """Perplexity's sources: invented, but of the recorded shape."""
    if answer.dialect.name != "perplexity":
        return {}
    urls = [f"https://example.com/source-{n}" for n in (1, 2, 3)]
    results = [
        {"title": f"Source {n}", "url": url, "date": "2026-01-01", "last_updated": "2026-01-01"}
        for n, url in enumerate(urls, 1)
    ]
    return {"citations": urls, "search_results": results}


def _choice(answer: Answer, at: int, reply: Reply) -> dict[str, Any]:
    dialect = answer.dialect
    message = {"role": "assistant", "content": _content(answer, reply), **beside(answer, dialect.message)}
    message.update(_reasoning(answer, reply))
    if reply.calls:
        message["tool_calls"] = [call_on_wire(call) for call in reply.calls]
        signed = signature(answer) if dialect.carrier == "signature" else {}
        for call in message["tool_calls"][:1]:
            call.update(signed)
    if reply.spoken:
        message["content"] = None
        message["audio"] = audio_of(answer, at, reply)
    choice: dict[str, Any] = {"index": at, "message": message, **beside(answer, dialect.choice)}
    choice["finish_reason"] = dialect.finish_whole.get(reply.finish, reply.finish)
    if "native_finish_reason" in choice:
        choice["native_finish_reason"] = reply.finish
    if answer.body.get("logprobs") is True:
        choice["logprobs"] = logprobs_of(answer, reply.text)
    return choice


def _content(answer: Answer, reply: Reply) -> str | None:
    if answer.dialect.carrier == "think" and reply.reasoning and not reply.hidden:
        return inline(reply)
    return None if reply.calls and not reply.text else reply.text


def inline(reply: Reply) -> str:
    """Reasoning inside the text; a reply cut while it reasons never closes its tag."""
    closed = reply.text or reply.calls or reply.finish != "length"
    return f"<think>\n{reply.reasoning}" + (f"\n</think>\n\n{reply.text}" if closed else "")


def _reasoning(answer: Answer, reply: Reply) -> dict[str, Any]:
    carrier, shown = answer.dialect.carrier, "" if reply.hidden else reply.reasoning
    if carrier == "reasoning_content":
        text = shown or answer.dialect.empty_reasoning
        return {} if text is None else {"reasoning_content": text}
    if carrier == "reasoning":
        return {"reasoning": shown, "reasoning_details": reasoning_details(shown)} if shown else {"reasoning": None}
    if carrier == "signature" and reply.reasoning and not reply.calls:
        return signature(answer)
    return {}


def reasoning_details(text: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]


def signature(answer: Answer) -> dict[str, Any]:
    """Gemini's opaque proof of thought, beside a message or its first call."""
    return {"extra_content": {"google": {"thought_signature": answer.identity.base64("thought", 96)}}}


def call_on_wire(call: Call) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def audio_of(answer: Answer, at: int, reply: Reply) -> dict[str, Any]:
    return {
        "id": answer.identity.made("audio_{hex:37}", f"audio{at}"),
        "data": wav(),
        "expires_at": EPOCH + 3600,
        "transcript": reply.text,
    }
