"""`output_version="responses/v1"` and `"v0"`: the forms of langchain-openai, whole, streamed, and sent back."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, message_to_dict, messages_from_dict

from langchain_aimlapi import ChatAIMLAPI
from tests.langchain.host import added

Json = dict[str, Any]
URL_NOTE: Json = {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 2}
FILE_NOTE: Json = {"type": "file_citation", "file_id": "f1", "filename": "a.txt", "index": 3}
THOUGHT: Json = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Second."}],
    "encrypted_content": "sealed",
    "status": None,
}
BARE: Json = {"id": "rs_2", "type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
COMMENT: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "Let me look. ", "annotations": [], "logprobs": []}],
}
SEARCH: Json = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "x"},
}
IMAGE: Json = {
    "id": "ig_1",
    "type": "image_generation_call",
    "status": "completed",
    "result": "AA==",
    "output_format": "png",
}
CONSENT: Json = {"id": "mcpr_1", "type": "mcp_approval_request", "name": "ask", "server_label": "s", "arguments": "{}"}
UNKNOWN: Json = {"id": "h_1", "type": "hologram_call", "depth": 3}
CALL: Json = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "c1",
    "name": "add",
    "arguments": '{"x": 1, "y": 2}',
    "status": "completed",
}
FREE: Json = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "c2", "name": "run", "input": 'print("a\\b")'}
ANSWER: Json = {
    "id": "msg_2",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "phase": "final_answer",
    "content": [
        {"type": "output_text", "text": "It is ", "annotations": [URL_NOTE]},
        {"type": "output_text", "text": "three.", "annotations": [FILE_NOTE]},
    ],
}
REFUSED: Json = {
    "id": "msg_3",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "refusal", "refusal": "No more."}],
}
OUTPUT = [THOUGHT, COMMENT, SEARCH, BARE, IMAGE, CONSENT, UNKNOWN, CALL, FREE, ANSWER, REFUSED]
USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
COMMENT_BLOCK: Json = {"type": "text", "text": "Let me look. ", "annotations": [], "phase": "commentary"}
ANSWER_BLOCKS: list[Json] = [
    {"type": "text", "text": "It is ", "annotations": [URL_NOTE], "phase": "final_answer"},
    {
        "type": "text",
        "text": "three.",
        "annotations": [{"type": "file_citation", "file_id": "f1", "filename": "a.txt", "file_index": 3}],
        "phase": "final_answer",
    },
]
REFUSAL: Json = {"type": "refusal", "refusal": "No more."}


def response(items: list[Json], **fields: Any) -> Json:
    head: Json = {"id": "resp_1", "object": "response", "created_at": 7, "model": "served", "status": "completed"}
    return {**head, "usage": USAGE, "output": items, **fields}


def pieces_of(item: Json, place: int) -> list[Json]:
    """The events with the pieces of an item."""
    at: Json = {"item_id": item["id"], "output_index": place}
    events: list[Json] = []
    for field, words in (("summary", "reasoning_summary_text"), ("content", "reasoning_text")):
        for number, part in enumerate(item.get(field, ()) if item["type"] == "reasoning" else ()):
            index = {f"{field}_index": number}
            halves = (part["text"][:2], part["text"][2:])
            events += [{"type": f"response.{words}.delta", **at, **index, "delta": half} for half in halves]
    for number, part in enumerate(item["content"] if item["type"] == "message" else ()):
        words, field = ("output_text", "text") if "text" in part else ("refusal", "refusal")
        halves = (part[field][:3], part[field][3:])
        events += [{"type": f"response.{words}.delta", **at, "content_index": number, "delta": half} for half in halves]
    for kind, field in (("function_call", "arguments"), ("custom_tool_call", "input")):
        if item["type"] == kind:
            halves = (item[field][:7], item[field][7:])
            events += [{"type": f"response.{kind}_{field}.delta", **at, "delta": half} for half in halves]
    return events


def events(items: list[Json], style: str) -> list[Json]:
    """A stream of these items: `piecewise`, with `whole` items alone, or with the response at the `end` alone."""
    started: list[Json] = [{"type": "response.created", "response": response([], status="in_progress", usage=None)}]
    for place, item in enumerate(items if style != "end" else ()):
        emptied = {"summary": [], "content": [], "arguments": "", "input": ""}
        blank = {name: emptied.get(name, value) for name, value in item.items()}
        started.append({"type": "response.output_item.added", "output_index": place, "item": blank})
        started += pieces_of(item, place) if style == "piecewise" else []
        started.append({"type": "response.output_item.done", "output_index": place, "item": item})
    return [*started, {"type": "response.completed", "response": response(items)}]


class Server:
    """Answers with these items, and keeps what it was asked."""

    def __init__(self, items: list[Json], style: str = "piecewise") -> None:
        self.items, self.style = items, style
        self.bodies: list[Json] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        self.paths.append(request.url.path)
        if not request.url.path.endswith("/responses"):
            choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
            return httpx.Response(200, json={"id": "c", "model": "m", "choices": [choice]})
        if not body.get("stream"):
            return httpx.Response(200, json=response(self.items))
        data = "".join(f"data: {json.dumps(event)}\n\n" for event in events(self.items, self.style))
        return httpx.Response(200, text=data, headers={"content-type": "text/event-stream"})

    def model(self, **settings: Any) -> ChatAIMLAPI:
        transport = httpx.MockTransport(self)
        clients: Json = {"http_client": httpx.Client(transport=transport)}
        clients["http_async_client"] = httpx.AsyncClient(transport=transport)
        given = {"model": "openai/gpt-5-pro", "api_key": "k", "base_url": "http://127.0.0.1:9/v1", **settings}
        return ChatAIMLAPI(**given, **clients)


async def gathered(model: ChatAIMLAPI, question: Any) -> AIMessage:
    return added([chunk async for chunk in model.astream(question)])


WAYS: dict[str, Callable[[ChatAIMLAPI, Any], AIMessage]] = {
    "invoke": lambda model, question: model.invoke(question),
    "ainvoke": lambda model, question: asyncio.run(model.ainvoke(question)),
    "stream": lambda model, question: added(model.stream(question)),
    "astream": lambda model, question: asyncio.run(gathered(model, question)),
}


def plain(value: Any) -> Any:
    """Without the indexes by which LangChain adds up a stream."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if name != "index"}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


