"""/v1/chat/completions: a request in, a reply or a stream out.

Each step is a room of its own; this walks through them. To change a step, change its room.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aimlapi_emulator.dialects.completion import completion
from aimlapi_emulator.dialects.families import CREATED
from aimlapi_emulator.dialects.streaming import events
from aimlapi_emulator.dialects.usage import credits_of
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import Answer, answer
from aimlapi_emulator.mind.tokens import count_prompt
from aimlapi_emulator.server.account import note_call, note_recorded
from aimlapi_emulator.server.errors import Refused
from aimlapi_emulator.server.facts import Facts, find_model
from aimlapi_emulator.server.hosts import Host
from aimlapi_emulator.server.http import Asked, cost_headers, json_reply, trace_headers
from aimlapi_emulator.server.recordings import Recording, published
from aimlapi_emulator.server.validation import check, check_length, check_shape

EVENT_STREAM = "text/event-stream; charset=utf-8"


def chat(request: Request, asked: Asked, host: Host) -> Response:
    """The reply to a chat request; raises Refused for one that gets none."""
    headers = trace_headers(request, asked.identity)
    if not host.rules:
        recording = published("/v1/chat/completions", asked.body)
        if recording is not None:
            note_recorded(request, recording.body, asked.identity)
            return _replayed(recording, headers)
    made = _answered(check_shape(asked.body), asked, host)
    note_call(request, made.facts.id, credits_of(made), (made.prompt_tokens, made.output_tokens), asked.identity)
    if made.body.get("stream") is True:
        return StreamingResponse(_sent(events(made)), 200, headers, EVENT_STREAM)
    body = completion(made)
    status = 201 if CREATED.search(made.facts.id) and not host.rules else 200
    return json_reply(body, {**headers, **cost_headers(body.get("meta"))}, status)


def _answered(body: dict[str, Any], asked: Asked, host: Host) -> Answer:
    facts = host.find(body) if host.rules else served(body["model"])
    body = host.checked(body)
    check(body, facts)
    conversation = read(body)
    check_length(count_prompt(conversation, body), facts)
    return answer(facts, conversation, body, asked.identity)


def served(model: str) -> Facts:
    """The catalogue's entry for a model served over chat completions; 404 if there is none."""
    facts = find_model(model)
    if facts is None:
        raise Refused(404, f"Model '{model[:200]}' not found.")
    if not facts.serves_chat:
        raise Refused(
            404, f"Model '{model[:200]}' is not served by /v1/chat/completions, only by {', '.join(facts.endpoints)}."
        )
    return facts


def _replayed(recording: Recording, headers: dict[str, str]) -> Response:
    if recording.sse is not None:
        lines = (line.encode() + b"\n\n" for line in recording.sse)
        return StreamingResponse(_sent(lines), 200, headers, EVENT_STREAM)
    return json_reply(recording.body, {**headers, **cost_headers(recording.body.get("meta"))}, recording.status)


async def _sent(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Each event on its own, giving other streams their turn in between."""
    for part in parts:
        yield part
        await asyncio.sleep(0)
