"""Every recorded reply, through LlamaIndex's AIMLAPI: chat and achat, stream_chat and astream_chat, complete."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from cassette_files import Cassette
from cassette_owner import owned_by_test
from cassette_player import play
from expected_reply import Expected, expected_reply
from golden import agrees
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatResponse,
    ThinkingBlock,
)
from replayed import STREAMED, WHOLE
from through_llama_index import last_of, messages_of, model_for

pytestmark = pytest.mark.filterwarnings("ignore:The documents do not list")


def says_what_was_recorded(cassette: Cassette, response: ChatResponse) -> None:
    """Each value of the response is the recorded one, in the place LlamaIndex has for it."""
    expected = expected_reply(cassette)
    facts = response.additional_kwargs
    text = response.message.content or ""
    reasoning = "".join(b.content or "" for b in response.message.blocks if isinstance(b, ThinkingBlock))
    assert (expected.text, expected.reasoning) == (text, reasoning)
    assert (expected.input, expected.output) == (facts.get("prompt_tokens"), facts.get("completion_tokens"))
    assert expected.id == facts["id"]
    assert expected.model == facts["model"]
    assert expected.finish_reason == facts["finish_reason"]
    assert expected.native_finish_reason == facts["native_finish_reason"]
    assert expected.usd == facts.get("cost_usd")
    assert "tool_calls" not in response.message.additional_kwargs
    nothing_lost(expected, response)
    assert agrees(
        cassette,
        text=text,
        reasoning=reasoning,
        input=facts.get("prompt_tokens"),
        output=facts.get("completion_tokens"),
        usd=facts.get("cost_usd"),
        id=facts["id"],
        model=facts["model"],
        finish_reason=facts["finish_reason"],
    )


def nothing_lost(expected: Expected, response: ChatResponse) -> None:
    """What the model wants back is in the message, what the reply says beside is in the response or in `raw`."""
    kept: dict[str, Any] = {}
    for block in response.message.blocks:
        if isinstance(block, ThinkingBlock):
            kept.update(block.additional_information)
    for name in ("reasoning_details", "encrypted_content"):
        assert expected.extra.get(name) == kept.get(name), name
    assert expected.extra.get("extra_content") == response.message.additional_kwargs.get("extra_content")
    for name in ("citations", "search_results"):
        assert expected.top.get(name) == response.additional_kwargs.get(name), name
    if "audio" in expected.extra:
        (audio,) = [block.audio for block in response.message.blocks if isinstance(block, AudioBlock)]
        data = expected.extra["audio"]["data"].encode()
        # the document cut the data short, to what is no base64: LlamaIndex encodes that
        assert audio in (data, b64encode(data))
        assert expected.extra["audio"]["transcript"] == response.message.additional_kwargs["audio_transcript"]
    assert isinstance(response.raw, dict)
    if expected.body is not None:
        # the counts in `usage` may have been made whole numbers that add up; all else is as it came
        assert {**expected.body, "usage": None} == {**response.raw, "usage": None}
        assert expected.body["usage"].keys() <= response.raw["usage"].keys()


@owned_by_test(*WHOLE)
def test_chat_returns_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        response = model_for(cassette).chat(messages_of(cassette))
    says_what_was_recorded(cassette, response)


@owned_by_test(*WHOLE)
async def test_achat_returns_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        response = await model_for(cassette).achat(messages_of(cassette))
    says_what_was_recorded(cassette, response)


@owned_by_test(*STREAMED)
def test_stream_chat_ends_in_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        chunks = list(model_for(cassette).stream_chat(messages_of(cassette)))
    assert len(chunks) > 3
    says_what_was_recorded(cassette, last_of(chunks))


@owned_by_test(*STREAMED)
async def test_astream_chat_ends_in_what_was_recorded(cassette: Cassette) -> None:
    with play(cassette):
        chunks = [chunk async for chunk in await model_for(cassette).astream_chat(messages_of(cassette))]
    assert len(chunks) > 3
    says_what_was_recorded(cassette, last_of(chunks))


ONE_PROMPT = [
    cassette
    for cassette in (*WHOLE, *STREAMED)
    if len(cassette.request["messages"]) == 1 and isinstance(cassette.request["messages"][0]["content"], str)
]


@owned_by_test(*ONE_PROMPT)
async def test_complete_in_all_its_forms_returns_the_text(cassette: Cassette) -> None:
    model, prompt = model_for(cassette), cassette.request["messages"][0]["content"]
    expected = expected_reply(cassette)
    with play(cassette):
        response = list(model.stream_complete(prompt))[-1] if cassette.is_stream else model.complete(prompt)
    with play(cassette):
        if cassette.is_stream:
            aresponse = [chunk async for chunk in await model.astream_complete(prompt)][-1]
        else:
            aresponse = await model.acomplete(prompt)
    assert expected.text == response.text == aresponse.text
    assert expected.reasoning == response.additional_kwargs.get("reasoning_content", "")
    assert expected.output == response.additional_kwargs.get("completion_tokens")
    assert response.additional_kwargs == aresponse.additional_kwargs
