"""Tools on the wire, and which calls of an answer may be run."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import FunctionTool

from aimlapi_transport.client import UnlistedParameterWarning
from aimlapi_transport.errors import AIMLAPIError, InvalidRequestError
from llama_index_aimlapi import AIMLAPI, ToolCallError
from tests.llama_index.host import DONE, Host, call, chunk, gathered, last, piece, whole


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def stop() -> str:
    """Stop."""
    return "stopped"


ADD, STOP = FunctionTool.from_defaults(add), FunctionTool.from_defaults(stop)
NAMED = {"type": "function", "function": {"name": "add"}}


@pytest.mark.parametrize(
    ("choice", "required", "sent"),
    [
        (None, False, "auto"),
        (None, True, "required"),
        ("auto", True, "auto"),
        ("none", False, "none"),
        ("required", False, "required"),
        ("any", False, "required"),
        (True, False, "required"),
        (False, False, "auto"),
        ("add", False, NAMED),
        (NAMED, False, NAMED),
        ({"type": "tool", "name": "add"}, False, NAMED),  # Anthropic's form
        ({"type": "any"}, False, "required"),
    ],
)
def test_every_way_to_choose_a_tool(choice: Any, required: bool, sent: Any) -> None:
    host = Host([whole()])
    host.llm().chat_with_tools([ADD, STOP], "Hi", tool_choice=choice, tool_required=required)
    assert host.bodies[0]["tool_choice"] == sent


@pytest.mark.parametrize(
    ("tool", "choice", "sent"),
    [
        ({"type": "web_search", "web_search": {"enable": True}}, "web_search", {"type": "web_search"}),
        ({"type": "custom", "custom": {"name": "run"}}, "run", {"type": "custom", "custom": {"name": "run"}}),
        ({"type": "function", "name": "flat"}, "flat", {"type": "function", "function": {"name": "flat"}}),
    ],
)
def test_a_tool_of_any_kind_may_be_chosen(tool: Any, choice: str, sent: Any) -> None:
    host = Host([whole()])
    host.llm().chat([ChatMessage("Hi")], tools=[ADD, tool], tool_choice=choice)
    host.llm().chat([ChatMessage("Hi")], tools=[ADD, tool], tool_choice=sent)
    assert [body["tool_choice"] for body in host.bodies] == [sent, sent]
    with pytest.raises(InvalidRequestError, match="`tool_choice` names 'nope'"):
        host.llm().chat([ChatMessage("Hi")], tools=[ADD, tool], tool_choice={"type": "tool", "name": "nope"})


@pytest.mark.parametrize(("choice", "tools"), [("ad", [ADD]), ("add", []), ("required", []), (3, [ADD])])
def test_a_choice_that_cannot_be_made_is_named(choice: Any, tools: list[Any]) -> None:
    with pytest.raises(InvalidRequestError, match="`tool_choice`"):
        Host([whole()]).llm().chat_with_tools(tools, "Hi", tool_choice=choice)


def test_the_prepared_arguments_hold_the_messages_and_leave_the_history_alone() -> None:
    history = [ChatMessage("Be brief", role="system")]
    prepared = AIMLAPI("some/model")._prepare_chat_with_tools([ADD], "Hi", history, tool_required=True)
    assert prepared["messages"] == [*history, ChatMessage("Hi")]
    assert len(history) == 1
    assert prepared["tool_choice"] == "required"
    assert prepared["tools"] == [ADD.metadata.to_openai_tool()]


def test_tools_may_be_given_to_a_plain_call() -> None:
    """As LlamaIndex's tools, or as the wire's objects, vendors' own kinds among them."""
    host = Host([whole()])
    search = {"type": "web_search", "web_search": {"enable": True}}
    host.llm().chat([ChatMessage("Hi")], tools=[ADD, search], tool_choice="add")
    assert host.bodies[0]["tools"] == [ADD.metadata.to_openai_tool(), search]
    assert host.bodies[0]["tool_choice"] == NAMED
    with pytest.raises(InvalidRequestError, match="`tool_choice` is 'ad'"):
        host.llm().chat([ChatMessage("Hi")], tools=[ADD], tool_choice="ad")


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("web_search", {"type": "web_search"}),
        ("note", {"type": "custom", "custom": {"name": "note"}}),
        ({"type": "tool", "name": "add"}, NAMED),
        ({"type": "any"}, "required"),
    ],
)
def test_a_choice_takes_the_forms_that_it_takes_in_langchain(choice: Any, sent: Any) -> None:
    host = Host([whole()])
    tools = [ADD, {"type": "custom", "custom": {"name": "note"}}, {"type": "web_search", "web_search": {}}]
    host.llm().chat([ChatMessage("Hi")], tools=tools, tool_choice=choice)
    assert host.bodies[0]["tool_choice"] == sent


