"""Binding tools: every form of tool and choice, and the wire's words for them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import FunctionMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers.openai_functions import JsonOutputFunctionsParser
from langchain_core.tools import Tool, tool
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, call, chunks, whole


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
    output = [{"type": "message", "content": "x"}]
    host = Host({**whole({"content": "x"}), "object": "response", "status": "completed", "output": output})
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


def test_a_tool_that_is_loaded_late_says_so_under_both_endpoints() -> None:
    """In the `extras` of LangChain's tools, or beside the function of the wire's object."""

    @tool(extras={"defer_loading": True, "mine": 1})
    def weather(city: str) -> str:
        """The weather."""
        return city

    wired = {"type": "function", "function": {"name": "f", "parameters": {}}, "defer_loading": True}
    chat = bound(weather, wired)["tools"]
    responses = bound(weather, wired, use_responses_api=True)["tools"]
    for tools in (chat, responses):
        assert [(one["defer_loading"], "mine" in one) for one in tools] == [(True, False), (True, False)]
    assert [one["name"] for one in responses] == ["weather", "f"]


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


def test_a_class_is_chosen_by_its_own_name() -> None:
    class _Private(BaseModel):
        """Nobody's."""

        name: str

    sent = bound(_Private, tool_choice="_Private")
    assert sent["tools"][0]["function"]["name"] == sent["tool_choice"]["function"]["name"] == "_Private"


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
        (42, "42 is not a tool"),
        ({"type": "object", "properties": {}}, "is not a tool"),
        ({"type": "function", "function": {"name": ""}}, "no name"),
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


CUSTOM = {"type": "custom", "custom": {"name": "run", "description": "Runs."}}
LARK = {"syntax": "lark", "definition": "start: WORD"}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Tool("run", str.upper, "Runs.", metadata={"type": "custom_tool"}), CUSTOM),
        ({"type": "custom", "name": "run", "description": "Runs."}, CUSTOM),
        (CUSTOM, CUSTOM),
        (
            {"type": "custom", "name": "run", "format": {"type": "grammar", **LARK}},
            {"type": "custom", "custom": {"name": "run", "format": {"type": "grammar", "grammar": LARK}}},
        ),
        (
            {"type": "custom", "name": "dig", "description": "Digs.", "input_schema": {"type": "object"}},
            {"type": "function", "function": {"name": "dig", "description": "Digs.", "parameters": {"type": "object"}}},
        ),
    ],
)
def test_every_form_of_custom_tool(given: Any, sent: dict[str, Any]) -> None:
    """`metadata` is how LangChain marks one, the flat form is the Responses API's, the last is Anthropic's function."""
    kind = sent["type"]
    choice = {"type": kind, kind: {"name": sent[kind]["name"]}}
    body = bound(given, tool_choice=sent[kind]["name"])
    assert (body["tools"], body["tool_choice"]) == ([sent], choice)


@pytest.mark.parametrize("tools", [None, 3, "add", {"name": "add"}])
def test_what_is_no_list_of_tools(tools: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"`tools` is .*: pass a list of tools"):
        Host().model().bind_tools(tools)


@pytest.mark.parametrize("streamed", [False, True])
def test_the_older_function_call_is_read_where_programs_read_it(streamed: bool) -> None:
    """It is in `additional_kwargs` and among the tool calls, and goes back in the form its answer has."""
    said = {"name": "add", "arguments": '{"x": 1, "y": 2}'}
    deltas = [{"function_call": {"name": "add", "arguments": '{"x": 1,'}}, {"function_call": {"arguments": ' "y": 2}'}}]
    host = Host(chunks(deltas, "function_call") if streamed else whole({"content": None, "function_call": said}))
    model = host.model(streaming=streamed)
    reply = model.invoke("Hi")
    assert reply.additional_kwargs["function_call"] == said
    assert [(call["name"], call["args"]) for call in reply.tool_calls] == [("add", {"x": 1, "y": 2})]
    assert (model | JsonOutputFunctionsParser()).invoke("Hi") == {"x": 1, "y": 2}

    model.invoke([HumanMessage("Hi"), reply, FunctionMessage("3", name="add")])
    assert host.bodies[-1]["messages"][1:] == [
        {"role": "assistant", "content": None, "function_call": said},
        {"role": "function", "name": "add", "content": "3"},
    ]
    model.invoke([HumanMessage("Hi"), reply, ToolMessage("3", tool_call_id=reply.tool_calls[0]["id"])])
    sent = host.bodies[-1]["messages"][1]
    assert "function_call" not in sent
    assert [item["function"] for item in sent["tool_calls"]] == [said]


BARE = {"function": {"name": "find", "description": "Finds.", "parameters": {"type": "object", "properties": {}}}}


def test_a_tool_without_its_type_is_a_tool_and_goes_out_as_it_was() -> None:
    """As several SDKs write it; a host that names the types of tools it takes is told the type."""
    choice = {"function": {"name": "find"}}
    body = bound(BARE, tool_choice=choice)
    assert (body["tools"], body["tool_choice"]) == ([BARE], choice)
    assert bound(BARE, tool_choice="find")["tool_choice"] == {"type": "function", **choice}
    with pytest.raises(InvalidRequestError, match="names 'seek'"):
        bound(BARE, tool_choice={"function": {"name": "seek"}})
    host = Host(whole({"content": "x"}))
    host.model(model="glm-5", preset="powertokens").invoke("Hi", tools=[BARE])
    assert host.bodies[0]["tools"] == [{"type": "function", **BARE}]


