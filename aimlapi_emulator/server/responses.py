"""/v1/responses: items in, a response or its events out; kept where asked to, and made in the background.

The request is read as a conversation and answered by the same mind as chat completions; `dialects.responses` gives
the answer its form.
Source: https://docs.aimlapi.com/api-references/text-models-llm/openai (the /v1/responses schemas)
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aimlapi_emulator.dialects.responses import events, response_of
from aimlapi_emulator.dialects.usage import credits_of
from aimlapi_emulator.mind.built_in import built_in_items
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import answer
from aimlapi_emulator.mind.tokens import count_prompt
from aimlapi_emulator.server.account import note_call, note_recorded
from aimlapi_emulator.server.chat import EVENT_STREAM
from aimlapi_emulator.server.errors import Refused, invalid, kind_of
from aimlapi_emulator.server.facts import RESPONSES, Facts, find_model
from aimlapi_emulator.server.http import Asked, cost_headers, json_reply, trace_headers
from aimlapi_emulator.server.input_items import check_items, to_chat
from aimlapi_emulator.server.recordings import published
from aimlapi_emulator.server.validation import check_length, check_numbers

_LIMITS = {
    "temperature": {"minimum": 0, "maximum": 2},
    "top_p": {"minimum": 0, "maximum": 1},
    "top_logprobs": {"minimum": 0, "maximum": 20, "type": "integer"},
    "max_output_tokens": {"minimum": 16, "type": "integer"},
    "max_tool_calls": {"minimum": 1, "type": "integer"},
}
_POLLS = 2  # how often a response in the background is asked for before it is there


@dataclass(slots=True)
class Kept:
    """A stored response, the conversation that led to it, and how often it is still to be asked for."""

    response: dict[str, Any]
    items: list[Any]
    polls: int = 0


@dataclass(slots=True)
class Store:
    """The responses that are kept, the oldest first to go."""

    most: int = 1000
    kept: OrderedDict[str, Kept] = field(default_factory=OrderedDict)

    def add(self, kept: Kept) -> None:
        self.kept[kept.response["id"]] = kept
        while len(self.kept) > self.most:
            self.kept.popitem(last=False)

    def find(self, response_id: str) -> Kept:
        kept = self.kept.get(response_id)
        if kept is None:
            raise Refused(404, f"Response with id '{response_id[:80]}' not found.")
        return kept


def respond(request: Request, asked: Asked) -> Response:
    """The reply to a request; raises Refused for one that gets none."""
    headers = trace_headers(request, asked.identity)
    recording = published("/v1/responses", asked.body)
    if recording is not None and recording.sse is None:
        note_recorded(request, recording.body, asked.identity)
        return json_reply(recording.body, {**headers, **cost_headers(recording.body.get("meta"))}, recording.status)
    body = _checked(asked.body)
    facts = served(body["model"])
    store: Store = request.app.state.responses
    given = [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
    items = [*_before(store, body), *given]
    check_items(items, is_stored=body.get("store") is True or bool(body.get("previous_response_id")))
    chat = to_chat(body, items)
    conversation = read(chat)
    check_length(count_prompt(conversation, chat), facts)
    ran = built_in_items(body, items, conversation, asked.identity)
    made = answer(facts, conversation, chat, asked.identity)
    note_call(request, facts.id, credits_of(made), (made.prompt_tokens, made.output_tokens), asked.identity)
    response = response_of(made, body, ran)
    if body.get("store") is True or body.get("background") is True:
        store.add(Kept(response, [*items, *response["output"]], _POLLS if body.get("background") is True else 0))
    if body.get("stream") is True:
        return StreamingResponse(_sent(events(made, response, body)), 200, headers, EVENT_STREAM)
    if body.get("background") is True:
        return json_reply(_under_way(response, "queued"), headers)
    return json_reply(response, {**headers, **cost_headers(response.get("meta"))})


def retrieved(request: Request, response_id: str) -> Response:
    """A kept response; one in the background is under way until it was asked for some times."""
    kept = request.app.state.responses.find(response_id)
    if kept.polls > 0 and kept.response["status"] != "cancelled":
        kept.polls -= 1
        return json_reply(_under_way(kept.response, "in_progress"), {})
    return json_reply(kept.response, cost_headers(kept.response.get("meta")))


def cancelled(request: Request, response_id: str) -> Response:
    """A response in the background, which stops; one that is whole stays as it is."""
    kept = request.app.state.responses.find(response_id)
    if kept.polls > 0:
        kept.polls = 0
        kept.response = {**_under_way(kept.response, "cancelled")}
    return json_reply(kept.response, {})


def served(model: str) -> Facts:
    """The catalogue's entry for a model served here; 404 if there is none."""
    facts = find_model(model)
    if facts is None:
        raise Refused(404, f"Model '{model[:200]}' not found.")
    if not facts.serves_responses:
        raise Refused(404, f"Model '{model[:200]}' is not served by {RESPONSES}, only by {', '.join(facts.endpoints)}.")
    return facts


def _before(store: Store, body: dict[str, Any]) -> list[Any]:
    previous = body.get("previous_response_id")
    if previous is None:
        return []
    kept = store.kept.get(str(previous))
    if kept is None:
        raise Refused(400, f"Previous response with id '{str(previous)[:80]}' not found. (previous_response_not_found)")
    return kept.items


def _under_way(response: dict[str, Any], status: str) -> dict[str, Any]:
    without = {name: value for name, value in response.items() if name != "meta"}
    return {**without, "status": status, "output": [], "usage": None, "completed_at": None}


def _checked(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise invalid("body", "object", kind_of(body), "Invalid type")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("model", "string", kind_of(body["model"]) if "model" in body else "undefined", "Required")
    if not isinstance(body.get("input"), (str, list)):
        raise invalid("input", "string | array", kind_of(body["input"]) if "input" in body else "undefined", "Required")
    if "messages" in body:
        raise invalid("messages", "`input`", "array", "Unrecognized key")
    for name in ("stop", "seed", "n", "response_format", "presence_penalty", "frequency_penalty", "max_tokens"):
        if name in body:
            raise Refused(400, f"Unknown parameter: '{name}'.")
    check_numbers(body, _LIMITS)
    for name, right, word in (
        *((name, bool, "boolean") for name in ("stream", "store", "background", "parallel_tool_calls")),
        *((name, dict, "object") for name in ("text", "reasoning", "metadata")),
        *((name, list, "array") for name in ("tools", "include")),
    ):
        if body.get(name) is not None and not isinstance(body[name], right):
            raise invalid(name, word, kind_of(body[name]), "Invalid type")
    for at, tool in enumerate(body.get("tools") or ()):
        _check_tool(tool, f"tools[{at}]")
    return body


def _check_tool(tool: Any, where: str) -> None:
    if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
        raise invalid(f"{where}.type", "string", "undefined", "Required")
    if tool["type"] == "function":
        for key, right, word in (("name", str, "string"), ("parameters", dict, "object"), ("strict", bool, "boolean")):
            if not isinstance(tool.get(key), right):
                raise invalid(f"{where}.{key}", word, kind_of(tool[key]) if key in tool else "undefined", "Required")
    elif tool["type"] == "custom" and not isinstance(tool.get("name"), str):
        raise invalid(f"{where}.name", "string", "undefined", "Required")


async def _sent(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Each event on its own, giving other streams their turn in between."""
    for part in parts:
        yield part
        await asyncio.sleep(0)