def test_what_is_no_tool_is_named() -> None:
    host = Host([whole()])
    with pytest.raises(InvalidRequestError, match="`tools` contains function: pass LlamaIndex tools"):
        host.llm().chat([ChatMessage("Hi")], tools=[add])
    assert host.requests == []


def test_without_tools_nothing_about_tools_is_sent() -> None:
    host = Host([whole()])
    host.llm().chat_with_tools([], "Hi", tool_required=True)
    assert host.bodies == [{"model": "some/model", "messages": [{"role": "user", "content": "Hi"}]}]


def test_strict_tools_say_so() -> None:
    host = Host([whole()])
    host.llm(strict=True).chat_with_tools([ADD], "Hi")
    host.llm().chat_with_tools([ADD], "Hi", strict=True)
    host.llm(strict=True).chat_with_tools([ADD], "Hi", strict=False)
    functions = [body["tools"][0]["function"] for body in host.bodies]
    assert [function.get("strict") for function in functions] == [True, True, None]
    assert [function["parameters"].get("additionalProperties") for function in functions] == [False, False, None]


def test_what_is_prepared_has_the_names_of_the_body() -> None:
    """So that it may be read, changed and passed on, as programs written for other classes do."""
    host = Host([whole()])
    llm = host.llm()
    for further, parallel in (
        ({}, False),
        ({"allow_parallel_tool_calls": True}, True),
        ({"parallel_tool_calls": 0}, 0),
    ):
        prepared = llm._prepare_chat_with_tools([ADD], "Hi", tool_required=True, **further)
        assert (prepared["tool_choice"], prepared["parallel_tool_calls"]) == ("required", parallel)
    bare = llm._prepare_chat_with_tools([], "Hi", tool_required=True)
    assert (bare["tools"], bare["tool_choice"], "parallel_tool_calls" in bare) == (None, None, False)
    prepared = llm._prepare_chat_with_tools([ADD], "Hi")
    prepared["parallel_tool_calls"] = True
    llm.chat(**prepared)
    host.llm(additional_kwargs={"parallel_tool_calls": True}).chat_with_tools([ADD], "Hi")
    assert [body["parallel_tool_calls"] for body in host.bodies] == [True, True]


def test_what_the_framework_adds_is_left_out_where_it_is_not_accepted_and_what_you_set_is_not() -> None:
    """PowerTokens takes no named or required choice for glm, and no parallel_tool_calls."""
    host = Host([whole()])
    llm = host.llm("glm-5", preset="powertokens")
    llm.chat_with_tools([ADD], "Hi", tool_required=True, allow_parallel_tool_calls=True)
    assert sorted(host.bodies[0]) == ["messages", "model", "stream", "tools"]
    with pytest.raises(InvalidRequestError, match="`parallel_tool_calls`"):
        llm.chat_with_tools([ADD], "Hi", parallel_tool_calls=True)
    strict = host.llm("glm-5", preset="powertokens", strict_parameters=True)
    with pytest.raises(InvalidRequestError, match="`tool_choice`"):
        strict.chat_with_tools([ADD], "Hi", tool_choice="required")


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("choice", ["any", "required", True, "add", {"function": {"name": "add"}}])
async def test_a_forced_call_is_the_models_choice_where_the_host_takes_no_force(
    form: str, choice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    host = Host([whole("Hi")] if "stream" not in form else [[chunk("stop", content="Hi"), DONE]])
    llm = host.llm("glm-5", preset="powertokens")
    with pytest.warns(UnlistedParameterWarning, match="sent as 'auto'") as told:
        for _ in range(2):
            await gathered(form, llm, [ChatMessage("Hi")], tools=[ADD], tool_choice=choice)
    assert len(told) == 1
    assert [body["tool_choice"] for body in host.bodies] == ["auto", "auto"]


def test_a_tool_without_its_type_is_a_tool() -> None:
    """As several SDKs write it; a host that names the types of tools it takes is told the type."""
    host = Host([whole()])
    bare = {"function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
    choice = {"function": {"name": "find"}}
    host.llm().chat([ChatMessage("Hi")], tools=[bare], tool_choice=choice)
    host.llm("glm-5", preset="powertokens").chat([ChatMessage("Hi")], tools=[bare])
    assert host.bodies[0]["tools"] == [bare]
    assert host.bodies[0]["tool_choice"] == choice
    assert host.bodies[1]["tools"] == [{"type": "function", **bare}]


TWO = [call("add", '{"a": 1, "b": 2}', "c1"), call("stop", "{}", "c2")]
TWO_STREAMED = [
    chunk(tool_calls=[piece('{"a": 1, ', "add", id="c1"), piece("{}", "stop", 1, id="c2")]),
    chunk("tool_calls", tool_calls=[piece('"b": 2}')]),
    DONE,
]


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("parallel", [True, False])
async def test_one_call_means_one_call_everywhere(form: str, parallel: bool) -> None:
    """In the blocks, in additional_kwargs and in a stream alike."""
    host = Host([TWO_STREAMED if "stream" in form else whole(None, "tool_calls", tool_calls=TWO)])
    llm = host.llm()
    with_tools = f"{form}_with_tools"
    *earlier, response = await gathered(with_tools, llm, [ADD, STOP], "Hi", allow_parallel_tool_calls=parallel)
    count = 2 if parallel else 1
    assert all(len(r.message.blocks) == count for r in earlier)
    assert [block.tool_name for block in response.message.blocks] == ["add", "stop"][:count]
    assert response.message.additional_kwargs == {"tool_calls": TWO[:count]}
    assert host.bodies[0]["parallel_tool_calls"] is parallel
    assert len(llm.get_tool_calls_from_response(response)) == count


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_the_parameter_of_the_body_wins_over_the_framework_in_every_form(form: str) -> None:
    llm = Host([TWO_STREAMED if "stream" in form else whole(None, "tool_calls", tool_calls=TWO)]).llm()
    *_, response = await gathered(f"{form}_with_tools", llm, [ADD, STOP], "Hi", parallel_tool_calls=True)
    assert len(llm.get_tool_calls_from_response(response)) == 2


def test_calls_are_read_from_blocks_and_from_additional_kwargs() -> None:
    llm = AIMLAPI("some/model")
    expected = [ToolSelection(tool_id="c1", tool_name="add", tool_kwargs={"a": 1})]
    for message in (
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1})]),
        ChatMessage(
            role="assistant", blocks=[ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs='{"a":1}')]
        ),
        ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [call("add", '{"a":1}', "c1")]}),
    ):
        assert llm.get_tool_calls_from_response(ChatResponse(message=message)) == expected
        as_json = ChatResponse.model_validate_json(ChatResponse(message=message).model_dump_json())
        assert llm.get_tool_calls_from_response(as_json) == expected


