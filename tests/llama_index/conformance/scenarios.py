"""What LlamaIndex's own tests ask of an LLM: callbacks, events, payloads, prediction by calls, fallbacks. In our words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.tools import FunctionTool
from pydantic import PrivateAttr

from .answers import Answer, call, calling, chunk, text
from .integration import CHAT_FORMS, KEY, TEXT_FORMS, Integration, Song, add, ask, needs, prompt_for, thinking, user
from .server import Drop, Reply, Server, Silence, Stream

FORMS = (*CHAT_FORMS, *TEXT_FORMS)
ADD = FunctionTool.from_defaults(add)
ERROR = {"error": {"message": "Not now", "type": "error"}}


class Events(BaseEventHandler):
    """Keeps the events of the LLM."""

    _seen: list[Any] = PrivateAttr(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        if type(event).__name__.startswith(("LLM", "Exception")):
            self._seen.append(event)


def ended(handler: LlamaDebugHandler) -> list[dict[str, Any]]:
    """The payloads with which calls of the LLM ended."""
    return [end.payload or {} for _, end in handler.get_llm_inputs_outputs()]


class Scenarios(Integration):
    """An LLM among LlamaIndex's parts."""

    @pytest.fixture
    def events(self) -> Iterator[list[Any]]:
        handler, root = Events(), get_dispatcher()
        root.add_event_handler(handler)
        yield handler._seen
        root.event_handlers.remove(handler)

    @pytest.mark.parametrize("form", FORMS)
    def test_observers_see_the_start_the_pieces_and_the_end(self, server: Server, events: Any, form: str) -> None:
        server.play(text("Hello there"))
        responses = ask(self.llm(server), form, prompt_for(form))
        kind = "LLMCompletion" if "complete" in form else "LLMChat"
        names = [type(event).__name__ for event in events]
        pieces = [f"{kind}InProgressEvent"] * (len(responses) if "stream" in form else 0)
        assert names == [f"{kind}StartEvent", *pieces, f"{kind}EndEvent"]
        assert events[-1].response == responses[-1]
        assert len({event.span_id for event in events}) == 1
        assert events[0].model_dict["model"] == self.model

    @pytest.mark.parametrize("form", FORMS)
    def test_callbacks_are_told_the_start_and_the_end(self, server: Server, form: str) -> None:
        handler = LlamaDebugHandler(print_trace_on_end=False)
        server.play(text("Hello there"))
        llm = self.llm(server, callback_manager=CallbackManager([handler]))
        last = ask(llm, form, prompt_for(form))[-1]
        ((start, end),) = handler.get_llm_inputs_outputs()
        what = EventPayload.COMPLETION if "complete" in form else EventPayload.RESPONSE
        assert end.payload[what] == last
        assert start.payload[EventPayload.SERIALIZED]["model_name"] == self.model
        assert KEY not in repr(start.payload)

    @pytest.mark.parametrize("form", FORMS)
    def test_callbacks_are_told_of_a_failure(self, server: Server, events: Any, form: str) -> None:
        handler = LlamaDebugHandler(print_trace_on_end=False)
        server.play(Reply(400, ERROR))
        llm = self.llm(server, max_retries=0, callback_manager=CallbackManager([handler]))
        with pytest.raises(Exception) as caught:
            ask(llm, form, prompt_for(form))
        assert [payload[EventPayload.EXCEPTION] for payload in ended(handler)] == [caught.value]
        assert handler.get_event_pairs(CBEventType.LLM)

    @needs("error_replies")
    @pytest.mark.parametrize("form", ["stream_chat", "astream_chat"])
    def test_a_stream_that_breaks_is_reported_once(self, server: Server, events: Any, form: str) -> None:
        handler = LlamaDebugHandler(print_trace_on_end=False)
        server.play(Stream([chunk(content="a")], end="cut"))
        llm = self.llm(server, max_retries=0, callback_manager=CallbackManager([handler]))
        with pytest.raises(Exception) as caught:
            ask(llm, form, [user("Hi")])
        assert [payload[EventPayload.EXCEPTION] for payload in ended(handler)] == [caught.value]
        assert [event.exception for event in events if type(event).__name__ == "ExceptionEvent"] == [caught.value]

    def test_the_payload_tells_the_model_and_no_secret(self, server: Server) -> None:
        payload = self.llm(server, temperature=0.25).to_payload()
        assert (payload["model"], payload["temperature"], payload["model_name"]) == (self.model, 0.25, self.model)
        assert KEY not in json.dumps(payload, default=repr)

    @pytest.mark.parametrize("form", TEXT_FORMS)
    def test_a_prompt_may_be_named(self, server: Server, form: str) -> None:
        server.play(text("Here"))
        assert ask(self.llm(server), form, prompt="Hi")[-1].text == "Here"
        assert server.bodies[0]["messages"] == [{"role": "user", "content": "Hi"}]

    @pytest.mark.parametrize("form", ["predict_and_call", "apredict_and_call"])
    def test_a_call_is_predicted_and_made(self, server: Server, form: str) -> None:
        server.play(calling(call("add", '{"a": 1, "b": 2}')))
        (answer,) = ask(self.llm(server), form, [ADD], "What is 1 + 2?")
        assert [(source.tool_name, source.raw_output) for source in answer.sources] == [("add", 3)]

    @pytest.mark.parametrize("form", ["predict_and_call", "apredict_and_call"])
    def test_several_calls_are_made_where_they_may_be(self, server: Server, form: str) -> None:
        server.play(calling(call("add", '{"a": 1, "b": 2}', "x"), call("add", '{"a": 3, "b": 4}', "y")))
        (answer,) = ask(self.llm(server), form, [ADD], "Both", allow_parallel_tool_calls=True)
        assert [source.raw_output for source in answer.sources] == [3, 7]

    @pytest.mark.parametrize("form", ["predict_and_call", "apredict_and_call"])
    def test_of_several_calls_one_is_made_where_only_one_may_be(self, server: Server, form: str) -> None:
        server.play(calling(call("add", '{"a": 1, "b": 2}', "x"), call("add", '{"a": 3, "b": 4}', "y")))
        (answer,) = ask(self.llm(server), form, [ADD], "Both", allow_parallel_tool_calls=False)
        assert [source.raw_output for source in answer.sources] == [3]

    @needs("typed_errors")
    def test_a_fallback_can_tell_what_may_pass(self, server: Server) -> None:
        """By `status_code`, or as one of Python's own timeout and connection errors."""

        def may_pass(error: BaseException) -> bool:
            if isinstance(error, (TimeoutError, ConnectionError)):
                return True
            status = getattr(error, "status_code", None)
            return status in (408, 409, 429) or (status or 0) >= 500

        replies = {status: Reply(status, ERROR) for status in (400, 401, 403, 404, 408, 409, 429, 500, 503)}
        found: dict[Any, bool] = {}
        for name, reply in {**replies, "dropped": Drop(), "silent": Silence()}.items():
            server.play(reply)
            with pytest.raises(Exception) as caught:
                self.llm(server, max_retries=0, timeout=0.25).chat([user("Hi")])
            found[name] = may_pass(caught.value)
        assert [name for name, passes in found.items() if not passes] == [400, 401, 403, 404]

    @needs("typed_errors")
    def test_upstreams_fallback_moves_on(self, server: Server) -> None:
        fallback = pytest.importorskip(
            "llama_index.core.llms.fallback", reason="this llama-index-core has no FallbackLLM"
        )
        server.play(Reply(503, ERROR), text("Here"))
        llm = fallback.FallbackLLM(llms=[self.llm(server, max_retries=0), self.llm(server, max_retries=0)])
        assert llm.chat([user("Hi")]).message.content == "Here"

    @needs("reads_reasoning")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_reasoning_alone_is_an_answer(self, server: Server, form: str) -> None:
        """Where a fallback looks for it: in the block, and in the raw reply's own shape."""
        server.play(Answer({"content": None, "reasoning_content": "It must be 3."}))
        last = ask(self.llm(server), form, [user("Hi")])[-1]
        assert (thinking(last), last.message.content or "") == ("It must be 3.", "")
        raw = last.raw if isinstance(last.raw, dict) else last.raw.model_dump()
        assert raw["choices"][0]["message"]["reasoning_content"] == "It must be 3."

    def test_a_structured_llm_streams_objects(self, server: Server) -> None:
        server.play(calling(call("Song", '{"title": "Moon", "verses": 2}')))

        async def last() -> Any:
            stream = await self.llm(server).as_structured_llm(Song).astream_chat([user("Sing")])
            return [response.raw async for response in stream][-1]

        made = asyncio.run(last())
        assert (made.title, made.verses) == ("Moon", 2)

    @pytest.mark.parametrize("role", [MessageRole.SYSTEM, MessageRole.DEVELOPER])
    def test_a_late_system_message_keeps_its_place(self, server: Server, role: MessageRole) -> None:
        """Agents that stop early add one at the end."""
        server.play(text())
        history = [
            user("Hi"),
            ChatMessage(role=MessageRole.ASSISTANT, content="Yes?"),
            ChatMessage(role=role, content="End."),
        ]
        self.llm(server).chat(history)
        sent = server.bodies[0]["messages"]
        assert [message["content"] for message in sent] == ["Hi", "Yes?", "End."]
        assert sent[-1]["role"] in ("system", "developer", "user")

    def test_a_rate_limiter_is_asked_once_for_each_call(self, server: Server) -> None:
        rate_limiter = pytest.importorskip("llama_index.core.rate_limiter", reason="this llama-index-core has none")

        class Counting(rate_limiter.BaseRateLimiter):  # type: ignore[misc, name-defined]  # a module that may be absent
            """Lets everybody pass, and counts."""

            def acquire(self, num_tokens: int = 0) -> None:
                seen.append("sync")

            async def async_acquire(self, num_tokens: int = 0) -> None:
                seen.append("async")

        seen: list[str] = []
        server.play(text())
        llm = self.llm(server)
        llm.rate_limiter = Counting()
        for form in FORMS:
            ask(llm, form, prompt_for(form))
        assert seen == ["async" if form.startswith("a") else "sync" for form in FORMS]
