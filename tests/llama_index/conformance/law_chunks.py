"""The chunk law: in whatever legal events an answer is streamed, the stream says what the whole answer says."""

from __future__ import annotations

import asyncio
import json
from itertools import accumulate, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatResponse

from .answers import DONE, USAGE, Answer, call, chunk, counts, fragment
from .integration import Integration, needs, said, thinking, user
from .server import Server

WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="<"), min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
ARGUMENTS = st.dictionaries(WORDS, VALUES, max_size=3).map(lambda value: json.dumps(value, ensure_ascii=False))
STYLES = ("indexed", "indexed, all repeated", "no index", "no index, ids repeated", "one index for all", "whole calls")
"""Of fragments: all seen in the wild. Only fragments that say whose they are may interleave."""


def cuts(draw: st.DrawFn, text: str) -> list[str]:
    """The text in one to four pieces, some of them perhaps empty."""
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[start:end] for start, end in pairwise([0, *at, len(text)])]


def fragments(draw: st.DrawFn, made: list[tuple[str, str, str]]) -> list[Any]:
    """The fragments of the calls, in an order that keeps those of one call in theirs."""
    style = draw(st.sampled_from(STYLES))
    by_call: list[list[Any]] = []
    for index, (call_id, name, arguments) in enumerate(made):
        pieces = [arguments] if style == "whole calls" else cuts(draw, arguments)
        own = []
        for position, piece in enumerate(pieces):
            fields: dict[str, Any] = {}
            if style in ("indexed", "indexed, all repeated"):
                fields["index"] = index
            elif style == "one index for all":
                fields["index"] = 0
            if position == 0 or style == "indexed, all repeated" or style.endswith("ids repeated"):
                fields["id"] = call_id
            if position == 0:
                fields["type"] = "function"
            own.append(fragment(piece, name if position == 0 or style == "indexed, all repeated" else None, **fields))
        by_call.append(own)
    if style in ("no index", "one index for all", "whole calls"):
        return [piece for own in by_call for piece in own]
    # Calls begin in their order, else the stream's order is another than the whole answer's.
    return [own[0] for own in by_call] + interleaved(draw, [own[1:] for own in by_call])


def interleaved(draw: st.DrawFn, rows: list[list[Any]]) -> list[Any]:
    """The rows as one, each in its own order."""
    rows = [list(row) for row in rows if row]
    mixed = []
    while rows:
        row = draw(st.sampled_from(rows))
        mixed.append(row.pop(0))
        rows = [row for row in rows if row]
    return mixed


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Any answer, and one of the legal streams of it."""
    reasoning, content = draw(st.lists(WORDS, max_size=3)), draw(st.lists(WORDS, max_size=4))
    made = [
        (f"call_{i}", draw(st.sampled_from(["add", "stop"])), draw(ARGUMENTS)) for i in range(draw(st.integers(0, 3)))
    ]
    carrier = draw(st.sampled_from(["reasoning", "reasoning_content"]))
    deltas: list[Any] = [{"role": "assistant", "content": draw(st.sampled_from(["", None]))}]
    pieces, queued = fragments(draw, made), []
    while pieces:
        several = draw(st.integers(1, 4))
        queued.append({"tool_calls": pieces[:several]})
        pieces = pieces[several:]
    spoken = interleaved(
        draw, [[{carrier: part, "content": None} for part in reasoning], [{"content": p} for p in content]]
    )
    deltas += interleaved(draw, [spoken, queued]) if draw(st.booleans()) else spoken + queued
    finish = "tool_calls" if made else "stop"
    events: list[Any] = [chunk(**delta) for delta in deltas]
    if draw(st.booleans()):
        events[-1]["choices"][0]["finish_reason"] = finish  # with the last piece, or behind it
    else:
        events.append(chunk(finish))
    where = draw(st.sampled_from(["last", "anywhere", "on every chunk"]))
    if where == "on every chunk":
        events = [{**event, "usage": USAGE} for event in events]
    else:
        events.insert(len(events) if where == "last" else draw(st.integers(1, len(events))), counts(USAGE))
    message: dict[str, Any] = {"content": "".join(content)}
    if reasoning:
        message[carrier] = "".join(reasoning)
    if made:
        message["tool_calls"] = [call(name, arguments, call_id) for call_id, name, arguments in made]
    return Answer(message, finish, streamed=[*events, DONE])


class ChunkLaw(Integration):
    """Whole = stream = async stream, piece by piece."""

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(answers())
    @needs("tolerant_tool_deltas", "reads_reasoning", "frozen_chunks")
    def test_row_19_to_24_any_legal_stream_says_what_the_whole_answer_says(
        self, server: Server, answer: Answer
    ) -> None:
        server.play(answer)
        llm = self.llm(server)
        whole = llm.chat([user("Hi")])
        streamed = self._checked(llm, whole, list(map(_kept, llm.stream_chat([user("Hi")]))))

        async def asynchronously() -> list[tuple[ChatResponse, str]]:
            return [_kept(response) async for response in await llm.astream_chat([user("Hi")])]

        assert self._checked(llm, whole, asyncio.run(asynchronously())) == streamed

    def _checked(
        self, llm: Any, whole: ChatResponse, kept: list[tuple[ChatResponse, str]]
    ) -> list[tuple[str | None, str | None]]:
        responses = [response for response, _ in kept]
        last = responses[-1]
        assert said(llm, last) == said(llm, whole)
        deltas = [response.delta or "" for response in responses]
        assert "".join(deltas) == (last.message.content or "")
        # Agents show every piece as it comes: each must repeat all before it.
        assert list(accumulate(deltas)) == [response.message.content or "" for response in responses]
        thoughts = [response.additional_kwargs.get("thinking_delta") or "" for response in responses]
        assert list(accumulate(thoughts)) == [thinking(response) for response in responses]
        for response in responses:  # as agents do
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        assert [response.model_dump_json() for response in responses] == [dump for _, dump in kept]
        if "stream_usage" not in self.lacks:
            names = ("prompt_tokens", "completion_tokens", "total_tokens")
            assert {n: last.additional_kwargs.get(n) for n in names} == {n: USAGE[n] for n in names}
        return list(zip(deltas, thoughts, strict=True))


def _kept(response: ChatResponse) -> tuple[ChatResponse, str]:
    return response, response.model_dump_json()
