"""Whatever way a host tells an answer, both frameworks read the same: whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from llama_index.core import PromptTemplate
from llama_index.core.llms import ChatMessage, ChatResponse
from pydantic import BaseModel

from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

Json = dict[str, Any]


class Answer(NamedTuple):
    """What a program sees of an answer: its text, and its calls as (name, arguments, id)."""

    text: str
    calls: list[tuple[str, Any, str]]


class Host:
    """A host that always gives the same reply: a dict as JSON, a list as an event stream."""

    def __init__(self, reply: Json | list[Json], **settings: Any) -> None:
        is_stream = isinstance(reply, list)
        events = [json.dumps(event) for event in reply] if is_stream else []
        body = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]) if is_stream else json.dumps(reply)
        kind = {"content-type": "text/event-stream" if is_stream else "application/json"}
        self.sent: list[Json] = []

        def answer(request: httpx.Request) -> httpx.Response:
            self.sent.append(json.loads(request.content))
            return httpx.Response(200, content=body.encode(), headers=kind)

        transport = httpx.MockTransport(answer)
        self.sync, self.asynchronous = httpx.Client(transport=transport), httpx.AsyncClient(transport=transport)
        self.settings = {"model": "openai/gpt-4o", "api_key": "k", "max_retries": 0, **settings}

    def langchain(self) -> ChatAIMLAPI:
        return ChatAIMLAPI(http_client=self.sync, http_async_client=self.asynchronous, **self.settings)

    def llama_index(self) -> AIMLAPI:
        return AIMLAPI(http_client=self.sync, async_http_client=self.asynchronous, **self.settings)


def from_message(message: AIMessage) -> Answer:
    assert not message.invalid_tool_calls
    return Answer(message.text, [(call["name"], call["args"], call["id"] or "") for call in message.tool_calls])


def from_response(response: ChatResponse, llm: AIMLAPI) -> Answer:
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    return Answer(response.message.content or "", [(call.tool_name, call.tool_kwargs, call.tool_id) for call in calls])


def summed(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    first, *others = chunks
    return first.__add__(others)  # type: ignore[arg-type]  # a list of them is taken, too


def whole(reply: Json, **settings: Any) -> list[Answer]:
    """By each framework and each kind of call."""
    host, messages = Host(reply, **settings), [ChatMessage("x")]
    model, llm = host.langchain(), host.llama_index()

    async def later() -> list[Answer]:
        return [from_message(await model.ainvoke("x")), from_response(await llm.achat(messages), llm)]

    return [from_message(model.invoke("x")), from_response(llm.chat(messages), llm), *asyncio.run(later())]


def streamed(events: list[Json], **settings: Any) -> list[Answer]:
    """By each framework and each kind of call: what the pieces add up to, and what the last one says."""
    host, messages = Host(events, **settings), [ChatMessage("x")]
    model, llm = host.langchain(), host.llama_index()

    def of_pieces(responses: list[ChatResponse]) -> list[Answer]:
        final = from_response(responses[-1], llm)
        return [final, Answer("".join(response.delta or "" for response in responses), final.calls)]

    async def later() -> list[Answer]:
        chunks = [chunk async for chunk in model.astream("x")]
        responses = [response async for response in await llm.astream_chat(messages)]
        return [from_message(summed(chunks)), *of_pieces(responses)]

    chunks, responses = list(model.stream("x")), list(llm.stream_chat(messages))
    return [from_message(summed(chunks)), *of_pieces(responses), *asyncio.run(later())]


def event(delta: Json, finish: str | None = None, index: int = 0) -> Json:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


WEATHER = ("weather", {"city": "Bern", "days": [1, 2]}, "call_1")
TIME = ("time", {}, "call_2")


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 30), max_size=4, unique=True).map(sorted),
    groups=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    name_alone=st.booleans(),
    both=st.booleans(),
)
def test_fragments_of_a_call_may_come_in_any_grouping(
    cuts: list[int], groups: list[int], name_alone: bool, both: bool
) -> None:
    """A name and pieces of its arguments as entries of one delta, in several, or of two calls beside each other."""
    entries: list[Json] = []
    for index, (name, arguments, call_id) in enumerate([WEATHER, TIME] if both else [WEATHER]):
        text = json.dumps(arguments)
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < len(text)]
        head = {"index": index, "id": call_id, "type": "function"}
        entries.append({**head, "function": {"name": name, "arguments": "" if name_alone else pieces.pop(0)}})
        entries += [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    events, sizes = [], iter(groups * len(entries))
    while entries:
        size = next(sizes)
        events.append(event({"tool_calls": entries[:size]}))
        entries = entries[size:]
    expected = Answer("", [WEATHER, TIME] if both else [WEATHER])
    assert all(answer == expected for answer in streamed([*events, event({}, "tool_calls")]))


# -- /v1/responses -----------------------------------------------------------------------------------------------------

USES_RESPONSES: Json = {"model": "openai/gpt-5-pro", "use_responses_api": True}
CALL: Json = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "weather",
    "arguments": json.dumps(WEATHER[1]),
    "status": "completed",
}
CUSTOM: Json = {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_1", "name": "run", "input": 'print("ü")'}


def response(*output: Json, **more: Any) -> Json:
    known = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
    return {**known, "output": [*output], **more}


def message(text: str, item_id: str = "msg_1", **more: Any) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": item_id, "role": "assistant", "status": "completed", "content": [part], **more}


def of(index: int | None, kind: str, **fields: Any) -> Json:
    """An event of an item; of one that it does not number, with None."""
    return {"type": f"response.{kind}", **({} if index is None else {"output_index": index}), **fields}


def between(*events: Json, output: tuple[Json, ...] = ()) -> list[Json]:
    """A stream of these events; at its end, the response with this output."""
    begun = {"type": "response.created", "response": response(status="in_progress")}
    return [begun, *events, {"type": "response.completed", "response": response(*output)}]


class Told(NamedTuple):
    """A way to tell a call.

    Attributes:
        announced: with these arguments; "bare" without name and id, "part" and "all" of its own; None for not at all.
        pieces: which of its arguments come in deltas: "all", or "the rest" behind the announcement's.
        whole: where they are whole: the event for arguments, the item, the output at the end, all of them, or nowhere.
    """

    announced: Any
    pieces: str
    whole: str

    def events(self, item: Json) -> list[Json]:
        is_function = item["type"] == "function_call"
        field, kind = ("arguments", "function_call_arguments") if is_function else ("input", "custom_tool_call_input")
        text = item[field]
        known = self._announced_of(text)
        events = []
        if self.announced == "bare":
            events.append(of(0, "output_item.added", item={"type": item["type"], "id": item["id"]}))
        elif self.announced is not None:
            sent = {**item, field: self.announced if self.announced in ("{}", {}) else known, "status": "in_progress"}
            events.append(of(0, "output_item.added", item=sent))
        streamed = {"none": "", "all": text, "the rest": text[len(known) :]}[self.pieces]
        events += [of(0, f"{kind}.delta", delta=streamed[at : at + 4]) for at in range(0, len(streamed), 4)]
        if self.whole in ("arguments", "all"):
            events.append(of(0, f"{kind}.done", **{field: text}))
        if self.whole in ("item", "all"):
            events.append(of(0, "output_item.done", item=item))
        return between(*events, output=(item,) if self.whole in ("output", "all") else ())

    def _announced_of(self, text: str) -> str:
        return {"all": text, "part": text[: len(text) // 2]}.get(str(self.announced), "")

    def is_possible(self) -> bool:
        """Whether a stream says which tool was called, and with what."""
        has_text = self.announced in ("all", "part")
        is_named = self.announced not in (None, "bare") or self.whole in ("item", "output", "all")
        is_told = self.whole != "none" or self.pieces != "none" or self.announced == "all"
        return is_named and is_told and (has_text or self.pieces != "the rest")


TOLD = [
    told
    for announced in (None, "bare", "", "{}", {}, "part", "all")
    for pieces in ("none", "all", "the rest")
    for whole_in in ("arguments", "item", "output", "all", "none")
    if (told := Told(announced, pieces, whole_in)).is_possible()
]


@pytest.mark.parametrize("told", TOLD, ids=str)
def test_a_call_may_be_told_in_any_part_of_a_stream(told: Told) -> None:
    for answer in streamed_answers(told.events(CALL)):
        assert answer == Answer("", [WEATHER])
    if told.announced not in ("{}", {}):  # which is free text, too
        for answer in streamed_answers(told.events(CUSTOM)):
            assert answer == Answer("", [("run", {"input": CUSTOM["input"]}, "call_1")])


def streamed_answers(events: list[Json]) -> list[Answer]:
    return streamed(events, **USES_RESPONSES)


def test_two_calls_without_an_announcement_do_not_mix() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "call_2", "name": "time", "arguments": '{"zone": 1}'}
    kind = "function_call_arguments.delta"
    events = [
        of(0, kind, delta='{"city": '),
        of(1, kind, delta='{"zone"'),
        of(0, kind, delta='"Bern", "days": [1, 2]}'),
        of(1, kind, delta=": 1}"),
        of(0, "output_item.done", item=CALL),
        of(1, "output_item.done", item=other),
    ]
    for answer in streamed_answers(between(*events)):
        assert answer == Answer("", [WEATHER, ("time", {"zone": 1}, "call_2")])


def test_events_that_number_no_item_are_of_the_item_they_name() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "call_2", "name": "time", "arguments": "{}"}
    events = [
        of(None, "output_item.added", item={**message(""), "content": []}),
        of(None, "output_text.delta", item_id="msg_1", delta="Hi"),
        of(None, "output_item.added", item={**CALL, "arguments": ""}),
        of(None, "output_item.added", item={**other, "arguments": ""}),
        of(None, "function_call_arguments.delta", item_id="fc_1", delta=CALL["arguments"]),
        of(None, "function_call_arguments.done", item_id="fc_2", arguments="{}"),
    ]
    for answer in streamed_answers(between(*events, output=(message("Hi"), CALL, other))):
        assert answer == Answer("Hi", [WEATHER, TIME])


def test_whole_items_that_nothing_numbers_are_each_their_own() -> None:
    events = [of(None, "output_item.done", item=item) for item in (message("Hi"), CALL)]
    for answer in streamed_answers(between(*events)):
        assert answer == Answer("Hi", [WEATHER])


@pytest.mark.parametrize(
    "kinds", [["output_text.done"], ["content_part.done"], ["output_text.done", "content_part.done"]]
)
@pytest.mark.parametrize("begun", ["", "Hel"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_text_without_a_delta_is_what_its_part_says(kinds: list[str], begun: str, is_announced: bool) -> None:
    """And nothing else does: the output at the end is empty."""
    part = message("Hello.")["content"][0]
    events = [of(0, "output_item.added", item={**message(""), "content": []})] if is_announced else []
    events += [of(0, "output_text.delta", content_index=0, delta=begun)] if begun else []
    events += [of(0, kind, content_index=0, text="Hello.", part=part) for kind in kinds]
    for answer in streamed_answers(between(*events)):
        assert answer == Answer("Hello.", [])


@pytest.mark.parametrize("item", [message("Hello."), {**message("Hello."), "content": "Hello."}], ids=["parts", "text"])
@pytest.mark.parametrize("kind", ["output_item.added", "output_item.done"])
def test_a_text_without_a_delta_is_what_its_item_says(item: Json, kind: str) -> None:
    for answer in streamed_answers(between(of(0, kind, item=item))):
        assert answer == Answer("Hello.", [])


def test_an_item_is_known_again_where_the_output_leaves_another_out() -> None:
    """A host that hands out no reasoning at the end numbers the rest anew."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
    events = [
        of(0, "output_item.done", item=thought),
        of(1, "output_item.added", item={**message(""), "content": []}),
        of(1, "output_text.delta", delta="Hello."),
    ]
    for renamed in (message("Hello."), message("Hello.", "msg_2")):
        for answer in streamed_answers(between(*events, output=(renamed,))):
            assert answer == Answer("Hello.", [])


