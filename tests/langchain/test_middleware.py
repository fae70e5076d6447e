"""An agent whose model writes a call that is no JSON asks again, in bounds, and never ends in silence."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_aimlapi.errors import BadResponseError, InvalidRequestError, InvalidToolCallError
from langchain_aimlapi.middleware import InvalidToolCallRetry
from tests.langchain.host import Host, call, chunks, whole

BROKEN = '{"x": 1, "y": '


def add(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


def calls(*arguments: str) -> dict[str, Any]:
    return whole({"tool_calls": [call(None, f"id{n}", "add", text) for n, text in enumerate(arguments)]}, "tool_calls")


GOOD, DONE = calls('{"x": 1, "y": 2}'), whole({"content": "3"})
ASKED = {"messages": [("user", "1 + 2?")]}


def agent_of(host: Host, retries: int = 2, **settings: Any) -> Any:
    return create_agent(host.model(), [add], middleware=[InvalidToolCallRetry(retries)], **settings)


def run(agent: Any, way: str, config: Any = None) -> list[Any]:
    if way == "invoke":
        messages: list[Any] = agent.invoke(ASKED, config)["messages"]
        return messages
    return list(asyncio.run(agent.ainvoke(ASKED, config))["messages"])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_broken_call_is_answered_and_written_again(way: str) -> None:
    host = Host(calls(BROKEN), GOOD, DONE)
    _, wrote, told, again, result, last = run(agent_of(host), way)
    assert (wrote.tool_calls, wrote.invalid_tool_calls) == (
        [{"name": "add", "args": {}, "id": "id0", "type": "tool_call"}],
        [],
    )
    assert (told.status, told.tool_call_id) == ("error", "id0")
    assert "not valid JSON" in told.content and BROKEN in told.content
    assert (again.tool_calls[0]["args"], result.content, last.content) == ({"x": 1, "y": 2}, "3", "3")
    sent = host.bodies[1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
    assert json.loads(sent[1]["tool_calls"][0]["function"]["arguments"]) == {}
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_after_its_last_try_the_agent_raises(way: str, retries: int) -> None:
    host = Host(calls(BROKEN))
    with pytest.raises(InvalidToolCallError, match=r"`add` .*times in a row: .*not valid JSON") as raised:
        run(agent_of(host, retries), way)
    assert len(host.bodies) == retries + 1
    assert isinstance(raised.value, BadResponseError)
    assert raised.value.body["tool_call"]["args"] == BROKEN


def test_the_bound_is_of_tries_in_a_row() -> None:
    host = Host(calls(BROKEN), GOOD, calls(BROKEN), GOOD, calls(BROKEN), GOOD, DONE)
    assert run(agent_of(host, 1), "invoke")[-1].content == "3"


def test_valid_calls_of_the_same_answer_run_and_every_call_has_one_answer() -> None:
    host = Host(calls('{"x": 1, "y": 2}', BROKEN, "[1]"), DONE)
    messages = run(agent_of(host), "invoke")
    asked = next(message for message in messages if isinstance(message, AIMessage))
    answers = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    assert sorted(call["id"] or "" for call in asked.tool_calls) == sorted(answers) == ["id0", "id1", "id2"]
    assert {key: message.status for key, message in answers.items()} == {
        "id0": "success", "id1": "error", "id2": "error"
    }  # fmt: skip
    assert len(messages) == len(answers) + 3


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_streamed_agent_asks_again_too(way: str) -> None:
    def streamed(arguments: str) -> list[Any]:
        return chunks([{"tool_calls": [call(0, "id0", "add", arguments)]}], "tool_calls")

    host = Host(streamed(BROKEN), streamed('{"x": 1, "y": 2}'), chunks([{"content": "3"}]))
    agent = agent_of(host)
    if way == "invoke":
        pieces = list(agent.stream(ASKED, stream_mode="messages"))
    else:

        async def collected() -> list[Any]:
            return [piece async for piece in agent.astream(ASKED, stream_mode="messages")]

        pieces = asyncio.run(collected())
    assert pieces[-1][0].content == "3" or any(piece.content == "3" for piece, _ in pieces)
    assert len(host.bodies) == 3


def test_one_middleware_serves_many_runs_and_checkpoints() -> None:
    middleware = InvalidToolCallRetry(1)
    for _ in range(3):
        host = Host(calls(BROKEN), GOOD, DONE)
        agent: Any = create_agent(host.model(), [add], middleware=[middleware], checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": "a"}}
        assert run(agent, "invoke", config)[-1].content == "3"
        assert agent.invoke({"messages": [("user", "and?")]}, config)["messages"][-1].content == "3"


def test_a_structured_response_is_asked_for_again() -> None:
    class Total(BaseModel):
        """A total."""

        value: int

    broken, good = (
        whole({"tool_calls": [call(None, "t", "Total", text)]}, "tool_calls") for text in ('{"value": ', '{"value": 3}')
    )
    host = Host(broken, good)
    state = agent_of(host, response_format=ToolStrategy(Total)).invoke(ASKED)
    assert state["structured_response"] == Total(value=3)


def test_an_agent_without_it_would_end_in_silence() -> None:
    """What LangChain does, and the reason for the middleware."""
    agent: Any = create_agent(Host(calls(BROKEN)).model(), [add])
    assert agent.invoke(ASKED)["messages"][-1].content == ""


@pytest.mark.parametrize("retries", [-1, True, "2"])
def test_a_bound_that_is_no_count_is_named(retries: Any) -> None:
    with pytest.raises(InvalidRequestError, match="max_retries"):
        InvalidToolCallRetry(retries)
