"""The strict form of a schema, its wrapped form, the schema of a class, and what an answer means."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import typing
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_schema import is_recursive
from aimlapi_transport.structured.answer_schema import answer_schema, object_schema, plain_name
from aimlapi_transport.structured.describe import schema_of
from aimlapi_transport.structured.strict import strict_schema
from tests.schema_kinds import ALL, MODELS, SCHEMAS, Kind, completed, faults, of

TEXT = {"type": "string"}


def described(kind: Kind) -> dict[str, Any]:
    return kind.schema if isinstance(kind.schema, dict) else schema_of(kind.schema)


def without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}


@pytest.mark.parametrize("name", ALL)
def test_a_strict_schema_keeps_every_rule_or_names_the_field(name: str) -> None:
    kind = ALL[name]
    schema = described(kind)
    before = copy.deepcopy(schema)
    asked = answer_schema(schema, strict=True)
    assert (asked.problem is None, asked.strict) == (kind.loose is None, kind.loose is None)
    if kind.loose:
        assert kind.loose.rpartition(".")[2] in str(asked.problem)
        assert asked.schema["type"] == "object"
    else:
        assert faults(asked.schema) == []
    assert schema == before


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("strict", [False, True])
def test_an_answer_means_the_value_however_it_travelled(name: str, strict: bool) -> None:
    kind = ALL[name]
    asked = answer_schema(described(kind), strict=strict)
    answer = {"value": kind.answer} if asked.is_wrapped else kind.answer
    travelled = completed(answer, asked.schema, asked.schema) if asked.strict else answer
    assert without_nulls(asked.value(travelled)) == without_nulls(kind.answer)
    assert asked.value(kind.answer) == kind.answer  # a model that wraps nothing


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "integer", "default": 3}, {"type": "integer", "description": "(default: 3)"}),
        (
            {"type": "string", "minLength": 2, "description": "A word.", "format": "uri"},
            {"type": "string", "description": 'A word. (format: "uri", minLength: 2)'},
        ),
        ({"enum": ["a", 1]}, {"enum": ["a", 1], "type": ["string", "integer"]}),
        ({"const": True}, {"const": True, "type": "boolean"}),
        ({"oneOf": [TEXT, {"type": "null"}], "discriminator": {}}, {"anyOf": [TEXT, {"type": "null"}]}),
        ({"$ref": "#/$defs/P", "title": "T"}, {"anyOf": [{"$ref": "#/$defs/P"}], "title": "T"}),
        ({"allOf": [{"$ref": "#/$defs/P"}], "description": "D"}, {"anyOf": [{"$ref": "#/$defs/P"}], "description": "D"}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"items": TEXT, "minItems": 1, "x-mine": 1}, {"items": TEXT, "minItems": 1, "type": "array"}),
    ],
)  # fmt: skip
def test_one_field(schema: Any, strict: Any) -> None:
    whole = of({"k": schema}, required=["k"], **{"$defs": {"P": of({}), "~/x": TEXT}})
    assert strict_schema(whole).schema["properties"]["k"] == strict


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (True, "accepts any value"),
        ({}, "accepts any value"),
        ({"description": "What?"}, "accepts any value"),
        ({"type": "array"}, "is a list of anything"),
        ({"type": "array", "items": {"type": "object"}}, r"\[\] accepts any keys"),
        ({"type": "object", "properties": {}, "additionalProperties": TEXT}, "accepts any keys"),
        (of({"a": TEXT}, required=["b"]), "requires `b`"),
        ({"$ref": "https://example.com/x"}, "refers to"),
        ({"$ref": 3}, "refers to 3"),
        ({"anyOf": [TEXT], "oneOf": [TEXT]}, "two unions"),
        ({"anyOf": TEXT}, "two unions"),
        ({"const": {"a": 1}}, "has objects"),
        ({"allOf": [TEXT, {"type": "integer"}]}, "more than objects"),
        ({"allOf": [of({"a": TEXT}), of({"a": TEXT})]}, "share a key"),
        ({"allOf": TEXT}, "an invalid `allOf`"),
        (of({"a": TEXT}, **{"if": {"required": ["a"]}}), "has `if`"),
        ({"type": "array", "prefixItems": [TEXT]}, "has `prefixItems`"),
    ],
)
def test_what_strict_output_cannot_say_is_a_problem_of_the_field(schema: Any, problem: str) -> None:
    whole = of({"k": schema})
    result = strict_schema(whole)
    assert result.schema == whole
    assert re.match(rf"Thing\.k.*{problem}", str(result.problem))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["object", "array", "string", "#/$defs/a", "x"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [
                *("type", "properties", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs", "required", "enum", "const"),
                *("additionalProperties", "default", "nullable", "a", "description", "prefixItems", "not"),
            ]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["type", "properties", "$defs", "anyOf", "$ref", "items", "title"]), JSON))
def test_no_schema_however_wrong_is_more_than_a_problem(schema: Any) -> None:
    """What comes out is strict, or the schema as it was."""
    before = copy.deepcopy(schema)
    asked = answer_schema(schema, strict=True)
    assert schema == before
    assert asked.schema["type"] == "object"
    assert asked.problem is not None or faults(asked.schema) == []
    is_recursive(schema)
    asked.value({"a": [None, "[1]"], "value": 3})


def test_a_key_that_may_be_absent_may_be_null_and_is_taken_out_again() -> None:
    schema = of(
        {"a": TEXT, "b": {"anyOf": [TEXT, {"type": "null"}]}, "c": of({"d": TEXT}), "e": {"enum": ["x"]}},
        required=["a"],
    )
    asked = answer_schema(schema, strict=True)
    kinds = asked.schema["properties"]
    assert (kinds["a"], kinds["b"]) == (TEXT, {"anyOf": [TEXT, {"type": "null"}]})
    assert (kinds["c"]["type"], kinds["e"]["anyOf"][1]) == (["object", "null"], {"type": "null"})
    answer = {"a": "1", "b": None, "c": {"d": None}, "e": None}
    assert asked.value(answer) == {"a": "1", "b": None, "c": {}}
    loose = answer_schema(schema)
    assert loose.value(answer) == answer
    plain = strict_schema(schema).schema["properties"]
    assert plain["c"]["type"] == "object"  # who cannot take nulls out again does not ask for them


def test_the_forms_of_what_is_asked() -> None:
    asked = answer_schema({"title": "My list!", "type": "array", "items": TEXT}, description="Words.", strict=False)
    schema = {
        "type": "object",
        "properties": {"value": {"title": "My list!", "type": "array", "items": TEXT}},
        "required": ["value"],
    }
    named = {"name": "My_list", "description": "Words."}
    assert asked.response_format() == {
        "type": "json_schema",
        "json_schema": {**named, "schema": schema, "strict": False},
    }
    assert asked.tool() == {"type": "function", "function": {**named, "parameters": schema, "strict": False}}
    told = '{"title": "My list!", "description": "Words.", "type": "array", "items": {"type": "string"}}'
    assert asked.instruction().endswith(told)
    assert plain_name("") == plain_name("!") == plain_name("_") == "answer"
    assert plain_name("_Person") == "_Person"  # is one already
    assert len(plain_name("x y" * 50)) <= 64
    own = of({"value": TEXT})
    assert object_schema(own) == (own, False)
    assert answer_schema(own).value({"value": "x"}) == {"value": "x"}


def test_a_reference_to_the_old_root_leads_to_where_it_is_now() -> None:
    inner = {"$ref": "#/$defs/P"}
    schema = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#"}, inner]},
        "$defs": {"root": TEXT, "P": of({"default": {"$ref": "#/items"}})},
    }
    moved = {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/root_"}, inner]}}
    assert object_schema(schema)[0] == {
        "type": "object",
        "properties": {"value": {"$ref": "#/$defs/root_"}},
        "required": ["value"],
        "$defs": {"root": TEXT, "P": of({"default": {"$ref": "#/$defs/root_/items"}}), "root_": moved},
    }


class Thing:
    """Pydantic cannot describe it."""


class Broken(BaseModel):
    fine: int
    call: Callable[[int], int]


class BrokenDict(typing_extensions.TypedDict):
    fine: int
    thing: Thing


@pytest.mark.parametrize(
    ("kind", "names"), [(Broken, "Broken.call"), (BrokenDict, "BrokenDict.thing"), (Thing, "Thing"), (3, "3")]
)
def test_what_cannot_be_described_is_refused_by_class_and_field(kind: Any, names: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^`{names}` cannot be described by a JSON schema: "):
        schema_of(kind)


class Holding(typing.TypedDict):
    """Holds itself."""

    more: list[Holding]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before, Pydantic takes no such class that holds itself")
def test_a_typeddict_that_holds_itself_is_described() -> None:
    assert is_recursive(schema_of(Holding))


class Inner(typing.TypedDict):
    """Inside.

    Args:
        name: The name,
            in full.
        size (int): How big.
    """

    name: str
    size: Annotated[int, 3, "Not this."]


class Outermost(typing.TypedDict, total=False):
    inner: dict[str, Inner] | None
    plain: Annotated[str, "Plain words."]


def test_a_typeddict_of_typing_is_described_with_its_defaults_and_words() -> None:
    inner = {
        "title": "Inner",
        "type": "object",
        "description": "Inside.",
        "properties": {
            "name": {"title": "Name", "type": "string", "description": "The name, in full."},
            "size": {"title": "Size", "type": "integer", "description": "How big.", "default": 3},
        },
        "required": ["name"],
    }
    told = schema_of(Outermost)
    assert told["$defs"] == {"Inner": inner}
    assert told["properties"]["plain"]["description"] == "Plain words."
    assert "required" not in told


def test_a_schema_needs_no_pydantic() -> None:
    code = (
        "import sys; sys.modules['pydantic'] = None\n"
        "from aimlapi_transport.structured.answer_schema import answer_schema\n"
        "from aimlapi_transport.structured.describe import schema_of\n"
        "answer_schema({'type': 'array', 'items': {}}, strict=True)\n"
        "try: schema_of(int)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InvalidRequestError int needs `pydantic`")


def test_what_leads_back_to_itself() -> None:
    names = {name for name, kind in {**MODELS, **SCHEMAS}.items() if is_recursive(described(kind))}
    assert names == {"holds itself", "hold each other", "root is a list of itself", "itself", "itself in a list"}
