"""Reasoning in every carrier: fields, parts, details with seals, tags in the text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimlapi_transport.chat.parser import CompletionReader
from tests.transport.replies import Event, cut, delta, folded, message, whole


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