@pytest.mark.parametrize("field", ["output_text.done", "content_part.done"])
def test_parts_that_are_whole_say_nothing_again_that_came_without_its_index(field: str) -> None:
    item = {**message("One."), "content": [*message("One.")["content"], *message("Two.")["content"]]}
    events = [of(0, "output_text.delta", delta=text) for text in ("One.", "Two.")]
    events += [of(0, field, content_index=at, text=part["text"], part=part) for at, part in enumerate(item["content"])]
    for output in ((), (item,)):
        for answer in streamed_answers(between(*events, output=output)):
            assert answer == Answer("One.Two.", [])


def test_an_item_that_was_not_streamed_is_not_taken_for_one_that_was() -> None:
    other = {**CALL, "id": "fc_2", "call_id": "call_2", "name": "time", "arguments": "{}"}
    events = [of(0, "output_item.added", item={**CALL, "arguments": ""})]
    events += [of(0, "function_call_arguments.delta", delta=CALL["arguments"])]
    for answer in streamed_answers(between(*events, output=(other, CALL))):
        assert sorted(answer.calls) == sorted([WEATHER, TIME])


@pytest.mark.parametrize("whole_in", ["arguments", "item", "output"])
def test_a_call_that_is_whole_overrules_its_pieces(whole_in: str) -> None:
    """LangChain's pieces cannot be taken back: they are no call to be run."""
    streamed_call = {**CALL, "arguments": '{"city": "Rome"}'}
    events = Told("", "all", "none").events(streamed_call)[:-1]
    events += Told(None, "none", whole_in).events(CALL)[1:]
    host, messages = Host(events, **USES_RESPONSES), [ChatMessage("x")]
    llm = host.llama_index()
    assert from_response(list(llm.stream_chat(messages))[-1], llm).calls == [WEATHER]
    answer = summed(list(host.langchain().stream("x")))
    assert not answer.tool_calls and [call["name"] for call in answer.invalid_tool_calls] == ["weather"]


