"""Arguments of calls: while they come, and as the tool's schema wants them."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.program.utils import process_streaming_objects
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llama_index_aimlapi import AIMLAPI, ToolCallError, _partial_json
from tests.llama_index.host import DONE, Host, call, chunk, gathered, last, piece, whole


def test_arguments_are_shown_while_they_come() -> None:
    events = [
        chunk(tool_calls=[piece("", "add")]),
        chunk(tool_calls=[piece('{"a": "x')]),
        chunk(tool_calls=[piece('y", "b": [1, 2')]),
        chunk("tool_calls", tool_calls=[piece("]}")]),
        DONE,
    ]
    llm = Host([events]).llm()
    responses = list(llm.stream_chat([ChatMessage("Hi")]))
    shown = [llm.get_tool_calls_from_response(r, error_on_no_tool_call=False)[0].tool_kwargs for r in responses]
    assert shown == [{}, {"a": "x"}, {"a": "xy", "b": [1]}, *[{"a": "xy", "b": [1, 2]}] * (len(responses) - 3)]
    backwards = [llm.get_tool_calls_from_response(r)[0].tool_kwargs for r in reversed(responses[1:])]
    assert backwards == shown[:0:-1]
    assert all(isinstance(llm.get_tool_calls_from_response(r)[0].tool_id, str) for r in responses)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_of_a_piece_shares_nothing_with_the_stream(copied: Any) -> None:
    """What reads the arguments belongs to the stream: a copy reads its own text."""
    events = [chunk(tool_calls=[piece('{"a": ', "add", id="c")]), chunk("tool_calls", tool_calls=[piece("1}")]), DONE]
    llm = Host([events]).llm()
    first, *_ = llm.stream_chat([ChatMessage("Hi")])
    again = copied(first)
    assert again == first
    assert again.message.additional_kwargs["tool_calls"][0].function.name == "add"
    assert again.message.additional_kwargs["tool_calls"][0].parser is None
    assert llm.get_tool_calls_from_response(again) == llm.get_tool_calls_from_response(first)


def test_a_call_made_without_an_id_gets_one_in_both_places() -> None:
    llm = Host([whole(None, "tool_calls", tool_calls=[call("stop", "{}", "")])]).llm()
    message = llm.chat([ChatMessage("Hi")]).message
    (listed,) = message.additional_kwargs["tool_calls"]
    assert message.blocks[0].tool_call_id == listed.id != ""


def test_partial_objects_reach_a_structured_stream() -> None:
    class Song(BaseModel):
        """A song."""

        title: str = ""
        verses: list[str] = []

    text = json.dumps({"title": "Moon", "verses": ["one", "two"]})
    events = [chunk(tool_calls=[piece("", "Song", id="c")]), *(chunk(tool_calls=[piece(c)]) for c in text)]
    llm = Host([[*events, chunk("tool_calls"), DONE]]).llm()
    titles = []
    for response in llm.stream_chat([ChatMessage("Hi")]):
        song = process_streaming_objects(response, Song, llm=llm)
        titles.append(song.title)  # type: ignore[union-attr]  # of the kinds it may be, one Song
    assert [title for i, title in enumerate(titles) if title != titles[i - 1]] == ["", "M", "Mo", "Moo", "Moon"]
    assert song == Song(title="Moon", verses=["one", "two"])


LONG = json.dumps({"text": "x" * 20_000, "rows": [{"k": i, "v": "abc"} for i in range(1_000)]})


def test_reading_the_calls_of_every_piece_costs_what_the_pieces_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 KB of arguments in 2,000 pieces: the object is made a few hundred times."""
    read: list[int] = []
    from_json = _partial_json.from_json
    monkeypatch.setattr(
        _partial_json, "from_json", lambda text, **how: read.append(len(text)) or from_json(text, **how)
    )  # type: ignore[func-returns-value]  # `append` returns None, so `or` goes on
    llm, responses = _long_call()
    assert len(responses) > 1_900
    selected = [llm.get_tool_calls_from_response(response)[0] for response in responses]
    shown = [selection.tool_kwargs for selection in selected]
    assert len({id(selection) for selection in selected}) < 500
    assert 64 < len(read) < 500
    assert shown[-1] == json.loads(LONG)
    lengths = [len(kwargs.get("text", "")) for kwargs in shown]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 64