CASES = [("invoke", "end"), ("ainvoke", "end")]
CASES += [(way, style) for way in ("stream", "astream") for style in ("piecewise", "whole", "end")]


@pytest.mark.parametrize(("way", "style"), CASES)
def test_items_are_the_content(way: str, style: str) -> None:
    reply = WAYS[way](Server(OUTPUT, style).model(output_version="responses/v1"), "Hi")
    thought = {name: value for name, value in THOUGHT.items() if value is not None}
    assert plain(reply.content) == [
        thought,
        {**COMMENT_BLOCK, "id": "msg_1"},
        *(SEARCH, BARE, IMAGE, CONSENT, UNKNOWN, CALL, FREE),
        *({**block, "id": "msg_2"} for block in ANSWER_BLOCKS),
        {**REFUSAL, "id": "msg_3"},
    ]
    assert [(call["name"], call["args"]) for call in reply.tool_calls] == [
        ("add", {"x": 1, "y": 2}),
        ("run", {"__arg1": 'print("a\\b")'}),
    ]
    assert (reply.text, reply.id) == ("Let me look. It is three.", "resp_1")
    assert reply.additional_kwargs.keys() == {"output_items"}
    told = reply.response_metadata
    assert [told[name] for name in ("id", "object", "created_at", "model", "status")] == [
        *("resp_1", "response", 7, "served", "completed"),
    ]


