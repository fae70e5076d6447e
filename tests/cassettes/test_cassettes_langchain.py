"""Every recorded reply, through ChatAIMLAPI: invoke and ainvoke, stream and astream."""

from __future__ import annotations

import pytest
from cassette_files import Cassette
from cassette_owner import owned_by_test
from cassette_player import play
from expected_reply import Expected, expected_reply
from golden import agrees
from langchain_core.messages import AIMessage
from replayed import STREAMED, WHOLE
from through_langchain import joined, messages_of, model_for

pytestmark = pytest.mark.filterwarnings("ignore:The documents do not list")


def says_what_was_recorded(cassette: Cassette, message: AIMessage) -> None:
    """Each value of the message is the recorded one, in the place LangChain has for it."""
    expected = expected_reply(cassette)
    assert expected.text == message.text
    assert expected.reasoning == message.additional_kwargs.get("reasoning_content", "")
    thoughts = [block["reasoning"] for block in message.content_blocks if block["type"] == "reasoning"]
    assert expected.reasoning == "".join(thoughts)
    usage = message.usage_metadata
    counts = (None, None) if usage is None else (usage["input_tokens"], usage["output_tokens"])
    assert (expected.input, expected.output) == counts
    metadata = message.response_metadata
    assert metadata["model_provider"] == "aimlapi"
    assert expected.id == metadata["id"]
    assert expected.model == metadata["model_name"]
    assert expected.finish_reason == metadata["finish_reason"]
    assert expected.native_finish_reason == metadata.get("native_finish_reason", metadata["finish_reason"])
    assert expected.usd == metadata.get("cost_usd")
    assert message.tool_calls == []
    assert nothing_lost(expected, message)
    assert agrees(
        cassette,
        text=message.text,
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        input=counts[0],
        output=counts[1],
        usd=metadata.get("cost_usd"),
        id=metadata["id"],
        model=metadata["model_name"],
        finish_reason=metadata["finish_reason"],
    )


def nothing_lost(expected: Expected, message: AIMessage) -> bool:
    """Fields without a place of their own are in the message's `additional_kwargs` or `response_metadata`."""
    for name, value in expected.extra.items():
        assert message.additional_kwargs.get(name, message.response_metadata.get(name)) == value, name
    if "meta" in expected.top:  # the price is what it holds
        credits = expected.top["meta"]["usage"].get("credits_used", expected.top["meta"]["usage"].get("tokens_used"))
        assert message.response_metadata["cost"] == {"usd": expected.usd, "credits": credits}
    for name, value in expected.top.items():
        assert name == "meta" or message.response_metadata.get(name) == value, name
    return True


@owned_by_test(*WHOLE)
def test_invoke_returns_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        message = model_for(cassette).invoke(messages_of(cassette))
    says_what_was_recorded(cassette, message)


@owned_by_test(*WHOLE)
async def test_ainvoke_returns_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        message = await model_for(cassette).ainvoke(messages_of(cassette))
    says_what_was_recorded(cassette, message)


@owned_by_test(*STREAMED)
def test_stream_adds_up_to_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        chunks = list(model_for(cassette).stream(messages_of(cassette)))
    assert len(chunks) > 3
    says_what_was_recorded(cassette, joined(chunks))


@owned_by_test(*STREAMED)
async def test_astream_adds_up_to_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        chunks = [chunk async for chunk in model_for(cassette).astream(messages_of(cassette))]
    assert len(chunks) > 3
    says_what_was_recorded(cassette, joined(chunks))
