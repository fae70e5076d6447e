"""Requests as conversations: messages with their calls and results, and which request continues which. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from aimlapi_emulator.inspector.replies import Reply, call_of, parts_of

MAX_TURNS = 20_000  # requests that can be continued
MAX_SAME = 20  # of them with the same messages
MAX_TEXT = 4_000  # characters of an answer that are compared
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


@dataclass(frozen=True, slots=True)
class _Turn:
    """A request that was answered: its number, its thread, and what others continue."""

    number: int
    thread: int
    model: str
    text: str
    calls: frozenset[str]


class Threads:
    """Which request continues which.

    One continues another where it begins with all messages of the other and then with its answer, or names its
    answer by `previous_response_id`. The same messages sent again, or to another model, are another conversation.
    A failed request is a thread of its own, and nothing continues it.
    """

    def __init__(self) -> None:
        self._turns: dict[str, list[_Turn]] = {}  # hash of all messages of a request -> those that were the same
        self._answers: dict[str, _Turn] = {}  # id of a response -> what it answered
        self._count = 0
        self._last: tuple[int, list[Any]] | None = None

    def find(self, body: Any) -> Place:
        """Where a request would stand that is not added; its thread is 0 where it begins one."""
        before, shared = self._before(body, _hashes(body))
        return Place(before.thread if before else 0, before.number if before else None, shared)

    def add(self, number: int, body: Any, reply: Reply, *, failed: bool, model: str | None = None) -> Place:
        """Where a request stands that has ended; numbers grow.

        Args:
            model: that was asked, where the body does not say.
        """
        hashes = _hashes(body)
        before, shared = self._before(body, hashes)
        if before and not failed:
            thread = before.thread
        else:
            self._count += 1
            thread = self._count
        if not failed:
            calls = frozenset(call["id"] or call["name"] for call in reply.calls)
            turn = _Turn(number, thread, model or _model(body), _plain(reply.text), calls)
            self._remember(turn, hashes[-1] if hashes else None, reply.id)
        return Place(thread, before.number if before else None, shared)

    def asked_before(self, reply_id: str) -> str:
        """The model of the request that was answered with this id; empty where there is none."""
        turn = self._answers.get(reply_id)
        return "" if turn is None else turn.model

    def known(self, number: int) -> list[Any] | None:
        """What others continue of a request, for `restore`; None where it failed or is not the last that was added."""
        return self._last[1] if self._last and self._last[0] == number else None

    def restore(self, number: int, place: Place, known: list[Any] | None) -> None:
        """Adds a request of an earlier run, by its place and what `known` had of it then."""
        self._count = max(self._count, place.thread)
        if known is not None:
            model, text, calls, last, reply_id = known
            self._remember(_Turn(number, place.thread, model, text, frozenset(calls)), last, reply_id)

    def _remember(self, turn: _Turn, last: str | None, reply_id: str | None) -> None:
        """What may be continued: by the hash of all its messages, and by the id of its answer."""
        if last is not None:
            same = self._turns.setdefault(last, [])
            same.append(turn)
            del same[:-MAX_SAME]
            _bound(self._turns)
        if reply_id:
            self._answers[reply_id] = turn
            _bound(self._answers)
        self._last = (turn.number, [turn.model, turn.text, sorted(turn.calls), last, reply_id])

    def _before(self, body: Any, hashes: list[str]) -> tuple[_Turn | None, int]:
        """The request that this one continues, and how many messages it had; None, 0 where there is none."""
        named = isinstance(body, dict) and self._answers.get(str(body.get("previous_response_id")))
        if named:
            return named, 0
        inputs, model = inputs_of(body), _model(body)
        for count in range(len(hashes) - 1, 0, -1):
            turns = self._turns.get(hashes[count - 1])
            if not turns:
                continue
            text, calls = _answered(inputs[count:])
            found = [turn for turn in turns if (text or calls) and (turn.text, turn.calls) == (text, calls)]
            found = found or [turn for turn in turns if _is_answer(turn, text, calls)]
            if found:
                return next((turn for turn in reversed(found) if turn.model == model), found[-1]), count
        return None, 0


def _hashes(body: Any) -> list[str]:
    """Of each beginning of a request's messages, shortest first."""
    found, running = [], hashlib.sha256()
    for one in inputs_of(body):
        running.update(json.dumps(_said(one), sort_keys=True, default=str).encode())
        found.append(running.hexdigest())
    return found


def _answered(inputs: list[Any]) -> tuple[str, frozenset[str]]:
    """The text and the calls of the assistant's messages at the start of these."""
    texts, calls = [], []
    for raw in inputs:
        one = _message(raw) if isinstance(raw, dict) else None
        if one is None or one["role"] != "assistant":
            break
        texts += [part["text"] for part in one["parts"] if part["kind"] == "text"]
        calls += [call["id"] or call["name"] for call in one["calls"]]
    return _plain("".join(texts)), frozenset(calls)


def _is_answer(turn: _Turn, text: str, calls: frozenset[str]) -> bool:
    """Whether an assistant's message is what a request was answered; programs trim texts, and drop calls."""
    if calls and turn.calls:
        return not calls.isdisjoint(turn.calls)
    if text and turn.text:
        return f" {text} " in f" {turn.text} " or f" {turn.text} " in f" {text} "
    return False


def _model(body: Any) -> str:
    return str(body.get("model") or "") if isinstance(body, dict) else ""


def _plain(text: str) -> str:
    return " ".join(text.split())[:MAX_TEXT]


def _bound(held: dict[str, Any]) -> None:
    """Forgets the oldest of too many."""
    if len(held) > MAX_TURNS:
        del held[next(iter(held))]


def _said(message: Any) -> Any:
    """A message without what changes from turn to turn and says nothing."""
    if not isinstance(message, dict):
        return message
    return {name: value for name, value in message.items() if name != "cache_control" and value not in (None, [], "")}