def test_a_call_that_is_whole_in_another_spelling_is_the_same_call() -> None:
    spelled = {**CALL, "arguments": json.dumps(WEATHER[1], indent=1)}
    events = [*Told("", "all", "none").events(spelled)[:-1], *Told(None, "none", "item").events(CALL)[1:]]
    for answer in streamed_answers(events):
        assert answer == Answer("", [WEATHER])


class Place(BaseModel):
    """A place."""

    city: str


COMMENTS = ["First I look at the map.", '{"city": "Porto, perhaps"}']
PLACE = '{"city": "Bern"}'


def commented(comment: str) -> Json:
    answer = message(PLACE, "msg_2", phase="final_answer")
    return response(message(comment, "msg_1", phase="commentary"), answer)


def in_pieces(whole: Json) -> list[Json]:
    """A stream of a response, each text in pieces."""
    events = []
    for index, item in enumerate(whole["output"]):
        text = item["content"][0]["text"]
        events.append(of(index, "output_item.added", item={**item, "content": [], "status": "in_progress"}))
        events += [of(index, "output_text.delta", delta=text[at : at + 5]) for at in range(0, len(text), 5)]
        events.append(of(index, "output_item.done", item=item))
    return between(*events, output=tuple(whole["output"]))


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_comment_is_a_paragraph_of_its_own_in_plain_text(comment: str) -> None:
    reply = commented(comment)
    for answer in [*whole(reply, **USES_RESPONSES), *streamed_answers(in_pieces(reply))]:
        assert answer == Answer(f"{comment}\n\n{PLACE}", [])


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("method", [None, "json_schema", "json_mode", "function_calling"])
def test_a_comment_is_no_part_of_langchain_s_structured_answer(comment: str, is_stream: bool, method: Any) -> None:
    reply = commented(comment)
    host = Host(in_pieces(reply) if is_stream else reply, **USES_RESPONSES, streaming=is_stream)
    chain = host.langchain().with_structured_output(Place, method=method)
    assert chain.invoke("x") == list(chain.stream("x"))[-1] == asyncio.run(chain.ainvoke("x")) == Place(city="Bern")


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
def test_a_comment_is_no_part_of_llama_index_s_structured_answer(comment: str, is_stream: bool) -> None:
    reply = commented(comment)
    llm = Host(in_pieces(reply) if is_stream else reply, **USES_RESPONSES).llama_index()
    prompt, structured = PromptTemplate("x"), llm.as_structured_llm(Place)
    if is_stream:
        assert [*llm.stream_structured_predict(Place, prompt)][-1] == Place(city="Bern")
        assert [*structured.stream_complete("x")][-1].raw == Place(city="Bern")
    else:
        assert llm.structured_predict(Place, prompt) == Place(city="Bern")
        assert structured.complete("x").raw == Place(city="Bern")