@pytest.mark.parametrize(("way", "style"), CASES)
def test_the_older_form_has_texts_and_the_rest_beside_them(way: str, style: str) -> None:
    reply = WAYS[way](Server(OUTPUT, style).model(output_version="v0"), "Hi")
    assert plain(reply.content) == [COMMENT_BLOCK, FREE, *ANSWER_BLOCKS]
    kwargs = plain(reply.additional_kwargs)
    assert kwargs["reasoning"]["summary"] == THOUGHT["summary"]
    assert {name: kwargs["reasoning"][name] for name in ("id", "type")} == {"id": "rs_2", "type": "reasoning"}
    assert kwargs["tool_outputs"] == [SEARCH, IMAGE, CONSENT, UNKNOWN]
    assert (kwargs["refusal"], kwargs["__openai_function_call_ids__"]) == ("No more.", {"c1": "fc_1"})
    assert [call["args"] for call in reply.tool_calls] == [{"x": 1, "y": 2}, {"__arg1": 'print("a\\b")'}]
    assert (reply.text, reply.id) == ("Let me look. It is three.", "msg_3")


@pytest.mark.parametrize("style", ["piecewise", "whole", "end"])
def test_callbacks_hear_the_text_of_the_content(style: str) -> None:
    class Listener(BaseCallbackHandler):
        heard = ""

        def on_llm_new_token(self, token: Any, *, chunk: Any = None, **_: Any) -> None:
            self.heard += chunk.text

    for version in ("responses/v1", "v0"):
        listener = Listener()
        reply = added(Server(OUTPUT, style).model(output_version=version, callbacks=[listener]).stream("Hi"))
        assert listener.heard == reply.text == "Let me look. It is three."


def test_one_thought_is_the_item_itself() -> None:
    for way in WAYS.values():
        reply = way(Server([THOUGHT, ANSWER]).model(output_version="v0"), "Hi")
        thought = {name: value for name, value in THOUGHT.items() if value is not None}
        assert plain(reply.additional_kwargs["reasoning"]) == thought


def test_reasoning_is_streamed_as_it_comes() -> None:
    server = Server([THOUGHT, ANSWER])
    for version, summary in (
        ("responses/v1", lambda chunk: [b["summary"] for b in chunk.content if b.get("summary")]),
        ("v0", lambda chunk: [s for s in [chunk.additional_kwargs.get("reasoning", {}).get("summary")] if s]),
    ):
        texts = [
            part["text"]
            for chunk in server.model(output_version=version).stream("Hi")
            for parts in summary(chunk)
            for part in parts
        ]
        assert texts == ["Fi", "rst.", "Se", "cond."]


def test_the_first_piece_of_a_text_says_its_phase() -> None:
    """Whoever shows a stream knows then what is a comment."""
    for version in ("responses/v1", "v0"):
        blocks = [
            block
            for chunk in Server([COMMENT, ANSWER]).model(output_version=version).stream("Hi")
            for block in chunk.content
            if isinstance(block, dict)
        ]
        said = {block["index"]: block.get("phase") for block in reversed(blocks)}
        assert list(said.values())[::-1] == ["commentary", "final_answer", "final_answer"]
        assert [block["phase"] for block in blocks if "phase" in block] == list(said.values())[::-1]


def test_a_phase_that_only_the_whole_item_says_is_there() -> None:
    announced = {name: value for name, value in COMMENT.items() if name != "phase"}
    stream = [event for event in events([COMMENT], "piecewise") if event.get("item") is not COMMENT]
    stream[1]["item"] = announced
    stream.insert(-1, {"type": "response.output_item.done", "output_index": 0, "item": COMMENT})
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in stream)
    reply = httpx.Response(200, text=data, headers={"content-type": "text/event-stream"})
    client = httpx.Client(transport=httpx.MockTransport(lambda request: reply))
    model = ChatAIMLAPI(model="openai/gpt-5-pro", api_key="k", http_client=client, output_version="responses/v1")
    assert plain(added(model.stream("Hi")).content) == [{**COMMENT_BLOCK, "id": "msg_1"}]


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
@pytest.mark.parametrize("style", ["piecewise", "whole", "end"])
def test_the_blocks_of_a_reply_are_the_same_in_every_form(style: str) -> None:
    expected = plain(Server(OUTPUT).model().invoke("Hi").content_blocks)
    expected_text = {"type": "text", "text": "It is three."}
    assert [block["type"] for block in expected].count("text") == 2
    for version in ("responses/v1", "v0"):
        for way in WAYS.values():
            found = plain(way(Server(OUTPUT, style).model(output_version=version), "Hi").content_blocks)
            assert [block["type"] for block in found] == [block["type"] for block in expected]
            calls = [block for block in found if block["type"] == "tool_call"]
            assert [call["extras"]["item_id"] for call in calls] == ["fc_1", "ctc_1"]
            others = [block for block in found if block["type"] != "tool_call"]
            assert others == [block for block in expected if block["type"] != "tool_call"]
            assert {**found[-2], **expected_text} == found[-2]
        stream = Server(OUTPUT, style).model(output_version=version).stream_events("Hi", version="v3")
        for _ in stream:
            pass
        kinds = {block["type"] for block in stream.output.content}
        assert kinds == {block["type"] for block in expected}