def test_no_call_is_an_error_only_where_one_is_expected() -> None:
    llm = AIMLAPI("some/model")
    response = ChatResponse(message=ChatMessage("Not me", role="assistant"))
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="called no tool: it answered 'Not me'") as caught:
        llm.get_tool_calls_from_response(response)
    assert isinstance(caught.value, ToolCallError)
    assert isinstance(caught.value, AIMLAPIError)


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize("arguments", ['{"a": 1, "b"', "[1]", "nonsense"])
async def test_half_a_call_is_never_one_to_run(form: str, arguments: str) -> None:
    """It is named, its text is kept, and while it streams it is shown as far as it goes."""
    stream = [chunk(tool_calls=[piece(arguments, "add", id="c1")]), chunk("length"), last(), DONE]
    host = Host([stream if "stream" in form else whole(None, "length", tool_calls=[call("add", arguments, "c1")])])
    llm = host.llm()
    responses = await gathered(form, llm, [ChatMessage("Hi")])
    for error_on_no_tool_call in (True, False):
        with pytest.raises(ValueError, match=r"call of `add` \(id c1\) cannot be run.*raise `max_tokens`"):
            llm.get_tool_calls_from_response(responses[-1], error_on_no_tool_call=error_on_no_tool_call)
    assert responses[-1].message.blocks[-1].tool_kwargs == arguments
    for response in responses[:-1]:
        assert [c.tool_name for c in llm.get_tool_calls_from_response(response)] == ["add"]


@pytest.mark.parametrize(
    ("arguments", "read"),
    [('{"a": 1, "b": "x', {"a": 1, "b": "x"}), ("nonsense", {}), ("null", {}), ('{"a": 1}', {"a": 1})],
)
def test_a_response_made_by_hand_is_read_as_far_as_it_goes(arguments: str, read: dict[str, Any]) -> None:
    """Nobody says of it that it is finished."""
    listed = {"tool_calls": [call("add", arguments, "c1")]}
    block = ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs=arguments)
    for message in (ChatMessage(role="assistant", additional_kwargs=listed), ChatMessage(blocks=[block])):
        (found,) = AIMLAPI("some/model").get_tool_calls_from_response(ChatResponse(message=message))
        assert found == ToolSelection(tool_id="c1", tool_name="add", tool_kwargs=read)


def test_a_call_of_a_vendors_own_kind_keeps_it() -> None:
    host = Host([whole(None, tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "run", "input": "{}"}}])])
    llm = host.llm()
    message = llm.chat([ChatMessage("Hi")]).message
    llm.chat([ChatMessage("Hi"), message, ChatMessage("x", role="tool", additional_kwargs={"tool_call_id": "c"})])
    (sent,) = host.bodies[1]["messages"][1]["tool_calls"]
    assert (sent["id"], sent["type"]) == ("c", "custom")


def test_a_call_without_a_name_is_not_one_to_run() -> None:
    llm = Host([whole(None, tool_calls=[call("", "{}", "c1")])]).llm()
    with pytest.raises(ValueError, match="names no tool"):
        llm.get_tool_calls_from_response(llm.chat([ChatMessage("Hi")]))
