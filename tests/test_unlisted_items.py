"""Items and parts of /v1/responses that stand in a message: the known ones go out as they are, others with a warning."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import Tool
from llama_index.core.base.llms.types import ChatMessage, MessageRole, ToolCallBlock

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.user_warnings import UnlistedParameterWarning
from tests.ways import WAYS, Host, Way

Json = dict[str, Any]
RESPONSES = [way for way in WAYS if way.endpoint == "responses"]
CHAT = [way for way in WAYS if way.endpoint == "chat" and not (way.is_streamed or way.is_async)]
EFFORT: Json = {"type": "configuration_update", "reasoning": {"effort": "high"}}
TOOLS: Json = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "clock"}]}
CONSENT: Json = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
PATCHED: Json = {"type": "apply_patch_call_output", "call_id": "c1", "status": "completed", "output": "done"}
NEXT_YEAR: Json = {"type": "input_hologram", "hologram": "..."}


@pytest.fixture(autouse=True)
def no_warning_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())


def said(way: Way, parts: list[Json], role: str = "user") -> Any:
    """A message of these parts, as the framework has it."""
    if way.framework == "langchain":
        return (HumanMessage if role == "user" else SystemMessage)([dict(part) for part in parts])
    kwargs = {"content_parts": [dict(part) for part in parts]}
    return ChatMessage(role=MessageRole(role), blocks=[], additional_kwargs=kwargs)


@pytest.mark.parametrize("way", RESPONSES, ids=str)
@pytest.mark.parametrize("item", [CONSENT, PATCHED], ids=lambda item: item["type"])
def test_known_items_go_out_as_they_are(way: Way, item: Json) -> None:
    host = Host()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        host.ask(way, [said(way, [item])])
    assert host.bodies[0]["input"] == [item]


@pytest.mark.parametrize("way", RESPONSES, ids=str)
def test_items_nobody_lists_go_out_before_their_message_with_one_warning(way: Way) -> None:
    host = Host()
    messages = [said(way, [TOOLS], "system"), said(way, [{"type": "text", "text": "Hi"}, EFFORT, NEXT_YEAR])]
    with pytest.warns(UnlistedParameterWarning) as seen:
        host.ask(way, messages)
        host.ask(way, messages)
    parts = [{"type": "input_text", "text": "Hi"}, NEXT_YEAR]
    assert host.bodies[0]["input"] == [TOOLS, EFFORT, {"role": "user", "content": parts}]
    kinds = ["additional_tools", "configuration_update", "input_hologram"]
    assert [next(kind for kind in kinds if kind in str(one.message)) for one in seen] == kinds


@pytest.mark.parametrize("way", RESPONSES, ids=str)
def test_strict_parameters_refuse_what_nobody_lists(way: Way) -> None:
    host = Host()
    with pytest.raises(InvalidRequestError, match=r"`configuration_update` for /v1/responses \(openai/gpt-4o\)"):
        host.ask(way, [said(way, [EFFORT])], settings={"strict_parameters": True})
    assert not host.bodies


def test_chat_completions_have_no_items() -> None:
    """LlamaIndex's content parts are sent as they are; a block of LangChain that nobody knows is named."""
    host = Host()
    with pytest.raises(InvalidRequestError, match=r"messages\[0\] \(HumanMessage\).*configuration_update"):
        host.ask(CHAT[0], [said(CHAT[0], [EFFORT])])
    assert not host.bodies


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("way", RESPONSES, ids=str)
def test_a_result_that_is_an_item_is_that_item(way: Way, wrapped: bool) -> None:
    """As `custom_tool` of langchain-openai gives its results; LangChain may wrap it as no standard block."""
    output: Json = {"type": "custom_tool_call_output", "output": "27"}
    host = Host()
    if way.framework == "langchain":
        calls = [{"name": "run", "args": {"__arg1": "3**3"}, "id": "c1"}]
        extras = {"tool_call_extras": {"c1": {"type": "custom"}}}
        block: Json = {"type": "non_standard", "value": output} if wrapped else output
        messages: list[Any] = [
            AIMessage("", tool_calls=calls, additional_kwargs=extras),
            ToolMessage([block], tool_call_id="c1"),
        ]
    else:
        call = ToolCallBlock(tool_call_id="c1", tool_name="run", tool_kwargs={"x": 1})
        extra = {"tool_call_id": "c1", "content_parts": [output]}
        messages = [ChatMessage(role="assistant", blocks=[call]), ChatMessage(role="tool", additional_kwargs=extra)]
    host.ask(way, ["Hi" if way.framework == "langchain" else ChatMessage("Hi"), *messages])
    assert host.bodies[0]["input"][-1] == {"call_id": "c1", **output}
    if way.framework == "langchain":
        assert host.bodies[0]["input"][1] == {
            "type": "custom_tool_call",
            "call_id": "c1",
            "name": "run",
            "input": "3**3",
        }


def test_a_result_that_is_an_item_is_its_text_under_chat_completions() -> None:
    host = Host()
    call = AIMessage("", tool_calls=[{"name": "run", "args": {}, "id": "c1"}])
    result = ToolMessage([{"type": "custom_tool_call_output", "output": "27"}], tool_call_id="c1")
    host.ask(CHAT[0], ["Hi", call, result])
    assert host.bodies[0]["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": "27"}


@pytest.mark.parametrize("block", ["data:image/png;base64,AA==", [{"type": "input_image", "image_url": "data:,x"}]])
def test_a_screenshot_says_what_was_consented_to(block: Any) -> None:
    """Also where the call is of a response before, so that no message tells its kind."""
    checks = [{"id": "cu_sc_1", "code": "malicious_instructions"}]
    marked = {"type": "computer_call_output", "acknowledged_safety_checks": checks}
    host = Host()
    way = next(way for way in RESPONSES if way.framework == "langchain")
    result = ToolMessage(block, tool_call_id="c1", additional_kwargs=marked)
    host.ask(way, [result], previous_response_id="r0")
    address = block if isinstance(block, str) else "data:,x"
    screenshot = {"type": "computer_screenshot", "image_url": address}
    assert host.bodies[0]["input"] == [{**marked, "call_id": "c1", "output": screenshot}]


def test_a_tool_of_one_text_runs_with_the_text_of_a_custom_call() -> None:
    """What `custom_tool` makes is a `Tool`: its only argument has any name."""
    run = Tool(name="run", description="Runs.", func=lambda code: f"ran {code}", metadata={"type": "custom_tool"})
    for key in ("input", "__arg1"):
        result = run.invoke({"type": "tool_call", "name": "run", "args": {key: "x"}, "id": "c1"})
        assert (result.content, result.tool_call_id) == ("ran x", "c1")