@pytest.mark.parametrize("comment", COMMENTS)
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
def test_a_commented_answer_goes_back_as_its_items(comment: str, is_stream: bool) -> None:
    """With its comment or without: neither is an edit."""
    reply = commented(comment)
    host = Host(in_pieces(reply) if is_stream else reply, **USES_RESPONSES)
    model, llm = host.langchain(), host.llama_index()
    for bound in (model, model.bind(response_format={"type": "json_object"})):
        answer = summed(list(bound.stream("x"))) if is_stream else bound.invoke("x")
        model.invoke([("user", "x"), answer, ("user", "y")])
        assert [item.get("phase") for item in host.sent[-1]["input"]] == [None, "commentary", "final_answer", None]
    responses = list(llm.stream_chat([ChatMessage("x")])) if is_stream else [llm.chat([ChatMessage("x")])]
    llm.chat([ChatMessage("x"), responses[-1].message, ChatMessage("y")])
    assert [item.get("phase") for item in host.sent[-1]["input"]] == [None, "commentary", "final_answer", None]


def test_blocks_of_a_commented_stream_are_those_of_its_items() -> None:
    """What separates the two is of neither, as what separates parts of reasoning; parts may begin with a line end."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "\n\nHm"}] * 2}
    items = [thought, *commented("\n\nLook.")["output"]]
    events = [
        *(
            of(0, "reasoning_summary_text.delta", summary_index=at, delta=text)
            for at in (0, 1)
            for text in ("\n\n", "Hm")
        ),
        *(of(1, "output_text.delta", delta=text) for text in ("\n\n", "Look.")),
        of(1, "output_item.done", item=items[1]),
        of(2, "output_text.delta", delta=PLACE),
    ]
    chunks = list(Host(between(*events, output=tuple(items)), **USES_RESPONSES).langchain().stream("x"))
    texts: dict[str, str] = {}
    for block in [block for chunk in chunks for block in chunk.content_blocks]:
        index = str(block.get("index"))
        texts[index] = texts.get(index, "") + str(block.get("text", block.get("reasoning")))
    assert texts == {"lc_rs_0_0": "\n\nHm", "lc_rs_0_1": "\n\nHm", "lc_txt_1": "\n\nLook.", "lc_txt_2": PLACE}
    assert summed(chunks).content == f"\n\nLook.\n\n{PLACE}"


# -- several answers ---------------------------------------------------------------------------------------------------

ORDERS = [[0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 0, 0], [2, 1, 2, 0, 1, 0], [1, 1]]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_stream_of_several_answers_gives_the_lowest_from_its_first_piece_to_its_end(order: list[int]) -> None:
    texts = {index: [f"{index}a", f"{index}b"] for index in order}
    events = [event({"content": texts[index].pop(0)}, index=index) for index in order]
    events += [event({}, "stop", index) for index in sorted(set(order), reverse=True)]
    host, messages, lowest = Host(events, additional_kwargs={"n": 3}), [ChatMessage("x")], min(order)
    llm, model = host.llama_index(), Host(events, n=3).langchain()

    async def later() -> list[str]:
        chunks = [chunk async for chunk in model.astream("x")]
        responses = [response async for response in await llm.astream_chat(messages)]
        return [summed(chunks).text, responses[-1].message.content or "", "".join(r.delta or "" for r in responses)]

    responses = list(llm.stream_chat(messages))
    texts_seen = [summed(list(model.stream("x"))).text, "".join(response.delta or "" for response in responses)]
    assert {*texts_seen, responses[-1].message.content, *asyncio.run(later())} == {f"{lowest}a{lowest}b"}


def test_one_answer_under_another_number_comes_piece_by_piece() -> None:
    events = [event({"content": text}, index=1) for text in ("a", "b")]
    host = Host([*events, event({}, "stop", 1)])
    assert [chunk.content for chunk in host.langchain().stream("x")][:2] == ["a", "b"]
    assert [response.delta for response in host.llama_index().stream_chat([ChatMessage("x")])] == ["a", "b", ""]


def test_an_answer_that_nobody_asked_for_does_not_run_into_the_first() -> None:
    events = [event({"content": str(index)}, "stop", index) for index in (1, 0)]
    for answer in streamed(events):
        assert answer == Answer("0", [])


def test_generate_gives_all_answers() -> None:
    choices = [{"index": index, "finish_reason": "stop", "message": {"content": str(index)}} for index in (1, 0)]
    model = Host({"choices": choices}, n=2).langchain()
    for result in (model.generate([[HumanMessage("x")]]), asyncio.run(model.agenerate([[HumanMessage("x")]]))):
        assert [generation.text for generation in result.generations[0]] == ["0", "1"]
