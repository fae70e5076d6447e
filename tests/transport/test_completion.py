"""A reply, whole or streamed, is read by the same function: the two cannot differ in what they understand."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimlapi_transport.chat.parser import _UNLIKE, CompletionReader
from aimlapi_transport.chat.response import Completion, finish_reason_for
from aimlapi_transport.chat.usage import Cost, Usage, cost_from, usage_from
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, ServerError, StreamError

Event = dict[str, Any]


def whole(body: Event, **options: Any) -> Completion:
    reader = CompletionReader(**options)
    deltas = reader.read(body, whole=True) + reader.close()
    assert deltas[-1].completion is not None
    return deltas[-1].completion


def folded(events: list[Event], **options: Any) -> Completion:
    reader = CompletionReader(**options)
    deltas = [delta for event in events for delta in reader.read(event)] + reader.close()
    completion = deltas[-1].completion
    assert completion is not None
    for choice in completion.choices:
        mine = [delta for delta in deltas if delta.choice == choice.index]
        assert "".join(delta.text for delta in mine) == choice.text
        assert "".join(delta.reasoning for delta in mine) == choice.reasoning
        assert "".join(delta.refusal for delta in mine) == choice.refusal
    return completion


def delta(finish: str | None = None, index: int = 0, **message: Any) -> Event:
    return {"id": "c", "choices": [{"index": index, "delta": message, "finish_reason": finish}]}


def message(finish: str = "stop", **fields: Any) -> Event:
    return {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}]}


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(at)]


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
    {"id": "1", "vendor": {"delta": {"content": "a", "arguments": "{}"}}},
]
_WRITERS: list[Callable[[Event], str]] = [
    json.dumps,
    lambda event: json.dumps(event, ensure_ascii=False, separators=(",", ":")),
    lambda event: json.dumps(event, sort_keys=True, indent=1).replace("\n", " "),
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(_AROUND),
            st.lists(st.tuples(st.sampled_from(_CHOICES), st.sampled_from(_PIECES)), min_size=1, max_size=2),
            st.integers(1, 3),
        ),
        min_size=1,
    ),
    st.sampled_from(_WRITERS),
)
@example([(_AROUND[0], [(_CHOICES[0], _PIECES[0])], 2), (_AROUND[0], [(_CHOICES[0], _PIECES[0])] * 2, 1)], json.dumps)
def test_an_event_like_the_one_before_is_read_as_any_other(
    parts: list[tuple[Event, list[tuple[Event, Event]], int]], written: Callable[[Event], str]
) -> None:
    """What is compared with the event before it, or with its bytes, gives what reading all of it gives."""
    events = [
        {**around, "choices": [{**choice, "delta": piece} for choice, piece in choices]}
        for around, choices, times in parts
        for _ in range(times)
    ]
    compared = CompletionReader(new_id=lambda: "made-up")
    always_read = CompletionReader(new_id=lambda: "made-up")
    always_read._unlike = _UNLIKE + 1
    for event in events:
        data = written(event).encode("utf-8", "surrogatepass")
        delta = compared.spliced(data) or compared.continued(copy.deepcopy(event), data)
        deltas = compared.read(copy.deepcopy(event)) if delta is None else [delta]
        assert deltas == always_read.read(copy.deepcopy(event))
        assert compared.completion() == always_read.completion()


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


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"reasoning_content": "why"}, "why"),
        ({"reasoning": "why"}, "why"),
        ({"reasoning_content": "why", "reasoning": "why"}, "why"),
        ({"reasoning_content": None, "reasoning": "why"}, "why"),
        ({"reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "why"}]}, "why"),
        ({"reasoning": "why", "reasoning_details": [{"type": "reasoning.text", "text": "why"}]}, "why"),
        ({"reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}, ""),
        ({"reasoning_content": ""}, ""),
        ({"reasoning": {"odd": 1}}, ""),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "why"}]}]}, "why"),
    ],
)
def test_carriers_of_reasoning(fields: Event, reasoning: str) -> None:
    assert whole(message(**{"content": "text", **fields})).reasoning == reasoning
    assert folded([delta(**fields), delta("stop", content="text")]).reasoning == reasoning


def test_thoughts_among_the_parts_keep_their_seals() -> None:
    """Whole and in pieces; thoughts without a signature are their text, and nothing else."""
    signed = {"type": "thinking", "thinking": "why", "signature": "S"}
    hidden = {"type": "redacted_thinking", "data": "D"}
    pieces = [{"type": "thinking", "thinking": "wh"}, {"type": "thinking", "thinking": "y", "signature": "S"}, hidden]
    once = whole(message(content=[signed, hidden, {"type": "text", "text": "x"}]))
    streamed = folded([*(delta(content=[piece]) for piece in pieces), delta("stop", content="x")])
    for completion in (once, streamed):
        (choice,) = completion.choices
        assert (choice.text, choice.reasoning) == ("x", "why")
        assert choice.extra == {
            "reasoning_details": [
                {
                    "type": "reasoning.text",
                    "text": "why",
                    "signature": "S",
                    "format": "anthropic-claude-v1",
                    "index": 0,
                },
                {"type": "reasoning.encrypted", "data": "D", "format": "anthropic-claude-v1", "index": 1},
            ]
        }
    assert whole(message(content=[{"type": "thinking", "thinking": "why"}])).choices[0].extra == {}


@pytest.mark.parametrize("is_known", [True, False])
def test_inline_reasoning_at_the_start_is_read_whatever_the_family_unless_it_is_switched_off(is_known: bool) -> None:
    content = "\n<think>\nwhy\n</think>\n\ntext"
    events = [*(delta(content=sign) for sign in content), delta("stop")]
    for completion in (whole(message(content=content), inline_think=is_known), folded(events, inline_think=is_known)):
        assert (completion.reasoning, completion.text) == ("why", "text")
    off = {"inline_think": is_known, "parse_think": False}
    for completion in (whole(message(content=content), **off), folded(events, **off)):
        assert (completion.reasoning, completion.text) == ("", content)


_TAGS = ["<think>", "</think>", "<", "<thi", "think>", "/", " ", "\n", "a", '{"b": 1}']


@given(
    contents=st.lists(st.lists(st.sampled_from(_TAGS)).map("".join), min_size=1, max_size=2),
    cuts=st.lists(st.integers(0, 80), max_size=6),
    is_known=st.booleans(),
    is_role_first=st.booleans(),
)
@example(contents=["<thi"], cuts=[], is_known=False, is_role_first=True)
@example(contents=["<think>a</think>b</think>"], cuts=[17, 18], is_known=False, is_role_first=False)
def test_any_cut_of_text_with_tags_gives_what_the_whole_gives_for_each_choice(
    contents: list[str], cuts: list[int], is_known: bool, is_role_first: bool
) -> None:
    body: Event = {"id": "c", "choices": []}
    events: list[Event] = []
    for index, content in enumerate(contents):
        (choice,) = message(content=content)["choices"]
        body["choices"].append({**choice, "index": index})
        if is_role_first:
            events.append(delta(index=index, role="assistant", content=""))
        events += [delta(index=index, content=piece) for piece in cut(content, cuts)]
    events += [delta("stop", index=index) for index in range(len(contents))]
    one, other = folded(events, inline_think=is_known), whole(body, inline_think=is_known)
    assert [(c.text, c.reasoning) for c in one.choices] == [(c.text, c.reasoning) for c in other.choices]


@pytest.mark.parametrize(
    ("content", "reasoning", "text"),
    [
        ("<", "", "<"),
        ("<thi", "", "<thi"),
        ("\n\n", "", "\n\n"),
        ("a <think>b</think> c", "", "a <think>b</think> c"),
        ("<think>why", "why", ""),
        ("<think>why</think>the tag </think>", "why", "the tag </think>"),
    ],
)
def test_only_a_whole_tag_at_the_start_is_reasoning_of_an_unknown_family(
    content: str, reasoning: str, text: str
) -> None:
    events = [*(delta(content=sign) for sign in content), delta("stop")]
    for completion in (whole(message(content=content)), folded(events)):
        assert (completion.reasoning, completion.text) == (reasoning, text)


def test_what_is_held_back_for_a_tag_is_in_a_partial_answer_and_no_later_message_repeats_it() -> None:
    reader = CompletionReader()
    assert reader.read(delta(content="<thi")) == []
    assert reader.completion().text == "<thi"
    assert reader.read({"choices": [{"index": 0, "message": {"content": "<thi"}}]}) == []
    assert [part.text for part in reader.close()] == ["<thi", ""]


def test_text_is_passed_on_at_once_where_it_cannot_be_a_tag() -> None:
    reader = CompletionReader()
    pieces = ["", "Hello", " <think>", " </think>"]
    assert [[d.text for d in reader.read(delta(content=piece))] for piece in pieces] == [[], *([p] for p in pieces[1:])]


def test_pieces_of_a_signed_detail_join_and_stay_in_order() -> None:
    events = [
        delta(reasoning="a", reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "a"}]),
        delta(reasoning="b", reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "b"}]),
        delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "", "signature": "S"}]),
        delta(reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "X"}]),
        delta("stop", content="t", extra_content={"google": {"thought_signature": "G"}}, encrypted_content="E"),
    ]
    completion = folded(events)
    assert completion.reasoning == "ab"
    assert completion.choices[0].extra == {
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": "ab", "signature": "S"},
            {"type": "reasoning.encrypted", "index": 1, "data": "X"},
        ],
        "extra_content": {"google": {"thought_signature": "G"}},
        "encrypted_content": "E",
    }


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


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 566, "total_tokens": 1521}, (9, 1512)),
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}, (9, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 5}, (9, 5)),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, (0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": None, "total_tokens": 14}, (9, 5)),
        ({"prompt_tokens": 3.0, "completion_tokens": "4", "total_tokens": float("nan")}, (3, 4)),
        ({"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 4}, (14, 3)),
        ({"prompt_tokens": 10, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}, (10, 3)),
        ({"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 0}, (10, 0)),
    ],
)
def test_token_counts(raw: Event, counts: tuple[int, int]) -> None:
    usage = usage_from(raw)
    assert usage is not None
    assert (usage.input, usage.output, usage.total) == (*counts, sum(counts))


def test_token_details() -> None:
    raw = {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 3},
    }
    assert usage_from(raw) == Usage(10, 8, 4, 1, 5, 2, 3, raw)
    assert usage_from({"prompt_tokens_details": None, "completion_tokens_details": None}) == Usage(
        0, 0, raw={"prompt_tokens_details": None, "completion_tokens_details": None}
    )


@pytest.mark.parametrize("has_choices", [True, False])
def test_the_usage_of_a_stream_may_stand_under_x_groq(has_choices: bool) -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    late = delta("stop") if has_choices else {"choices": []}
    events = [delta(content="a") | {"x_groq": {"id": "r"}}, delta("stop"), late | {"x_groq": {"usage": counts}}]
    assert folded(events).usage == usage_from(counts)
    assert folded([*events, delta() | {"x_groq": {"usage": None}}]).usage == usage_from(counts)


def test_a_later_all_zero_usage_never_wins() -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    counts = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    events = [delta(content="a") | {"usage": zero}, delta() | {"usage": counts}, delta("stop") | {"usage": zero}]
    assert folded(events).usage == usage_from(counts)
    assert folded([delta("stop", content="a") | {"usage": zero}]).usage == usage_from(zero)


@pytest.mark.parametrize(
    ("source", "cost"),
    [
        ({"usage": {"credits_used": 1965, "usd_spent": 0.0009825}}, Cost(0.0009825, 1965)),
        ({"usage": {"credits_used": 2_000_000}}, Cost(1.0, 2_000_000)),
        ({"usage": {"tokens_used": 1134}}, Cost(0.000567, 1134)),
        ({"x-aimlapi-credits-used": "12", "x-aimlapi-usd-spent": "0.000006"}, Cost(0.000006, 12)),
        ({"usage": {}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_costs(source: Any, cost: Cost | None) -> None:
    assert cost_from(source) == cost


def test_cost_is_read_from_the_last_chunk_and_from_headers() -> None:
    meta = {"choices": [], "meta": {"usage": {"credits_used": 4, "usd_spent": 0.000002}}}
    assert folded([delta("stop", content="a"), meta]).cost == Cost(0.000002, 4)
    assert whole(message(content="a"), headers={"x-aimlapi-usd-spent": "0.5"}).cost == Cost(0.5)


def test_ids_come_from_headers_and_the_first_event_that_has_one() -> None:
    headers = {"x-inference-id": "inf", "x-client-request-id": "mine"}
    events = [
        {"id": "first", "model": "m", "choices": []},
        {"id": "", "model": "", **{"choices": delta("stop")["choices"]}},
    ]
    completion = folded(events, headers=headers)
    assert (completion.id, completion.model) == ("first", "m")
    assert (completion.inference_id, completion.client_request_id) == ("inf", "mine")


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
