"""Tokens and dollars: of every kind of call once, where the call began, summed by model and shown as a table."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from pydantic import BaseModel

from aimlapi_emulator import emulator
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.usage_totals import ModelUsage
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding, AIMLAPIUsage, embedding_usage, get_aimlapi_usage
from tests.llama_index.host import DONE, Host, chunk, gathered, last, whole

PRICED = {"meta": {"usage": {"credits_used": 20, "usd_spent": 0.00001}}}
ONE = ModelUsage(
    calls=1, input_tokens=9, output_tokens=7, total_tokens=16, cache_read_tokens=4, reasoning_tokens=3, cost_usd=0.00001
)  # fmt: skip
FORMS = [f"{way}{form}" for way in ("", "a", "stream_", "astream_") for form in ("chat", "complete")]


class Person(BaseModel):
    name: str
    age: int


def host(form: str) -> Host:
    """A host that names a price."""
    if "stream" in form:
        return Host([[chunk(content="x"), chunk("stop", content="y"), {**last(), **PRICED}, DONE]])
    return Host([{**whole(), **PRICED}])


def prompt(form: str) -> Any:
    return [ChatMessage("Hi")] if "chat" in form else "Hi"


@pytest.mark.parametrize("form", FORMS)
async def test_every_kind_of_call_is_counted_once(form: str) -> None:
    with get_aimlapi_usage() as used:
        await gathered(form, host(form).llm(), prompt(form))
    assert used.by_model == {"served": ONE}


def test_blocks_nest_and_end() -> None:
    llm = host("chat").llm()
    with get_aimlapi_usage() as outer:
        llm.complete("Hi")
        with get_aimlapi_usage() as inner:
            llm.complete("Hi")
    llm.complete("Hi")
    assert (inner.total, outer.total) == (ONE, ONE + ONE)


def test_a_stream_counts_where_it_began() -> None:
    with get_aimlapi_usage() as used:
        chunks = host("stream_chat").llm().stream_chat([ChatMessage("Hi")])
    with get_aimlapi_usage() as later:
        list(chunks)
    assert (used.total, later.total) == (ONE, ModelUsage())


def test_what_failed_or_was_left_is_not_counted() -> None:
    broken = Host([[chunk(content="x")]]).llm(max_retries=0)
    left = host("stream_chat").llm().stream_chat([ChatMessage("Hi")])
    with get_aimlapi_usage() as used:
        with pytest.raises(AIMLAPIError):
            list(broken.stream_complete("Hi"))
        next(left)
        left.close()
    assert used.by_model == {}


def test_calls_without_a_price_are_marked() -> None:
    with get_aimlapi_usage() as used:
        host("chat").llm().complete("Hi")
        Host([whole()]).llm().complete("Hi")
    assert (used.cost_usd, used.total.unpriced_calls) == (0.00001, 1)
    assert str(used).endswith("0.000010+")


def test_tasks_side_by_side_keep_apart_and_threads_share() -> None:
    llm = host("achat").llm()

    async def one(times: int) -> int:
        with get_aimlapi_usage() as used:
            await asyncio.gather(*(llm.acomplete("Hi") for _ in range(times)))
        return used.calls

    async def both() -> list[int]:
        return await asyncio.gather(one(2), one(5))

    assert asyncio.run(both()) == [2, 5]
    with get_aimlapi_usage() as used:
        threads = [threading.Thread(target=contextvars.copy_context().run, args=(llm.complete, "Hi")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert used.calls == 8


async def test_agents_structured_answers_and_embeddings_count() -> None:
    """What the framework asks in your name counts as what you ask: once for each request that was answered."""

    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"18 degrees and sunny in {city}"

    with emulator() as server:
        place = {"api_base": server.base_url, "api_key": "any"}
        llm = AIMLAPI(model="openai/gpt-4o", **place)
        with get_aimlapi_usage() as used:
            await FunctionAgent(tools=[get_weather], llm=llm).run("What is the weather in Lisbon?")
            await llm.as_structured_llm(Person).acomplete("Ada is 36 years old")
            AIMLAPIEmbedding(model="text-embedding-3-small", embed_batch_size=2, **place).get_text_embedding_batch(
                ["one", "two", "three"]
            )
        asked = [received.path for received in server.requests]
    assert {model: sums.calls for model, sums in used.by_model.items()} == {
        "gpt-4o-2024-08-06": 3,
        "text-embedding-3-small": 2,
    }
    assert len(asked) == used.calls
    assert used.cost_usd is not None and used.total.unpriced_calls == 0


def test_the_sums_print_as_a_table() -> None:
    used = AIMLAPIUsage()
    used.add("<b>", ONE)
    used.add(None, ONE + ONE)
    assert str(used) == (
        "model    calls  input  cached  output  reasoning       USD\n"
        "<b>          1      9       4       7          3  0.000010\n"
        "unknown      2     18       8      14          6  0.000020\n"
        "total        3     27      12      21          9  0.000030"
    )
    assert used._repr_html_().count("<tr>") == 4
    assert "&lt;b&gt;" in used._repr_html_()


def test_embeddings_alone_have_the_same_table() -> None:
    with emulator() as server, get_aimlapi_usage() as used, embedding_usage() as spent:
        place = {"api_base": server.base_url, "api_key": "any"}
        AIMLAPIEmbedding(model="alibaba/qwen-text-embedding-v3", **place).get_text_embedding("one")
        AIMLAPI(model="openai/gpt-4o", **place).complete("What is 6 * 7?")
    assert list(spent.by_model) == ["alibaba/qwen-text-embedding-v3"]  # as asked for
    assert list(used.by_model) == ["text-embedding-v3", "gpt-4o-2024-08-06"]  # as the replies say
    assert (spent.requests, spent.tokens) == (1, used.by_model["text-embedding-v3"].total_tokens)
    assert str(spent).splitlines()[0].split() == str(used).splitlines()[0].split()


def test_a_bar_is_drawn_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """Over the texts, however many a request takes; none unasked."""
    pytest.importorskip("tqdm")
    texts = [f"text {number}" for number in range(7)]
    with emulator() as server:
        embedding = AIMLAPIEmbedding(
            model="text-embedding-3-small", embed_batch_size=2, api_base=server.base_url, api_key="any"
        )
        embedding.get_text_embedding_batch(texts)
        assert capsys.readouterr().err == ""
        embedding.get_text_embedding_batch(texts, show_progress=True)
        assert "Generating embeddings: 100%" in (drawn := capsys.readouterr().err) and "7/7" in drawn
        asyncio.run(embedding.aget_text_embedding_batch(texts, show_progress=True))
        assert "4/4" in capsys.readouterr().err  # LlamaIndex counts requests there
