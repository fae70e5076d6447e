"""Calls of tools and their results in a conversation: each result has its call before it, each call its result. Pure.

Hosts refuse a conversation in which they have not, and name no message. A history that was trimmed may be one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aimlapi_transport.chat.tool_names import CALL_ITEMS
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError

NO_RESULT = "There is no result of this call in the conversation."
"""What a repaired history has for the result of a call that has none."""


class _Call(NamedTuple):
    """A call, where it stands, and whether a text can be its result."""

    call_id: str
    name: str
    position: int
    takes_text: bool = True


def check_history(
    messages: Sequence[Json], *, repair: bool = False, continued: bool = False, has_items: bool = False
) -> list[Json]:
    """The messages, in which each result of a tool has its call and each call its result.

    Args:
        repair: leave out results without a call and further results of a call, and answer calls without a result with
            `NO_RESULT`; all are errors by default. Results that another message parts from their call follow it again.
        continued: whether an answer that is in no message comes before them: results may be of its calls.
        has_items: whether the endpoint takes calls as output items, also of tools such as a computer.

    Raises:
        InvalidRequestError: a result without its call, a second result of a call, or a call without its result, by the
            index of its message.
    """
    calls: dict[str, _Call] = {}
    ids: dict[str, str] = {}  # by name, of the last call: the older form of a result has no id
    former_ids: dict[str, str] = {}  # of calls in the older form, which results in the newer one may name, too
    waiting: dict[str, _Call] = {}
    without_result: list[_Call] = []
    surplus: set[int] = set()  # the positions of results that no call asks for, or not any more
    answered: dict[str, int] = {}  # call id -> the position of its result
    late: dict[int, list[Json]] = {}  # by the position of their call; hosts want them right behind it
    misplaced: set[int] = set()  # the positions of these results
    turn = 0  # the position of the last message that is no result
    for position, message in enumerate(messages):
        if message.get("role") in ("tool", "function"):
            key = str(message.get("tool_call_id") or message.get("name"))
            by_name = ids if message.get("role") == "function" else former_ids
            call_id = key if key in calls else by_name.get(key, key)
            if call_id not in calls and not (continued and message.get("role") == "tool"):
                surplus.add(position)
                if not repair:
                    raise _no_call(position, key, calls)
            elif call_id in answered:  # what follows the first result was written after that one
                if not repair:
                    raise _second_result(position, key, answered[call_id])
                surplus.add(position)
                continue
            answered[call_id] = position
            waiting.pop(call_id, None)
            if repair and call_id in calls and calls[call_id].position < turn:
                late.setdefault(calls[call_id].position, []).append(message)
                misplaced.add(position)
            continue
        turn = position
        if message.get("role") == "assistant":
            for call in _calls(message, position, has_items):
                if call.call_id in waiting:  # an id that comes again names the later call
                    without_result.append(waiting[call.call_id])
                calls[call.call_id] = waiting[call.call_id] = call
                ids[call.name] = call.call_id
                answered.pop(call.call_id, None)
            if message.get("function_call"):
                name = str(message["function_call"].get("name"))
                call_id = ids.get(name, name) if has_items else name
                ids[name] = former_ids[name] = call_id
                answered.pop(call_id, None)
                calls.setdefault(call_id, _Call(call_id, name, position))
        for call_id in _answered_inside(message) if waiting else ():
            waiting.pop(call_id, None)
    without_result += waiting.values()
    for call in without_result:
        if not repair or not call.takes_text:
            raise _no_result(call)
    if not without_result and not surplus and not misplaced:
        return list(messages)
    repaired: list[Json] = []
    for position, message in enumerate(messages):
        if position not in surplus and position not in misplaced:
            repaired.append(message)
        repaired += late.get(position, ())
        answers = [call.call_id for call in without_result if call.position == position]
        repaired += [{"role": "tool", "tool_call_id": call_id, "content": NO_RESULT} for call_id in answers]
    return repaired


def _calls(message: Json, position: int, has_items: bool) -> Iterator[_Call]:
    """The calls of an assistant message that want a result."""
    for call in message.get("tool_calls") or ():
        inner = call.get("custom") or call.get("function") or {}
        yield _Call(str(call.get("id")), str(inner.get("name")), position)
    if not has_items:
        return
    for item in message.get("output_items") or ():
        kind, call_id = str(item.get("type")), item.get("call_id")
        if call_id and kind not in CALL_ITEMS and not kind.endswith("_output") and item.get("execution") != "server":
            yield _Call(str(call_id), str(item.get("name") or kind), position, takes_text=False)
    former = message.get("function_call")
    if former and not message.get("tool_calls"):
        yield _Call(f"call_{former.get('name')}", str(former.get("name")), position)


def _answered_inside(message: Json) -> Iterator[str]:
    """The ids of the calls whose results are items, of the provider's own tools or among the parts of a message."""
    content = message.get("content")
    parts: Sequence[Any] = content if isinstance(content, list) else ()
    for item in (*(message.get("output_items") or ()), *parts):
        if item.get("call_id") and str(item.get("type")).endswith("_output"):
            yield str(item["call_id"])


def _no_call(position: int, key: str, calls: dict[str, _Call]) -> InvalidRequestError:
    return InvalidRequestError(
        f"messages[{position}] is the result of a call {key!r} that no message before it made: name one of the calls "
        f"made ({', '.join(calls) or 'there are none'}), or pass `repair_history=True` to leave such results out."
    )


def _second_result(position: int, key: str, first: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"messages[{position}] is a second result of the call {key!r}, after messages[{first}]: keep one of them, or "
        "pass `repair_history=True` to leave the second out."
    )


def _no_result(call: _Call) -> InvalidRequestError:
    advice = ", or pass `repair_history=True` to send a note in its place" if call.takes_text else ""
    return InvalidRequestError(
        f"messages[{call.position}] calls `{call.name}`, and no later message has its result: add it, or take the "
        f"call out{advice}."
    )
