"""A schema that can check no answer is refused before a row is paid for."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_batch import Job, JobError, run
from aimlapi_batch.schemas import AnswerCheck
from tests.batch.scripted import ScriptedServer

TREE = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
LEADS_NOWHERE = [
    {"$ref": "#/$defs/missing"},
    {"type": "object", "properties": {"a": {"items": {"$ref": "#missing"}}}},
    {"anyOf": [{"type": "null"}, {"$ref": "https://example.com/other.json"}]},
    {"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}}},
    {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/definitions/b"}}},
]
LEADS_BACK = [
    {"$ref": "#"},
    {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
    {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"if": {"$ref": "#/$defs/a"}}}},
]
USABLE: list[tuple[dict[str, Any], Any]] = [
    ({"$ref": "#/$defs/tree", "$defs": {"tree": TREE}}, {"children": [{"children": []}]}),
    ({"$dynamicAnchor": "node", "properties": {"child": {"$dynamicRef": "#node"}}}, {"child": {"child": {}}}),
    ({"$id": "http://x/y", "$defs": {"z": {"$id": "z", "type": "string"}}, "properties": {"a": {"$ref": "z"}}}, {}),
    ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": "string"}),
    ({"$ref": "#/shared/text", "shared": {"text": {"type": "string"}}}, "a"),
]


@pytest.mark.parametrize("schema", [*LEADS_NOWHERE, *LEADS_BACK])
def test_a_reference_that_leads_nowhere_or_back_is_refused_before_a_row_is_asked(
    scripted: ScriptedServer, schema: dict[str, Any]
) -> None:
    job = Job([{"a": 1}], "out.jsonl", model="m", prompt="{a}", schema=schema, base_url=scripted.url, api_key="k")
    with pytest.raises(JobError, match="`schema` has a reference"):
        run(job)
    assert not scripted.asked


@pytest.mark.parametrize(("schema", "value"), USABLE)
def test_schemas_that_nest_are_taken(schema: dict[str, Any], value: Any) -> None:
    assert AnswerCheck(schema).problem(value) is None


def test_a_value_that_is_nested_too_deep_is_an_error_of_its_row() -> None:
    value: Any = {}
    for _ in range(3000):
        value = {"children": [value]}
    assert AnswerCheck({"$ref": "#/$defs/tree", "$defs": {"tree": TREE}}).problem(value) == (
        "it is nested too deep to be checked"
    )
