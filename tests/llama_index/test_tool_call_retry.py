"""`invalid_tool_call_retries`: a model whose call cannot be run is asked again, in bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.tools import FunctionTool
from pydantic import PrivateAttr

from llama_index_aimlapi import AIMLAPI, ToolCallError
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


class Silent(AIMLAPI):
    """Its second stream has no piece."""

    _streams: int = PrivateAttr(default=0)

    def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
        self._streams += 1
        assert self._streams < 3, "asked a third time"
        return super().stream_chat(messages, **kwargs) if len(messages) == 1 else (piece for piece in ())

    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        pieces = self.stream_chat(messages, **kwargs)

        async def responses() -> AsyncIterator[Any]:
            for piece in pieces:
                yield piece

        return responses()


async def test_a_stream_without_a_piece_ends_the_tries() -> None:
    settings = dict(Host([answer(BROKEN, streamed=True)]).llm(invalid_tool_call_retries=5))
    assert list(Silent(**settings).stream_chat_with_tools([ADD], "Hi"))[1:] == []
    llm = Silent(**settings)
    assert [piece async for piece in await llm.astream_chat_with_tools([ADD], "Hi")][1:] == []


class Validating(AIMLAPI):
    """Looks at answers where LlamaIndex lets a class do so."""

    def _validate_chat_with_tools_response(self, response: Any, tools: Any, *args: Any, **kwargs: Any) -> Any:
        parallel = kwargs.get("allow_parallel_tool_calls", args[0] if args else False)
        return response.model_copy(update={"raw": (tools, parallel)})


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("parallel", [False, True])
async def test_a_class_may_look_at_whole_answers(retries: int, parallel: bool) -> None:
    llm = Validating(**dict(Host([text("3", streamed=False)]).llm(invalid_tool_call_retries=retries)))
    options = {"allow_parallel_tool_calls": parallel}
    assert llm.chat_with_tools([ADD], "Hi", **options).raw == ([ADD], parallel)
    assert (await llm.achat_with_tools([ADD], "Hi", **options)).raw == ([ADD], parallel)


def test_it_is_a_setting_like_any_other() -> None:
    llm = Host([whole()]).llm(invalid_tool_call_retries=3)
    assert llm.invalid_tool_call_retries == 3
    with pytest.raises(ValueError, match="invalid_tool_call_retries"):
        Host([whole()]).llm(invalid_tool_call_retries=-1)
