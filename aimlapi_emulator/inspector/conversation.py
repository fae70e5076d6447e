"""Requests as conversations: messages with their calls and results, and which request goes on with which. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from aimlapi_emulator.inspector.replies import call_of, parts_of

T = TypeVar("T")
MOST = 20_000  # former requests that can be gone on with
_TEXTS = ("messages", "input", "instructions", "system")


def messages_of(body: Any) -> list[dict[str, Any]]:
    """The messages of a request of any endpoint: role, parts, reasoning, calls (with results beside them), call_id."""
    found = [_message(raw) for raw in inputs_of(body)]
    results = {one["call_id"]: one for one in found if one["call_id"]}
    for one in found:
        for call in one["calls"]:
            call["result"] = results.get(call["id"], {}).get("parts")
    called = {call["id"] for one in found for call in one["calls"]}
    for one in found:
        one["is_beside"] = bool(one["call_id"]) and one["call_id"] in called
    return found


def inputs_of(body: Any) -> list[Any]:
    """What a request says, in its own form: messages, input items, or one text."""
    if not isinstance(body, dict):
        return []
    orders = [body[name] for name in ("instructions", "system") if body.get(name)]
    said: list[Any] = [{"role": "system", "content": order} for order in orders]
    given = body.get("messages", body.get("input"))
    if isinstance(given, list) and given and all(isinstance(one, dict) for one in given):
        return said + given
    return said + ([{"role": "user", "content": given}] if given else [])


def parameters_of(body: Any) -> dict[str, Any]:
    """All of a request but what it says."""
    return {name: value for name, value in body.items() if name not in _TEXTS} if isinstance(body, dict) else {}


def _message(raw: dict[str, Any]) -> dict[str, Any]:
    kind = raw.get("type")
    message: dict[str, Any] = {
        "role": str(raw.get("role") or "assistant"),
        "parts": [],
        "reasoning": "",
        "calls": [],
        "call_id": "",
    }
    if kind in ("function_call", "custom_tool_call"):
        message["calls"] = [call_of(raw)]
    elif kind in ("function_call_output", "custom_tool_call_output"):
        message.update(role="tool", call_id=str(raw.get("call_id") or ""), parts=parts_of(raw.get("output")))
    elif kind == "reasoning":
        message["reasoning"] = "\n".join(part["text"] for part in parts_of(raw.get("summary")) if "text" in part)
    elif "role" not in raw:
        message["parts"] = [{"kind": "json", "json": raw}]
    else:
        parts = parts_of(raw.get("content"))
        message["parts"] = [part for part in parts if part["kind"] != "reasoning"]
        thoughts = [part["text"] for part in parts if part["kind"] == "reasoning"]
        message["reasoning"] = str(raw.get("reasoning_content") or raw.get("reasoning") or "") or "\n".join(thoughts)
        message["call_id"] = str(raw.get("tool_call_id") or "")
        for call in raw.get("tool_calls") or []:
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                message["calls"].append(call_of({"call_id": call.get("id"), **function}))
    return message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands: its thread's number, the request before it, and how many messages they share."""

    thread: int
    before: int | None
    shared: int


class Threads:
    """Which request goes on with which: the longest beginning that a former request was.

    The same request again is another conversation, unless the former one failed: then it was sent again.
    """

    def __init__(self) -> None:
        self._ended: dict[str, tuple[int, int]] = {}  # what a request said -> its number, its thread
        self._answers: dict[str, tuple[int, int]] = {}  # id of a response -> the same
        self._failed: dict[int, None] = {}
        self._count = 0

    def place(self, number: int, body: Any) -> Place:
        """Files a request; numbers grow."""
        before = isinstance(body, dict) and self._answers.get(str(body.get("previous_response_id")))
        hashes, running = [], hashlib.sha256()
        for one in inputs_of(body):
            running.update(json.dumps(_said(one), sort_keys=True, default=str).encode())
            hashes.append(running.hexdigest())
        shared = 0
        if not before:
            for count in range(len(hashes), 0, -1):
                found = self._ended.get(hashes[count - 1])
                if found and (count < len(hashes) or found[0] in self._failed):
                    before, shared = found, count
                    break
        if before:
            place = Place(before[1], before[0], shared)
        else:
            self._count += 1
            place = Place(self._count, None, 0)
        if hashes:
            self._ended[hashes[-1]] = (number, place.thread)
        _bound(self._ended)
        _bound(self._answers)
        _bound(self._failed)
        return place

    def answered(self, number: int, place: Place, answer: str | None, *, failed: bool) -> None:
        """Remembers the id of an answer, for `previous_response_id`, and whether there was none."""
        if failed:
            self._failed[number] = None
        if answer:
            self._answers[answer] = (number, place.thread)


def _bound(held: dict[T, Any]) -> None:
    """Forgets the oldest of too many."""
    if len(held) > MOST:
        del held[next(iter(held))]


def _said(message: Any) -> Any:
    """A message without what changes from turn to turn and says nothing."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if name != "cache_control" and value not in (None, [], "")}
