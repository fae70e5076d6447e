"""Half a character is joined with its other half, wherever a stream cuts; what stays alone is one U+FFFD."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimlapi_transport.chat.reader import ReplyReader
from aimlapi_transport.chat.response import Choice, Delta
from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.json_codec import loads, read_text
from aimlapi_transport.surrogates import LoneEscapeReplacer, whole_text, whole_value

HIGH, LOW = "\ud83d", "\ude00"


def events(pieces: list[dict[str, Any]]) -> bytes:
    said = [{"choices": [{"index": 0, "delta": piece}]} for piece in pieces]
    said.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in said)


def read(data: bytes) -> tuple[Choice, list[Delta]]:
    reader = ReplyReader(profile_for("some/new-model"))
    deltas = [*reader.feed(data), *reader.close()]
    for delta in deltas:
        for text in (delta.text, delta.reasoning, *(call.arguments for call in delta.tool_calls), str(delta.raw)):
            text.encode()
    completion = deltas[-1].completion
    assert completion is not None
    choice = completion.choices[0]
    assert "".join(delta.text for delta in deltas) == choice.text
    assert "".join(delta.reasoning for delta in deltas) == choice.reasoning
    return choice, deltas


def fields(text: str, kind: str) -> dict[str, Any]:
    """A piece of a text of this kind."""
    return {
        "content": {"content": text},
        "parts": {"content": [{"type": "text", "text": text}]},
        "reasoning_content": {"reasoning_content": text},
        "reasoning": {"reasoning": text, "content": ""},
        "details": {"reasoning_details": [{"type": "reasoning.text", "index": 0, "text": text}]},
        "arguments": {"tool_calls": [{"index": 0, "function": {"arguments": text}}]},
        "function_call": {"function_call": {"arguments": text}},
        "refusal": {"refusal": text},
    }[kind]


def said(choice: Choice, kind: str) -> str:
    if kind in ("arguments", "function_call"):
        return choice.tool_calls[0].arguments if choice.tool_calls else ""
    if kind == "refusal":
        return choice.refusal
    return choice.text if kind in ("content", "parts") else choice.reasoning


KINDS = ["content", "parts", "reasoning_content", "reasoning", "details", "arguments", "function_call", "refusal"]


@given(
    text=st.text(st.sampled_from([HIGH, LOW, "a", "é", "\U0001f600"])),
    cuts=st.lists(st.integers(0, 20), max_size=8),
    kind=st.sampled_from(KINDS),
    is_beside=st.booleans(),
)
@example(text="a" + HIGH + LOW + "b", cuts=[2], kind="content", is_beside=False)
@example(text=HIGH, cuts=[], kind="arguments", is_beside=True)
def test_any_cut_gives_the_text_with_its_pairs_joined(text: str, cuts: list[int], kind: str, is_beside: bool) -> None:
    units = text.encode("utf-16-le", "surrogatepass")
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    pieces = [fields(text[a:b], kind) for a, b in itertools.pairwise(places)]
    if is_beside:  # what comes between the halves is of no matter
        between: dict[str, Any] = {"content": "x"} if kind not in ("content", "parts") else {"reasoning_content": "x"}
        pieces = [step for piece in pieces for step in (piece, between)]
    choice, _ = read(events(pieces))
    assert said(choice, kind) == units.decode("utf-16-le", "replace")


def test_each_choice_and_each_call_has_halves_of_its_own() -> None:
    said = [
        {"choices": [{"index": 0, "delta": {"content": "a" + HIGH}}, {"index": 1, "delta": {"content": "b" + HIGH}}]},
        {"choices": [{"index": 1, "delta": {"content": LOW}}]},
        {"choices": [{"index": 0, "delta": {"content": LOW}, "finish_reason": "stop"}]},
        {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]},
    ]
    reader = ReplyReader(profile_for("m"))
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in said)
    completion = [*reader.feed(data), *reader.close()][-1].completion
    assert completion is not None
    assert [choice.text for choice in completion.choices] == ["a\U0001f600", "b\U0001f600"]


def test_only_the_first_fragment_of_a_call_has_a_type() -> None:
    first = {"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "' + HIGH}}
    rest = {"index": 1, "function": {"arguments": LOW + '"}'}}
    choice, _ = read(events([{"tool_calls": [first]}, {"tool_calls": [rest]}]))
    assert choice.tool_calls[0].parsed == {"a": "\U0001f600"}


def test_a_half_inside_inline_reasoning_is_joined() -> None:
    pieces = [{"content": piece} for piece in ("<think>a" + HIGH, LOW + "</think>b" + HIGH, LOW)]
    choice, _ = read(events(pieces))
    assert (choice.reasoning, choice.text) == ("a\U0001f600", "b\U0001f600")


@pytest.mark.parametrize("raw", [b"a\xed\xa0\xbd\xed\xb8\x80b", b"a\\ud83d\\ude00b", b"a\\uD83D\xed\xb8\x80b"])
def test_pairs_are_joined_however_a_whole_reply_spells_them(raw: bytes) -> None:
    assert loads(b'{"k": "' + raw + b'"}') == {"k": "a\U0001f600b"}


def test_a_half_alone_is_marked_once_in_a_whole_reply_and_in_what_a_model_wrote() -> None:
    assert loads(b'["a\\ud83d", "\\ude00", {"\\ud83d": NaN}]')[:2] == ["a\ufffd", "\ufffd"]
    assert read_text('"\\ud83d-\\uDE00"') == "\ufffd-\ufffd"
    assert parse_arguments('{"a": "\\ud83d"}') == ({"a": "\ufffd"}, None)
    assert parse_arguments('{"a": 123456789012345678901}') == ({"a": 123456789012345678901}, None)
    assert whole_text(HIGH + HIGH + LOW + LOW) == "\ufffd\U0001f600\ufffd"


ESCAPES = st.sampled_from(
    ["\\ud83d", "\\uDE00", "\\u00e9", "\\\\", '\\"', "\\n", "ud83d", "a", "\U0001f600", "\\uD83D\\ude00"]
)


@given(text=st.lists(ESCAPES).map("".join), cuts=st.lists(st.integers(0, 80), max_size=8))
@example(text="\\ud83d\\ude00", cuts=[1, 5, 7])
@example(text="\\\\ud83d", cuts=[1])
def test_escapes_of_halves_in_json_text_are_marked_and_pairs_stay_in_any_pieces(text: str, cuts: list[int]) -> None:
    text = f'{{"k": "{text}"}}'
    at = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    reader, signs = LoneEscapeReplacer(), LoneEscapeReplacer()
    told = "".join(reader.feed(text[a:b]) for a, b in itertools.pairwise(at)) + reader.flush()
    assert "".join(map(signs.feed, text)) + signs.flush() == told
    assert json.loads(told) == whole_value(json.loads(text))
    assert len(told) == len(text)


@given(text=st.lists(ESCAPES).map("".join), end=st.integers(0, 80))
def test_text_that_ends_in_an_escape_loses_nothing(text: str, end: int) -> None:
    reader = LoneEscapeReplacer()
    assert len("".join(map(reader.feed, text[:end])) + reader.flush()) == len(text[:end])
