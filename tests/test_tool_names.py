"""Names of tools are legal on the wire and the user's everywhere else: in every reply, history and stream."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.chat.tool_names import restore_names, wire_names
from aimlapi_transport.errors import InvalidRequestError
from tests.ways import FOUR_WAYS, WAYS, Host, Way

LEGAL = re.compile("[A-Za-z0-9_-]{1,64}")
NAMES = [
    "fs.read",
    "github/issues:list",
    "search web",
    "wetter_für_köln",
    "搜索",
    "a" * 65,
    "x." + "a" * 80,
    "$f",
    ".",
    "\ud83d",
]
HI = [{"role": "user", "content": "Hi"}]


def tool(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "description": "d", "parameters": {"type": "object", "properties": {}}},
    }


def call(name: str, call_id: str = "c1", arguments: str = '{"name": "fs.read"}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def offered(body: dict[str, Any]) -> list[str]:
    return [(one.get("function") or one)["name"] for one in body["tools"]]


def in_history(body: dict[str, Any]) -> list[str]:
    """The names of the calls in what was sent."""
    if "input" in body:
        return [item["name"] for item in body["input"] if item.get("type") == "function_call"]
    return [one["function"]["name"] for m in body["messages"] for one in m.get("tool_calls") or ()]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_legal_on_the_wire_and_the_users_in_the_answer(way: Way, name: str) -> None:
    """The call runs the tool that the user named, and goes back under the same name as before."""
    host = Host(lambda body: {"tool_calls": [call(offered(body)[0])]} if len(host.bodies) == 1 else {"content": "done"})
    answer = host.ask(way, HI, [tool(name), tool("plain")])
    assert answer.calls == [(name, {"name": "fs.read"})]
    assert answer.invalid == []
    first, plain = offered(host.bodies[0])
    assert LEGAL.fullmatch(first) and plain == "plain"
    written = answer.message.model_dump_json() if "\ud83d" not in name else ""
    assert first not in written  # in no block, extra or raw item

    result = {"role": "tool", "tool_call_id": "c1", "content": "text"}
    host.ask(way, [*HI, answer.message, result], [tool("another.one"), tool(name)])
    assert in_history(host.bodies[1]) == [first] == offered(host.bodies[1])[1:]


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_two_names_that_would_be_one_stay_two(way: Way) -> None:
    host = Host(lambda body: {"tool_calls": [call(name, f"c{at}") for at, name in enumerate(offered(body))]})
    names = ["search.web", "search_web", "search web", "search/web"]
    answer = host.ask(way, HI, [tool(name) for name in names])
    assert [name for name, _ in answer.calls] == names
    sent = offered(host.bodies[0])
    assert len(set(sent)) == 4 and sent[1] == "search_web"


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_a_history_names_tools_that_are_no_longer_offered(way: Way) -> None:
    history = [
        *HI,
        {"role": "assistant", "content": None, "tool_calls": [call("old.tool"), call("plain", "c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
    ]
    host = Host()
    host.ask(way, history)
    host.ask(way, history, [tool("old_tool"), tool("new.tool")])
    assert in_history(host.bodies[0]) == in_history(host.bodies[1])
    old, plain = in_history(host.bodies[0])
    assert LEGAL.fullmatch(old) and plain == "plain" and old not in offered(host.bodies[1])


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_call_that_cannot_be_run_names_the_users_tool(way: Way) -> None:
    host = Host(lambda body: {"tool_calls": [call(offered(body)[0], arguments='{"a": ')]})
    assert host.ask(way, HI, [tool("fs.read")]).invalid == ["fs.read"]


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_a_choice_of_a_tool_names_it_as_its_definition_does(way: Way) -> None:
    host = Host()
    host.ask(way, HI, [tool("fs.read"), tool("fs.write")], tool_choice="fs.write")
    body = host.bodies[0]
    chosen = body["tool_choice"]
    assert (chosen.get("function") or chosen)["name"] == offered(body)[1] != "fs.write"


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
@pytest.mark.parametrize("name", ["", "  "])
def test_a_tool_without_a_name_is_refused(way: Way, name: str) -> None:
    host = Host()
    with pytest.raises((InvalidRequestError, ValueError), match="name"):
        host.ask(way, HI, [tool(name)])
    assert host.bodies == []


@given(st.lists(st.text(st.characters(codec=None), min_size=1), unique=True))
def test_names_are_legal_and_different_and_depend_on_themselves(names: list[str]) -> None:
    renamed = wire_names(names)
    sent = [renamed.get(name, name) for name in names]
    assert len(set(sent)) == len(names)
    assert all(LEGAL.fullmatch(name) for name in sent)
    assert all(LEGAL.fullmatch(name) is None for name in renamed)
    assert renamed == wire_names(reversed(names))
    assert all(wire_names([name]) == {name: legal} for name, legal in renamed.items())


def test_a_tool_with_the_legal_form_of_another_keeps_its_name() -> None:
    taken = wire_names(["fs.read"])["fs.read"]
    renamed = wire_names(["fs.read", taken])
    assert renamed.keys() == {"fs.read"} and renamed["fs.read"] != taken


def test_every_place_of_a_body_has_the_same_name() -> None:
    """The older fields, allowed tools, names of results; Kimi's own tools keep theirs."""
    history = [
        *HI,
        {"role": "assistant", "content": None, "function_call": {"name": "a.b", "arguments": "{}"}},
        {"role": "function", "name": "a.b", "content": "1"},
        {"role": "assistant", "content": None, "tool_calls": [{"type": "builtin_function", **call("$web_search")}]},
        {"role": "tool", "tool_call_id": "c1", "name": "$web_search", "content": "{}"},
    ]
    builtin = {"type": "builtin_function", "function": {"name": "$web_search"}}
    custom = {"type": "custom", "custom": {"name": "a.b"}}
    choice = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "a.b"}}]},
    }
    parameters = {"tools": [tool("a.b"), builtin, custom], "tool_choice": choice, "functions": [{"name": "a.b"}]}
    body = json.loads(chat_request("some/new-model", history, parameters=parameters).body)
    legal = wire_names(["a.b"])["a.b"]
    text = json.dumps(body)
    assert '"a.b"' not in text and text.count(f'"{legal}"') == 6 and text.count('"$web_search"') == 3


def test_what_a_model_writes_is_not_turned_back() -> None:
    """Arguments are the model's, also where a host sends them as an object; so are schemas that a reply repeats."""
    call = {"function": {"name": "fs_read_1", "arguments": {"name": "fs_read_1"}}}
    reply = {
        "choices": [{"message": {"tool_calls": [call]}}],
        "tools": [{"name": "fs_read_1", "parameters": {"name": "fs_read_1"}}],
    }
    restore_names(reply, {"fs_read_1": "fs.read"})
    assert call == {"function": {"name": "fs.read", "arguments": {"name": "fs_read_1"}}}
    assert reply["tools"] == [{"name": "fs.read", "parameters": {"name": "fs_read_1"}}]
