"""Replies of /v1/responses: a stream, however it is cut, says what the whole reply says; failures are errors."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from aimlapi_transport.chat.reader import ReplyReader
from aimlapi_transport.chat.response import Completion, Delta
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import (
    AIMLAPIError,
    BadResponseError,
    ContextLengthError,
    IncompleteStreamError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
    StreamError,
)
from aimlapi_transport.responses.reader import ResponsesReader

Json = dict[str, Any]
REASONING: Json = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Second."}],
    "encrypted_content": "sealed",
}
THOUGHT: Json = {
    "id": "rs_2",
    "type": "reasoning",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm"}],
}
SEARCH: Json = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}
CITED: Json = {"type": "url_citation", "url": "https://example.com", "title": "E", "start_index": 0, "end_index": 3}
UNKNOWN: Json = {"id": "x_1", "type": "hologram", "data": [1, 2]}
CALL: Json = {
    "id": "fc_1",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "weather",
    "namespace": "tools",
    "arguments": '{"city": "Paris"}',
}
CUSTOM: Json = {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_2", "name": "run", "input": 'print("hi")'}


def message(text: str, *, item_id: str = "msg_1", **more: Any) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], **more}
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def response(*items: Json, **more: Any) -> Json:
    usage = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 12,
    }
    known = {"id": "r1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "output": [*items]}
    return {**known, "usage": usage, "meta": {"usage": {"usd_spent": 0.25, "credits_used": 500000}}, **more}


def texts(item: Json, index: int) -> list[Json]:
    """The deltas of an item, three characters at a time."""
    place = {"item_id": item.get("id"), "output_index": index}

    def cut(text: str) -> list[str]:
        return [text[at : at + 3] for at in range(0, len(text), 3)]

    found: list[Json] = []
    for at, part in enumerate(item.get("summary") or ()):
        kind = "response.reasoning_summary_text.delta"
        found += [{"type": kind, **place, "summary_index": at, "delta": piece} for piece in cut(part["text"])]
    for at, part in enumerate(item.get("content") or ()):
        if part["type"] == "refusal":
            found += [{"type": "response.refusal.delta", **place, "delta": piece} for piece in cut(part["refusal"])]
            continue
        kind = f"response.{'reasoning' if item['type'] == 'reasoning' else 'output'}_text.delta"
        found += [{"type": kind, **place, "content_index": at, "delta": piece} for piece in cut(part["text"])]
    if item["type"] == "function_call":
        kind = "response.function_call_arguments.delta"
        found += [{"type": kind, **place, "delta": piece} for piece in cut(item["arguments"])]
    if item["type"] == "custom_tool_call":
        found += [{"type": "response.custom_tool_call_input.delta", **place, "delta": p} for p in cut(item["input"])]
    return found


def events(whole: Json, *, end: str = "response.completed", deltas: bool = True, done: bool = True) -> list[Json]:
    begun = {**whole, "output": [], "usage": None, "status": "in_progress"}
    made: list[Json] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(whole["output"]):
        blank = {"content": [], "summary": [], "arguments": "", "input": ""}
        added = {**item, **{name: value for name, value in blank.items() if name in item}}
        made.append({"type": "response.output_item.added", "output_index": index, "item": added})
        made += texts(item, index) if deltas else []
        if done:
            made.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return [*made, {"type": end, "response": whole}]


def stream(made: list[Json]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in made)


def read(data: bytes, size: int = 10**9, stop: tuple[str, ...] = ()) -> tuple[Completion, list[Delta]]:
    made = iter(range(1000))
    parser = ResponsesReader(new_id=lambda: f"call_{next(made)}", stop=stop)
    reader = ReplyReader(profile_for("m"), parser=parser)
    deltas = [delta for at in range(0, len(data), size) for delta in reader.feed(data[at : at + size])]
    deltas += reader.close()
    completion = deltas[-1].completion
    assert completion is not None
    return completion, deltas


REPLIES = {
    "text": response(message("Hello there.")),
    "reasoning": response(REASONING, message("Hello.")),
    "reasoning text": response(THOUGHT, message("Hello.")),
    "two thoughts": response(REASONING, SEARCH, THOUGHT, message("Hello.")),
    "calls": response(REASONING, CALL, CUSTOM, {**CALL, "id": "fc_2", "call_id": "call_3", "arguments": "{}"}),
    "search": response(SEARCH, message("See it.", annotations=[CITED])),
    "two messages": response(message("One. "), SEARCH, message("Two.", item_id="msg_2", annotations=[CITED])),
    "refusal": response(
        {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No way"}]}
    ),
    "unknown item": response(UNKNOWN, message("Hello.")),
    "cut": response(message("Hel"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    "nothing": response(),
    "logprobs": response(message("Hi", logprobs=[{"token": "Hi", "logprob": -0.5, "bytes": [], "top_logprobs": []}])),
}


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize(
    "form",
    [{}, {"deltas": False}, {"done": False}, {"deltas": False, "done": False}],
    ids=["all", "no deltas", "no done", "only the end"],
)
def test_a_stream_says_what_the_whole_reply_says(name: str, form: dict[str, bool]) -> None:
    whole = REPLIES[name]
    expected, _ = read(orjson.dumps(whole))
    end = "response.incomplete" if whole["status"] == "incomplete" else "response.completed"
    data = stream(events(whole, end=end, **form))
    for size in (1, 7, len(data)):
        completion, deltas = read(data, size)
        assert completion == expected
        assert "".join(delta.text for delta in deltas) == expected.text
        assert "".join(delta.reasoning for delta in deltas) == expected.reasoning
        assert "".join(delta.refusal for delta in deltas) == expected.refusal
        arguments: dict[int, str] = {}
        for delta in deltas:
            for call in delta.tool_calls:
                arguments[call.index] = arguments.get(call.index, "") + call.arguments
        assert [call.arguments for call in expected.tool_calls] == [arguments[at] for at in sorted(arguments)]
        assert [delta.item for delta in deltas if delta.item is not None] == [*expected.choices[0].items]


def test_a_reply_has_the_values_of_a_chat_completion() -> None:
    completion, _ = read(orjson.dumps(response(REASONING, message("Hello."), CALL, CUSTOM)))
    choice = completion.choices[0]
    assert (completion.id, completion.model, completion.created) == ("r1", "m", 1)
    assert (choice.text, choice.reasoning) == ("Hello.", "First.\n\nSecond.")
    assert (choice.finish_reason, choice.native_finish_reason) == ("tool_calls", "completed")
    assert [(call.id, call.name, call.parsed) for call in choice.tool_calls] == [
        ("call_1", "weather", {"city": "Paris"}),
        ("call_2", "run", {"input": 'print("hi")'}),
    ]
    assert choice.tool_calls[0].extra == {"namespace": "tools", "item_id": "fc_1"}
    usage, cost = completion.usage, completion.cost
    assert usage is not None and cost is not None
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning, usage.total) == (7, 2, 5, 3, 12)
    assert (cost.usd, cost.credits) == (0.25, 500000)
    assert completion.extra == {"status": "completed"}


def test_places_of_citations_count_from_the_start_of_the_answer() -> None:
    completion, _ = read(orjson.dumps(REPLIES["two messages"]))
    (cited,) = completion.choices[0].extra["annotations"]
    assert completion.text[cited["start_index"] : cited["end_index"]] == "Two"


def test_what_the_end_says_stands() -> None:
    made = events(response(message("Hello.")))
    made[-1] = {"type": "response.completed", "response": response(message("Goodbye."))}
    completion, _ = read(stream(made))
    assert completion.text == "Goodbye."


def test_an_end_without_output_keeps_the_items_that_came() -> None:
    made = events(response(REASONING, message("Hello.")))
    made[-1] = {"type": "response.completed", "response": response()}
    completion, _ = read(stream(made))
    assert (completion.text, completion.reasoning) == ("Hello.", "First.\n\nSecond.")
    assert completion.raw["output"] == [REASONING, message("Hello.")]


def test_interleaved_items_stand_in_their_order() -> None:
    whole = response(message("Hello."), CALL)
    made = events(whole)
    first = [event for event in made if event.get("output_index") == 0]
    second = [event for event in made if event.get("output_index") == 1]
    mixed = [event for pair in zip(first, second, strict=False) for event in pair]
    rest = [event for event in (*first, *second) if event not in mixed]
    completion, _ = read(stream([made[0], *mixed, *rest, made[-1]]))
    assert completion == read(orjson.dumps(whole))[0]


def test_events_nobody_knows_are_kept() -> None:
    made = events(response(message("Hello.")))
    strange = {"type": "response.hologram.delta", "delta": "x", "output_index": 0}
    completion, deltas = read(stream([*made[:-1], strange, made[-1]]))
    assert completion.raw["unread_events"] == [strange]
    assert strange in [delta.raw for delta in deltas]


def test_progress_of_the_provider_s_tools_is_told() -> None:
    made = events(response(SEARCH))
    searching = {"type": "response.web_search_call.searching", "item_id": "ws_1", "output_index": 0}
    completion, deltas = read(stream([*made[:2], searching, *made[2:]]))
    assert searching in [delta.raw for delta in deltas]
    assert "unread_events" not in completion.raw


DOCUMENTED = [
    *("audio.delta", "audio.done", "audio.transcript.delta", "audio.transcript.done"),
    *("code_interpreter_call_code.delta", "code_interpreter_call_code.done", "code_interpreter_call.completed"),
    *("code_interpreter_call.in_progress", "code_interpreter_call.interpreting", "file_search_call.completed"),
    *("file_search_call.in_progress", "file_search_call.searching", "function_call_arguments.done", "in_progress"),
    *("reasoning_summary_text.done", "reasoning_text.done", "refusal.done", "web_search_call.completed"),
    *("web_search_call.in_progress", "web_search_call.searching", "image_generation_call.completed"),
    *("image_generation_call.generating", "image_generation_call.in_progress", "image_generation_call.partial_image"),
    *("mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.completed", "mcp_call.failed"),
    *("mcp_call.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed", "mcp_list_tools.in_progress"),
    *("output_text.annotation.added", "queued", "custom_tool_call_input.done", "reasoning_summary_part.done"),
    *("output_text.done", "reasoning_summary_part.added", "content_part.done", "created", "content_part.added"),
]


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_no_documented_event_changes_what_the_items_say(kind: str) -> None:
    whole = response(message("Hello."))
    made = events(whole)
    event = {"type": f"response.{kind}", "output_index": 0, "delta": "x", "response": {**whole, "output": []}}
    completion, _ = read(stream([*made[:3], event, *made[3:]]))
    assert completion.text == "Hello."
    assert "unread_events" not in completion.raw
    if kind.startswith("audio") and kind.endswith("delta"):
        assert completion.choices[0].extra["audio"] == {"transcript" if "transcript" in kind else "data": "x"}


@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("completed", None, "stop"),
        ("complete", None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("queued", None, None),
        ("in_progress", None, None),
    ],
)
def test_how_it_ended(status: str, details: Json | None, finish: str | None) -> None:
    completion, _ = read(orjson.dumps(response(message("x"), status=status, incomplete_details=details)))
    assert completion.finish_reason == finish


def test_bodies_without_a_status_are_whole() -> None:
    old = {name: value for name, value in response(message("x")).items() if name != "status"}
    assert read(orjson.dumps(old))[0].finish_reason == "stop"


def test_the_convenience_field_is_read_where_there_is_nothing_else() -> None:
    assert read(orjson.dumps(response(output_text="Hi")))[0].text == "Hi"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "It failed."}, ServerError),
        ({"code": "rate_limit_exceeded", "message": "It failed."}, RateLimitError),
        ({"code": "invalid_prompt", "message": "It failed."}, InvalidRequestError),
        ({"code": "context_length_exceeded", "message": "It failed."}, ContextLengthError),
        ({"code": "else", "message": "It failed."}, StreamError),
    ],
)
def test_a_failure_is_an_error_with_what_had_arrived(error: Json, kind: type[AIMLAPIError]) -> None:
    failed = response(message("Half"), status="failed", error=error)
    for data in (orjson.dumps(failed), stream(events(failed, end="response.failed"))):
        with pytest.raises(kind, match="It failed") as raised:
            read(data)
        assert raised.value.partial.text == "Half"
    with pytest.raises(kind, match="It failed") as raised:
        read(stream([*events(response(message("Half")))[:-2], {"type": "error", **error}]))
    assert raised.value.partial.text == "Half"


def test_a_cancelled_response_is_an_error() -> None:
    with pytest.raises(AIMLAPIError, match="was cancelled"):
        read(orjson.dumps(response(status="cancelled")))


def test_a_stream_without_its_end_was_cut() -> None:
    for data in (stream(events(response(message("Half")))[:-1]), b"data: [DONE]\n\n"):
        with pytest.raises(IncompleteStreamError, match=r"response\.completed"):
            read(data)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"model": "m"}])
def test_what_is_no_response_is_no_answer(body: Json) -> None:
    with pytest.raises(BadResponseError):
        read(orjson.dumps(body))


def test_a_flat_error_in_a_200_is_an_error() -> None:
    with pytest.raises(InvalidRequestError, match="No such"):
        read(orjson.dumps({"statusCode": 400, "message": "No such thing"}))


def test_a_reply_of_endless_items_has_a_bound() -> None:
    made = [message("x", item_id=str(at)) for at in range(1200)]
    with pytest.raises(BadResponseError, match="more items"):
        read(json.dumps(response(*made)).encode())


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (("there",), "Hello "),
        (("lo", "Hel"), ""),
        (("there!",), "Hello there."),  # held back in vain
        (("no",), "Hello there."),
    ],
)
def test_the_text_ends_at_a_stop_sequence(stop: tuple[str, ...], text: str) -> None:
    whole = response(message("Hello there."), CALL)
    is_cut = text != "Hello there."
    for data, size in ((orjson.dumps(whole), 10**9), (stream(events(whole)), 1), (stream(events(whole)), 10**9)):
        completion, deltas = read(data, size, stop)
        assert completion.text == text == "".join(delta.text for delta in deltas)
        assert completion.finish_reason == ("stop" if is_cut else "tool_calls")
        assert len(completion.tool_calls) == (0 if is_cut else 1)
        assert completion.choices[0].items == (message("Hello there."), CALL)
        assert completion.usage is not None
