"""Rows 1 to 18 of the feature table: reasoning; usage, cost and ids. (6 and 7 are the replay law's.)"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler

from .answers import DONE, USAGE, Answer, call, calling, chunk, counts, text
from .integration import CHAT_FORMS, TEXT_FORMS, Integration, ask, dumped, needs, prompt_for, thinking, user
from .server import Server

STREAMED = ("stream_chat", "astream_chat")


class ReasoningRows(Integration):
    """What the model thought."""

    @needs("reads_reasoning")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
    def test_row_01_02_03_reasoning_is_a_thinking_block_before_the_text(
        self, server: Server, form: str, field: str
    ) -> None:
        server.play(text("It is 3.", **{field: "1 and 2"}))
        message = ask(self.llm(server), form, [user("Hi")])[-1].message
        assert [block.block_type for block in message.blocks] == ["thinking", "text"]
        assert (message.blocks[0].content, message.content) == ("1 and 2", "It is 3.")

    @needs("reads_reasoning")
    @pytest.mark.parametrize("form", STREAMED)
    def test_row_03_04_every_piece_of_reasoning_is_where_agents_look(self, server: Server, form: str) -> None:
        events = [
            chunk(role="assistant", content=None, reasoning_content="First"),
            chunk(content=None, reasoning_content=" second"),
            chunk(content="It is 3."),
            chunk("stop"),
            counts(USAGE),
            DONE,
        ]
        server.play(events)
        responses = ask(self.llm(server), form, [user("Hi")])
        thoughts = [response.additional_kwargs.get("thinking_delta") for response in responses]
        assert [thought for thought in thoughts if thought] == ["First", " second"]
        assert (thinking(responses[0]), thinking(responses[-1])) == ("First", "First second")

    @needs("keeps_signatures")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_05_signatures_are_on_the_block(self, server: Server, form: str) -> None:
        details = [{"type": "reasoning.encrypted", "data": "c2VjcmV0LTU1", "index": 0}]
        server.play(text("It is 3.", reasoning="1 and 2", reasoning_details=details))
        blocks = ask(self.llm(server), form, [user("Hi")])[-1].message.blocks
        (thought,) = (block for block in blocks if isinstance(block, ThinkingBlock))
        assert "c2VjcmV0LTU1" in dumped(thought.additional_information)

    @needs("counts_thinking")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_08_a_thinking_block_counts_its_tokens(self, server: Server, form: str) -> None:
        server.play(text("It is 3.", reasoning_content="1 and 2"))
        block = ask(self.llm(server), form, [user("Hi")])[-1].message.blocks[0]
        assert (block.block_type, block.num_tokens) == ("thinking", 3)

    @needs("shapes_for_reasoning_models")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_09_10_a_vendors_prefix_hides_no_reasoning_model(self, server: Server, form: str) -> None:
        server.play(text())
        llm = self.llm(server, model=self.reasoning_model, reasoning_effort="low", max_tokens=50)
        ask(llm, form, [user("Hi")])
        (sent,) = server.bodies
        names = ("model", "reasoning_effort", "max_completion_tokens", "max_tokens", "temperature")
        assert [sent.get(name) for name in names] == [self.reasoning_model, "low", 50, None, None]

    @needs("splits_think")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_11_think_tags_are_reasoning_not_text(self, server: Server, form: str) -> None:
        server.play(text("<think>1 and 2</think>\n\nIt is 3."))
        response = ask(self.llm(server, model=self.think_model), form, [user("Hi")])[-1]
        assert (thinking(response).strip(), response.message.content) == ("1 and 2", "It is 3.")

    @needs("splits_think")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_11_think_tags_further_on_are_text(self, server: Server, form: str) -> None:
        server.play(text("The tag <think> opens it."))
        response = ask(self.llm(server, model=self.think_model), form, [user("Hi")])[-1]
        assert (thinking(response), response.message.content) == ("", "The tag <think> opens it.")


class UsageRows(Integration):
    """What is known beside the answer."""

    @needs("stream_usage")
    @pytest.mark.parametrize("form", (*CHAT_FORMS, *TEXT_FORMS))
    def test_row_12_13_counts_are_in_additional_kwargs(self, server: Server, form: str) -> None:
        server.play(text())
        told = ask(self.llm(server), form, prompt_for(form))[-1].additional_kwargs
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        assert {name: told.get(name) for name in names} == {name: USAGE[name] for name in names}
        asked = server.bodies[0].get("stream_options")
        assert asked == ({"include_usage": True} if "stream" in form else None)

    @needs("usage_details")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_14_cached_and_reasoning_tokens(self, server: Server, form: str) -> None:
        server.play(text())
        response = ask(self.llm(server), form, [user("Hi")])[-1]
        assert (self.told(response, "cached"), self.told(response, "reasoning")) == (4, 3)

    @needs("cost")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_15_cost(self, server: Server, form: str) -> None:
        fields, price = self.cost_reply
        usage = {**USAGE, **fields.get("usage", {})}
        server.play(Answer({"content": "Hi"}, usage=usage, further={k: v for k, v in fields.items() if k != "usage"}))
        assert self.told(ask(self.llm(server), form, [user("Hi")])[-1], "cost") == price

    @needs("request_id")
    @pytest.mark.parametrize("form", (*CHAT_FORMS, *TEXT_FORMS))
    def test_row_16_request_id(self, server: Server, form: str) -> None:
        server.play(Answer({"content": "Hi"}, headers={self.request_id_header: "req-77"}))
        assert self.told(ask(self.llm(server), form, prompt_for(form))[-1], "request_id") == "req-77"

    @needs("finish_reason")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize("finish", ["stop", "length", "content_filter"])
    def test_row_17_finish_reason(self, server: Server, form: str, finish: str) -> None:
        server.play(Answer({"content": "Hi"}, finish))
        assert self.told(ask(self.llm(server), form, [user("Hi")])[-1], "finish_reason") == finish

    @needs("finish_reason")
    @pytest.mark.parametrize("form", CHAT_FORMS)
    def test_row_17_a_refusal_is_told(self, server: Server, form: str) -> None:
        server.play(Answer({"content": None, "refusal": "I will not."}))
        assert self.told(ask(self.llm(server), form, [user("Hi")])[-1], "refusal") == "I will not."

    @needs("stream_usage")
    @pytest.mark.parametrize("form", (*CHAT_FORMS, *TEXT_FORMS))
    @pytest.mark.parametrize("answer", [text(), calling(call("add", '{"a": 1}'))], ids=["text", "tools"])
    def test_row_18_the_token_counter_counts_what_the_server_counted(
        self, server: Server, form: str, answer: Answer
    ) -> None:
        counter = TokenCountingHandler()
        server.play(answer)
        ask(self.llm(server, callback_manager=CallbackManager([counter])), form, prompt_for(form))
        counted = (counter.prompt_llm_token_count, counter.completion_llm_token_count, counter.total_llm_token_count)
        assert counted == (9, 7, 16)

    @pytest.mark.parametrize("form", CHAT_FORMS)
    @pytest.mark.parametrize(
        "usage", [None, {"prompt_tokens": 9, "completion_tokens": None, "total_tokens": 9}, {"prompt_tokens": 9}, {}]
    )
    def test_row_18_half_a_count_breaks_no_counter(self, server: Server, form: str, usage: Any) -> None:
        counter = TokenCountingHandler()
        server.play(Answer({"content": "Hello there"}, usage=usage))
        llm = self.llm(server, callback_manager=CallbackManager([counter]))
        assert ask(llm, form, [user("Hi")])[-1].message.content == "Hello there"
        assert counter.prompt_llm_token_count > 0

    @needs("counts_closed_streams")
    @pytest.mark.parametrize("form", STREAMED)
    def test_row_18_a_stream_closed_early_is_counted(self, server: Server, form: str) -> None:
        """By the server's counts, where it had sent any."""
        counter = TokenCountingHandler()
        begun = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        server.play(
            [{**chunk(content=word), "usage": begun} for word in ("One ", "two ", "three")] + [chunk("stop"), DONE]
        )
        llm = self.llm(server, callback_manager=CallbackManager([counter]))

        async def asynchronously() -> None:
            stream = await llm.astream_chat([user("Hi")])
            await stream.__anext__()
            await stream.aclose()

        if form == "stream_chat":
            stream = llm.stream_chat([user("Hi")])
            next(stream)
            stream.close()
        else:
            asyncio.run(asynchronously())
        assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (9, 1)

    @needs("counts_closed_streams")
    def test_row_18_a_stream_closed_before_any_count_is_estimated(self, server: Server) -> None:
        counter = TokenCountingHandler()
        server.play(text("One two three four"))
        stream = self.llm(server, callback_manager=CallbackManager([counter])).stream_chat([user("Hi")])
        next(stream)
        stream.close()
        assert counter.prompt_llm_token_count > 0
        assert counter.completion_llm_token_count > 0
