"""What nobody published, recorded from the emulator: tools, limits, choices and errors, through both integrations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import through_langchain as lc
import through_llama_index as li
from cassette_files import Cassette
from cassette_owner import owned_by_test
from cassette_player import play
from emulated_programs import (
    LOOP_MODELS,
    LOOPS,
    REQUESTS,
    RESULT,
    emulated,
    langchain_messages,
    langchain_model,
    llama_index_messages,
    llama_index_model,
    loops,
    record_programs,
)
from expected_reply import Expected, expected_reply
from langchain_core.messages import AIMessage
from llama_index.core.base.llms.types import ChatResponse, ThinkingBlock, ToolCallBlock

from aimlapi_transport import AIMLAPIError
from aimlapi_transport import errors as kinds

pytestmark = pytest.mark.filterwarnings("ignore:The documents do not list")

PARIS, ROME = ("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Rome"})
Call = tuple[str, dict[str, Any]]


@dataclass
class Seen:
    """An answer as a program sees it, whichever integration gave it."""

    text: str
    reasoning: str
    finish_reason: str
    output: int | None
    usd: float | None
    calls: list[Call]


def from_langchain(message: AIMessage) -> Seen:
    """What a LangChain message says."""
    return Seen(
        message.text,
        message.additional_kwargs.get("reasoning_content", ""),
        message.response_metadata["finish_reason"],
        message.usage_metadata["output_tokens"] if message.usage_metadata else None,
        message.response_metadata.get("cost_usd"),
        [(call["name"], call["args"]) for call in message.tool_calls],
    )


def from_llama_index(response: ChatResponse) -> Seen:
    """What a LlamaIndex response says."""
    blocks = response.message.blocks
    return Seen(
        response.message.content or "",
        "".join(block.content or "" for block in blocks if isinstance(block, ThinkingBlock)),
        response.additional_kwargs["finish_reason"],
        response.additional_kwargs.get("completion_tokens"),
        response.additional_kwargs.get("cost_usd"),
        [(b.tool_name, b.tool_kwargs) for b in blocks if isinstance(b, ToolCallBlock)],  # type: ignore[misc]  # ours are always dicts
    )


def ask_langchain(cassette: Cassette) -> Seen:
    """`invoke`, or `stream` for a recorded stream."""
    model, messages = lc.model_for(cassette, max_retries=0), lc.messages_of(cassette)
    if not cassette.is_stream:
        return from_langchain(model.invoke(messages))
    return from_langchain(lc.joined(list(model.stream(messages))))


async def aask_langchain(cassette: Cassette) -> Seen:
    """`ainvoke`, or `astream` for a recorded stream."""
    model, messages = lc.model_for(cassette, max_retries=0), lc.messages_of(cassette)
    if not cassette.is_stream:
        return from_langchain(await model.ainvoke(messages))
    return from_langchain(lc.joined([chunk async for chunk in model.astream(messages)]))


def ask_llama_index(cassette: Cassette) -> Seen:
    """`chat`, or `stream_chat` for a recorded stream."""
    model, messages = li.model_for(cassette, max_retries=0), li.messages_of(cassette)
    if not cassette.is_stream:
        return from_llama_index(model.chat(messages))
    return from_llama_index(li.last_of(list(model.stream_chat(messages))))


async def aask_llama_index(cassette: Cassette) -> Seen:
    """`achat`, or `astream_chat` for a recorded stream."""
    model, messages = li.model_for(cassette, max_retries=0), li.messages_of(cassette)
    if not cassette.is_stream:
        return from_llama_index(await model.achat(messages))
    return from_llama_index(li.last_of([chunk async for chunk in await model.astream_chat(messages)]))


ASKERS: dict[str, Callable[[Cassette], Any]] = {
    "langchain": ask_langchain,
    "langchain-async": lambda cassette: asyncio.run(aask_langchain(cassette)),
    "llama_index": ask_llama_index,
    "llama_index-async": lambda cassette: asyncio.run(aask_llama_index(cassette)),
}
each_way = pytest.mark.parametrize("ask", [pytest.param(ask, id=name) for name, ask in ASKERS.items()])

ANSWERS: dict[str, list[Call]] = {
    "finish-length": [],
    "finish-length-streamed": [],
    "two-choices": [],
    "logprobs": [],
    "logprobs-streamed": [],
    "done-and-cost-streamed": [],
    "think-streamed": [],
    "parallel-tool-calls": [PARIS, ROME],
    "parallel-tool-calls-streamed": [PARIS, ROME],
    "parallel-tool-calls-streamed-claude": [PARIS, ROME],
}


@each_way
@owned_by_test(*map(emulated, ANSWERS))
def test_an_answer_says_what_was_recorded(cassette: Cassette, ask: Callable[[Cassette], Seen]) -> None:
    expected = expected_reply(cassette)
    calls = ANSWERS[cassette.name.removeprefix("emulated/")]
    with play(cassette):
        seen = ask(cassette)
    assert seen == Seen(expected.text, expected.reasoning, _finish(cassette), expected.output, expected.usd, calls)
    assert seen.usd is not None and seen.usd > 0


def _finish(cassette: Cassette) -> str:
    limited = "max_tokens" in cassette.request
    return "tool_calls" if "tools" in cassette.request else "length" if limited else "stop"


def test_the_recordings_show_what_they_are_for() -> None:
    expected: dict[str, Expected] = {name: expected_reply(emulated(name)) for name in ANSWERS}
    assert expected["finish-length"].output == expected["finish-length-streamed"].output == 3
    assert emulated("done-and-cost-streamed").reply.endswith("data: [DONE]\n\n")
    assert '"meta"' in emulated("done-and-cost-streamed").reply.split("\n\n")[-3]
    assert expected["done-and-cost-streamed"].reasoning and expected["think-streamed"].reasoning
    assert emulated("think-streamed").reply.count("think>") < 2, "the tags come in pieces"


@owned_by_test(emulated("two-choices"))
def test_langchain_gives_both_choices(cassette: Cassette) -> None:
    with play(cassette):
        (generations,) = lc.model_for(cassette).generate([lc.messages_of(cassette)]).generations
    choices = json.loads(cassette.reply)["choices"]
    assert [choice["message"]["content"] for choice in choices] == [generation.text for generation in generations]
    assert len({generation.text for generation in generations}) == 2


@owned_by_test(emulated("logprobs"), emulated("logprobs-streamed"))
def test_log_probabilities_spell_the_text(cassette: Cassette) -> None:
    text = expected_reply(cassette).text
    with play(cassette):
        model, messages = lc.model_for(cassette), lc.messages_of(cassette)
        message: Any = lc.joined(list(model.stream(messages))) if cassette.is_stream else model.invoke(messages)
    with play(cassette):
        llm, blocks = li.model_for(cassette), li.messages_of(cassette)
        response = li.last_of(list(llm.stream_chat(blocks))) if cassette.is_stream else llm.chat(blocks)
    tokens = message.response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == text
    assert {len(token["top_logprobs"]) for token in tokens} == {2}
    assert response.logprobs is not None
    assert "".join(token[0].token for token in response.logprobs) == text


ERRORS: dict[str, tuple[type[AIMLAPIError], int | None]] = {
    "error-400": (kinds.InvalidRequestError, 400),
    "error-401": (kinds.AuthenticationError, 401),
    "error-403": (kinds.InsufficientCreditsError, 403),
    "error-404": (kinds.NotFoundError, 404),
    "error-429": (kinds.RateLimitError, 429),
}


@each_way
@owned_by_test(*map(emulated, ERRORS))
def test_an_error_is_raised_by_its_kind_with_the_providers_words(cassette: Cassette, ask: Callable[[Any], Any]) -> None:
    kind, status = ERRORS[cassette.name.removeprefix("emulated/")]
    with play(cassette), pytest.raises(kind) as raised:
        ask(cassette)
    assert raised.value.status_code == status
    assert json.loads(cassette.reply)["message"] in str(raised.value)
    headers = cassette.data["interactions"][0]["response"]["headers"]
    assert [raised.value.request_id] == headers["x-inference-id"]


BROKEN = {"error-in-stream": kinds.StreamError, "end-missing-streamed": kinds.IncompleteStreamError}


@each_way
@owned_by_test(*map(emulated, BROKEN))
def test_a_stream_that_breaks_raises_and_keeps_what_came(cassette: Cassette, ask: Callable[[Any], Any]) -> None:
    with play(cassette), pytest.raises(kinds.StreamError) as raised:
        ask(cassette)
    assert isinstance(raised.value, BROKEN[cassette.name.removeprefix("emulated/")])
    chunks = [json.loads(line[6:]) for line in cassette.reply.split("\n") if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", ())]
    assert raised.value.partial.text == "".join(delta.get("content") or "" for delta in deltas) != ""


def check_loop(cassette: Cassette, called: Seen, answered: Seen) -> None:
    """The tool is called once, with the city; its result is the answer; what the model sent first went back."""
    assert (called.calls, called.finish_reason) == ([PARIS], "tool_calls")
    assert (answered.calls, answered.finish_reason) == ([], "stop")
    assert RESULT in answered.text
    first, second = (one["response"]["body"]["string"] for one in cassette.data["interactions"])
    reply = json.loads(cassette.data["interactions"][1]["request"]["body"])["messages"][1]
    (call,) = reply["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == PARIS[1]
    assert json.dumps(call["id"]) in first
    signature = call.get("extra_content", reply.get("extra_content", {})).get("google", {}).get("thought_signature")
    assert ("thought_signature" in first) == (signature is not None)
    assert signature is None or signature in first
    assert ("reasoning_details" in first) == ("reasoning_details" in reply)
    if called.reasoning:
        assert json.dumps(called.reasoning)[1:-1] in json.dumps(reply)
    assert second


@owned_by_test(*loops("langchain", stream=False))
async def test_a_tool_loop_in_langchain(cassette: Cassette) -> None:
    bound = langchain_model(cassette.request["model"])
    with play(cassette):
        called = bound.invoke(langchain_messages())
        answered = bound.invoke(langchain_messages(called))
    check_loop(cassette, from_langchain(called), from_langchain(answered))
    with play(cassette):
        acalled = await bound.ainvoke(langchain_messages())
        aanswered = await bound.ainvoke(langchain_messages(acalled))
    assert (from_langchain(called), from_langchain(answered)) == (from_langchain(acalled), from_langchain(aanswered))


@owned_by_test(*loops("langchain", stream=True))
async def test_a_streamed_tool_loop_in_langchain(cassette: Cassette) -> None:
    bound = langchain_model(cassette.request["model"])
    with play(cassette):
        called = lc.joined(list(bound.stream(langchain_messages())))
        answered = lc.joined(list(bound.stream(langchain_messages(called))))
    check_loop(cassette, from_langchain(called), from_langchain(answered))
    with play(cassette):
        acalled = lc.joined([chunk async for chunk in bound.astream(langchain_messages())])
        aanswered = lc.joined([chunk async for chunk in bound.astream(langchain_messages(acalled))])
    assert (from_langchain(called), from_langchain(answered)) == (from_langchain(acalled), from_langchain(aanswered))


@owned_by_test(*loops("llama_index", stream=False))
async def test_a_tool_loop_in_llama_index(cassette: Cassette) -> None:
    llm = llama_index_model(cassette.request["model"])
    with play(cassette):
        called = llm.chat(llama_index_messages())
        answered = llm.chat(llama_index_messages(called))
    check_loop(cassette, from_llama_index(called), from_llama_index(answered))
    with play(cassette):
        acalled = await llm.achat(llama_index_messages())
        aanswered = await llm.achat(llama_index_messages(acalled))
    assert from_llama_index(called) == from_llama_index(acalled)
    assert from_llama_index(answered) == from_llama_index(aanswered)


@owned_by_test(*loops("llama_index", stream=True))
async def test_a_streamed_tool_loop_in_llama_index(cassette: Cassette) -> None:
    llm = llama_index_model(cassette.request["model"])
    with play(cassette):
        called = list(llm.stream_chat(llama_index_messages()))[-1]
        answered = li.last_of(list(llm.stream_chat(llama_index_messages(called))))
    check_loop(cassette, from_llama_index(called), from_llama_index(answered))
    with play(cassette):
        acalled = [chunk async for chunk in await llm.astream_chat(llama_index_messages())][-1]
        stream = await llm.astream_chat(llama_index_messages(acalled))
        aanswered = li.last_of([chunk async for chunk in stream])
    assert from_llama_index(called) == from_llama_index(acalled)
    assert from_llama_index(answered) == from_llama_index(aanswered)


def test_every_program_is_replayed() -> None:
    assert {*ANSWERS, *ERRORS, *BROKEN} == set(REQUESTS)
    assert len(LOOPS) == 4 * len(LOOP_MODELS)


def test_recording_twice_gives_the_same_files(tmp_path: Path) -> None:
    for into in ("one", "two"):
        assert record_programs(tmp_path / into, "*-claude*") == 0
        assert record_programs(tmp_path / into, "error-4*") == 0
    one, two = (
        {str(path.relative_to(tmp_path / into)): path.read_bytes() for path in (tmp_path / into).rglob("*.yaml")}
        for into in ("one", "two")
    )
    assert one == two
    assert len(one) == 10
