"""A piece of a stream is a plain ChatResponse to whoever looks at it, and costs little to whoever does not."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, TextBlock, ThinkingBlock
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatInProgressEvent
from llama_index.core.llms.callbacks import dispatcher
from llama_index_instrumentation.base.event import BaseEvent
from llama_index_instrumentation.event_handlers import BaseEventHandler
from pydantic import BaseModel, Field, TypeAdapter

from aimlapi_transport.chat.response import Delta
from aimlapi_transport.chat.tool_calls import ToolCallDelta
from llama_index_aimlapi._chunks import Snapshots
from llama_index_aimlapi._responses import Reading
from tests.llama_index.host import DONE, Host, chunk

HELLO = [ChatMessage(role="user", content="Hello")]
ANSWER = [chunk(None, content="a"), chunk(None, content="b"), chunk("stop", content="c"), DONE]


def piece(*deltas: Delta) -> ChatResponse:
    """The last of the responses that these deltas make, at which nobody has looked."""
    snapshots = Snapshots(Reading())
    (*_, last) = [snapshots.add(delta) for delta in deltas]
    assert last is not None
    return last


def spoken() -> ChatResponse:
    return piece(Delta(reasoning="why"), Delta("Hel", raw={"a": [1]}), Delta("lo", raw={"a": [2]}))


def plain() -> ChatResponse:
    blocks = [ThinkingBlock(content="why"), TextBlock(text="Hello")]
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks)
    return ChatResponse(message=message, raw={"a": [2]}, delta="lo", logprobs=None, additional_kwargs={})


class Holder(BaseModel):
    response: ChatResponse


LOOKS: dict[str, Callable[[ChatResponse], Any]] = {
    "message": lambda response: response.message,
    "raw": lambda response: response.raw,
    "delta": lambda response: response.delta,
    "equal": lambda response: (response == plain(), plain() == response, response != plain(), response == 1),
    "str": str,
    "repr": repr,
    "vars": vars,
    "iter": list,
    "dump": lambda response: response.model_dump(),
    "json": lambda response: response.model_dump_json(),
    "fields set": lambda response: response.model_fields_set | {"logprobs", "additional_kwargs"},
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
    "model copy": lambda response: response.model_copy(),
    "deep model copy": lambda response: response.model_copy(deep=True, update={"delta": "other"}),
    "pickle": lambda response: pickle.loads(pickle.dumps(response)),
    "held": lambda response: Holder(response=response).response,
    "held dump": lambda response: Holder(response=response).model_dump(),
    "held json": lambda response: Holder(response=response).model_dump_json(),
    "validated": lambda response: ChatResponse.model_validate(response),
    "adapted": lambda response: TypeAdapter(list[ChatResponse]).dump_python([response]),
    "hasattr": lambda response: (hasattr(response, "message"), hasattr(response, "massage")),
}


@pytest.mark.parametrize("look", LOOKS)
def test_a_piece_is_what_a_validated_response_is(look: str) -> None:
    seen = LOOKS[look](spoken())
    assert seen == LOOKS[look](plain())
    if "copy" in look or look == "pickle":
        assert type(seen) is ChatResponse


def test_a_piece_is_plain_once_it_was_looked_at() -> None:
    response = spoken()
    assert response.message is response.message
    assert type(response) is ChatResponse
    with pytest.raises(AttributeError, match="massage"):
        _ = response.massage  # type: ignore[attr-defined]  # that is the mistake


def test_a_piece_may_be_changed_before_it_is_looked_at() -> None:
    changed, replaced = spoken(), spoken()
    changed.delta = "other"
    replaced.message = ChatMessage(role="assistant", content="other")
    assert (changed.delta, changed.message.content) == ("other", "Hello")
    assert (replaced.delta, replaced.message.content) == ("lo", "other")


FRAGMENTS = st.builds(
    ToolCallDelta,
    st.integers(0, 1),
    st.sampled_from([None, "c1", "c2"]),
    st.sampled_from([None, "f", "g"]),
    st.text(max_size=3),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 9), max_size=2),
)
DELTAS = st.builds(
    Delta,
    st.text(max_size=3),
    st.text(max_size=3),
    st.lists(FRAGMENTS, max_size=2).map(tuple),
    refusal=st.text(max_size=3),
)


@given(st.lists(DELTAS))
@example([Delta("", "", (ToolCallDelta(0, None, None, "", {"a": 1}),)), Delta("", "", (ToolCallDelta(0, "c", "f"),))])
@example([Delta("", "", (ToolCallDelta(0, "c", "f", "", {key: 1}),)) for key in "ab"])
def test_a_piece_says_the_same_whenever_it_is_looked_at(deltas: list[Delta]) -> None:
    """At once, or after all the others came, the last one first."""
    told, kept = Snapshots(Reading()), Snapshots(Reading())
    at_once = [response.model_dump_json() for delta in deltas if (response := told.add(delta))]
    late = [response for delta in deltas if (response := kept.add(delta))]
    assert [response.model_dump_json() for response in reversed(late)] == at_once[::-1]


def test_whoever_adds_to_a_piece_adds_to_no_other() -> None:
    snapshots = Snapshots(Reading())
    responses = [
        snapshots.add(delta) for delta in (Delta("", "why"), Delta("a"), Delta("b", "", (ToolCallDelta(0, "c", "f"),)))
    ]
    first, *others = [response for response in responses if response is not None]
    before = [response.model_dump_json() for response in others]
    first.message.additional_kwargs["mine"] = first.additional_kwargs["mine"] = 1
    first.message.blocks[0].additional_information["mine"] = 1  # type: ignore[union-attr]  # it is a thought
    first.message.blocks.append(TextBlock(text="mine"))
    assert [response.model_dump_json() for response in others] == before


class Heard(BaseEventHandler):
    events: list[Any] = Field(default_factory=list)

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.events.append(event)


def test_a_handler_that_comes_while_a_stream_runs_gets_the_pieces_that_follow() -> None:
    heard, handlers = Heard(), list(dispatcher.event_handlers)
    stream = Host([ANSWER]).llm().stream_chat(HELLO)
    given = [next(stream)]
    dispatcher.add_event_handler(heard)
    try:
        given += stream
    finally:
        dispatcher.event_handlers[:] = handlers
    pieces = [event.response for event in heard.events if isinstance(event, LLMChatInProgressEvent)]
    assert [response.delta for response in given] == ["a", "b", "c", ""]
    assert [id(response) for response in pieces] == [id(response) for response in given[1:]]
    ends = [event.response for event in heard.events if isinstance(event, LLMChatEndEvent)]
    assert [json.loads(end.model_dump_json())["message"]["blocks"][0]["text"] for end in ends] == ["abc"]


@pytest.mark.parametrize("form", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
async def test_a_handler_that_comes_late_hears_the_start_the_pieces_that_follow_and_the_end(form: str) -> None:
    heard, handlers = Heard(), list(dispatcher.event_handlers)
    stream = getattr(Host([ANSWER]).llm(), form)(HELLO if form.endswith("chat") else "Hello")
    stream = await stream if form.startswith("a") else stream
    given = [await anext(stream) if form.startswith("a") else next(stream)]
    dispatcher.add_event_handler(heard)
    try:
        given += [response async for response in stream] if form.startswith("a") else stream
    finally:
        dispatcher.event_handlers[:] = handlers
    kind = "Chat" if form.endswith("chat") else "Completion"
    expected = [f"LLM{kind}StartEvent", *[f"LLM{kind}InProgressEvent"] * 3, f"LLM{kind}EndEvent"]
    assert [type(event).__name__ for event in heard.events] == expected
    assert [response.delta for response in given] == ["a", "b", "c", ""]
    assert [id(event.response) for event in heard.events[1:]] == [id(r) for r in (*given[1:], given[-1])]