class Point(BaseModel):
    """A place."""

    at: list[int]


@tool
def file(tags: list[str] | None, points: list[Point], note: str) -> str:
    """Files it."""
    return f"{tags} {[point.at for point in points]} {note}"


MEANT = {"tags": ["a", "b"], "points": [{"at": [1, 2]}, {"at": []}], "note": '["stays"]'}
POINTS = [json.dumps({"at": "[1, 2]"}), {"at": "[]"}]
WRITTEN = {
    "as it is": json.dumps(MEANT),
    "encoded twice": json.dumps(json.dumps(MEANT)),
    "an array as a string": json.dumps({**MEANT, "tags": '["a", "b"]'}),
    "every level as a string": json.dumps({**MEANT, "tags": '["a", "b"]', "points": json.dumps(POINTS)}),
    "all of it": json.dumps(json.dumps({**MEANT, "tags": '["a", "b"]', "points": json.dumps(POINTS)})),
}


def answers(name: str, arguments: str, size: int, finish: str = "tool_calls") -> tuple[Host, Host]:
    """The same call whole, and streamed in pieces of this size."""
    pieces = [call(0, None, None, arguments[at : at + size]) for at in range(0, len(arguments), size)]
    deltas = [{"tool_calls": [call(0, "a", name, "")]}, *({"tool_calls": [piece]} for piece in pieces)]
    return Host(whole({"tool_calls": [call(None, "a", name, arguments)]}, finish)), Host(chunks(deltas, finish))


def messages_of(hosts: tuple[Host, Host], *tools: Any) -> list[Any]:
    """Invoked, awaited, streamed and async streamed."""
    once, streamed = (host.model().bind_tools(tools) for host in hosts)

    async def run() -> list[Any]:
        parts = [part async for part in streamed.astream("Hi")]
        return [await once.ainvoke("Hi"), sum(parts[1:], parts[0])]

    parts = list(streamed.stream("Hi"))
    return [once.invoke("Hi"), sum(parts[1:], parts[0]), *asyncio.run(run())]


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_arguments_are_what_the_schema_wants_whole_and_streamed_and_go_back_so(way: str, size: int) -> None:
    hosts = answers("file", WRITTEN[way], size)
    for message in messages_of(hosts, file):
        assert [one["args"] for one in message.tool_calls] == [MEANT]
        assert message.invalid_tool_calls == []
        hosts[0].model().invoke(["Hi", message, ToolMessage("done", tool_call_id="a")])
        (sent,) = hosts[0].bodies[-1]["messages"][1]["tool_calls"]
        assert json.loads(sent["function"]["arguments"]) == MEANT


@pytest.mark.parametrize(
    "arguments",
    [
        json.dumps(json.dumps(MEANT))[:-1],
        json.dumps(json.dumps(MEANT))[:-4],
        json.dumps({**MEANT, "points": json.dumps(POINTS)})[:-30],
        json.dumps({"tags": '["a", "b"]'})[:-1],
        json.dumps({"tags": '["a", "b"]'})[:-3],
    ],
)
def test_arguments_that_were_cut_are_no_call_whatever_the_schema(arguments: str) -> None:
    for message in messages_of(answers("file", arguments, 3, "length"), file):
        assert message.tool_calls == []
        assert [one["name"] for one in message.invalid_tool_calls] == ["file"]


def test_arguments_of_a_tool_that_is_not_bound_stay_as_they_came() -> None:
    arguments = {**MEANT, "tags": '["a", "b"]'}
    for message in messages_of(answers("other", json.dumps(arguments), 3), file):
        assert [one["args"] for one in message.tool_calls] == [arguments]


@pytest.mark.parametrize("way", WRITTEN)
def test_an_agent_runs_its_tool_with_what_the_schema_wants(way: str) -> None:
    host = Host(*answers("file", WRITTEN[way], 3)[0].replies, whole({"content": "done"}))
    *_, result, _ = create_agent(host.model(), [file]).invoke({"messages": [("user", "Hi")]})["messages"]
    assert result.content == "['a', 'b'] [[1, 2], []] [\"stays\"]"


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_half_a_character_in_arguments_is_marked_whole_and_streamed(size: int) -> None:
    written = '{"tags": ["\\\\ud83d", "\\ud83d\\ude00"], "points": [], "note": "\\ude00\\ud83d"}'
    for message in messages_of(answers("file", written, size), file):
        args = {"tags": ["\\ud83d", "\U0001f600"], "points": [], "note": "\ufffd\ufffd"}
        assert [one["args"] for one in message.tool_calls] == [args]


@pytest.mark.filterwarnings("error")
def test_an_agent_without_tools_says_nothing_of_them() -> None:
    host = Host(whole({"content": "x"}))
    host.model().bind_tools([], tool_choice="auto", parallel_tool_calls=False).invoke("Hi")
    host.model().invoke("Hi", tools=[], parallel_tool_calls=True)
    assert [set(body) for body in host.bodies] == [{"model", "messages"}] * 2