def stored(message: AIMessage) -> list[Any]:
    """The message, and what is left of it after each way to store it."""
    whole = message if message.__class__ is AIMessage else AIMessage(**{**message.model_dump(), "type": "ai"})
    as_json = messages_from_dict(json.loads(json.dumps([message_to_dict(message)])))
    return [message, whole, *as_json, pickle.loads(pickle.dumps(message))]


def sent_with(server: Server, reply: Any, **settings: Any) -> list[Json]:
    results = [ToolMessage("3", tool_call_id="c1"), ToolMessage("ok", tool_call_id="c2")]
    calls = {call["id"] for call in reply.tool_calls}
    answered = [result for result in results if result.tool_call_id in calls]
    server.model(**settings).invoke([HumanMessage("Hi"), reply, *answered, HumanMessage("And?")])
    items: list[Json] = server.bodies[-1]["input"][1:-1]
    return [item for item in items if not str(item.get("type")).endswith("_output")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("store", [None, True])
def test_a_reply_goes_back_alike_from_every_form_and_store(way: str, store: bool | None) -> None:
    server = Server(OUTPUT)
    expected = sent_with(server, server.model().invoke("Hi"), store=store)
    for version in ("responses/v1", "v0"):
        for message in stored(WAYS[way](server.model(output_version=version), "Hi")):
            sent = sent_with(server, message, store=store)
            assert [essence(item) for item in sent] == [essence(item) for item in expected]


def essence(item: Json) -> Json:
    """An item without empty fields, and without what a message's blocks do not say."""
    item = {name: value for name, value in item.items() if value is not None}
    if item.get("type") != "message":
        return item
    parts = [{name: value for name, value in part.items() if name != "logprobs"} for part in item["content"]]
    return {**{name: value for name, value in item.items() if name != "status"}, "content": parts}


def test_what_is_taken_out_of_the_content_is_not_sent_and_edited_calls_are() -> None:
    """The content is what the user sees of it, so it decides."""
    server = Server(OUTPUT)
    reply = server.model(output_version="responses/v1").invoke("Hi")
    blocks = [b for b in reply.content if isinstance(b, dict) and b["type"] not in ("reasoning", "web_search_call")]
    calls = [{**call, "args": {"x": 5, "y": 6}} if call["name"] == "add" else call for call in reply.tool_calls]
    sent = sent_with(server, reply.model_copy(update={"content": blocks, "tool_calls": calls}))
    assert not {"reasoning", "web_search_call"} & {item.get("type") for item in sent}
    (call,) = (item for item in sent if item.get("type") == "function_call")
    assert json.loads(call["arguments"]) == {"x": 5, "y": 6}


FOREIGN: Json = {"model_provider": "openai", "id": "resp_9", "model_name": "openai/gpt-5-pro"}


def test_a_history_of_another_class_goes_back() -> None:
    """As langchain-openai writes it, under "responses/v1" with the indexes of a stream, and under "v0"."""
    summary = [{"type": "summary_text", "text": "Hm.", "index": 0}]
    newer = AIMessage(
        [
            {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "sealed", "index": 0},
            {"type": "text", "text": "So: ", "id": "msg_1", "annotations": [], "phase": "commentary", "index": 1},
            {**SEARCH, "index": 2},
            {**CALL, "index": 3},
        ],
        tool_calls=[{"name": "add", "args": {"x": 1, "y": 2}, "id": "c1"}],
        response_metadata=FOREIGN,
    )
    older = AIMessage(
        [{"type": "text", "text": "So: ", "annotations": []}],
        id="msg_1",
        additional_kwargs={
            "reasoning": {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "sealed"},
            "tool_outputs": [SEARCH],
            "__openai_function_call_ids__": {"c1": "fc_1"},
        },
        tool_calls=[{"name": "add", "args": {"x": 1, "y": 2}, "id": "c1"}],
        response_metadata=FOREIGN,
    )
    server = Server([ANSWER])
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "sealed"}
    search = {name: value for name, value in SEARCH.items() if name != "id"}
    call = {name: value for name, value in CALL.items() if name != "id"}
    text = {"role": "assistant", "content": "So: "}
    assert sent_with(server, newer) == [thought, {**text, "phase": "commentary"}, search, call]
    del call["status"]
    assert sent_with(server, older) == [thought, search, text, call]


