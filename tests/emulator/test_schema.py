"""Whatever a schema says, it is filled: by the text where that fits, within every limit, in bounded time."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_emulator.mind.regex_text import example
from aimlapi_emulator.mind.schema import Filler

LINKED = {
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "right": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["value", "left", "right"],
        }
    },
    "$ref": "#/$defs/Node",
}


def wanting(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (wanting(level={"type": "integer", "enum": [1, 2, 3]}), "level 2 please", {"level": 2}),
        (
            wanting(y={"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 2, "uniqueItems": True}),
            "",
            {"y": ["a", "b"]},
        ),
        (wanting(p={"prefixItems": [{"type": "number"}], "items": {"const": "x"}, "minItems": 3}), "", {"p": [1, "x", "x"]}),
        (wanting(x={"items": {"type": "integer"}, "contains": {"const": 5}}), "", {"x": [5]}),
        (wanting(m={"additionalProperties": {"type": "integer"}, "minProperties": 2}), "", {"m": {"key_1": 1, "key_2": 1}}),
        (
            wanting(m={"type": "object", "patternProperties": {"^x-": {"const": 7}}, "additionalProperties": False, "minProperties": 1}),
            "",
            {"m": {"x-": 7}},
        ),
        ({"properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["a"], "dependentRequired": {"a": ["b"]}}, "", {"a": 1, "b": 2}),
        ({"properties": {"a": {"type": "integer"}}, "anyOf": [{"required": ["a"]}]}, "", {"a": 1}),
        (
            wanting(pet={"oneOf": [wanting(kind={"const": "cat"}, lives={"type": "integer"}), wanting(kind={"const": "dog"})]}),
            "my dog",
            {"pet": {"kind": "dog"}},
        ),
        (wanting(score={"type": "string", "description": "Relevant: 'yes' or 'no'"}), "Paris is in France", {"score": "yes"}),
        (wanting(z={"type": "string", "format": "uri", "minLength": 25}), "", {"z": "https://example.com/xxxxx"}),
        (wanting(u={"type": "string", "pattern": "^.*$", "minLength": 6}), "", {"u": "text x"}),
        (
            wanting(name={"type": "string"}, address=wanting(street={"type": "string"}, city={"type": "string"})),
            "John Smith lives at 5 Main Street in Boston",
            {"name": "John Smith", "address": {"street": "5 Main Street", "city": "Boston"}},
        ),
        (wanting(city={"type": "string"}), "weather in oslo", {"city": "oslo"}),
        (wanting(n={"type": "integer", "minimum": 1e300}), "7", {"n": 1e300}),
        (LINKED, "7", {"value": 7, "left": None, "right": None}),
    ],
)  # fmt: skip
def test_odd_keywords_are_honoured(schema: Any, text: str, value: Any) -> None:
    assert Filler(text).fill(schema) == value


@pytest.mark.parametrize(
    "pattern",
    [r"^(?=.*\d).{3,}$", r"^(?=.*[A-Z])(?=.*\d)(?=.*[!@#]).{8,}$", r"^[a-z0-9]+(?:-[a-z0-9]+)*$", r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"],
)  # fmt: skip
def test_patterns_that_look_ahead_or_repeat_repetitions_are_met(pattern: str) -> None:
    assert re.search(pattern, example(pattern, "Nothing of the kind!"))


@pytest.mark.parametrize(
    "schema",
    [
        LINKED,
        wanting(**{key: {"$ref": "#"} for key in "abcdefgh"}),
        {"type": "object", "properties": {key: {"anyOf": [{"$ref": "#"}, {"type": "null"}]} for key in "abcdefgh"}},
        {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
        {"anyOf": [{"anyOf": [{"$ref": "#"}, {"type": "null"}]}, {"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}] * 9},
    ],
)
def test_a_schema_that_refers_to_itself_ends(schema: Any) -> None:
    start = time.process_time()
    json.dumps(Filler("Create it for Bob in Paris: a, b and 3 c's on 2026-05-01.").fill(schema))
    assert time.process_time() - start < 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
KEYWORDS = (
    "type properties required items enum anyOf oneOf allOf $ref $defs const default minItems maxItems uniqueItems prefixItems "
    "contains minLength maxLength pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
    "minProperties patternProperties additionalProperties dependentRequired description title"
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYWORDS.split()), JSON, max_size=5),
    st.sampled_from(["string", "integer", "number", "array", "object", "boolean"]),
    st.sampled_from(["", "Bob, 3"]),
)
def test_a_schema_that_is_none_is_filled_all_the_same(schema: Any, kind: str, text: str) -> None:
    json.dumps(Filler(text).fill({"type": kind, **schema}))
    json.dumps(Filler(text).fill(wanting(inner=schema)))
