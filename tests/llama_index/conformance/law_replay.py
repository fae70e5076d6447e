"""The replay law: what a model sent comes back to it, also through JSON, pickle and a saved Context."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock, ThinkingBlock, ToolCallBlock

from .answers import Answer, call, calling, text
from .integration import CHAT_FORMS, Integration, add, ask, dumped, needs, result, user
from .law_chunks import ARGUMENTS
from .server import Server

SIGNATURE = "c2lnbmF0dXJlLTc3"
DETAILS = [{"type": "reasoning.text", "text": "I should add", "signature": SIGNATURE, "format": "x", "index": 0}]
EXTRA = {"extra_content": {"google": {"thought_signature": "dGhvdWdodC04OA=="}}}
CALLING = calling(call("add", '{"a": 1, "b": 2}', **EXTRA), reasoning_content="I should add")


def through_json(message: ChatMessage) -> ChatMessage:
    return ChatMessage.model_validate_json(message.model_dump_json())


def through_pickle(message: ChatMessage) -> ChatMessage:
    loaded: ChatMessage = pickle.loads(pickle.dumps(message))
    return loaded


def through_context(message: ChatMessage) -> ChatMessage:
    """As a running agent's messages are saved and restored; its memory is not in a Context's JSON."""
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.core.llms import MockLLM
    from llama_index.core.workflow import Context, JsonSerializer

    workflow = FunctionAgent(llm=MockLLM(), tools=[])
    context = Context(workflow)

    async def moved() -> ChatMessage:
        await context.store.set("scratchpad", [message])
        saved = json.loads(json.dumps(context.to_dict(serializer=JsonSerializer())))
        restored = Context.from_dict(workflow, saved, serializer=JsonSerializer())
        (found,) = await restored.store.get("scratchpad")
        return ChatMessage.model_validate(found)

    return asyncio.run(moved())


TRIPS: dict[str, Callable[[ChatMessage], ChatMessage]] = {
    "as it is": lambda message: message,
    "json": through_json,
    "pickle": through_pickle,
    "context": through_context,
}


class ReplayLaw(Integration):
    """reply -> history -> request."""

    def _sent_back(self, server: Server, llm: Any, message: ChatMessage, follow: ChatMessage) -> dict[str, Any]:
        """The message as the next request carries it."""
        server.play(text())
        llm.chat([user("What is 1 + 2?"), message, follow])
        sent: dict[str, Any] = server.bodies[0]["messages"][1]
        assert sent["role"] == "assistant"
        return sent

    @needs("replays_reasoning", "replays_tool_extras", "reads_reasoning")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("trip", TRIPS)
    def test_row_06_07_reasoning_and_extras_go_back(self, server: Server, form: str, trip: str) -> None:
        server.play(CALLING)
        llm = self.llm(server, **self.replay_on)
        message = ask(llm, form, [user("What is 1 + 2?")])[-1].message
        sent = self._sent_back(server, llm, TRIPS[trip](message), result("3"))
        assert sent["tool_calls"] == CALLING.message["tool_calls"]
        assert "I should add" in dumped(sent)
        assert not sent.get("content")

    @needs("replays_reasoning", "keeps_signatures")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("trip", TRIPS)
    def test_row_05_06_signed_reasoning_goes_back_as_it_came(self, server: Server, form: str, trip: str) -> None:
        server.play(calling(call("add", "{}"), reasoning="I should add", reasoning_details=DETAILS))
        llm = self.llm(server, **self.replay_on)
        message = ask(llm, form, [user("Hi")])[-1].message
        assert self._sent_back(server, llm, TRIPS[trip](message), result("3"))["reasoning_details"] == DETAILS

    @needs("replays_reasoning", "replays_tool_extras", "reads_reasoning")
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        reasoning=st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
        content=st.text(st.characters(exclude_categories=("Cs",))),
        arguments=st.lists(ARGUMENTS, min_size=1, max_size=3),
        signature=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1),
    )
    def test_row_06_07_whatever_was_said_goes_back_and_json_changes_nothing(
        self, server: Server, reasoning: str, content: str, arguments: list[str], signature: str
    ) -> None:
        made = [call("add", a, f"call_{i}", extra_content={"signature": signature}) for i, a in enumerate(arguments)]
        server.play(Answer({"content": content, "reasoning_content": reasoning, "tool_calls": made}, "tool_calls"))
        llm = self.llm(server, **self.replay_on)
        for form in ("chat", "stream_chat"):
            message = ask(llm, form, [user("Hi")])[-1].message
            history = [user("Hi"), message, *(result("3", one["id"]) for one in made)]
            server.play(text())
            llm.chat(history)
            llm.chat([*map(through_json, history)])
            first, second = (body["messages"] for body in server.bodies)
            assert first == second
            assert [m["tool_call_id"] for m in first[2:]] == [one["id"] for one in made]
            sent = first[1]
            assert sent["tool_calls"] == made
            assert (sent["content"] or "") == content
            assert reasoning in [sent.get("reasoning_content"), sent.get("reasoning")]
            server.play(Answer({"content": content, "reasoning_content": reasoning, "tool_calls": made}, "tool_calls"))

    @needs("replays_reasoning")
    def test_row_06_each_family_gets_back_what_it_wants(self, server: Server) -> None:
        def sent(model: str, **replay: Any) -> list[bool]:
            """Whether the reasoning of the finished turn, and of the tool loop, went back."""
            server.play(text())
            self.llm(server, model=model, **replay).chat(history)
            messages = [message for message in server.bodies[0]["messages"] if message["role"] == "assistant"]
            return ["Thought-1" in dumped(messages[0]), "Thought-2" in dumped(messages[1])]

        history = [
            user("Hello"),
            _thought("Thought-1", TextBlock(text="Hi")),
            user("What is 1 + 2?"),
            _thought("Thought-2", ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1, "b": 2})),
            result("3"),
        ]
        wanted = {"never": [False, False], "tool_loop": [False, True], "always": [True, True]}
        assert {model: sent(model) for model in self.replay_models} == {
            model: wanted[kind] for model, kind in self.replay_models.items()
        }
        for model in (self.model, *self.replay_models):
            assert sent(model, **self.replay_on) == wanted["always"]
            assert sent(model, **self.replay_off) == wanted["never"]

    @needs("replays_tool_extras")
    def test_row_07_extras_go_back_where_reasoning_does_not(self, server: Server) -> None:
        server.play(CALLING)
        llm = self.llm(server, **self.replay_off)
        message = llm.chat([user("Hi")]).message
        sent = self._sent_back(server, llm, message, result("3"))
        assert sent["tool_calls"] == CALLING.message["tool_calls"]
        assert "I should add" not in dumped(sent)

    @needs("replays_reasoning", "replays_tool_extras", "reads_reasoning")
    @pytest.mark.filterwarnings("ignore:Skipping serialization")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_row_06_07_an_agent_sends_back_what_the_model_sent(self, server: Server, streaming: bool) -> None:
        from llama_index.core.agent.workflow import FunctionAgent
        from llama_index.core.memory import ChatMemoryBuffer
        from llama_index.core.workflow import Context, JsonSerializer

        server.play(CALLING, text("It is 3."), text("Sure."))
        agent = FunctionAgent(llm=self.llm(server, **self.replay_on), tools=[add], streaming=streaming)

        async def asked(question: str, saved: Any = None) -> Any:
            """Asks with what was saved; gives what to save: the Context and the memory's messages, as JSON."""
            context, memory = Context(agent), ChatMemoryBuffer.from_defaults()
            if saved:
                context = Context.from_dict(agent, saved[0], serializer=JsonSerializer())
                memory.set([*map(ChatMessage.model_validate_json, saved[1])])
            await agent.run(question, ctx=context, memory=memory)
            messages = [message.model_dump_json() for message in memory.get_all()]
            return json.loads(json.dumps([context.to_dict(serializer=JsonSerializer()), messages]))

        saved = asyncio.run(asked("What is 1 + 2?"))
        asyncio.run(asked("Sure?", saved))
        _, second, third = (body["messages"] for body in server.bodies)
        assert [m["role"] for m in second] == ["user", "assistant", "tool"]
        assert second[1]["tool_calls"] == CALLING.message["tool_calls"]
        assert "I should add" in dumped(second[1])
        assert third[: len(second)] == second
        assert [m["role"] for m in third[len(second) :]] == ["assistant", "user"]


def _thought(thought: str, *blocks: Any) -> ChatMessage:
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=[ThinkingBlock(content=thought), *blocks])
