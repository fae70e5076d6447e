"""`invalid_tool_call_retries`: a model whose call cannot be run is asked again, in bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool

from llama_index_aimlapi import ToolCallError
from tests.llama_index.host import DONE, Host, call, chunk, whole

BROKEN = '{"x": 1, "y": '


def add(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


ADD = FunctionTool.from_defaults(add)


def answer(*arguments: str, streamed: bool) -> Any:
    asked = [call("add", text, f"id{n}") for n, text in enumerate(arguments)]
    if not streamed:
        return whole(None, "tool_calls", tool_calls=asked)
    pieces = [chunk(tool_calls=[{"index": n, **one}]) for n, one in enumerate(asked)]
    return [*pieces, chunk("tool_calls"), DONE]


def text(content: str, *, streamed: bool) -> Any:
    return [chunk(content=content), chunk("stop"), DONE] if streamed else whole(content)


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_agent_asks_again(streaming: bool) -> None:
    host = Host(
        [
            answer(BROKEN, streamed=streaming),
            answer('{"x": 1, "y": 2}', streamed=streaming),
            text("3", streamed=streaming),
        ]
    )
    agent = FunctionAgent(tools=[ADD], llm=host.llm(invalid_tool_call_retries=2), streaming=streaming)
    assert str(await agent.run("1 + 2?")) == "3"
    sent = host.bodies[1]["messages"]
    assert [message["role"] for message in sent][-2:] == ["assistant", "tool"]
    assert json.loads(sent[-2]["tool_calls"][0]["function"]["arguments"]) == {}
    assert "not valid JSON" in sent[-1]["content"] and BROKEN in sent[-1]["content"]
    assert sent[-1]["tool_call_id"] == "id0"


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_after_the_last_try_the_error_is_raised(streaming: bool, retries: int) -> None:
    host = Host([answer(BROKEN, streamed=streaming)])
    agent = FunctionAgent(tools=[ADD], llm=host.llm(invalid_tool_call_retries=retries), streaming=streaming)
    with pytest.raises(ToolCallError, match="not valid JSON"):
        await agent.run("1 + 2?")
    assert len(host.bodies) == retries + 1


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_every_form_asks_again_and_answers_every_call(form: str) -> None:
    streamed = "stream" in form
    host = Host([answer('{"x": 5, "y": 6}', BROKEN, streamed=streamed), answer('{"x": 1, "y": 2}', streamed=streamed)])
    llm = host.llm(invalid_tool_call_retries=1)
    given: Any = getattr(llm, f"{form}_with_tools")([ADD], user_msg="Hi", allow_parallel_tool_calls=True)
    if form.startswith("a"):
        given = await given
    if streamed:
        given = [one async for one in given][-1] if form.startswith("a") else list(given)[-1]
    (selection,) = llm.get_tool_calls_from_response(given)
    assert selection.tool_kwargs == {"x": 1, "y": 2}
    told = [message for message in host.bodies[1]["messages"] if message["role"] == "tool"]
    assert [message["tool_call_id"] for message in told] == ["id0", "id1"]
    assert "another one of the same answer" in told[0]["content"]
    assert json.loads(host.bodies[1]["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"x": 5, "y": 6}


def test_it_is_a_setting_like_any_other() -> None:
    llm = Host([whole()]).llm(invalid_tool_call_retries=3)
    assert llm.invalid_tool_call_retries == 3
    with pytest.raises(ValueError, match="invalid_tool_call_retries"):
        Host([whole()]).llm(invalid_tool_call_retries=-1)