RAN: list[Json] = [
    {
        "id": "ci_1",
        "type": "code_interpreter_call",
        "status": "completed",
        "code": "1",
        "container_id": "cntr_1",
        "outputs": [{"type": "logs", "logs": "1"}],
    },
    {"id": "fs_1", "type": "file_search_call", "status": "completed", "queries": ["q"], "results": [{"text": "t"}]},
    {"id": "fs_2", "type": "file_search_call", "status": "failed", "queries": []},
    {"id": "mcpl_1", "type": "mcp_list_tools", "server_label": "s", "tools": [{"name": "ask"}]},
    {
        "id": "mcp_1",
        "type": "mcp_call",
        "name": "ask",
        "server_label": "s",
        "arguments": '{"q":1}',
        "output": "o",
        "approval_request_id": "mcpr_1",
    },
    {"id": "mcp_2", "type": "mcp_call", "name": "ask", "server_label": "s", "arguments": "{}", "error": "down"},
    {"id": "ts_1", "type": "tool_search_call", "status": "completed", "execution": "server", "arguments": {"q": "x"}},
    {
        "id": "ts_2",
        "type": "tool_search_output",
        "status": "completed",
        "execution": "server",
        "tools": [{"name": "f"}],
    },
    {"id": "ts_3", "type": "tool_search_call", "execution": "client", "call_id": "c9", "arguments": {"q": "x"}},
    {"id": "cmp_1", "type": "compaction", "encrypted_content": "z"},
]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_history_of_standard_blocks_goes_back_as_the_items_it_was(streamed: bool) -> None:
    """As LangChain makes the blocks of OpenAI's items, which it does for every class but ours."""
    thought = {name: value for name, value in THOUGHT.items() if value is not None}
    items = [thought, {**COMMENT, "phase": "commentary"}, SEARCH, IMAGE, CONSENT, *RAN, CALL, ANSWER]
    content: list[Any] = []
    for item in items:
        if item["type"] != "message":
            content.append(item)
            continue
        for part in item["content"]:
            notes = [
                {"file_index" if name == "index" else name: value for name, value in note.items()}
                for note in part["annotations"]
            ]
            text = {"type": "text", "text": part["text"], "annotations": notes}
            content.append({**text, "id": item["id"], "phase": item["phase"]})
    if streamed:
        content = [{**block, "index": place} for place, block in enumerate(content)]
    calls: list[Any] = [{"name": "add", "args": {"x": 1, "y": 2}, "id": "c1", "type": "tool_call"}]
    theirs = AIMessage(content, tool_calls=calls, response_metadata=FOREIGN)
    blocks: list[Any] = [*theirs.content_blocks]
    kinds = {block["type"] for block in blocks}
    assert {"server_tool_call", "server_tool_result", "image", "non_standard", "reasoning"} <= kinds
    stored = AIMessage(blocks, tool_calls=calls, response_metadata={**FOREIGN, "output_version": "v1"})
    server = Server([ANSWER])
    search = {"type": "tool_search_output", "call_id": "c9", "execution": "client", "status": "completed", "tools": []}
    results: list[Any] = [HumanMessage([search]), ToolMessage("3", tool_call_id="c1")]
    server.model(store=True).invoke([HumanMessage("Hi"), stored, *results, HumanMessage("And?")])
    sent = [essence(item) for item in server.bodies[0]["input"][1 : 1 + len(items)]]
    assert sent == [essence(item) for item in items]
    server.model(model="openai/gpt-4o").invoke(
        [HumanMessage("Hi"), stored, *results[1:], HumanMessage("And?")], use_responses_api=False
    )
    message = server.bodies[1]["messages"][1]
    assert message["content"] == "Let me look. It is three."
    assert [call["function"]["name"] for call in message["tool_calls"]] == ["add"]


