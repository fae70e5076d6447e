"""Faults in tool calls: broken arguments, missing ids, indexes that collide. To add one, add a row to TABLE.

The call goes to the first (or forced) tool of the request, its arguments filled from the message; a request
without tools gets a call to `get_weather` for Paris.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.types import ASGIApp

from aimlapi_emulator.faults.scene import Fault, Scene
from aimlapi_emulator.mind.conversation import Tool, read
from aimlapi_emulator.mind.schema import Filler
from aimlapi_emulator.mind.tools import plan_calls

Call = dict[str, Any]
_WEATHER = Tool("get_weather", "", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


def _calls(scene: Scene) -> list[Call]:
    """Two good calls, whole, with different arguments."""
    conversation = read(scene.body)
    tool, question = _wanted(scene, conversation.tools), conversation.question
    if tool is _WEATHER:
        values = [{"city": "Paris"}, {"city": "Rome"}]
    else:
        planned = [
            orjson.loads(call.arguments) for call in plan_calls(question, [tool]) if call.tool.kind == "function"
        ]
        first = planned[0] if planned else Filler(question).fill(tool.schema or {"type": "object"})
        first = first if isinstance(first, dict) else {}
        values = [first, planned[1] if len(planned) > 1 else {key: _other(value) for key, value in first.items()}]
    return [
        {
            "index": at,
            "id": scene.identity.made("call_{b62:24}", f"call{at}"),
            "type": "function",
            "function": {"name": tool.name, "arguments": orjson.dumps(value).decode()},
        }
        for at, value in enumerate(values)
    ]


def _wanted(scene: Scene, tools: tuple[Tool, ...]) -> Tool:
    choice = scene.body.get("tool_choice")
    held = choice.get("function", choice) if isinstance(choice, dict) else {}
    name = held.get("name") if isinstance(held, dict) else None
    return next((tool for tool in tools if tool.name == name), tools[0] if tools else _WEATHER)


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return f"{value} 2"
    return value + 1 if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _send(scene: Scene, calls: list[Call], fragments: list[list[Call]], finish: str = "tool_calls") -> ASGIApp:
    """The calls whole, or as the deltas a stream cuts them into."""
    if scene.made is None:
        return scene.good()
    if not scene.streams:
        body = scene.whole()
        plain = [{key: value for key, value in call.items() if key != "index"} for call in calls]
        body["choices"][0]["message"] |= {"content": None, "tool_calls": plain}
        body["choices"][0]["finish_reason"] = finish
        return scene.json(body)
    chunks = scene.chunks()
    ending = [chunk for chunk in chunks if not chunk["choices"]]
    meta = chunks[-1].pop("meta", None)
    made: list[dict[str, Any]] = [
        {**chunks[0], "choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]}
    ]
    made += [_delta(chunks[0], {"tool_calls": part}) for part in fragments]
    made += [_delta(chunks[0], {}, finish), *ending]
    made[-1]["meta"] = meta
    return scene.stream(made)


def _delta(like: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {**like, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def fragments_of(call: Call) -> list[list[Call]]:
    """A call as OpenAI streams it: a head with name and id, then its arguments in three fragments."""
    arguments = call["function"]["arguments"]
    third = max(1, len(arguments) // 3)
    head = {**call, "function": {**call["function"], "arguments": ""}}
    cuts = [arguments[:third], arguments[third : 2 * third], arguments[2 * third :]]
    return [[head], *([{"index": call["index"], "function": {"arguments": cut}}] for cut in cuts)]


def _one(change: Callable[[Call], None], finish: str = "tool_calls") -> Callable[[Scene], ASGIApp]:
    """One call, changed; in a stream its arguments come in fragments if they are text."""

    def act(scene: Scene) -> ASGIApp:
        call = _calls(scene)[0]
        change(call)
        text = isinstance(call["function"].get("arguments"), str) and call["function"]["arguments"]
        return _send(scene, [call], fragments_of(call) if text else [[call]], finish)

    return act


def _arguments(value: Any) -> Callable[[Call], None]:
    return lambda call: call["function"].update(arguments=value)


def _broken(call: Call) -> None:
    call["function"]["arguments"] = call["function"]["arguments"].rstrip("}") + ", oops: <not json>"


def _cut(call: Call) -> None:
    text = call["function"]["arguments"]
    call["function"]["arguments"] = text[: max(1, len(text) * 2 // 3)]


def _object(call: Call) -> None:
    call["function"]["arguments"] = orjson.loads(call["function"]["arguments"])


def _two(change: Callable[[Call], None]) -> Callable[[Scene], ASGIApp]:
    """Two whole calls, one per delta, each changed."""

    def act(scene: Scene) -> ASGIApp:
        calls = _calls(scene)
        for call in calls:
            change(call)
        return _send(scene, calls, [[call] for call in calls])

    return act


def _interleaved(scene: Scene) -> ASGIApp:
    calls = _calls(scene)
    one, other = (fragments_of(call) for call in calls)
    return _send(scene, calls, [part for pair in zip(one, other, strict=True) for part in pair])


def _name_later(scene: Scene) -> ASGIApp:
    call = _calls(scene)[0]
    rest = fragments_of(call)[1:]
    first = {"index": 0, "id": call["id"], "type": "function", "function": {"arguments": ""}}
    second = {"index": 0, "function": {"name": call["function"]["name"], "arguments": ""}}
    return _send(scene, [call], [[first], [second], *rest])


def _name_repeated(scene: Scene) -> ASGIApp:
    call = _calls(scene)[0]
    parts = fragments_of(call)
    for (part,) in parts:
        part.update(id=call["id"], type="function")
        part["function"]["name"] = call["function"]["name"]
    return _send(scene, [call], parts)


def _index_drift(scene: Scene) -> ASGIApp:
    """As Qwen3 calls, streamed by some servers: https://github.com/langchain-ai/langchain/issues/31511."""
    call = _calls(scene)[0]
    head, *rest = fragments_of(call)
    head[0]["index"] = 1
    for (part,) in rest:
        part.update(id="", type="function")
    return _send(scene, [call], [head, *rest])