def test_a_piece_shows_the_same_arguments_whenever_it_is_asked() -> None:
    llm, responses = _long_call()
    late = [llm.get_tool_calls_from_response(response)[0].tool_kwargs for response in reversed(responses[:1200:100])]
    llm, responses = _long_call()
    early = [llm.get_tool_calls_from_response(response)[0].tool_kwargs for response in responses[:1200:100]]
    assert late[::-1] == early


def _long_call() -> tuple[AIMLAPI, list[ChatResponse]]:
    size = -(-len(LONG) // 2_000)
    pieces = [LONG[i : i + size] for i in range(0, len(LONG), size)]
    events = [chunk(tool_calls=[piece("", "f", id="c")]), *(chunk(tool_calls=[piece(p)]) for p in pieces)]
    llm = Host([[*events, chunk("tool_calls"), DONE]]).llm()
    return llm, list(llm.stream_chat([ChatMessage("Hi")]))


def file(tags: list[str], points: dict[str, list[int]], note: str) -> str:
    """Files it."""
    return f"{tags} {points} {note}"


FILE = FunctionTool.from_defaults(file)
MEANT = {"tags": ["a"], "points": {"p": [1]}, "note": "[]"}
STRINGS = {"tags": '["a"]', "points": json.dumps({"p": "[1]"}), "note": "[]"}


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
@pytest.mark.parametrize(
    "written", [json.dumps(MEANT), json.dumps(json.dumps(MEANT)), json.dumps(STRINGS), json.dumps(json.dumps(STRINGS))]
)
async def test_arguments_are_what_the_schema_wants_and_go_back_so(form: str, written: str) -> None:
    pieces = [chunk(tool_calls=[piece(written[at : at + 3])]) for at in range(0, len(written), 3)]
    stream = [chunk(tool_calls=[piece("", "file", id="c1")]), *pieces, chunk("tool_calls"), last(), DONE]
    host = Host([stream if "stream" in form else whole(None, "tool_calls", tool_calls=[call("file", written, "c1")])])
    llm = host.llm()
    *earlier, response = await gathered(f"{form}_with_tools", llm, [FILE], "Hi")
    expected = [ToolSelection(tool_id="c1", tool_name="file", tool_kwargs=MEANT)]
    assert llm.get_tool_calls_from_response(response) == expected
    assert [block.tool_kwargs for block in response.message.blocks] == [MEANT]
    (listed,) = response.message.additional_kwargs["tool_calls"]
    assert json.loads(listed["function"]["arguments"]) == MEANT
    for so_far in earlier:
        for selection in llm.get_tool_calls_from_response(so_far):
            assert all(not isinstance(selection.tool_kwargs.get(name), str) for name in ("tags", "points"))
    host.replies = [whole("Done")]
    llm.chat(
        [ChatMessage("Hi"), response.message, ChatMessage("x", role="tool", additional_kwargs={"tool_call_id": "c1"})]
    )
    (sent,) = host.bodies[-1]["messages"][1]["tool_calls"]
    assert json.loads(sent["function"]["arguments"]) == MEANT


async def test_a_called_tool_runs_with_what_its_schema_wants() -> None:
    host = Host([whole(None, "tool_calls", tool_calls=[call("file", json.dumps(json.dumps(STRINGS)), "c1")])])
    llm = host.llm()
    for answer in (llm.predict_and_call([FILE], "Hi"), await llm.apredict_and_call([FILE], "Hi")):
        assert answer.response == "['a'] {'p': [1]} []"


@pytest.mark.parametrize("form", ["chat", "stream_chat"])
async def test_arguments_cut_inside_their_string_are_none_to_run(form: str) -> None:
    for written in (json.dumps(json.dumps(MEANT))[:-1], json.dumps(STRINGS)[:-4]):
        stream = [chunk(tool_calls=[piece(written, "file", id="c1")]), chunk("length"), last(), DONE]
        reply = whole(None, "length", tool_calls=[call("file", written, "c1")])
        llm = Host([stream if "stream" in form else reply]).llm()
        responses = await gathered(f"{form}_with_tools", llm, [FILE], "Hi")
        with pytest.raises(ToolCallError):
            llm.get_tool_calls_from_response(responses[-1])
