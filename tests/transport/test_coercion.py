"""A string is the array or the object it spells only where its schema wants one and takes no string."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aimlapi_transport.chat.coercion import CoercedText, coerce, coerced_call, coerced_text, schema_of
from aimlapi_transport.chat.tool_calls import ToolCallReader

TEXT: dict[str, Any] = {"type": "string"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
POINT: dict[str, Any] = {"type": "object", "properties": {"at": {"type": "array", "items": {"type": "number"}}}}
LIST, OBJECT, NESTED = '["a", "b"]', '{"at": [1]}', '{"at": "[1]"}'


def of(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"k": schema}, **more}


@pytest.mark.parametrize(
    ("schema", "written", "meant"),
    [
        pytest.param(TEXTS, LIST, ["a", "b"], id="array"),
        pytest.param({"type": "array"}, " [1, 2] ", [1, 2], id="array of anything, blank space around"),
        pytest.param(POINT, OBJECT, {"at": [1]}, id="object"),
        pytest.param(POINT, NESTED, {"at": [1]}, id="a string in a string"),
        pytest.param({"type": ["array", "null"]}, LIST, ["a", "b"], id="a list of types"),
        pytest.param({"type": "array", "nullable": True}, LIST, ["a", "b"], id="nullable"),
        pytest.param({"anyOf": [TEXTS, {"type": "null"}], "default": None}, LIST, ["a", "b"], id="anyOf null"),
        pytest.param({"oneOf": [TEXTS, POINT]}, NESTED, {"at": [1]}, id="oneOf"),
        pytest.param({"allOf": [TEXTS], "description": "d"}, LIST, ["a", "b"], id="allOf"),
        pytest.param({"allOf": [{"type": ["array", "string"]}, {"type": "array"}]}, LIST, ["a", "b"], id="both of them"),
        pytest.param({"$ref": "#/$defs/P"}, NESTED, {"at": [1]}, id="$ref"),
        pytest.param({"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]}, NESTED, {"at": [1]}, id="$ref in anyOf"),
        pytest.param({"$ref": "#/$defs/Tree"}, '{"in": ["{}"]}', {"in": [{}]}, id="a schema that holds itself"),
        pytest.param({"type": "array", "items": POINT}, [OBJECT, {"at": "[1]"}], [{"at": [1]}] * 2, id="items"),
        pytest.param({"type": "array", "prefixItems": [TEXTS, TEXT]}, [LIST, LIST], [["a", "b"], LIST], id="prefixItems"),
        pytest.param(
            {"type": "object", "additionalProperties": TEXTS}, {"x": LIST}, {"x": ["a", "b"]}, id="additionalProperties"
        ),
        pytest.param(
            {"type": "object", "patternProperties": {"^x": TEXTS}}, {"x": LIST, "y": LIST}, {"x": ["a", "b"], "y": LIST},
            id="patternProperties",
        ),
        pytest.param({"anyOf": [of(TEXTS), {"type": "null"}]}, {"k": LIST}, {"k": ["a", "b"]}, id="a property in anyOf"),
        pytest.param({"const": {"a": [1]}}, '{"a": [1]}', {"a": [1]}, id="const"),
        pytest.param({"enum": [["a", "b"], 3]}, LIST, ["a", "b"], id="enum"),
        pytest.param({"type": "object"}, '{"a": "[1]"}', {"a": "[1]"}, id="an object that says no more"),
        pytest.param(TEXTS, '["\\ud83d"]', ["\ufffd"], id="half a character"),
    ],
)  # fmt: skip
def test_a_string_where_the_schema_wants_no_string_is_what_it_spells(schema: Any, written: Any, meant: Any) -> None:
    tree = {"type": "object", "properties": {"in": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    root = of(schema, **{"$defs": {"P": POINT, "Tree": tree}})
    assert coerce({"k": written, "other": LIST}, root) == {"k": meant, "other": LIST}
    assert coerce({"k": meant}, root) == {"k": meant}
    tools = [{"type": "function", "function": {"name": "f", "parameters": root}}]
    reader = coerced_text(tools, "f")
    assert reader is not None
    told = "".join(reader.feed(sign) for sign in json.dumps({"k": written, "other": LIST})) + reader.rest()
    assert json.loads(told) == {"k": meant, "other": LIST}


@pytest.mark.parametrize(
    "schema",
    [
        TEXT,
        {},
        True,
        None,
        {"description": "no type"},
        {"items": TEXT},
        {"type": ["array", "string"]},
        {"anyOf": [TEXTS, TEXT]},
        {"oneOf": [TEXTS, {"description": "no type"}]},
        {"anyOf": [TEXTS, {"$ref": "#/$defs/Text"}]},
        {"$ref": "#/$defs/Text"},
        {"$ref": "#/$defs/Missing"},
        {"$ref": "other.json#/A"},
        {"$ref": "#/properties/k"},
        {"enum": [LIST, "b"]},
        {"const": LIST},
        {"anyOf": [{"const": LIST}, TEXTS]},
        {"type": "integer"},
        {"type": "string", "contentMediaType": "application/json"},
    ],
)
@pytest.mark.parametrize("written", [LIST, OBJECT, NESTED])
def test_a_string_that_the_schema_allows_is_never_touched(schema: Any, written: str) -> None:
    root = of(schema, **{"$defs": {"Text": TEXT}})
    value = {"k": written}
    assert coerce(value, root) is value
    assert CoercedText(root).feed(json.dumps(value)) == json.dumps(value)


@pytest.mark.parametrize(
    "written", ["", "a, b", "[1, 2", "{'a': 1}", "[1,]", "null", "3", '"[1]"', '{"a": 1}', "[" * 300 + "]" * 300]
)
def test_nothing_is_repaired_and_no_other_type_is_taken(written: str) -> None:
    value = {"k": written}
    assert coerce(value, of(TEXTS)) is value


SCHEMA = of(
    {"anyOf": [TEXTS, {"type": "null"}]},
    additionalProperties={"type": "array", "items": {"$ref": "#"}},
)
STRINGS = st.sampled_from([LIST, OBJECT, '["', 'a "quoted" \\ text', "[]", "{}", '{"k": "[]"}', "é\U0001f600", "[1, 2"])
VALUES = st.recursive(
    STRINGS | st.none() | st.integers(), lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["k", "x", 'a"b']), v)
)  # fmt: skip


@given(
    value=st.dictionaries(st.sampled_from(["k", "x", 'a"b', "{[,:"]), VALUES),
    cuts=st.lists(st.integers(0, 200), max_size=8),
    is_ascii=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
@example(value={"k": LIST}, cuts=[6, 9, 13], is_ascii=True, indent=None)
def test_text_coerced_in_any_pieces_spells_what_the_whole_spells(
    value: Any, cuts: list[int], is_ascii: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    reader = CoercedText(SCHEMA)
    told = "".join(reader.feed(text[a:b]) for a, b in itertools.pairwise(at)) + reader.rest()
    assert json.loads(told) == coerce(value, SCHEMA)
    again = CoercedText(SCHEMA)
    assert "".join(again.feed(sign) for sign in text) + again.rest() == told


@given(st.text(st.sampled_from('{}[]",:\\k x')), st.lists(st.integers(0, 40), max_size=4))
def test_text_that_is_no_json_loses_nothing(text: str, cuts: list[int]) -> None:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    reader = CoercedText(SCHEMA)
    told = "".join(reader.feed(text[a:b]) for a, b in itertools.pairwise(at)) + reader.rest()
    try:
        json.loads(text)
    except ValueError:
        with pytest.raises(json.JSONDecodeError):
            json.loads(told)


def test_only_the_string_in_question_waits() -> None:
    reader = CoercedText(of(TEXTS))
    pieces = ['{"say": "wo', 'rd", "k": "[\\"a', '\\"', ']"', ', "say"']
    assert [reader.feed(piece) for piece in pieces] == ['{"say": "wo', 'rd", "k": ', "", '["a"]', ', "say"']


def test_only_schemas_with_arrays_or_objects_inside_read_a_stream() -> None:
    tools = [
        {"type": "web_search"},
        {"type": "function", "function": {"name": "plain", "parameters": of(TEXT)}},
        {"type": "function", "function": {"name": "lists", "parameters": of(TEXTS)}},
        {"type": "function", "function": {"name": "nothing"}},
    ]
    assert [coerced_text(tools, name) is not None for name in ("plain", "lists", "nothing", "other")] == [
        False, True, False, False,
    ]  # fmt: skip
    assert schema_of(tools, "lists") == of(TEXTS)


def test_a_call_of_a_known_tool_holds_what_its_strings_spell_and_any_other_stays() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": of(TEXTS)}}]
    reader = ToolCallReader(lambda: "made-up")
    arguments = json.dumps({"k": LIST})
    for name, written in (("f", arguments), ("g", arguments), ("f", '{"k": "[1, 2"}'), ("f", '{"k": "[')):
        reader.read([{"id": written + name, "function": {"name": name, "arguments": written}}], whole=True)
    known, *others = reader.calls()
    call = coerced_call(known, tools)
    assert (call.parsed, json.loads(call.arguments)) == ({"k": ["a", "b"]},) * 2
    assert [coerced_call(other, tools) is other for other in others] == [True] * 3


LITERALS = st.sampled_from([None, True, 3, "a", LIST, ["a", "b"], {"at": [1]}, []])
LEAVES = st.one_of(
    st.sampled_from([True, False, {}, TEXT, TEXTS, {"type": "integer"}, {"type": ["object", "null"]}, {"$ref": "#/$defs/P"}]),
    st.builds(lambda value: {"const": value}, LITERALS),
    st.builds(lambda values: {"enum": values}, st.lists(LITERALS, max_size=2)),
)  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda s: st.one_of(
        st.builds(lambda inner: {"items": inner}, s),
        st.builds(lambda inner: {"type": "array", "prefixItems": [inner, TEXT]}, s),
        st.builds(lambda inner, kind: {"properties": {"at": inner, "k": inner}, **kind}, s, st.sampled_from([{}, {"type": "object"}])),
        st.builds(lambda word, a, b: {word: [a, b]}, st.sampled_from(["anyOf", "oneOf", "allOf"]), s, s),
        st.builds(lambda inner: {"type": "object", "additionalProperties": inner}, s),
    ),
    max_leaves=5,
)  # fmt: skip
WRITTEN = VALUES | st.sampled_from([{"at": LIST}, [LIST, OBJECT], NESTED, json.dumps([NESTED, {"k": LIST}])])


@given(schema=SCHEMAS, value=WRITTEN, size=st.integers(1, 7))
def test_a_stream_is_coerced_as_the_whole_is_whatever_the_schema(schema: Any, value: Any, size: int) -> None:
    root = of(schema, **{"$defs": {"P": POINT}})
    text = json.dumps({"k": value})
    reader = coerced_text([{"type": "function", "function": {"name": "f", "parameters": root}}], "f")
    told = text
    if reader is not None:
        told = "".join(reader.feed(text[at : at + size]) for at in range(0, len(text), size)) + reader.rest()
    assert json.loads(told) == coerce({"k": value}, root)
