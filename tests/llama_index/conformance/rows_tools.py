"""Rows 19 to 37 of the feature table: tools, and structured output."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock, ToolCallBlock
from llama_index.core.tools import FunctionTool

from .answers import DONE, USAGE, Answer, call, calling, chunk, counts, fragment, text
from .integration import CHAT_FORMS, Integration, Song, add, ask, calls, dumped, needs, result, user
from .server import Server

ADD = FunctionTool.from_defaults(add)
TOOL_FORMS = ("chat_with_tools", "achat_with_tools", "stream_chat_with_tools", "astream_chat_with_tools")
STREAMED = ("stream_chat", "astream_chat")
ONE, TWO = ("call_a", "add", {"a": 1, "b": 2}), ("call_b", "add", {"a": 3, "b": 4})
STREAMS: dict[str, list[Any]] = {
    "19 as openai": [
        [fragment("", "add", index=0, id="call_a", type="function")],
        [fragment('{"a": 1, ', index=0)],
        [fragment('"b": 2}', index=0)],
        [fragment("", "add", index=1, id="call_b", type="function")],
        [fragment('{"a": 3, "b": 4}', index=1)],
    ],
    "20 all in one chunk": [
        [
            fragment('{"a": 1, "b": 2}', "add", index=0, id="call_a"),
            fragment('{"a": 3, "b": 4}', "add", index=1, id="call_b"),
        ]
    ],
    "21 the same index": [
        [fragment('{"a": 1, "b": 2}', "add", index=0, id="call_a")],
        [fragment('{"a": 3, "b": 4}', "add", index=0, id="call_b")],
    ],
    "21 no index": [
        [fragment('{"a": 1, ', "add", id="call_a")],
        [fragment('"b": 2}')],
        [fragment('{"a": 3, "b": 4}', "add", id="call_b")],
    ],
    "22 id and name in every chunk": [
        [fragment('{"a": 1, ', "add", index=0, id="call_a")],
        [fragment('"b": 2}', "add", index=0, id="call_a")],
        [fragment('{"a": 3, ', "add", index=1, id="call_b")],
        [fragment('"b": 4}', "add", index=1, id="call_b")],
    ],
    "23 interleaved": [
        [fragment("", "add", index=0, id="call_a")],
        [fragment("", "add", index=1, id="call_b")],
        [fragment('{"a": 1, ', index=0)],
        [fragment('{"a": 3, ', index=1)],
        [fragment('"b": 2}', index=0)],
        [fragment('"b": 4}', index=1)],
    ],
}


class ToolRows(Integration):
    """Calls read, and calls asked for."""

    @needs("tolerant_tool_deltas")
    @pytest.mark.parametrize("form", STREAMED)
    @pytest.mark.parametrize("shape", STREAMS)
    def test_row_19_to_23_calls_are_read_in_any_shape(self, server: Server, form: str, shape: str) -> None:
        server.play(
            [*(chunk(tool_calls=pieces) for pieces in STREAMS[shape]), chunk("tool_calls"), counts(USAGE), DONE]
        )
        llm = self.llm(server)
        last = ask(llm, form, [user("Hi")])[-1]
        assert calls(llm, last) == [ONE, TWO]
        blocks = [block for block in last.message.blocks if isinstance(block, ToolCallBlock)]
        assert [(block.tool_call_id, block.tool_name) for block in blocks] == [ONE[:2], TWO[:2]]
        # Programs and chat engines look here.
        listed = json.loads(json.dumps(last.message.additional_kwargs["tool_calls"]))
        assert [(one["id"], one["function"]["name"], json.loads(one["function"]["arguments"])) for one in listed] == [
            ONE,
            TWO,
        ]

    @needs("frozen_chunks")
    @pytest.mark.parametrize("form", STREAMED)
    def test_row_24_a_response_never_changes(self, server: Server, form: str) -> None:
        server.play(calling(call("add", '{"a": 1, "b": 2}', "call_a"), call("add", '{"a": 3}', "call_b")))
        llm = self.llm(server)

        async def dumps() -> list[tuple[Any, str]]:
            stream = await llm.astream_chat([user("Hi")])
            return [(response, response.model_dump_json()) async for response in stream]

        if form == "stream_chat":
            kept = [(response, response.model_dump_json()) for response in llm.stream_chat([user("Hi")])]
        else:
            kept = asyncio.run(dumps())
        assert [response.model_dump_json() for response, _ in kept] == [dump for _, dump in kept]
        assert len({dump for _, dump in kept}) > 1

    @pytest.mark.parametrize("form", TOOL_FORMS)
    @pytest.mark.parametrize("parallel", [True, False])
    def test_row_25_the_parallel_flag_is_sent(self, server: Server, form: str, parallel: bool) -> None:
        server.play(calling(call("add", "{}")))
        ask(self.llm(server), form, tools=[ADD], user_msg="Hi", allow_parallel_tool_calls=parallel)
        assert server.bodies[0].get("parallel_tool_calls") is parallel

    @pytest.mark.parametrize("form", TOOL_FORMS)
    @pytest.mark.parametrize(
        ("asked", "sent"),
        [
            ({}, "auto"),
            ({"tool_required": True}, "required"),
            ({"tool_choice": "none"}, "none"),
            ({"tool_choice": "add"}, {"type": "function", "function": {"name": "add"}}),
            (
                {"tool_choice": {"type": "function", "function": {"name": "add"}}},
                {"type": "function", "function": {"name": "add"}},
            ),
            ({"tool_choice": None, "tool_required": True}, "required"),
        ],
        ids=["auto", "required", "none", "name", "object", "required, none chosen"],
    )
    def test_row_26_the_choice_of_a_tool(self, server: Server, form: str, asked: Any, sent: Any) -> None:
        server.play(calling(call("add", "{}")))
        ask(self.llm(server), form, tools=[ADD], user_msg="Hi", **asked)
        (body,) = server.bodies
        assert body["tool_choice"] == sent
        assert [tool["function"]["name"] for tool in body["tools"]] == ["add"]
        assert set(body["tools"][0]["function"]["parameters"]["properties"]) == {"a", "b"}

    @pytest.mark.parametrize("form", TOOL_FORMS)
    @pytest.mark.parametrize("said_at", ["constructor", "call"])
    def test_row_27_strict_tools(self, server: Server, form: str, said_at: str) -> None:
        server.play(calling(call("add", "{}")))
        at_call = {"strict": True} if said_at == "call" else {}
        llm = self.llm(server, **({} if at_call else {"strict": True}))
        ask(llm, form, tools=[ADD], user_msg="Hi", **at_call)
        function = server.bodies[0]["tools"][0]["function"]
        assert (function["strict"], function["parameters"]["additionalProperties"]) == (True, False)

    @needs("leaves_history_alone")
    @pytest.mark.parametrize("form", TOOL_FORMS)
    def test_row_28_the_callers_history_is_left_alone(self, server: Server, form: str) -> None:
        server.play(calling(call("add", "{}")))
        history = [user("Hi"), ChatMessage(role=MessageRole.ASSISTANT, content="Hello")]
        before = [message.model_dump_json() for message in history]
        ask(self.llm(server), form, tools=[ADD], user_msg="What is 1 + 2?", chat_history=history)
        assert [message.model_dump_json() for message in history] == before
        assert len(server.bodies[0]["messages"]) == 3

    @needs("single_call")
    @pytest.mark.parametrize("form", TOOL_FORMS)
    def test_row_29_one_call_is_one_call_everywhere(self, server: Server, form: str) -> None:
        server.play(calling(call("add", '{"a": 1}', "call_a"), call("add", '{"a": 2}', "call_b")))
        llm = self.llm(server)
        last = ask(llm, form, tools=[ADD], user_msg="Hi", allow_parallel_tool_calls=False)[-1]
        blocks = [block.tool_call_id for block in last.message.blocks if isinstance(block, ToolCallBlock)]
        listed = [one["id"] for one in json.loads(json.dumps(last.message.additional_kwargs["tool_calls"]))]
        assert (blocks, listed, [c[0] for c in calls(llm, last)]) == (["call_a"], ["call_a"], ["call_a"])

    @needs("images_in_tool_results")
    def test_row_30_an_image_in_a_tools_result_is_sent(self, server: Server) -> None:
        server.play(text())
        called = ChatMessage(
            role=MessageRole.ASSISTANT,
            blocks=[ToolCallBlock(tool_call_id="call_1", tool_name="look", tool_kwargs={})],
        )
        seen = ChatMessage(
            role=MessageRole.TOOL,
            blocks=[TextBlock(text="A chart"), ImageBlock(image=b"\x89PNG-pixels", image_mimetype="image/png")],
            additional_kwargs={"tool_call_id": "call_1"},
        )
        self.llm(server).chat([user("Look"), called, seen])
        sent = dumped(server.bodies[0]["messages"][2:])
        assert "A chart" in sent
        assert "data:image/png;base64,iVBORy1waXhlbHM=" in sent

    @pytest.mark.parametrize("arguments", [{"a": 1, "b": 2}, '{"a": 1, "b": 2}'], ids=["object", "text"])
    def test_row_31_calls_of_another_llm_are_accepted(self, server: Server, arguments: Any) -> None:
        server.play(text())
        block = ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs=arguments)
        self.llm(server).chat([user("Go"), ChatMessage(role=MessageRole.ASSISTANT, blocks=[block]), result("3")])
        (sent,) = server.bodies[0]["messages"][1]["tool_calls"]
        assert (sent["id"], sent["type"], sent["function"]["name"]) == ("call_1", "function", "add")
        assert json.loads(sent["function"]["arguments"]) == {"a": 1, "b": 2}

    @needs("chat_by_default")
    @pytest.mark.parametrize("streaming", [True, False])
    def test_row_32_an_agent_runs_on_a_model_nobody_knows(self, server: Server, streaming: bool) -> None:
        server.play(calling(call("add", '{"a": 1, "b": 2}')), text("It is 3."))
        agent = FunctionAgent(llm=self.llm(server), tools=[ADD], streaming=streaming)

        async def run() -> str:
            return str(await agent.run("What is 1 + 2?"))

        assert asyncio.run(run()) == "It is 3."

    def test_no_tools_are_not_sent(self, server: Server) -> None:
        server.play(text())
        self.llm(server).chat_with_tools(tools=[], user_msg="Hi")
        assert not {"tools", "tool_choice"} & {name for name, value in server.bodies[0].items() if value is not None}

    @pytest.mark.parametrize("form", STREAMED)
    def test_a_call_in_the_making_shows_the_object_so_far(self, server: Server, form: str) -> None:
        """As agents ask on every piece: never an error, never more than was sent."""
        server.play(calling(call("say", '{"words": "one two three", "loud": true}')))
        llm = self.llm(server)
        seen = [made[0][2] for response in ask(llm, form, [user("Hi")]) if (made := calls(llm, response))]
        assert seen[-1] == {"words": "one two three", "loud": True}
        assert all("one two three".startswith(arguments.get("words", "")) for arguments in seen)


SONG = calling(call("Song", '{"title": "Moon", "verses": 2}'))
PREDICT_FORMS = ("structured_predict", "astructured_predict")


def predicted(llm: Any, form: str, **kwargs: Any) -> Any:
    """The object, or for the streamed forms the objects, that one of the forms of structured_predict gives."""
    prompt = PromptTemplate("A song about {topic}")

    async def asked() -> Any:
        given = await getattr(llm, form)(Song, prompt, topic="the moon", **kwargs)
        return [song async for song in given] if "stream" in form else given

    if form.startswith("a"):
        return asyncio.run(asked())
    given = getattr(llm, form)(Song, prompt, topic="the moon", **kwargs)
    return list(given) if "stream" in form else given


class StructuredRows(Integration):
    """Objects instead of words."""

    @pytest.mark.parametrize("form", PREDICT_FORMS)
    def test_row_33_an_object_by_a_required_call(self, server: Server, form: str) -> None:
        server.play(SONG)
        assert predicted(self.llm(server), form) == Song(title="Moon", verses=2)
        assert server.bodies[0]["tool_choice"] in ("required", {"type": "function", "function": {"name": "Song"}})

    @needs("json_schema")
    @pytest.mark.parametrize("form", PREDICT_FORMS)
    def test_row_34_an_object_by_json_schema(self, server: Server, form: str) -> None:
        server.play(text('{"title": "Moon", "verses": 2}'))
        assert predicted(self.llm(server, **self.json_schema_settings), form) == Song(title="Moon", verses=2)
        (body,) = server.bodies
        assert body["response_format"]["type"] == "json_schema"
        assert set(body["response_format"]["json_schema"]["schema"]["properties"]) == {"title", "verses"}
        assert "tools" not in body

    @needs("json_text_fallback")
    @pytest.mark.parametrize("form", PREDICT_FORMS)
    @pytest.mark.parametrize(
        "content",
        [
            '{"title": "Moon", "verses": 2}',
            '```json\n{"title": "Moon", "verses": 2}\n```',
            'Here it is:\n```\n{"title": "Moon", "verses": 2}\n```\nEnjoy!',
        ],
        ids=["plain", "fenced", "fenced in words"],
    )
    def test_row_35_an_object_from_text(self, server: Server, form: str, content: str) -> None:
        server.play(text(content))
        assert predicted(self.llm(server), form) == Song(title="Moon", verses=2)

    @pytest.mark.parametrize("form", PREDICT_FORMS)
    def test_row_35_text_that_is_no_object_is_an_error(self, server: Server, form: str) -> None:
        server.play(text("I know no song."))
        with pytest.raises(Exception, match="I know no song"):
            predicted(self.llm(server), form)

    @pytest.mark.parametrize("form", ["stream_structured_predict", "astream_structured_predict"])
    def test_row_36_a_stream_of_partial_objects(self, server: Server, form: str) -> None:
        pieces = ['{"ti', 'tle": "Mo', 'on", "ver', 'ses": 2}']
        begun = chunk(tool_calls=[fragment("", "Song", index=0, id="call_1", type="function")])
        events = [begun, *(chunk(tool_calls=[fragment(piece, index=0)]) for piece in pieces)]
        server.play([*events, chunk("tool_calls"), counts(USAGE), DONE])
        songs = predicted(self.llm(server), form)
        assert (songs[-1].title, songs[-1].verses) == ("Moon", 2)
        assert "Mo" in [song.title for song in songs]
        assert server.bodies[0]["stream"] is True

    @needs("required_in_streams")
    @pytest.mark.parametrize("form", ["stream_structured_predict", "astream_structured_predict"])
    def test_row_36_a_stream_of_objects_requires_its_call(self, server: Server, form: str) -> None:
        server.play(SONG)
        predicted(self.llm(server), form)
        assert server.bodies[0]["tool_choice"] in ("required", {"type": "function", "function": {"name": "Song"}})

    @needs("json_text_fallback")
    @pytest.mark.parametrize("form", ["stream_structured_predict", "astream_structured_predict"])
    def test_row_35_36_a_stream_of_objects_from_text(self, server: Server, form: str) -> None:
        server.play(text('{"title": "Moon", "verses": 2}'))
        song = predicted(self.llm(server), form)[-1]
        assert (song.title, song.verses) == ("Moon", 2)

    @needs("async_system_prompt")
    @pytest.mark.parametrize("form", (*PREDICT_FORMS, "stream_structured_predict", "astream_structured_predict"))
    def test_row_37_the_system_prompt_is_kept(self, server: Server, form: str) -> None:
        server.play(SONG)
        predicted(self.llm(server, system_prompt="You rhyme."), form)
        assert server.bodies[0]["messages"] == [
            {"role": "system", "content": "You rhyme."},
            {"role": "user", "content": "A song about the moon"},
        ]

    @pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
    def test_row_33_a_structured_llm_answers_in_objects(self, server: Server, form: str) -> None:
        assert form in CHAT_FORMS
        server.play(SONG)
        last = ask(self.llm(server).as_structured_llm(Song), form, [user("Sing")])[-1]
        assert (last.raw.title, last.raw.verses) == ("Moon", 2)
        assert json.loads(last.message.content) == {"title": "Moon", "verses": 2}

    @pytest.mark.parametrize("form", ["complete", "acomplete"])
    def test_row_33_a_structured_llm_completes_in_objects(self, server: Server, form: str) -> None:
        server.play(SONG)
        (done,) = ask(self.llm(server).as_structured_llm(Song), form, "Sing")
        assert done.raw == Song(title="Moon", verses=2)

    def test_row_33_a_nested_object_and_a_list(self, server: Server) -> None:
        from pydantic import BaseModel

        class Album(BaseModel):
            """An album."""

            songs: list[Song]

        server.play(calling(call("Album", '{"songs": [{"title": "Moon"}, {"title": "Sun", "verses": 1}]}')))
        album = self.llm(server).structured_predict(Album, PromptTemplate("Sing"))
        assert album == Album(songs=[Song(title="Moon"), Song(title="Sun", verses=1)])

    def test_a_call_cut_short_is_no_object(self, server: Server) -> None:
        server.play(Answer({"tool_calls": [call("Song", '{"title": "Mo')]}, "length"))
        with pytest.raises(Exception):  # noqa: B017 - whose error it is, is the integration's choice
            predicted(self.llm(server), "structured_predict")
