"""A reply, whole or streamed, is read by the same function: the two cannot differ in what they understand."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.parser import CompletionReader
from aimlapi_transport.chat.response import Delta, finish_reason_for
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, ServerError, StreamError
from tests.transport.replies import Event, cut, delta, folded, message, whole


@given(
    text=st.text(),
    reasoning=st.text(),
    refusal=st.text(max_size=5),
    cuts=st.lists(st.integers(0, 100), max_size=5),
    carrier=st.sampled_from(["reasoning_content", "reasoning", "details", "inline"]),
    usage_at=st.integers(0, 3),
)
def test_folding_a_stream_gives_what_parsing_the_whole_gives(
    text: str, reasoning: str, refusal: str, cuts: list[int], carrier: str, usage_at: int
) -> None:
    counts = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    if carrier == "inline":
        content = f"<think>\n{reasoning}\n</think>\n\n{text}"
        events = [delta(content=piece) for piece in cut(content, cuts)]
        body = message(content=content)
    elif carrier == "details":
        detail = {"type": "reasoning.text", "index": 0, "format": "f"}
        events = [delta(reasoning_details=[{**detail, "text": piece}]) for piece in cut(reasoning, cuts)]
        events += [delta(content=piece) for piece in cut(text, cuts)]
        body = message(content=text, reasoning_details=[{**detail, "text": reasoning}] if reasoning else [])
    else:
        events = [delta(**{carrier: piece, "content": None}) for piece in cut(reasoning, cuts)]
        events += [delta(**{carrier: None, "content": piece}) for piece in cut(text, cuts)]
        body = message(content=text, **{carrier: reasoning})
    events += [delta(refusal=piece) for piece in cut(refusal, cuts)]
    body["choices"][0]["message"]["refusal"] = refusal or None
    events.append(delta("stop"))
    events.insert(min(usage_at, len(events) - 1), {"id": "c", "choices": [], "usage": counts})
    events.append({"id": "", "choices": [{"index": 0, "finish_reason": "stop"}], "usage": {"total_tokens": 0}})
    body["usage"] = counts
    one, other = folded(events, inline_think=carrier == "inline"), whole(body, inline_think=carrier == "inline")
    assert (one.choices, one.usage, one.id) == (other.choices, other.usage, other.id)


_PIECES: list[Event] = [
    {"content": "a"},
    {"content": ""},
    {"content": None},
    {"content": [{"type": "text", "text": "b"}]},
    {"reasoning_content": "c"},
    {"refusal": "d"},
    {"role": "assistant", "content": "e"},
    {"content": "f", "annotations": [{"url": "https://x"}]},
    {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "g", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
    {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '"content":"x"\\'}}]},
    {"content": '"content": "g", \\'},
    {"content": "\u00fc\u2028\U0001f600"},
    {"content": "\ud83d"},
    {"content": None},
    {"tool_calls": [{"index": 0, "function": {"arguments": "1"}}, {"index": 0, "function": {"arguments": "2"}}]},
]
_CHOICES: list[Event] = [
    {"index": 0, "finish_reason": None, "logprobs": None},
    {"index": 1, "finish_reason": None},
    {"index": 0, "finish_reason": "stop"},
    {"index": 0, "logprobs": {"content": [{"token": "t", "logprob": -1.0}]}},
    {"finish_reason": None},
    {"index": 0, "seen": 1},
]
_AROUND: list[Event] = [
    {"id": "1", "model": "m", "created": 1},
    {"id": "1", "model": "m", "created": 1, "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    {"id": "1", "model": "m", "created": 1, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}},
    {"id": "1", "system_fingerprint": "fp", "obfuscation": "xx"},
    {"id": "1", "system_fingerprint": "fp", "obfuscation": "y"},
    {"id": "1", "system_fingerprint": "other"},
    {"id": "2", "model": "m", "created": 1},
    {"id": "1", "model": "m", "created": 2},
    {"id": "1", "vendor": {"delta": {"content": "a", "arguments": "{}"}}},
    {"id": "1", "vendor": {"delta": {"content": "b", "arguments": "{}"}}},
    {"id": "1", "vendor": {"delta": {"content": "b", "arguments": "[]"}}},
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(_AROUND),
            st.lists(st.tuples(st.sampled_from(_CHOICES), st.sampled_from(_PIECES)), min_size=1, max_size=2),
            st.integers(1, 3),
        ),
        min_size=1,
    )
)
def test_what_the_events_add_is_what_the_completion_says(
    parts: list[tuple[Event, list[tuple[Event, Event]], int]],
) -> None:
    """Event by event, for each choice by itself: texts, calls and log probabilities."""
    reader = CompletionReader(new_id=lambda: "made-up")
    deltas: list[Delta] = []
    for around, choices, times in parts:
        for _ in range(times):
            event = {**around, "choices": [{**choice, "delta": piece} for choice, piece in choices]}
            before = copy.deepcopy(event)
            deltas += reader.read(event)
            assert event == before
    deltas += reader.close()
    completion = deltas.pop().completion
    assert completion is not None
    for choice in completion.choices:
        own = [delta for delta in deltas if delta.choice == choice.index]
        for field in ("text", "reasoning", "refusal"):
            assert "".join(getattr(delta, field) for delta in own) == getattr(choice, field)
        for index, call in enumerate(choice.tool_calls):
            fragments = [piece for delta in own for piece in delta.tool_calls if piece.index == index]
            assert "".join(piece.arguments for piece in fragments) == call.arguments
            assert [piece.id for piece in fragments if piece.id] == [call.id]
            assert [piece.name for piece in fragments if piece.name] == ([call.name] if call.name else [])
        tokens = [token for delta in own for token in (delta.logprobs or {}).get("content", ())]
        assert tokens == (choice.logprobs or {}).get("content", [])


def test_a_reader_changes_nothing_it_was_given() -> None:
    events = [
        delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "a"}], audio={"id": "x", "data": "AA"}),
        delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "b"}], audio={"data": "BB"}),
        delta("stop"),
    ]
    before = copy.deepcopy(events)
    folded(events)
    assert events == before


def test_a_delta_holds_its_own_event_for_good() -> None:
    events = [delta(content=text) for text in "abcd"]
    before = copy.deepcopy(events)
    reader = CompletionReader()
    (*deltas,) = (piece for event in events for piece in reader.read(event))
    assert [piece.raw for piece in deltas] == before
    assert all(piece.raw is event for piece, event in zip(deltas, events, strict=True))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("further", [{}, {"index": 0}, {"finish_reason": None}, {"index": 0, "finish_reason": None}])
def test_what_else_a_choice_holds_is_read_however_few_its_fields(further: Event, whole: bool) -> None:
    said = {"message" if whole else "delta": {"content": "x"}, **further}
    reader = CompletionReader()
    reader.read({"choices": [{**said, "novelty": 1}]}, whole=whole)
    assert reader.completion().choices[0].extra == {"novelty": 1}
    with pytest.raises(AIMLAPIError, match="out of memory"):
        CompletionReader().read({"choices": [{**said, "error": {"message": "out of memory"}}]}, whole=whole)


def test_streamed_audio_annotations_and_logprobs_join() -> None:
    events = [
        delta(audio={"id": "a1", "data": "AA", "transcript": "hel"}, annotations=[{"n": 1}]),
        delta(audio={"data": "BB", "transcript": "lo"}, annotations=[{"n": 2}]),
        delta("stop", audio={"expires_at": 9}),
    ]
    for n, event in enumerate(events):
        event["choices"][0]["logprobs"] = {"content": [{"token": str(n)}], "refusal": None}
    choice = folded(events).choices[0]
    assert choice.extra == {
        "audio": {"id": "a1", "data": "AABB", "transcript": "hello", "expires_at": 9},
        "annotations": [{"n": 1}, {"n": 2}],
    }
    assert choice.logprobs == {"content": [{"token": "0"}, {"token": "1"}, {"token": "2"}], "refusal": None}


def test_unknown_fields_survive() -> None:
    """At the top, in the choice and in the message, whole and streamed."""
    body = message(content="t", novelty=[1])
    body |= {"citations": ["u"], "provider": "P"}
    body["choices"][0]["flag"] = 0
    completion = whole(body)
    assert completion.raw is body
    assert completion.extra == {"citations": ["u"], "provider": "P"}
    assert completion.choices[0].extra == {"novelty": [1], "flag": 0}
    event = delta("stop", content="t", novelty=[1]) | {"citations": ["u"], "provider": "P"}
    streamed = folded([event])
    assert streamed.extra == {"citations": ["u"], "provider": "P"}
    assert streamed.raw["citations"] == ["u"]
    assert streamed.raw["choices"][0]["message"]["novelty"] == [1]


def test_several_choices_stay_apart() -> None:
    events = [
        delta(content="a"),
        delta(content="b", index=1),
        delta("stop", content="A"),
        delta("length", 1, content="B"),
    ]
    completion = folded(events)
    assert [(c.text, c.finish_reason) for c in completion.choices] == [("aA", "stop"), ("bB", "length")]


def test_content_as_parts_and_a_spurious_message() -> None:
    assert whole(message(content=[{"type": "text", "text": "a"}, "b", {"type": "text", "text": "c"}])).text == "abc"
    image = {"type": "image_url", "image_url": {"url": "u"}}
    assert whole(message(content=["a", image])).choices[0].extra == {"content_parts": [image]}
    # Perplexity repeats the whole text so far beside each delta
    event = delta("stop", content="b")
    event["choices"][0]["message"] = {"content": "ab"}
    assert folded([delta(content="a"), event]).text == "ab"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"), ("end_turn", "stop"), ("STOP", "stop"), ("stop_sequence", "stop"), ("length", "length"),
        ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("tool_use", "tool_calls"), ("function_call", "tool_calls"),
        ("content_filter", "content_filter"), ("SAFETY", "content_filter"), ("eos_token", "eos_token"),
    ],
)  # fmt: skip
def test_finish_reasons_are_one_vocabulary(word: str, reason: str) -> None:
    completion = whole(message(word, content="x"))
    assert finish_reason_for(word) == completion.finish_reason == reason
    assert completion.native_finish_reason == word


def test_ids_come_from_headers_and_the_first_event_that_has_one() -> None:
    headers = {"x-inference-id": "inf", "x-client-request-id": "mine"}
    events = [
        {"id": "first", "model": "m", "choices": []},
        {"id": "", "model": "", **{"choices": delta("stop")["choices"]}},
    ]
    completion = folded(events, headers=headers)
    assert (completion.id, completion.model) == ("first", "m")
    assert (completion.inference_id, completion.client_request_id) == ("inf", "mine")
    completion = folded(events, headers=dict.fromkeys(headers, ""))
    assert (completion.inference_id, completion.client_request_id) == (None, None)


@pytest.mark.parametrize(
    ("event", "kind", "says"),
    [
        ({"error": {"message": "broken", "code": 500}}, ServerError, "broken"),
        ({"error": "broken"}, StreamError, "broken"),
        ({"statusCode": "503", "message": "busy", "requestId": "r"}, ServerError, "busy"),
        ({"choices": [{"index": 0, "finish_reason": "error", "error": {"message": "broken"}}]}, StreamError, "broken"),
        ({"object": "error", "message": "boom", "code": 400}, AIMLAPIError, "boom"),
        ({"detail": "boom"}, StreamError, "boom"),
        ({"success": False, "errors": [{"message": "boom"}]}, StreamError, "boom"),
        (
            {"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
            StreamError,
            "insufficient balance",
        ),
    ],
)
def test_an_error_inside_a_stream_is_raised(event: Event, kind: type[AIMLAPIError], says: str) -> None:
    reader = CompletionReader()
    reader.read(delta(content="a"))
    with pytest.raises(kind, match=says):
        reader.read(event)


def test_a_choice_without_a_message_is_no_answer() -> None:
    with pytest.raises(BadResponseError, match="no message"):
        whole({"choices": [{"index": 0, "finish_reason": "stop"}]})


def test_a_message_after_tool_calls_does_not_repeat_them() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    last = {"id": "c", "choices": [{"index": 0, "message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    assert len(folded([delta(tool_calls=[call]), last]).tool_calls) == 1


@pytest.mark.parametrize("body", [{}, {"choices": None}, {"choices": []}, {"choices": "x"}, {"choices": [None]}])
def test_a_reply_without_a_choice_is_no_answer(body: Event) -> None:
    with pytest.raises(BadResponseError, match="no choices"):
        whole(body)


NAMES = st.sampled_from(
    ["choices", "index", "delta", "message", "content", "tool_calls", "function", "arguments", "name", "id", "usage",
     "meta", "error", "finish_reason", "reasoning_details", "audio", "logprobs", "event", "state", "type", "text",
     "prompt_tokens", "total_tokens", "base_resp", "status_code", "extra_content", "statusCode", "function_call"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(NAMES, JSON, max_size=5), min_size=1, max_size=4), st.booleans())
def test_any_json_is_read_or_refused_with_our_error(events: list[Event], is_whole: bool) -> None:
    reader = CompletionReader(inline_think=True)
    try:
        for event in events:
            reader.read(event, whole=is_whole)
        reader.close()
    except AIMLAPIError:
        pass
