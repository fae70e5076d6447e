"""Token counts and costs, in every shape vendors send them."""

from __future__ import annotations

from typing import Any

import pytest

from aimlapi_transport.chat.usage import Cost, Usage, cost_from, usage_from
from tests.transport.replies import Event, delta, folded, message, whole


@pytest.mark.parametrize(
    ("raw", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 566, "total_tokens": 1521}, (9, 1512)),
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}, (9, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 5}, (9, 5)),
        ({"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, (0, 0)),
        ({"prompt_tokens": 9, "completion_tokens": None, "total_tokens": 14}, (9, 5)),
        ({"prompt_tokens": 3.0, "completion_tokens": "4", "total_tokens": float("nan")}, (3, 4)),
        ({"input_tokens": 10, "output_tokens": 3, "cache_read_input_tokens": 4}, (14, 3)),
        ({"prompt_tokens": 10, "completion_tokens": 3, "prompt_cache_hit_tokens": 4}, (10, 3)),
        ({"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 0}, (10, 0)),
    ],
)
def test_token_counts(raw: Event, counts: tuple[int, int]) -> None:
    usage = usage_from(raw)
    assert usage is not None
    assert (usage.input, usage.output, usage.total) == (*counts, sum(counts))


def test_token_details() -> None:
    raw = {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 3},
    }
    assert usage_from(raw) == Usage(10, 8, 4, 1, 5, 2, 3, raw)
    assert usage_from({"prompt_tokens_details": None, "completion_tokens_details": None}) == Usage(
        0, 0, raw={"prompt_tokens_details": None, "completion_tokens_details": None}
    )


@pytest.mark.parametrize("has_choices", [True, False])
def test_the_usage_of_a_stream_may_stand_under_x_groq(has_choices: bool) -> None:
    counts = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    late = delta("stop") if has_choices else {"choices": []}
    events = [delta(content="a") | {"x_groq": {"id": "r"}}, delta("stop"), late | {"x_groq": {"usage": counts}}]
    assert folded(events).usage == usage_from(counts)
    assert folded([*events, delta() | {"x_groq": {"usage": None}}]).usage == usage_from(counts)


def test_a_later_all_zero_usage_never_wins() -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    counts = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    events = [delta(content="a") | {"usage": zero}, delta() | {"usage": counts}, delta("stop") | {"usage": zero}]
    assert folded(events).usage == usage_from(counts)
    assert folded([delta("stop", content="a") | {"usage": zero}]).usage == usage_from(zero)


@pytest.mark.parametrize(
    ("source", "cost"),
    [
        ({"usage": {"credits_used": 1965, "usd_spent": 0.0009825}}, Cost(0.0009825, 1965)),
        ({"usage": {"credits_used": 2_000_000}}, Cost(1.0, 2_000_000)),
        ({"usage": {"tokens_used": 1134}}, Cost(0.000567, 1134)),
        ({"x-aimlapi-credits-used": "12", "x-aimlapi-usd-spent": "0.000006"}, Cost(0.000006, 12)),
        ({"usage": {}}, None),
        ({}, None),
        (None, None),
    ],
)
def test_costs(source: Any, cost: Cost | None) -> None:
    assert cost_from(source) == cost


def test_cost_is_read_from_the_last_chunk_and_from_headers() -> None:
    meta = {"choices": [], "meta": {"usage": {"credits_used": 4, "usd_spent": 0.000002}}}
    assert folded([delta("stop", content="a"), meta]).cost == Cost(0.000002, 4)
    assert whole(message(content="a"), headers={"x-aimlapi-usd-spent": "0.5"}).cost == Cost(0.5)
