"""The consumer matrix, agents: each kind x streamed or not x what the model answers with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentOutput,
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from .answers import Answer, call, calling, text
from .integration import Integration, Song, add, needs
from .server import Server

THOUGHT = "1 and 2"
SONG = calling(call("Song", '{"title": "Moon", "verses": 2}', "call_s"))
ADD = calling(call("add", '{"a": 1, "b": 2}'))


def execute(code: str) -> str:
    """Stands in for a sandbox: runs nothing."""
    return f"ran {code}"


def react(words: str) -> Answer:
    return text(f"Thought: I can answer without using any more tools.\nAnswer: {words}")


def _shaped(agent: Any, output_cls: Any) -> Any:
    """The agent with an output class, which its constructor does not take."""
    agent.output_cls = output_cls
    return agent


MAKERS: dict[str, Callable[..., Any]] = {
    "FunctionAgent": lambda **kw: FunctionAgent(tools=[add], **kw),
    "ReActAgent": lambda **kw: ReActAgent(tools=[add], **kw),
    "CodeActAgent": lambda output_cls=None, **kw: _shaped(
        CodeActAgent(tools=[add], code_execute_fn=execute, **kw), output_cls
    ),
    "AgentWorkflow": lambda streaming, output_cls=None, **kw: AgentWorkflow(
        agents=[FunctionAgent(name="only", description="adds", tools=[add], streaming=streaming, **kw)],
        root_agent="only",
        output_cls=output_cls,
    ),
}
# How each kind of agent is made to call its tool, and to answer.
ACTS = {
    "ReActAgent": text('Thought: I need a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}'),
    "CodeActAgent": text("Let me see.\n<execute>add(1, 2)</execute>"),
}
ENDS = {"ReActAgent": react("It is 3.")}
RESULTS = {"ReActAgent": ("add", "3"), "CodeActAgent": ("execute", "ran add(1, 2)")}


def thoughtful(answer: Answer) -> Answer:
    return Answer({**answer.message, "reasoning_content": THOUGHT}, answer.finish)


def run(agent: Any, question: str = "What is 1 + 2?", **kwargs: Any) -> tuple[AgentOutput, list[Any]]:
    """The output, and the events on the way."""

    async def running() -> tuple[AgentOutput, list[Any]]:
        handler = agent.run(question, **kwargs)
        events = [event async for event in handler.stream_events()]
        return await handler, events

    return asyncio.run(running())


class AgentMatrix(Integration):
    """What agents read of an LLM."""

    @needs("chat_by_default", "reads_reasoning")
    @pytest.mark.parametrize("kind", MAKERS)
    @pytest.mark.parametrize("streaming", [True, False])
    @pytest.mark.parametrize("case", ["plain", "reasoning", "tools", "reasoning+tools", "structured"])
    def test_an_agent_answers(self, server: Server, kind: str, streaming: bool, case: str) -> None:
        steps = [ENDS.get(kind, text("It is 3."))]
        if "tools" in case or case == "structured":
            steps.insert(0, ACTS.get(kind, ADD))
        if "reasoning" in case:
            steps = [thoughtful(step) for step in steps]
        settings: dict[str, Any] = {"output_cls": Song} if case == "structured" else {}
        server.play(*steps, *([SONG] if settings else []))
        output, events = run(MAKERS[kind](llm=self.llm(server), streaming=streaming, **settings))
        assert str(output) == "It is 3."
        assert len(server.requests) == len(steps) + len(settings)
        if settings:
            assert output.structured_response == {"title": "Moon", "verses": 2}
            assert output.get_pydantic_model(Song) == Song(title="Moon", verses=2)
        results = [
            (event.tool_name, event.tool_output.content) for event in events if isinstance(event, ToolCallResult)
        ]
        wanted = RESULTS.get(kind, ("add", "3"))
        assert results == ([wanted] if len(steps) == 2 else [])
        pieces = [event for event in events if isinstance(event, AgentStream)]
        asked = [bool(body.get("stream")) for body in server.bodies[: len(steps)]]
        if streaming:
            assert asked == [True] * len(steps)
            thoughts = "".join(piece.thinking_delta or "" for piece in pieces)
            assert thoughts == (THOUGHT * len(steps) if "reasoning" in case else "")
            spoken = "".join(step.message.get("content") or "" for step in steps)
            assert "".join(piece.delta for piece in pieces) == spoken
        else:
            assert asked == [False] * len(steps)
        if len(steps) == 2:
            assert wanted[1] in str(server.bodies[1]["messages"][-1]["content"])

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_agents_hand_over_to_each_other(self, server: Server, streaming: bool) -> None:
        handing = calling(call("handoff", '{"to_agent": "b", "reason": "sums"}', "call_h"))
        server.play(handing, ADD, text("It is 3."))
        llm = self.llm(server)
        one = FunctionAgent(name="a", description="talks", llm=llm, tools=[], can_handoff_to=["b"], streaming=streaming)
        other = FunctionAgent(name="b", description="adds", llm=llm, tools=[add], streaming=streaming)
        output, _ = run(AgentWorkflow(agents=[one, other], root_agent="a"))
        assert (str(output), output.current_agent_name) == ("It is 3.", "b")
        offered = [[tool["function"]["name"] for tool in body["tools"]] for body in server.bodies]
        assert (offered[0], ["add" in names for names in offered[1:]]) == (["handoff"], [True, True])

    @needs("chat_by_default", "code_agent_handoff")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_a_code_agent_hands_over(self, server: Server, streaming: bool) -> None:
        handing = calling(call("handoff", '{"to_agent": "b", "reason": "sums"}', "call_h"))
        server.play(handing, ADD, text("It is 3."))
        llm = self.llm(server)
        one = CodeActAgent(
            name="a", description="codes", llm=llm, tools=[add], code_execute_fn=execute, can_handoff_to=["b"],
            streaming=streaming,
        )  # fmt: skip
        other = FunctionAgent(name="b", description="adds", llm=llm, tools=[add], streaming=streaming)
        output, _ = run(AgentWorkflow(agents=[one, other], root_agent="a"))
        assert (str(output), output.current_agent_name) == ("It is 3.", "b")

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_the_first_choice_of_a_tool_is_sent_once(self, server: Server, streaming: bool) -> None:
        server.play(ADD, text("It is 3."))
        run(FunctionAgent(llm=self.llm(server), tools=[add], initial_tool_choice="add", streaming=streaming))
        named = {"type": "function", "function": {"name": "add"}}
        assert [body["tool_choice"] for body in server.bodies] == [named, "auto"]

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_a_tool_whose_result_is_the_answer_ends_the_run(self, server: Server, streaming: bool) -> None:
        server.play(ADD, text("Sure."))
        agent = FunctionAgent(
            llm=self.llm(server), tools=[FunctionTool.from_defaults(add, return_direct=True)], streaming=streaming
        )
        memory = ChatMemoryBuffer.from_defaults()
        output, _ = run(agent, memory=memory)
        assert (str(output), len(server.requests)) == ("3", 1)
        run(agent, "Sure?", memory=memory)
        said = server.bodies[1]["messages"]
        assert [message["role"] for message in said] == ["user", "assistant", "tool", "assistant", "user"]
        assert "tool_call_id" not in said[3]
        assert (said[2]["tool_call_id"], said[3]["content"]) == ("call_1", "3")

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_two_calls_at_once_are_both_answered(self, server: Server, streaming: bool) -> None:
        both = calling(call("add", '{"a": 1, "b": 2}', "call_a"), call("add", '{"a": 3, "b": 4}', "call_b"))
        server.play(both, text("3 and 7."))
        output, _ = run(FunctionAgent(llm=self.llm(server), tools=[add], streaming=streaming))
        assert str(output) == "3 and 7."
        answered = {m["tool_call_id"]: m["content"] for m in server.bodies[1]["messages"] if m["role"] == "tool"}
        assert answered == {"call_a": "3", "call_b": "7"}
        assert server.bodies[0]["parallel_tool_calls"] is True

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_a_call_cut_short_is_not_run(self, server: Server, streaming: bool) -> None:
        ran: list[int] = []

        def pay(amount: int = 1_000_000) -> str:
            """Pay."""
            ran.append(amount)
            return "paid"

        server.play(Answer({"tool_calls": [call("pay", '{"amount": 1')]}, "length"), text("Done."))
        try:
            run(FunctionAgent(llm=self.llm(server), tools=[pay], streaming=streaming))
        except Exception as error:
            assert "pay" in str(error)
        assert ran == []

    @needs("chat_by_default", "reads_reasoning")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_reasoning_alone_is_not_lost(self, server: Server, streaming: bool) -> None:
        """The answer's text is empty; what the model thought is in the output's message, and in the raw reply."""
        server.play(Answer({"content": "", "reasoning_content": "It must be 3."}))
        output, _ = run(FunctionAgent(llm=self.llm(server), tools=[add], streaming=streaming))
        blocks = [(block.block_type, getattr(block, "content", None)) for block in output.response.blocks]
        assert ("thinking", "It must be 3.") in blocks
        assert output.raw["choices"][0]["message"]["reasoning_content"] == "It must be 3."

    @needs("chat_by_default")
    def test_streamed_calls_are_shown_as_they_come(self, server: Server) -> None:
        """Upstream's tool-streaming scenario: pieces hold the call in the making; the last holds all of it."""
        server.play(ADD, text("It is 3."))
        _, events = run(FunctionAgent(llm=self.llm(server), tools=[add]))
        shown = [event.tool_calls for event in events if isinstance(event, AgentStream) and event.tool_calls]
        assert len(shown) > 1
        assert [(one.tool_name, one.tool_kwargs) for one in shown[-1]] == [("add", {"a": 1, "b": 2})]

    @needs("chat_by_default")
    def test_tools_or_functions_become_the_agent_that_fits(self, server: Server) -> None:
        server.play(ADD, text("It is 3."))
        workflow = AgentWorkflow.from_tools_or_functions([add], llm=self.llm(server))
        assert [type(agent) for agent in workflow.agents.values()] == [FunctionAgent]
        assert str(run(workflow)[0]) == "It is 3."

    @needs("chat_by_default", "context_windows")
    def test_an_agents_memory_holds_what_the_window_holds(self, server: Server) -> None:
        """3/4 of it; a wrong window throws messages away in silence."""
        llm = self.llm(server)
        memory = ChatMemoryBuffer.from_defaults(llm=llm)
        assert memory.token_limit == int(llm.metadata.context_window * 0.75)
