"""Tool calls in every shape gateways send: each call once, with its own id, name and strictly read arguments."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.tool_calls import ToolCall, ToolCallReader, parse_arguments

Fragments = list[list[dict[str, Any]]]


def fragment(
    index: Any = None, id: Any = None, name: Any = None, arguments: Any = None, **extra: Any
) -> dict[str, Any]:
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    item = {k: v for k, v in (("index", index), ("id", id)) if v is not None}
    return {**item, "type": "function", "function": function, **extra}


def calls(*deltas: list[dict[str, Any]], whole: bool = False) -> tuple[ToolCall, ...]:
    ids = (f"made-up-{n}" for n in itertools.count())
    reader = ToolCallReader(lambda: next(ids))
    emitted = [part for delta in deltas for part in reader.read(delta, whole=whole)] + list(reader.close())
    found = reader.calls()
    # what was handed out piece by piece adds up to what is said at the end
    for place, call in enumerate(found):
        parts = [part for part in emitted if part.index == place]
        assert "".join(part.arguments for part in parts) == call.arguments
        assert [part.id for part in parts if part.id] == [call.id]
        assert [part.name for part in parts if part.name] == ([call.name] if call.name else [])
    return found


def brief(found: tuple[ToolCall, ...]) -> list[tuple[str, str, Any]]:
    return [(call.id, call.name, call.parsed if call.error is None else call.error) for call in found]


A, B = ("a", "add", {"x": 1}), ("b", "mul", {"y": 2})


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        pytest.param(
            [[fragment(0, "a", "add", "")], [fragment(0, arguments='{"x"')], [fragment(0, arguments=": 1}")]],
            [A],
            id="by-index",
        ),
        pytest.param(
            [[fragment(None, "a", "add", '{"x": 1}'), fragment(None, "b", "mul", '{"y": 2}')]], [A, B], id="no-index"
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}')], [fragment(0, "b", "mul", '{"y": 2}')]], [A, B], id="index-all-zero"
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", ""), fragment(1, "b", "mul", "")],
                [fragment(1, arguments='{"y"')],
                [fragment(0, arguments='{"x": 1}')],
                [fragment(1, arguments=": 2}")],
            ],
            [A, B],
            id="interleaved-by-index",
        ),
        pytest.param(
            [
                [fragment(None, "a", "add", '{"x"')],
                [fragment(None, "b", "mul", '{"y"')],
                [fragment(None, "a", None, ": 1}")],
                [fragment(None, "b", None, ": 2}")],
            ],
            [A, B],
            id="interleaved-by-id",
        ),
        pytest.param(
            [[fragment(0, "a")], [fragment(0, name="add")], [fragment(0, arguments='{"x": 1}')]], [A], id="late-name"
        ),
        pytest.param(
            [[fragment(0, name="add", arguments='{"x"')], [fragment(0, "a", arguments=": 1}")]], [A], id="late-id"
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x"')], [fragment(0, "a", "add", ": 1}")]], [A], id="id-and-name-repeated"
        ),
        pytest.param(
            [[fragment(0, "", "add", '{"x"')], [fragment(0, "", "add", ": 1}")]],
            [("made-up-0", "add", {"x": 1})],
            id="name-repeated-id-empty",
        ),
        pytest.param(
            [[fragment(0, "", "add", '{"x": 1}')], [fragment(0, "", "add", '{"x": 2}')]],
            [("made-up-0", "add", {"x": 1}), ("made-up-1", "add", {"x": 2})],
            id="same-tool-twice-nothing-tells-them-apart-but-completeness",
        ),
        pytest.param(
            [[fragment(None, "a", "add", '{"x"')], [fragment(None, arguments=": 1}")]],
            [A],
            id="no-index-continues-the-last",
        ),
        pytest.param([[fragment(0, "a", "add", {"x": 1})]], [A], id="arguments-as-object"),
        pytest.param([[fragment(0, "a", "add", "")]], [("a", "add", {})], id="arguments-empty"),
        pytest.param(
            [[{"index": 0, "id": "a", "function": {"name": "add", "arguments": None}}]],
            [("a", "add", {})],
            id="arguments-null",
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}')], [{"index": 0, "function": None}]], [A], id="function-null"
        ),
        pytest.param([[fragment(0, None, "add", '{"x": 1}')]], [("made-up-0", "add", {"x": 1})], id="no-id"),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1')]], [("a", "add", "the arguments are not valid JSON")], id="truncated"
        ),
        pytest.param(
            [[fragment(0, "a", "add", "[1]")]],
            [("a", "add", "the arguments are a JSON list, not an object")],
            id="not-an-object",
        ),
        pytest.param([[fragment(0, "a", None, "{}")]], [("a", "", "the call names no tool")], id="no-name"),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}'), fragment(1, "a", "add", '{"x": 2}')]],
            [("a", "add", {"x": 1}), ("a", "add", {"x": 2})],
            id="one-id-under-two-indices",
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}')], [fragment(0, "a", "add", '{"x": 1}')]],
            [A],
            id="whole-call-repeated",
        ),
        pytest.param(
            [[fragment(0.0, "a", "add", '{"x"')], [fragment("0", arguments=": 1}")]], [A], id="index-of-any-type"
        ),
        pytest.param(
            [[fragment(0, "a", "add", "")], [fragment(0, "b", "add", '{"y": 2}')]],
            [("a", "add", {}), ("b", "add", {"y": 2})],
            id="another-id-is-another-call",
        ),
        pytest.param(
            [[fragment(1, "a", "add", "")], [fragment(0, "", arguments='{"x"')], [fragment(0, "", arguments=": 1}")]],
            [A],
            id="arguments-under-another-index-than-the-name",
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", '{"x"')],
                [fragment(0, "t-1", arguments=": ")],
                [fragment(0, "t-2", arguments="1}")],
            ],
            [A],
            id="another-id-for-each-fragment",
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", "")],
                [fragment(0, "null", arguments='{"x"')],
                [fragment(0, "null", arguments=": 1}")],
            ],
            [A],
            id="null-in-words",
        ),
        pytest.param(
            [[fragment(0, "null", "add", '{"x": 1}')], [fragment(1, "null", "mul", '{"y": 2}')]],
            [("made-up-0", "add", {"x": 1}), ("made-up-1", "mul", {"y": 2})],
            id="two-of-them-without-an-id",
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", '{"x": 1}')],
                [fragment(1, "b", "mul")],
                [fragment(0, arguments='{"y"')],
                [fragment(0, arguments=": 2}")],
            ],
            [A, B],
            id="arguments-under-the-index-of-a-call-that-is-complete",
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", '{"x": 1}')],
                [fragment(1, "b", "mul")],
                [{"index": 0, "function": {"arguments": '{"y": 2}'}}],
            ],
            [A, B],
            id="and-so-without-a-type",
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}')], [fragment(1, "a", arguments='{"y": 2}')]],
            [A, ("a", "", "the call names no tool")],
            id="a-complete-call-takes-no-more",
        ),
        pytest.param(
            [
                [fragment(0, "a", "add", '{"x": 1}')],
                [fragment(1, "b", "mul", '{"y"')],
                [fragment(0, arguments="\n")],
                [fragment(1, arguments=": 2}")],
            ],
            [A, B],
            id="blanks-behind-a-call-that-is-complete",
        ),
        pytest.param(
            [
                [fragment(0, "", "add", '{"x": 1}')],
                [fragment(0, "", arguments="\n")],
                [fragment(0, "", "add", '{"x": 2}')],
            ],
            [("made-up-0", "add", {"x": 1}), ("made-up-1", "add", {"x": 2})],
            id="the-same-tool-again-behind-blanks",
        ),
        pytest.param(
            [[fragment(0, "", "add", "null")], [fragment(0, "", "add", '{"x": 2}')]],
            [("made-up-0", "add", {}), ("made-up-1", "add", {"x": 2})],
            id="the-same-tool-again-behind-null",
        ),
        pytest.param(
            [[fragment(0, "a", "add", '{"x": 1}')], [fragment(1, arguments='{"y": 2}')], [fragment(1, "b", "mul")]],
            [A, B],
            id="arguments-before-their-name",
        ),
        pytest.param(
            [[fragment(1, "a", "add", "")], [fragment(0, "a", arguments='{"x"')], [fragment(0, "a", arguments=": 1}")]],
            [A],
            id="its-id-under-another-index",
        ),
        pytest.param([[], [{}], [None, 3]], [], id="nothing"),
    ],
)
def test_fragments_add_up(deltas: Fragments, expected: list[Any]) -> None:
    assert brief(calls(*deltas)) == expected


PIECES = st.builds(
    fragment,
    index=st.sampled_from([None, 0, 1, "1", 1.0, True]),
    id=st.sampled_from([None, None, "a", "b"]),
    name=st.sampled_from([None, None, "add", "sub"]),
    arguments=st.sampled_from([None, "", "{", '"x": 1', "}", "{}", {"x": 1}]),
)


@given(st.lists(PIECES, max_size=8))
def test_a_fragment_without_a_type_says_the_same(pieces: list[dict[str, Any]]) -> None:
    bare = [{name: value for name, value in piece.items() if name != "type"} for piece in pieces]
    long, short = ToolCallReader(lambda: "made-up"), ToolCallReader(lambda: "made-up")
    for piece, other in zip(pieces, bare, strict=True):
        assert long.read([piece]) == short.read([other])
    assert long.calls() == short.calls()


def test_each_entry_of_a_whole_reply_is_a_call() -> None:
    """Even where two entries share their id or have neither id nor index."""
    entries = [fragment(None, "a", "add", '{"x": 1}'), fragment(None, "a", "add", '{"x": 2}'), fragment(name="add")]
    assert [call.parsed for call in calls(entries, whole=True)] == [{"x": 1}, {"x": 2}, {}]


def test_signatures_stay_with_their_call() -> None:
    signed = fragment(0, "a", "add", "{}", extra_content={"google": {"thought_signature": "S"}})
    (call,) = calls([signed])
    assert call.to_wire() == {
        "id": "a",
        "type": "function",
        "function": {"name": "add", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "S"}},
    }


def test_a_custom_tool_is_called_with_free_text() -> None:
    first = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": "print("}}
    (call,) = calls([first], [{"index": 0, "custom": {"input": "1)"}}])
    assert (call.parsed, call.error) == ({"input": "print(1)"}, None)
    assert call.to_wire() == {"id": "a", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}


def test_a_vendors_own_function_goes_back_as_one() -> None:
    """Kimi's `$web_search` is called, streamed too, with the type it was bound with."""
    first = {"index": 0, "id": "a", "type": "builtin_function", "function": {"name": "$web_search", "arguments": "{"}}
    (call,) = calls([first], [fragment(0, arguments="}")])
    function = {"name": "$web_search", "arguments": "{}"}
    assert call.to_wire() == {"id": "a", "type": "builtin_function", "function": function}


