"""/v1/batches: many of Claude's requests at once, answered after a while. Kept in memory.

A batch is in progress for as many questions as `app.state.batches.polls` says; then its results come as JSON Lines, not
in the order sent. A `custom_id` or a text that holds `fault-expired`, `fault-errored` or `fault-canceled`
ends so, once.
Source: https://docs.aimlapi.com/capabilities/batch-processing
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from aimlapi_emulator.dialects.identity import TIMESTAMP, Identity
from aimlapi_emulator.dialects.usage import credits_of
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import answer
from aimlapi_emulator.server.account import note_call
from aimlapi_emulator.server.chat import served
from aimlapi_emulator.server.claude_messages import message_of
from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.http import Asked, json_reply, trace_headers

MOST_REQUESTS = 100_000
_FAULTS = ("expired", "errored", "canceled")


@dataclass(slots=True)
class Batch:
    """One batch.

    Attributes:
        polls: how often it is still to be asked for before it is there.
    """

    id: str
    results: list[dict[str, Any]]
    polls: int
    is_cancelled: bool = False

    def state(self) -> dict[str, Any]:
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["processing"] = len(self.results)
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": "canceling" if self.is_cancelled else "in_progress",
            "request_counts": counts,
            "ended_at": None,
            "created_at": TIMESTAMP,
            "expires_at": TIMESTAMP,
            "archived_at": None,
            "cancel_initiated_at": TIMESTAMP if self.is_cancelled else None,
            "results_url": None,
        }


@dataclass(slots=True)
class Batches:
    """All batches, and which requests were spoilt already."""

    polls: int = 2
    kept: dict[str, Batch] = field(default_factory=dict)
    spoilt: set[str] = field(default_factory=set)


def create(request: Request, asked: Asked) -> Response:
    """A batch; refused as a whole where one of its requests is wrong."""
    batches: Batches = request.app.state.batches
    body = asked.body
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise invalid("requests", "array of at least 1 element", kind_of(requests))
    if len(requests) > MOST_REQUESTS:
        raise invalid("requests", f"at most {MOST_REQUESTS} elements", len(requests), "Too many")
    ids = [one.get("custom_id") if isinstance(one, dict) else None for one in requests]
    if len(set(ids)) != len(ids) or not all(isinstance(one, str) for one in ids):
        raise invalid("requests", "a `custom_id` of its own for each", "others")
    results = [_answered(request, batches, one, asked.identity) for one in requests]
    batch = Batch(asked.identity.made("msgbatch_{b62:24}", f"batch{len(batches.kept)}"), results[::-1], batches.polls)
    batches.kept[batch.id] = batch
    return json_reply(batch.state(), trace_headers(request, asked.identity))


def _answered(request: Request, batches: Batches, one: dict[str, Any], identity: Identity) -> dict[str, Any]:
    params, custom_id = one.get("params"), one["custom_id"]
    if not isinstance(params, dict) or not isinstance(params.get("model"), str):
        raise invalid("requests.params.model", "string", kind_of(params))
    facts = served(params["model"])
    if facts.family != "anthropic":
        raise Refused(400, f"Model '{facts.id}' is not supported by batches.")
    for message in params.get("messages") or ():
        if message.get("role") not in ("user", "assistant"):
            raise invalid("requests.params.messages.role", "'user' | 'assistant'", message.get("role"))
    written = orjson.dumps(one).decode()
    for fault in _FAULTS:
        if f"fault-{fault}" in written and custom_id not in batches.spoilt:
            batches.spoilt.add(custom_id)
            error = {"type": "error", "error": {"type": "invalid_request_error", "message": "Spoilt on request."}}
            return {
                "custom_id": custom_id,
                "result": {"type": fault, **({"error": error} if fault == "errored" else {})},
            }
    chat = {**params, "max_tokens": params.get("max_tokens") or 1024}
    made = answer(facts, read(chat), chat, Identity(identity.made("{b62:8}"), custom_id))
    note_call(request, facts.id, credits_of(made) // 2, (made.prompt_tokens, made.output_tokens), made.identity)
    return {"custom_id": custom_id, "result": {"type": "succeeded", "message": message_of(made, tier="batch")}}


def status(request: Request) -> Response:
    """What a batch is: its state, or its results as JSON Lines."""
    batch = _find(request, request.query_params.get("batch_id"))
    headers = trace_headers(request, Identity("batch", batch.id))
    if batch.polls > 0:
        batch.polls -= 1
        return json_reply(batch.state(), headers)
    stopped = [{**one, "result": {"type": "canceled"}} for one in batch.results]
    lines = stopped if batch.is_cancelled else batch.results
    data = b"\n".join(orjson.dumps(line) for line in lines) + b"\n"
    return Response(data, 200, headers, "application/x-jsonlines")


def cancel(request: Request) -> Response:
    """Stops a batch."""
    batch = _find(request, request.path_params["id"])
    batch.is_cancelled = batch.polls > 0
    return json_reply({"id": batch.id, "status": "cancelled"}, trace_headers(request, Identity("cancel", batch.id)))


def _find(request: Request, batch_id: str | None) -> Batch:
    batches: Batches = request.app.state.batches
    batch = batches.kept.get(str(batch_id))
    if batch is None:
        raise Refused(404, f"Batch '{str(batch_id)[:80]}' not found.")
    return batch
