"""Binding tools: every form of tool and choice, and the wire's words for them."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, whole


@tool
def add(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


def shout(text: str) -> str:
    """Says it louder."""
    return text.upper()


class Person(BaseModel):
    """A person."""

    name: str = Field(description="The name.")


class City(TypedDict):
    """A city."""

    name: str


def bound(*tools: Any, **options: Any) -> dict[str, Any]:
    host = Host(whole({"content": "x"}))
    host.model().bind_tools(list(tools), **options).invoke("Hi")
    return host.bodies[0]


def test_every_form_of_tool() -> None:
    schema = {"title": "Box", "description": "A box.", "type": "object", "properties": {"size": {"type": "integer"}}}
    anthropic = {"name": "dig", "description": "Digs.", "input_schema": {"type": "object", "properties": {}}}
    native = {"type": "web_search", "web_search": {"enable": True}}
    sent = bound(add, shout, Person, City, schema, anthropic, native)["tools"]
    assert [item["function"]["name"] for item in sent[:-1]] == ["add", "shout", "Person", "City", "Box", "dig"]
    assert sent[0]["function"]["parameters"]["required"] == ["x", "y"]
    assert all("parameters" in item["function"] for item in sent[:-1])
    assert sent[-1] == native


NAMED = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"), ("required", "required"), (True, "required"), ("auto", "auto"), ("none", "none"),
        (False, None), (None, None), ("add", NAMED), (NAMED, NAMED), ({"type": "tool", "name": "add"}, NAMED),
        ({"type": "any"}, "required"),
    ],
)  # fmt: skip
def test_every_form_of_choice(choice: Any, sent: Any) -> None:
    assert bound(add, tool_choice=choice).get("tool_choice") == sent


@pytest.mark.parametrize("choice", ["subtract", {"type": "function", "function": {"name": "subtract"}}, 3])
def test_a_choice_of_a_tool_that_is_not_bound(choice: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"add|a word"):
        bound(add, tool_choice=choice)


def test_strict_and_parallel_and_response_format() -> None:
    sent = bound(add, strict=True, parallel_tool_calls=False, response_format=Person)
    assert sent["tools"][0]["function"]["strict"] is True
    assert sent["parallel_tool_calls"] is False
    assert sent["response_format"]["type"] == "json_schema"
    assert sent["response_format"]["json_schema"]["name"] == "Person"
    assert sent["response_format"]["json_schema"]["strict"] is True
    plain = bound(add, response_format={"type": "json_object"})
    assert plain["response_format"] == {"type": "json_object"}
    assert ("parallel_tool_calls" in plain, "tool_choice" in plain) == (False, False)


def test_no_tools_send_nothing() -> None:
    assert set(bound()) == {"model", "messages"}


def test_a_tool_without_a_name_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="no name"):
        bound({"type": "function", "function": {"name": "", "parameters": {}}})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (42, "42 is no tool"),
        ({"type": "object", "properties": {}}, "is no tool"),
        (lambda x: x, "the name '<lambda>'"),
        ({"type": "function", "function": {"name": "a b"}}, "the name 'a b'"),
        ({"type": "function", "function": {"name": "a" * 65}}, "1 to 64 characters"),
    ],
)
def test_a_wrong_tool_is_named(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        bound(wrong)
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_a_tool_of_the_users_own_stays_as_it_was() -> None:
    definition = {"type": "function", "function": {"name": "ping"}}
    assert bound(definition)["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert definition == {"type": "function", "function": {"name": "ping"}}
