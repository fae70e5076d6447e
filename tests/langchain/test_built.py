"""What is built past LangChain's validation is what LangChain itself would make."""

from __future__ import annotations

import copy
import pickle

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from langchain_aimlapi._compat import generation_chunk, message_chunk
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


def test_no_chunk_can_change_what_another_holds() -> None:
    """Nor what it says was given: each has fields of its own, as a validated one."""
    validated = AIMessageChunk(content="a", additional_kwargs={}, response_metadata={"model_provider": "aimlapi"})
    message = message_chunk("a", {})
    chunk = generation_chunk(message, "a")
    assert message.model_fields_set == validated.model_fields_set
    assert chunk.model_fields_set == ChatGenerationChunk(message=validated).model_fields_set
    message.id, message.name, message.usage_metadata, message.chunk_position = "1", "b", None, "last"
    message.mine = 1
    message.tool_calls.append({"name": "a", "args": {}, "id": None})
    chunk.generation_info = {"a": "b"}
    copies = [message.model_copy(update={"yours": 1}), copy.deepcopy(message), pickle.loads(pickle.dumps(message))]
    assert [copied.model_dump() for copied in copies[1:]] == [message.model_dump()] * 2
    again = generation_chunk(message_chunk("a", {}), "a")
    assert (again, again.message) == (ChatGenerationChunk(message=validated), validated)
    assert again.message.model_fields_set == validated.model_fields_set


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
