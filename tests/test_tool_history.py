"""Each result of a tool has its call, each call its result: refused before it is sent, or repaired, alike in all ways."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, trim_messages
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.memory import ChatMemoryBuffer

from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.chat.tool_history import NO_RESULT
from aimlapi_transport.client import Client
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.responses.request import responses_request
from langchain_aimlapi.errors import InvalidRequestError
from tests.ways import FOUR_WAYS, WAYS, Host, Way, llama_index_message

Json = dict[str, Any]
HI = {"role": "user", "content": "Hi"}
DONE = {"role": "assistant", "content": "done"}


def calling(*ids: str) -> Json:
    calls = [{"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": f"r{call_id}"}


def sent(body: Json) -> list[str]:
    """The conversation in short: `user`, `assistant`, `call c`, `c: result`."""
    short: list[str] = []
    for message in body.get("messages", ()):
        if message["role"] == "tool":
            short.append(f"{message['tool_call_id']}: {message['content']}")
        elif message.get("tool_calls"):
            short += [f"call {call['id']}" for call in message["tool_calls"]]
        else:
            short.append(message["role"])
    for item in body.get("input", ()):
        if item.get("type") == "function_call_output":
            short.append(f"{item['call_id']}: {item['output']}")
        else:
            short.append(f"call {item['call_id']}" if item.get("type") == "function_call" else item["role"])
    return short


BROKEN: list[tuple[str, list[Json], str, list[str]]] = [
    ("first", [result("a"), DONE, HI], "messages[0] is the result of a call 'a'", ["assistant", "user"]),
    (
        "another id",
        [HI, calling("a"), result("b"), HI],
        "messages[2] is the result of a call 'b' that no message before it made: name one of the calls made (a)",
        ["user", "call a", f"a: {NO_RESULT}", "user"],
    ),
    (
        "before its call",
        [HI, result("a"), calling("a"), result("a"), HI],
        "messages[1] is the result",
        ["user", "call a", "a: ra", "user"],
    ),
    ("no result", [HI, calling("a"), HI], "messages[1] calls `f`", ["user", "call a", f"a: {NO_RESULT}", "user"]),
    ("at the end", [HI, calling("a")], "messages[1] calls `f`", ["user", "call a", f"a: {NO_RESULT}"]),
    (
        "one of two",
        [HI, calling("a", "b"), result("b"), HI],
        "messages[1] calls `f`",
        ["user", "call a", "call b", f"a: {NO_RESULT}", "b: rb", "user"],
    ),
    (
        "two results",
        [HI, calling("a", "b"), result("a"), result("b"), result("a"), HI],
        "messages[4] is a second result of the call 'a', after messages[2]",
        ["user", "call a", "call b", "a: ra", "b: rb", "user"],
    ),
    (
        "a second result, later",
        [HI, calling("a"), result("a"), DONE, HI, result("a")],
        "messages[5] is a second result of the call 'a', after messages[2]",
        ["user", "call a", "a: ra", "assistant", "user"],
    ),
    (
        "an id twice",
        [HI, calling("a"), HI, calling("a"), result("a")],
        "messages[1] calls `f`",
        ["user", "call a", f"a: {NO_RESULT}", "user", "call a", "a: ra"],
    ),
]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize(("history", "says", "repaired"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_not_a_pair_is_refused_by_its_place(
    way: Way, history: list[Json], says: str, repaired: list[str]
) -> None:
    host = Host()
    with pytest.raises(AIMLAPIError) as caught:
        host.ask(way, history)
    assert caught.value.message.startswith(says) and "repair_history=True" in caught.value.message
    assert host.bodies == []
    host.ask(way, history, settings={"repair_history": True})
    host.ask(way, history, repair_history=True)
    assert [sent(body) for body in host.bodies] == [repaired, repaired]
    assert not any("repair_history" in body for body in host.bodies)


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_a_result_names_its_call_by_the_id_and_not_by_the_tool(way: Way) -> None:
    host = Host()
    with pytest.raises(AIMLAPIError, match=r"messages\[2\] is the result of a call 'f'"):
        host.ask(way, [HI, calling("a"), result("f"), HI])
    assert host.bodies == []


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_pairs_are_sent_as_they_are(way: Way) -> None:
    """Results in any order, ids that come again in a later turn, and repairing what is whole."""
    history = [HI, calling("a", "b"), result("b"), result("a"), HI, calling("a"), result("a"), HI]
    host = Host()
    host.ask(way, history)
    host.ask(way, history, repair_history=True)
    assert host.raw[0] == host.raw[1]


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
def test_a_repaired_result_follows_its_call(way: Way) -> None:
    """An agent that was interrupted: somebody spoke before the tool was done. Chat hosts take nothing in between."""
    history = [HI, calling("a", "b"), result("b"), HI, DONE, result("a"), HI]
    host = Host()
    host.ask(way, history, repair_history=True)
    expected = ["user", "call a", "call b", "a: ra", "b: rb", "user", "assistant", "user"]
    assert sent(host.bodies[0]) == expected


@pytest.mark.parametrize("responses", [False, True])
def test_a_conversation_that_langchain_trimmed(responses: bool) -> None:
    calls = [{"id": "c", "name": "f", "args": {}}]
    history = [
        HumanMessage("q"),
        AIMessage("", tool_calls=calls),
        ToolMessage("r", tool_call_id="c"),
        AIMessage("done"),
        HumanMessage("next"),
    ]
    kept = trim_messages(history, max_tokens=3, token_counter=len, strategy="last")
    way = next(w for w in FOUR_WAYS if w.framework == "langchain" and (w.endpoint == "responses") is responses)
    host = Host()
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]"):
        host.ask(way, kept)
    host.ask(way, kept, repair_history=True)
    assert sent(host.bodies[0]) == ["assistant", "user"]


@pytest.mark.parametrize("responses", [False, True])
def test_a_conversation_that_llama_indexs_memory_cut(responses: bool) -> None:
    history = [llama_index_message(message) for message in (HI, calling("a"), result("a"), DONE, HI)]
    memory = ChatMemoryBuffer.from_defaults(chat_history=history[2:], token_limit=1000)
    way = next(w for w in FOUR_WAYS if w.framework == "llama_index" and (w.endpoint == "responses") is responses)
    host = Host()
    kept = [history[2], ChatMessage("done", role=MessageRole.ASSISTANT), *memory.get()[-1:]]
    with pytest.raises(AIMLAPIError, match=r"messages\[0\]"):
        host.ask(way, kept)
    host.ask(way, kept, repair_history=True)
    assert sent(host.bodies[0]) == ["assistant", "user"]


def test_the_older_form_is_answered_by_name_and_needs_no_answer_under_chat_completions() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    chat_request("m", [HI, called, {"role": "function", "name": "f", "content": "1"}, HI])
    chat_request("m", [HI, called, {"role": "tool", "tool_call_id": "f", "content": "1"}])
    chat_request("m", [HI, called, HI])
    answered = responses_request("m", [HI, called, {"role": "function", "name": "f", "content": "1"}])
    assert sent(json.loads(answered.body)) == ["user", "call call_f", "call_f: 1"]
    with pytest.raises(AIMLAPIError, match="calls `f`"):
        responses_request("m", [HI, called, HI])


def test_the_clients_own_calls_take_the_option() -> None:
    host = Host()
    client = Client(api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(host)))
    client.chat("m", [result("a"), HI], repair_history=True)
    list(client.stream_chat("m", [HI, calling("a")], repair_history=True))
    assert [sent(body) for body in host.bodies] == [["user"], ["user", "call a", f"a: {NO_RESULT}"]]
    assert not any("repair_history" in body for body in host.bodies)


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_calls": ["f"]},
        {"tool_calls": [{"id": "a", "function": "f"}]},
        {"function_call": "f"},
        {"tool_calls": [{"id": "a", "function": {}}]},
    ],
)
def test_a_call_that_is_none_is_refused_by_its_place(fields: Json) -> None:
    for build in (chat_request, responses_request):
        with pytest.raises(AIMLAPIError, match=r"messages\[1\] has a"):
            build("m", [HI, {"role": "assistant", "content": None, **fields}])


def test_both_forms_of_a_call_in_one_message() -> None:
    both = {**calling("a"), "function_call": {"name": "g", "arguments": "{}"}}
    for build in (chat_request, responses_request):
        build("m", [HI, both, result("a"), HI])