def test_a_foreign_history_goes_to_chat_completions_as_messages() -> None:
    """Arguments to the letter: a provider's cache fits the same text only."""
    written = '{"x":1,  "y":2}'
    blocks = [{**CALL, "arguments": written, "index": 1}, {**FREE, "index": 2}]
    calls = [
        {"name": "add", "args": {"x": 1, "y": 2}, "id": "c1"},
        {"name": "run", "args": {"__arg1": "go"}, "id": "c2"},
    ]
    reply = AIMessage([THOUGHT, *blocks], tool_calls=calls, response_metadata=FOREIGN)
    server = Server([])
    results = [ToolMessage("3", tool_call_id="c1"), ToolMessage("ok", tool_call_id="c2")]
    server.model(model="openai/gpt-4o").invoke(["Hi", reply, *results], use_responses_api=False)
    message = server.bodies[0]["messages"][1]
    assert message["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": written}},
        {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "go"}},
    ]


def test_the_newer_form_asks_for_the_endpoint_that_has_it() -> None:
    server = Server([ANSWER])
    for settings, path, content in (
        ({"output_version": "responses/v1"}, "/v1/responses", list),
        ({"output_version": "responses/v1", "use_responses_api": False}, "/v1/chat/completions", str),
        ({"output_version": "v0"}, "/v1/chat/completions", str),
        ({"output_version": "v0", "use_responses_api": True}, "/v1/responses", list),
        ({"output_version": "responses/v1", "model": "anthropic/claude-sonnet-4.5"}, "/v1/chat/completions", str),
    ):
        reply = server.model(**{"model": "openai/gpt-4o", **settings}).invoke("Hi")
        assert (server.paths[-1], type(reply.content)) == (path, content), settings


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", ["responses/v1", "v0"])
def test_a_stop_sequence_ends_the_texts(version: str, way: str) -> None:
    model = Server([COMMENT, ANSWER]).model(output_version=version, stop=["thr"])
    reply = WAYS[way](model, "Hi")
    assert reply.text == "Let me look. It is "
    assert [block["text"] for block in reply.content if isinstance(block, dict)] == ["Let me look. ", "It is ", ""]


def test_the_form_of_the_reply_says_whose_a_phase_is() -> None:
    """In the standard blocks, too: there it stands where LangChain's own reading of OpenAI's messages has it."""
    for way in WAYS.values():
        for settings in ({}, {"output_version": "v1"}):
            blocks = way(Server([COMMENT, {**ANSWER, "status": "incomplete", "seen_by": 2}]).model(**settings), "Hi")
            comment, answer = (block for block in blocks.content_blocks if block["type"] == "text")
            assert (comment.get("phase"), answer.get("phase")) == ("commentary", "final_answer")
            assert answer["extras"] == {"phase": "final_answer", "seen_by": 2, "status": "incomplete"}


@pytest.mark.parametrize("style", ["piecewise", "whole", "end"])
def test_the_pieces_of_a_stream_are_the_same_blocks_in_every_form(style: str) -> None:
    def texts(version: str | None) -> list[tuple[str, str]]:
        stream = Server(OUTPUT, style).model(output_version=version).stream("Hi")
        blocks: list[Any] = [block for chunk in stream for block in chunk.content_blocks]
        pieces = [
            (block["type"], block.get(block["type"])) for block in blocks if block["type"] in ("text", "reasoning")
        ]
        return [(kind, text) for kind, text in pieces if text]

    expected = texts(None)
    assert "".join(text for kind, text in expected if kind == "reasoning") == "First.Second.Hm."
    for version in ("responses/v1", "v0"):
        assert texts(version) == expected
