"""Tokens and dollars: in every vendor's shape, told once, and summed over chains, threads and tasks."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.runnables import RunnableLambda

from langchain_aimlapi import AIMLAPIUsageCallbackHandler, errors, get_aimlapi_usage_callback
from langchain_aimlapi.usage import ModelUsage
from tests.langchain.host import Host, chunks, whole

PRICED = {"meta": {"usage": {"credits_used": 20, "usd_spent": 0.00001}}}
ONE = ModelUsage(
    calls=1, input_tokens=10, output_tokens=8, total_tokens=18, cache_read_tokens=4, reasoning_tokens=5, cost_usd=0.00001
)  # fmt: skip


def priced() -> Host:
    """A host whose headers and bodies name a price."""
    return Host(whole({"content": "x"}, **PRICED))


def times(count: int, one: ModelUsage = ONE) -> ModelUsage:
    total = ModelUsage()
    for _ in range(count):
        total = total + one
    return total


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch", "abatch", "streaming"])
def test_every_kind_of_call_is_counted_once(how: str) -> None:
    host = Host(chunks([{"content": "x"}, {"content": "y"}], **PRICED)) if "stream" in how else priced()
    model = host.model(streaming=how == "streaming" or None)

    async def astream() -> None:
        async for _ in model.astream("Hi"):
            pass

    with get_aimlapi_usage_callback() as used:
        if how == "ainvoke":
            asyncio.run(model.ainvoke("Hi"))
        elif how == "stream":
            list(model.stream("Hi"))
        elif how == "astream":
            asyncio.run(astream())
        elif how == "batch":
            model.batch(["Hi"] * 20, config={"max_concurrency": 8})
        elif how == "abatch":
            asyncio.run(model.abatch(["Hi"] * 20))
        else:
            model.invoke("Hi")
    assert used.by_model == {"served": times(20 if "batch" in how else 1)}


def test_a_chain_of_several_models_is_summed_by_model() -> None:
    other = Host({**whole({"content": "x"}), "model": "other"})
    text = RunnableLambda(lambda message: message.content)
    chain = priced().model() | text | other.model() | text | priced().model()
    with get_aimlapi_usage_callback() as used:
        chain.invoke("Hi")
        asyncio.run(chain.ainvoke("Hi"))
    assert {model: sums.calls for model, sums in used.by_model.items()} == {"served": 4, "other": 2}
    assert (used.calls, used.input_tokens, used.output_tokens, used.total_tokens) == (6, 60, 48, 108)
    assert used.total == times(6)


def test_contexts_nest_and_end() -> None:
    model = priced().model()

    def inner(_: Any) -> int:
        with get_aimlapi_usage_callback() as used:
            model.invoke("Hi")
        return used.calls

    with get_aimlapi_usage_callback() as outer:
        model.invoke("Hi")
        assert (RunnableLambda(inner) | (lambda calls: calls)).invoke("Hi") == 1
        with get_aimlapi_usage_callback() as second:
            model.invoke("Hi")
        assert (outer.calls, second.calls) == (3, 1)
    model.invoke("Hi")
    with pytest.raises(RuntimeError), get_aimlapi_usage_callback() as failed:
        raise RuntimeError
    model.invoke("Hi")
    assert (outer.calls, second.calls, failed.calls) == (3, 1, 0)


def test_contexts_of_two_tasks_do_not_mix() -> None:
    model = priced().model()

    async def task(count: int) -> int:
        with get_aimlapi_usage_callback() as used:
            await asyncio.gather(*(model.ainvoke("Hi") for _ in range(count)))
        return used.calls

    async def both() -> list[int]:
        return list(await asyncio.gather(task(2), task(3)))

    assert asyncio.run(both()) == [2, 3]


def test_a_handler_may_be_passed_and_shared_by_threads() -> None:
    model, handler = priced().model(), AIMLAPIUsageCallbackHandler()
    with get_aimlapi_usage_callback() as used:
        context = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: context.copy().run(model.invoke, "Hi", {"callbacks": [handler, used]}))
            for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert handler.total == used.total == times(16)


def test_a_failed_call_is_not_counted() -> None:
    host = Host({"message": "no"}, status=400)
    with get_aimlapi_usage_callback() as used, pytest.raises(errors.InvalidRequestError):
        host.model().invoke("Hi")
    assert (used.calls, used.cost_usd) == (0, None)


def test_unknown_costs_and_no_costs_are_told_apart() -> None:
    free = whole({"content": "x"}, meta={"usage": {"credits_used": 0, "usd_spent": 0}})
    for reply, cost in ((free, 0.0), (whole({"content": "x"}), None)):
        host = Host(reply)
        host.headers = {}
        with get_aimlapi_usage_callback() as used:
            host.model().invoke("Hi")
        assert (used.cost_usd, used.total.unpriced_calls) == (cost, int(cost is None))
    assert str(ModelUsage()) and ModelUsage().cost_usd is None
    assert (ONE + ModelUsage(calls=1, unpriced_calls=1)).cost_usd == 0.00001


def test_what_a_cache_answered_is_a_call_that_cost_nothing() -> None:
    host = priced()
    model = host.model(cache=InMemoryCache())
    with get_aimlapi_usage_callback() as used:
        model.invoke("Hi")
        model.invoke("Hi")
    assert len(host.bodies) == 1
    assert used.total == ONE + ModelUsage(calls=1, cached_calls=1, cost_usd=0.0)


def test_it_agrees_with_langchains_own_sum() -> None:
    model = priced().model()
    with get_usage_metadata_callback() as theirs, get_aimlapi_usage_callback() as ours:
        model.batch(["a", "b", "c"])
    (sums,) = ours.usage_metadata.values()
    (expected,) = theirs.usage_metadata.values()
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        assert sums[name] == expected[name]
    assert sums["output_token_details"] == expected["output_token_details"]


def test_it_reads_as_a_table() -> None:
    other = Host({**whole({"content": "x"}), "model": "<other>"})
    other.headers = {}
    with get_aimlapi_usage_callback() as used:
        assert str(used).splitlines()[0].split() == ["model", "calls", "input", "cached", "output", "reasoning", "USD"]
        priced().model().batch(["Hi"] * 200)
        other.model().invoke("Hi")
    assert str(used) == (
        "model    calls  input  cached  output  reasoning        USD\n"
        "<other>      1     10       4       8          5    unknown\n"
        "served     200  2,000     800   1,600      1,000   0.002000\n"
        "total      201  2,010     804   1,608      1,005  0.002000+"
    )
    assert repr(used) == str(used)
    page = used._repr_html_()
    assert page.startswith("<table>") and "&lt;other&gt;" in page and "0.002000+" in page


SHAPES = {
    "OpenAI": (
        {
            "prompt_tokens": 10,
            "completion_tokens": 8,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 3},
        },
        {
            "input_tokens": 10,
            "output_tokens": 8,
            "total_tokens": 18,
            "input_token_details": {"cache_read": 4, "audio": 1, "cache_creation": 2},
            "output_token_details": {"reasoning": 5, "audio": 3},
        },
    ),
    "DeepSeek": (
        {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6},
        {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18, "input_token_details": {"cache_read": 4}},
    ),
    "Anthropic": (
        {"input_tokens": 4, "output_tokens": 8, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2},
        {"input_tokens": 10, "output_tokens": 8, "total_tokens": 18, "input_token_details": {"cache_read": 4, "cache_creation": 2}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("vendor", SHAPES)
def test_counts_of_every_vendor_whole_and_streamed(vendor: str) -> None:
    sent, told = SHAPES[vendor]
    whole_host = Host({**whole({"content": "x"}, **PRICED), "usage": sent})
    events = chunks([{"content": "x"}], **PRICED)
    for event in events:
        if event.get("usage") and any(event["usage"].values()):
            event["usage"] = sent
    assert whole_host.model().invoke("Hi").usage_metadata == told
    parts = list(Host(events).model().stream("Hi"))
    assert [part.usage_metadata for part in parts if part.usage_metadata] == [told]
    assert [part.response_metadata["cost_usd"] for part in parts if "cost_usd" in part.response_metadata] == [0.00001]


def test_counts_told_on_every_chunk_are_not_added_up() -> None:
    events = chunks([{"content": "x"}, {"content": "y"}], **PRICED)
    for count, event in enumerate(events[:-2], 1):
        event["usage"] = {"prompt_tokens": 10, "completion_tokens": 4 * count, "total_tokens": 10 + 4 * count}
        event["meta"] = {"usage": {"usd_spent": 0.001 * count}}
    with get_aimlapi_usage_callback() as used:
        list(Host(events).model().stream("Hi"))
    assert (used.calls, used.input_tokens, used.output_tokens) == (1, 10, 12)
