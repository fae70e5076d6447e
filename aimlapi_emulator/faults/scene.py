"""What a fault works on: the good reply it spoils, whole and as chunks, and how to send the result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from aimlapi_emulator.dialects.completion import completion
from aimlapi_emulator.dialects.families import DIALECTS
from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.dialects.streaming import chunks
from aimlapi_emulator.mind.conversation import read
from aimlapi_emulator.mind.reply import Answer, Reply, answer
from aimlapi_emulator.mind.tokens import count_prompt
from aimlapi_emulator.server import embeddings
from aimlapi_emulator.server.errors import Refused, error_body
from aimlapi_emulator.server.facts import Facts, find_model
from aimlapi_emulator.server.http import Asked, json_reply, trace_headers
from aimlapi_emulator.server.scripted_response import Scripted, Step
from aimlapi_emulator.server.validation import check_messages, check_shape

TEXT = "The emulator sends this answer whole: naïve café, 你好, 🙂. If you can read this, nothing is missing."
JSON_TYPE = "application/json; charset=utf-8"
EVENTS_TYPE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `times`: attempts that fail before one succeeds; 0: every one. `where`: what it spoils."""

    name: str
    explains: str
    act: Callable[[Scene], ASGIApp]
    times: int = 0
    where: Literal["all", "stream", "whole"] = "all"


@dataclass(frozen=True, slots=True)
class Scene:
    """A request that asked for a fault, and the good reply it would have had."""

    request: Request
    body: dict[str, Any]
    identity: Identity
    key: str
    made: Answer | None  # None for embeddings
    asked: Asked

    @property
    def streams(self) -> bool:
        return self.made is not None and self.body.get("stream") is True

    @property
    def headers(self) -> dict[str, str]:
        return trace_headers(self.request, self.identity)

    def whole(self) -> dict[str, Any]:
        """The good reply as one object."""
        if self.made is None:
            row = {**self.body, "model": "text-embedding-3-small"} if _is_fault(self.body) else self.body
            reply = embeddings.embed(self.request, Asked(row, self.identity))
            return {**orjson.loads(reply.body), "model": self.body["model"]}
        return copy.deepcopy(completion(self.made))

    def chunks(self) -> list[dict[str, Any]]:
        """The good stream's chunks, without its [DONE]."""
        assert self.made is not None
        return copy.deepcopy(chunks(self.made))

    def good(self) -> ASGIApp:
        """What the request gets when nothing is wrong."""
        return self.stream(self.chunks()) if self.streams else self.json(self.whole())

    def json(self, value: Any, status: int = 200) -> Response:
        return json_reply(value, self.headers, status)

    def raw(self, body: bytes, status: int = 200, **headers: str) -> Response:
        """Bytes as they are; header names with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(body, status, {**self.headers, "content-type": JSON_TYPE, **named})

    def error(self, status: int, message: str, **headers: str) -> Response:
        body = orjson.dumps(error_body(status, self.request.url.path, message, self.identity))
        return self.raw(body, status, **headers)

    def stream(self, parts: Iterable[Any], *, done: bool = True) -> Scripted:
        """Objects as events, bytes and pauses as they are, then [DONE]."""
        return self.script(
            [*(part if isinstance(part, (bytes, float)) else event(part) for part in parts), *([DONE] * done)]
        )

    def script(self, steps: Iterable[Step], status: int | None = 200, **headers: str) -> Scripted:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Scripted(status, {**self.headers, "content-type": EVENTS_TYPE, **named}, steps)


def event(chunk: Any) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def build_scene(request: Request, asked: Asked, key: str, *, by_header: bool) -> Scene:
    """The scene of a request: a fixed text for a fault's own model name, the real answer for a real model."""
    body = asked.body if isinstance(asked.body, dict) else {}
    if request.url.path.endswith("/embeddings"):
        return Scene(request, body, asked.identity, key, None, asked)
    check_shape(asked.body)
    facts = find_model(body["model"]) if by_header and not _is_fault(body) else None
    if facts is None and not _is_fault(body):
        raise Refused(404, f"Model '{body['model'][:200]}' not found.")
    facts = facts or Facts(
        body["model"], "fault", endpoints=("/v1/chat/completions",), limits={}, claims=frozenset({"tools"})
    )
    check_messages(body["messages"], facts)
    conversation = read(body)
    made = answer(facts, conversation, body, asked.identity)
    if facts.family == "fault":
        tokens = count_prompt(conversation, body)
        made = Answer(facts, DIALECTS["plain"], asked.identity, (Reply(TEXT),), tokens, body)
    return Scene(request, body, asked.identity, key, made, asked)


def _is_fault(body: dict[str, Any]) -> bool:
    return str(body.get("model", "")).startswith("fault-")
