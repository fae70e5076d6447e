"""What is built and added up past LangChain's validation is what LangChain itself would make."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.load import dumpd
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from langchain_aimlapi._compat import FirstChunk, generation_chunk, joined, message_chunk
from langchain_aimlapi._responses import StreamReader


@given(text=st.text(max_size=5), reasoning=st.text(max_size=5))
def test_a_chunk_built_by_hand_is_the_validated_one(text: str, reasoning: str) -> None:
    kwargs = {"reasoning_content": reasoning} if reasoning else {}
    metadata = {"model_provider": "aimlapi"}
    validated = AIMessageChunk(content=text, additional_kwargs=kwargs, response_metadata=metadata)
    built = message_chunk(text, kwargs)
    assert built == validated
    assert built.__dict__ == validated.__dict__
    assert built.__dict__.keys() == AIMessageChunk.model_fields.keys()
    chunk, other = generation_chunk(built, text), ChatGenerationChunk(message=validated)
    assert chunk == other
    assert chunk.__dict__ == other.__dict__
    assert message_chunk("a", {}).tool_calls is not message_chunk("a", {}).tool_calls


def test_no_chunk_can_change_what_another_says_was_given() -> None:
    """All fields are given, by one set of all chunks: so nobody who assigns to one of them adds to it."""
    message = message_chunk("a", {})
    chunk = generation_chunk(message, "a")
    assert message.model_fields_set == AIMessageChunk.model_fields.keys()
    assert chunk.model_fields_set == ChatGenerationChunk.model_fields.keys()
    message.id, message.name, message.usage_metadata, message.chunk_position = "1", "b", None, "last"
    message.mine = 1
    message.__pydantic_fields_set__.add("mine")  # as Pydantic does by itself since 2.13
    chunk.generation_info = {"a": "b"}
    copies = [message.model_copy(update={"yours": 1}), copy.deepcopy(message), pickle.loads(pickle.dumps(message))]
    for copied in copies:
        assert type(copied.model_fields_set) is set
        copied.ours = 1
    assert "yours" in copies[0].model_fields_set
    assert message_chunk("a", {}).model_fields_set == AIMessageChunk.model_fields.keys()
    assert generation_chunk(message, "a").model_fields_set == ChatGenerationChunk.model_fields.keys()


PIECES = st.builds(
    tool_call_chunk,
    args=st.none() | st.text(alphabet='{}":a ', max_size=3),
    name=st.sampled_from([None, None, None, "add"]),
    id=st.sampled_from([None, None, None, "a", "b"]),
    index=st.sampled_from([0, 0, 1, None]),
)
MESSAGES = st.builds(
    AIMessageChunk,
    content=st.text(max_size=2) | st.just([{"type": "text", "text": "a", "index": 0}]),
    additional_kwargs=st.sampled_from([{}, {}, {"reasoning_content": "why"}, {"audio": "a"}, {"refusal": "no"}]),
    response_metadata=st.sampled_from([{"model_provider": "aimlapi"}] * 3 + [{}, {"id": "1", "finish_reason": "stop"}]),
    tool_call_chunks=st.lists(PIECES, max_size=2),
    id=st.sampled_from(["lc_run--1", "lc_run--1", "lc_run--1", "lc_2", None]),
    usage_metadata=st.sampled_from([None] * 4 + [{"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}]),
    chunk_position=st.sampled_from([None] * 4 + ["last"]),
)
BUILT = st.builds(
    lambda text, thought, piece: StreamReader().chunk(Delta(text, thought, (piece,) if piece else ())),
    st.text(max_size=2),
    st.text(max_size=2),
    st.none() | st.builds(ToolCallDelta, st.integers(0, 1), arguments=st.text(alphabet='}":a', max_size=3)),
)


def sum_of(chunks: list[ChatGenerationChunk]) -> ChatGenerationChunk | str:
    """LangChain's own, or what it says where there is none."""
    try:
        return ChatGenerationChunk.__add__(chunks[0], chunks[1:])
    except (TypeError, ValueError) as error:
        return str(error)


@settings(max_examples=400)
@given(
    chunks=st.lists(
        BUILT
        | st.builds(ChatGenerationChunk, message=MESSAGES, generation_info=st.sampled_from([None] * 3 + [{"a": "b"}])),
        min_size=1,
        max_size=12,
    )
)
def test_joining_plain_chunks_first_changes_no_sum(chunks: list[ChatGenerationChunk]) -> None:
    before = copy.deepcopy(chunks)
    fewer = joined(chunks[1:])
    assert chunks == before  # whoever kept them has them as they were
    assert sum_of([chunks[0], *fewer]) == sum_of(before)


def test_a_stream_is_added_up_by_joining_its_pieces() -> None:
    """LangChain adds a stream up when it has ended: by thousands, that must not take thousands of steps."""
    reader = StreamReader()
    deltas = [Delta(text="a"), *[Delta(text="b")] * 1000, *[Delta(reasoning="c")] * 1000]
    first, *others = map(reader.chunk, deltas)
    assert type(first) is FirstChunk and {type(chunk) for chunk in others} == {ChatGenerationChunk}
    assert dumpd(first) == dumpd(ChatGenerationChunk(message=first.message))
    assert len(joined(others)) == 1
    total = first + others
    assert type(total) is ChatGenerationChunk
    assert (total.text, total.message.additional_kwargs) == ("a" + "b" * 1000, {"reasoning_content": "c" * 1000})


FRAGMENTS = st.text(alphabet='{}[]":, \n\\a1n\ufeff', max_size=8) | st.text(max_size=3)


@given(
    fragments=st.lists(st.tuples(FRAGMENTS, st.sampled_from([None, "add"]), st.sampled_from([None, "a"])), min_size=1)
)
def test_fragments_of_calls_built_by_hand_are_the_validated_ones(
    fragments: list[tuple[str, str | None, str | None]],
) -> None:
    reader = StreamReader()
    for text, name, call_id in fragments:
        piece = ToolCallDelta(0, call_id, name, text)
        built = reader.chunk(Delta("b", "why", (piece,))).message
        assert isinstance(built, AIMessageChunk)
        validated = AIMessageChunk(
            content="b",
            additional_kwargs={"reasoning_content": "why"},
            tool_call_chunks=built.tool_call_chunks,
            response_metadata={"model_provider": "aimlapi"},
        )
        assert validated == built
        assert validated.__dict__ == built.__dict__


def test_what_is_no_chunk_is_refused_as_langchain_does() -> None:
    first = StreamReader().chunk(Delta("a"))
    for wrong in ([first, "b"], ["b"], "b", ("b",)):
        with pytest.raises(TypeError, match="unsupported operand type"):
            _ = first + wrong  # type: ignore[operator]  # that is the mistake
