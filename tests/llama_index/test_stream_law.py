"""The chunk law: whatever legal way an answer is cut into events, its stream says what the whole answer says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, TextBlock, ThinkingBlock

from llama_index_aimlapi import AIMLAPI
from tests.llama_index.host import DONE, USAGE, Host, call, chunk, gathered, last, piece, whole

WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6)
ARGUMENTS = st.sampled_from(['{"a": 1}', '{"city": "Zürich", "days": [1, 2]}', "{}", '{"q": "a\\nb"}'])


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any]]:
    """An answer whole, and the same in events."""
    reasoning = draw(st.lists(WORDS, max_size=3))
    text = draw(st.lists(WORDS, max_size=4))
    calls = [
        (f"call_{i}", draw(st.sampled_from(["add", "stop"])), draw(ARGUMENTS)) for i in range(draw(st.integers(0, 3)))
    ]
    carrier = draw(st.sampled_from(["reasoning", "reasoning_content"]))
    events = [chunk(role="assistant", content="")]
    events += [chunk(**{carrier: part, "content": None}) for part in reasoning]
    events += [chunk(content=part) for part in text]
    with_index, repeats = draw(st.booleans()), draw(st.booleans())
    at_once: list[dict[str, Any]] = []
    for index, (call_id, name, arguments) in enumerate(calls):
        middle = draw(st.integers(0, len(arguments)))
        first = piece(arguments[:middle], name, index, id=call_id)
        second = piece(arguments[middle:], name if repeats else None, index, **({"id": call_id} if repeats else {}))
        for fragment in (first, second):
            if not with_index:
                del fragment["index"]
        at_once += [first, second]
    if draw(st.booleans()) and with_index:
        at_once = at_once[::2] + at_once[1::2]  # the calls interleave
    step = draw(st.integers(1, 4))
    events += [chunk(tool_calls=at_once[i : i + step]) for i in range(0, len(at_once), step)]
    finish = "tool_calls" if calls else "stop"
    events.append(chunk(finish))
    events.insert(draw(st.sampled_from([len(events), len(events) - 1])), last())
    message: dict[str, Any] = {"reasoning_content": "".join(reasoning)} if reasoning else {}
    if calls:
        message["tool_calls"] = [call(name, arguments, call_id) for call_id, name, arguments in calls]
    return whole("".join(text), finish, USAGE, **message), [*events, DONE]


def _checked(responses: list[ChatResponse], dumps: list[str], answer: ChatResponse, llm: AIMLAPI) -> None:
    final = responses[-1]
    assert final.message == answer.message
    assert final.additional_kwargs == answer.additional_kwargs
    assert "".join(response.delta or "" for response in responses) == (final.message.content or "")
    thinking = "".join(response.additional_kwargs.get("thinking_delta", "") for response in responses)
    assert thinking == "".join(b.content or "" for b in final.message.blocks if isinstance(b, ThinkingBlock))
    assert [response.model_dump_json() for response in responses] == dumps
    assert llm.get_tool_calls_from_response(final, False) == llm.get_tool_calls_from_response(answer, False)
    for earlier, later in pairwise(responses):
        for kind, field in ((TextBlock, "text"), (ThinkingBlock, "content")):
            before, after = (
                "".join(getattr(b, field) for b in r.message.blocks if isinstance(b, kind)) for r in (earlier, later)
            )
            assert after.startswith(before)


@settings(max_examples=150, deadline=None)
@given(answers())
async def test_any_legal_stream_says_what_the_whole_answer_says(given: tuple[dict[str, Any], list[Any]]) -> None:
    reply, events = given
    llm = Host([reply, events, events]).llm()
    messages = [ChatMessage("Hi")]
    answer = llm.chat(messages)
    for chunks in (llm.stream_chat(messages), await llm.astream_chat(messages)):
        responses, dumps = [], []
        async for response in _each(chunks):
            responses.append(response)
            dumps.append(response.model_dump_json())
            llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        _checked(responses, dumps, answer, llm)


async def _each(chunks: Any) -> Any:
    if hasattr(chunks, "__aiter__"):
        async for response in chunks:
            yield response
    else:
        for response in chunks:
            yield response


async def test_the_law_sees_a_stream_that_differs() -> None:
    """The check itself: another text in the stream is noticed."""
    host = Host([whole("Hi"), [chunk("stop", content="Ho"), last(), DONE]])
    llm = host.llm()
    (answer,) = await gathered("chat", llm, [ChatMessage("Hi")])
    responses = await gathered("stream_chat", llm, [ChatMessage("Hi")])
    try:
        _checked(responses, [r.model_dump_json() for r in responses], answer, llm)
    except AssertionError:
        return
    raise RuntimeError("the law held for two different answers")
