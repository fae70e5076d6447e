"""Every recorded reply, through the transport alone: blocking, async, whole and streamed."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from cassette_files import Cassette
from cassette_owner import owned_by_test
from cassette_player import play
from expected_reply import expected_reply
from golden import agrees
from replayed import REPLAYED, STREAMED

from aimlapi_transport import AsyncClient, Client
from aimlapi_transport.chat.request import Request
from aimlapi_transport.chat.response import Completion, Delta


def request_of(client: Client | AsyncClient, cassette: Cassette) -> Request:
    """The published request, as the transport shapes it."""
    body: dict[str, Any] = cassette.request
    model, messages, stream = body.pop("model"), body.pop("messages"), body.pop("stream", False)
    return client.request(model, messages, extra_body=body, stream=stream)


def says_what_was_recorded(cassette: Cassette, completion: Completion) -> None:
    """Each value of the answer is the recorded one."""
    expected = expected_reply(cassette)
    assert (expected.text, expected.reasoning) == (completion.text, completion.reasoning)
    assert (expected.id, expected.model) == (completion.id, completion.model)
    assert expected.finish_reason == completion.finish_reason
    assert expected.native_finish_reason == completion.native_finish_reason
    counts = (None, None) if completion.usage is None else (completion.usage.input, completion.usage.output)
    assert (expected.input, expected.output) == counts
    assert expected.usd == (None if completion.cost is None else completion.cost.usd)
    assert expected.extra.items() <= completion.choices[0].extra.items()
    assert expected.top.items() <= completion.extra.items()
    if expected.body is not None:
        assert expected.body == completion.raw
    assert agrees(
        cassette,
        text=completion.text,
        reasoning=completion.reasoning,
        input=counts[0],
        output=counts[1],
        usd=None if completion.cost is None else completion.cost.usd,
        id=completion.id,
        model=completion.model,
        finish_reason=completion.finish_reason,
    )


@owned_by_test(*REPLAYED)
def test_the_client_reads_what_was_recorded(cassette: Cassette) -> None:
    client = Client()
    with play(cassette):
        completion = client.complete(request_of(client, cassette))
    says_what_was_recorded(cassette, completion)


@owned_by_test(*REPLAYED)
async def test_the_async_client_reads_what_was_recorded(cassette: Cassette) -> None:
    client = AsyncClient()
    with play(cassette):
        completion = await client.complete(request_of(client, cassette))
    says_what_was_recorded(cassette, completion)


def pieces_are_the_whole(deltas: list[Delta]) -> Completion:
    """The pieces of a stream joined are its completion, which only the last one carries."""
    *before, last = deltas
    assert all(delta.completion is None for delta in before)
    assert last.completion is not None
    assert last.completion.text == "".join(delta.text for delta in deltas)
    assert last.completion.reasoning == "".join(delta.reasoning for delta in deltas)
    return last.completion


@owned_by_test(*STREAMED)
def test_the_client_streams_what_was_recorded(cassette: Cassette) -> None:
    client = Client()
    with play(cassette):
        deltas = list(client.stream(request_of(client, cassette)))
    assert len(deltas) > 3
    says_what_was_recorded(cassette, pieces_are_the_whole(deltas))


@owned_by_test(*STREAMED)
async def test_the_async_client_streams_what_was_recorded(cassette: Cassette) -> None:
    client = AsyncClient()
    with play(cassette):
        async with aclosing(client.stream(request_of(client, cassette))) as stream:
            deltas = [delta async for delta in stream]
    says_what_was_recorded(cassette, pieces_are_the_whole(deltas))