def _null_function(scene: Scene) -> ASGIApp:
    call = _calls(scene)[0]
    return _send(scene, [call], [[call], [{"index": 0, "function": None}]])


TABLE = (
    Fault("fault-tool-ok", "One correct call, its arguments in three fragments.", _one(lambda call: None)),
    Fault("fault-tool-args-invalid-json", "Arguments that no parser accepts.", _one(_broken)),
    Fault("fault-tool-args-not-object", "Arguments that are a JSON list.", _one(_arguments('["not", "an", "object"]'))),
    Fault("fault-tool-truncated", "Arguments cut in the middle, finish_reason length.", _one(_cut, "length")),
    Fault("fault-tool-args-object", "Arguments as an object instead of text.", _one(_object)),
    Fault("fault-tool-empty-args", "Arguments are the empty string.", _one(_arguments(""))),
    Fault("fault-tool-null-args", "Arguments null.", _one(_arguments(None))),
    Fault("fault-tool-no-id", "A call without an id.", _one(lambda call: call.pop("id"))),
    Fault("fault-tool-index-missing", "Two whole calls, no index on either.", _two(lambda call: call.pop("index"))),
    Fault(
        "fault-tool-index-all-zero",
        "Two whole calls, both index 0, different ids.",
        _two(lambda call: call.update(index=0)),
    ),
    Fault("fault-tool-interleaved", "Two calls, fragments interleaved by index.", _interleaved),
    Fault("fault-tool-name-in-later-chunk", "Id first, name in the next fragment, then arguments.", _name_later),
    Fault("fault-tool-name-repeated", "Id and name repeated on every fragment.", _name_repeated),
    Fault("fault-tool-finish-stop", "A call with finish_reason `stop`.", _one(lambda call: None, "stop")),
    Fault("fault-tool-index-drift", "Id and name under index 1, the arguments under index 0.", _index_drift),
    Fault("fault-tool-null-function", "A fragment with `function: null` after a whole call.", _null_function),
)