@given(
    values=st.lists(
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3), min_size=1, max_size=3
    ),
    cuts=st.lists(st.integers(0, 60), max_size=5),
    by=st.sampled_from(["index", "id", "both"]),
    repeat=st.booleans(),
    data=st.data(),
)
def test_any_order_of_fragments_gives_the_calls(
    values: list[dict[str, Any]], cuts: list[int], by: str, repeat: bool, data: st.DataObject
) -> None:
    """Fragments cut anywhere and interleaved any way are the calls again, by id or by index."""
    queues: list[list[dict[str, Any]]] = []
    for n, value in enumerate(values):
        text = json.dumps(value)
        places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
        pieces = [text[a:b] for a, b in itertools.pairwise(places)]
        queue = []
        for k, piece in enumerate(pieces):
            named = k == 0 or repeat
            index = n if by != "id" else None
            call_id = f"id{n}" if named or by == "id" else None
            queue.append(fragment(index, call_id, f"tool{n}" if named else None, piece))
        queues.append(queue)
    order = data.draw(st.permutations([n for n, queue in enumerate(queues) for _ in queue]))
    deltas = [[queues[n].pop(0)] for n in order]
    found = {call.id: call for call in calls(*deltas)}
    assert {k: (c.name, c.parsed) for k, c in found.items()} == {
        f"id{n}": (f"tool{n}", v) for n, v in enumerate(values)
    }


