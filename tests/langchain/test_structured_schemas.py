"""Structured output of schemas that are hard: optional keys, classes that hold themselves, strings that spell values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel
from typing_extensions import TypedDict

from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, whole
from tests.langchain.structured import ADA, Person, four_ways, replying


class Noted(TypedDict):
    """What a trip must have."""

    name: str


class Trip(Noted, total=False):
    """A trip."""

    note: str


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_key_a_typeddict_need_not_have_may_be_missing(method: Any) -> None:
    """LangChain's schema of it lists every key without a default as required."""
    for host in replying(ADA) if method == "json_schema" else replying(None, "Trip"):
        answers = host.model(streaming=isinstance(host.replies[0], list)).with_structured_output(Trip, method=method)
        assert answers.invoke("Who?") == {"name": "Ada"}
    (host, _) = replying('{"note": "x"}')
    with pytest.raises(OutputParserException, match="lacks name"):
        host.model().with_structured_output(Trip, method="json_schema").invoke("Who?")


class Inner(BaseModel):
    default: str | None = None


class Outer(BaseModel):
    note: str | None = None
    inner: Inner | None = None


def test_a_strict_schema_has_no_null_defaults() -> None:
    """OpenAI's strict mode takes no `default`; its own SDK leaves these out, too. A key of that name stays."""
    host = Host(whole({"content": '{"note": null, "inner": {"default": null}}'}))
    told = host.model().with_structured_output(Outer, method="json_schema", strict=True).invoke("?")
    assert told == Outer(inner=Inner())
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    inner = host.bodies[0]["response_format"]["json_schema"]["schema"]["properties"]["inner"]
    assert (inner.get("default", "none"), inner["anyOf"][0]["properties"]) == (
        "none",
        {"default": {**text, "title": "Default"}},
    )
    assert host.bodies[0]["response_format"]["json_schema"]["schema"]["properties"]["note"] == text


class Node(BaseModel):
    """A tree."""

    value: int
    kids: list[Node] = []


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_class_that_holds_itself_is_described_to_the_end(method: Any) -> None:
    """LangChain's conversion ends at `items: {}`."""
    tree = '{"value": 1, "kids": [{"value": 2}]}'
    (host, _) = replying(tree) if method == "json_schema" else replying(None, "Node", tree)
    answer = host.model().with_structured_output(Node, method=method).invoke("?")
    assert answer == Node(value=1, kids=[Node(value=2)])
    body = host.bodies[0]
    host.model().bind_tools([Node]).invoke("?")
    assert host.bodies[1]["tools"][0]["function"]["parameters"]["$defs"]["Node"]["required"] == ["value"]
    told = body["response_format"]["json_schema"] if method == "json_schema" else body["tools"][0]["function"]
    schema = told["schema" if method == "json_schema" else "parameters"]
    kids = {"default": [], "items": {"$ref": "#/$defs/Node"}, "title": "Kids", "type": "array"}
    assert (told["name"], schema["properties"]["kids"], schema["$defs"]["Node"]["properties"]["kids"]) == (
        "Node",
        kids,
        kids,
    )


def test_a_strict_format_of_an_agent_has_a_strict_schema() -> None:
    """ProviderStrategy(strict=True) sends the schema of the class as it is, which OpenAI refuses as strict."""
    spec = {"name": "Outer", "strict": True, "schema": Outer.model_json_schema()}
    host = Host(whole({"content": "{}"}))
    host.model().bind_tools([], response_format={"type": "json_schema", "json_schema": spec}).invoke("?")
    sent = host.bodies[0]["response_format"]["json_schema"]["schema"]
    for node, keys in ((sent, ["note", "inner"]), (sent["$defs"]["Inner"], ["default"])):
        assert (node["required"], node["additionalProperties"]) == (keys, False)
    assert spec["schema"] == Outer.model_json_schema()
    loose = {**spec, "strict": False}
    host.model().bind_tools([], response_format={"type": "json_schema", "json_schema": loose}).invoke("?")
    assert host.bodies[1]["response_format"]["json_schema"] == loose


@pytest.mark.parametrize("schema", [list, dict, int, "Person", list[int]])
@pytest.mark.parametrize("method", [None, "function_calling", "json_schema", "json_mode"])
def test_what_describes_no_shape_is_refused(schema: Any, method: Any) -> None:
    """`list` too, which LangChain's converter describes by the arguments of its constructor."""
    with pytest.raises(InvalidRequestError, match=r"^`schema` is .*: pass a Pydantic class, a TypedDict"):
        ChatAIMLAPI(model="openai/gpt-4o", api_key="k").with_structured_output(schema, method=method)


def test_a_missing_schema_says_what_goes_without_one() -> None:
    with pytest.raises(InvalidRequestError, match='pass one, or `method="json_mode"`'):
        ChatAIMLAPI(model="openai/gpt-4o", api_key="k").with_structured_output(None)


class Basket(BaseModel):
    """A basket."""

    items: list[str]
    owner: Person | None = None
    note: str = ""


BASKET = {"items": ["a"], "owner": {"name": "Ada"}, "note": "[1]"}
BASKETS = {
    "arrays and objects as strings": json.dumps({**BASKET, "items": '["a"]', "owner": ADA}),
    "encoded twice": json.dumps(json.dumps(BASKET)),
}


@pytest.mark.parametrize("way", BASKETS)
@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
@pytest.mark.parametrize("by_class", [True, False])
def test_a_string_that_spells_what_the_schema_wants_is_that(way: str, method: Any, by_class: bool) -> None:
    schema: Any = Basket if by_class else Basket.model_json_schema()
    hosts = replying(None, "Basket", BASKETS[way]) if method == "function_calling" else replying(BASKETS[way])
    expected = Basket(items=["a"], owner=Person(name="Ada"), note="[1]") if by_class else BASKET
    assert four_ways(hosts, schema, method=method) == [expected] * 4