@pytest.mark.parametrize("arguments", ["", "  ", "null", "{}"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert parse_arguments(arguments) == ({}, None)


TWICE = [
    {"city": "Bern"},
    {},
    {"text": 'a "quoted" \\ text\nof two lines', "emoji": "\U0001f600 é"},
    {"inner": json.dumps({"a": json.dumps([1])})},
]


@pytest.mark.parametrize("value", TWICE)
@pytest.mark.parametrize("is_ascii", [True, False])
@given(cuts=st.lists(st.integers(0, 300), max_size=8), blank=st.sampled_from(["", " ", "\n "]))
def test_arguments_encoded_twice_are_the_object_however_they_are_cut(
    value: dict[str, Any], is_ascii: bool, cuts: list[int], blank: str
) -> None:
    once = json.dumps(value, ensure_ascii=is_ascii)
    twice = blank + json.dumps(blank + once, ensure_ascii=is_ascii) + blank
    at = sorted({0, len(twice), *(cut % (len(twice) + 1) for cut in cuts)})
    pieces = [twice[a:b] for a, b in itertools.pairwise(at)]
    first, *others = pieces or [""]
    (call,) = calls([fragment(0, "a", "add", first)], *([fragment(0, arguments=piece)] for piece in others))
    (whole,) = calls([fragment(None, "a", "add", twice)], whole=True)
    assert (call.arguments, call.parsed, call.error) == (blank + once, value, None)
    assert whole == call
    assert parse_arguments(twice) == (value, None)
    assert (call.to_wire()["function"]["arguments"]) == blank + once


@pytest.mark.parametrize(
    "arguments",
    [
        '"{\\"a\\": 1}',
        '"{\\"a\\": 1}\\',
        '"{\\"a\\": 1',
        '"{\\"a\\": 1}" x',
        '"{\\"a\\": 1}""',
        '"{\\"a\\": 1}\n',
        '"{\\"a\\": 1}\n"',
        '"{\\"a\\": \\x1}"',
        '"{a: 1}"',
        '"hello"',
        '"[1]"',
        '""',
        '"',
        '"\\',
        '"\\"{}\\""',
        '"{\\"a\\":" 1}',
        '"{\\"a\\":" x"}',
    ],
)
def test_a_string_that_holds_no_whole_object_is_no_call_however_it_is_cut(arguments: str) -> None:
    signs = [[fragment(0, "a", "add", "")], *([fragment(0, arguments=sign)] for sign in arguments)]
    (call,), (whole,) = calls(*signs), calls([fragment(None, "a", "add", arguments)], whole=True)
    assert (call.parsed, whole.parsed) == (None, None)
    assert call.error == whole.error is not None
    assert call.arguments == whole.arguments
    assert parse_arguments(arguments)[0] is None
    assert parse_arguments(call.arguments)[0] is None


@pytest.mark.parametrize("arguments", [" " * 300 + '"{}"', '"' + "\\n" * 300 + '{}"'])
def test_blank_space_before_an_object_encoded_twice_is_of_any_length(arguments: str) -> None:
    (call,) = calls([fragment(0, "a", "add", "")], *([fragment(0, arguments=sign)] for sign in arguments))
    assert (call.arguments.strip(), call.parsed, call.error) == ("{}", {}, None)


def test_the_text_of_a_custom_tool_stays_in_its_quotes() -> None:
    item = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "run", "input": '"{\\"a\\": 1}"'}}
    (call,) = calls([item])
    assert call.arguments == '"{\\"a\\": 1}"'


def test_a_call_encoded_twice_that_is_sent_again_whole_counts_once() -> None:
    item = fragment(0, "a", "add", '"{\\"a\\": 1}"')
    assert brief(calls([item], [item])) == [("a", "add", {"a": 1})]


def test_arguments_like_any_other_are_passed_on_as_they_come() -> None:
    reader = ToolCallReader(lambda: "x")
    pieces = ['{"a"', ": ", "1}"]
    told = [
        reader.read([fragment(0, "a" if piece[0] == "{" else None, "f" if piece[0] == "{" else None, piece)])
        for piece in pieces
    ]
    assert [part.arguments for parts in told for part in parts] == pieces
