"""Budgets of both frameworks: refused within the call, by what was spent and surely comes, without blocking anything."""

from __future__ import annotations

import asyncio
import gc
import inspect
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from llama_index.core.callbacks import CallbackManager, EventPayload, LlamaDebugHandler

from aimlapi_transport.errors import BudgetExceededError, InvalidRequestError
from aimlapi_transport.service.prices import PRICES
from aimlapi_transport.usage_totals import ModelUsage, UsageTotals
from langchain_aimlapi import AIMLAPIEmbeddings, AIMLAPIUsageCallbackHandler, ChatAIMLAPI, get_aimlapi_usage_callback
from langchain_aimlapi.errors import BudgetExceededError as LangChainBudgetExceededError
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding, get_aimlapi_usage
from tests.scripted import DONE, Act, ScriptedServer, chunk, event, reply, scripted, stream

MODEL = "openai/gpt-4o"
SERVED = "gpt-4o-2024-08-06"  # the name that replies give
COSTS_A_DOLLAR = {"usage": {"credits_used": 2_000_000, "usd_spent": 1.0}}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WHOLE = {
    "id": "c",
    "model": SERVED,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
    "meta": COSTS_A_DOLLAR,
}
VECTOR = {"data": [{"index": 0, "embedding": [1.0, 2.0]}], "model": SERVED, "usage": USAGE, "meta": COSTS_A_DOLLAR}
RESPONSE = {
    "id": "r",
    "object": "response",
    "status": "completed",
    "model": SERVED,
    "output": [
        {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
    ],
    "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    "meta": COSTS_A_DOLLAR,
}


def units(amount: str) -> list[dict[str, Any]]:
    return [{"name": "token", "price": amount, "per": 1, "measure": measure} for measure in ("input", "output")]


def listing(amount: str | None) -> Act:
    """The catalogue, with this price of a token."""
    row: dict[str, Any] = {"id": MODEL, "type": "openai/chat-completions"}
    if amount is not None:
        row["pricing"] = {"kind": "fixed", "currency": "USD", "units": units(amount)}
    return reply(body={"data": [row]})


def answering(catalogue: Act, *others: Act) -> Act:
    """The catalogue for who asks for it, an answer of a dollar for all others."""
    served = iter(others)

    async def act(writer: asyncio.StreamWriter) -> None:
        received = server_of[0].received[-1]
        if received.path.startswith("/v1/models"):
            await catalogue(writer)
        elif (other := next(served, None)) is not None:
            await other(writer)
        elif received.path.startswith("/v1/embeddings"):
            await reply(body=VECTOR)(writer)
        elif not received.body.get("stream"):
            await reply(body=RESPONSE if received.path.startswith("/v1/responses") else WHOLE)(writer)
        elif received.path.startswith("/v1/responses"):
            done = {"type": "response.completed", "response": RESPONSE}
            await stream(event(done))(writer)
        else:
            last = {**WHOLE, "choices": []}
            await stream(chunk("Hello", finish="stop", model=SERVED), event(last), DONE)(writer)

    server_of: list[ScriptedServer] = []
    act.server_of = server_of  # type: ignore[attr-defined]  # filled by `host`
    return act


@contextmanager
def host(catalogue: Act, *others: Act) -> Iterator[ScriptedServer]:
    act = answering(catalogue, *others)
    PRICES._kept.clear()
    with scripted(act) as server:
        act.server_of.append(server)  # type: ignore[attr-defined]
        yield server


def looked_up(server: ScriptedServer) -> int:
    return sum(request.path.startswith("/v1/models") for request in server.received)


def sent(server: ScriptedServer) -> int:
    return len(server.received) - looked_up(server)


# -- every way to call ---------------------------------------------------------------------------------------------------


def chat(server: ScriptedServer, **settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(model=MODEL, base_url=server.base_url, api_key="k", **{"max_retries": 0, **settings})


def llm(server: ScriptedServer, **settings: Any) -> AIMLAPI:
    return AIMLAPI(MODEL, api_base=server.base_url, api_key="k", **{"max_retries": 0, **settings})


def invoke(server: ScriptedServer, **settings: Any) -> Any:
    return chat(server, **settings).invoke("Hi")


async def ainvoke(server: ScriptedServer, **settings: Any) -> Any:
    return await chat(server, **settings).ainvoke("Hi")


def langchain_stream(server: ScriptedServer, **settings: Any) -> Any:
    return list(chat(server, **settings).stream("Hi"))


async def langchain_astream(server: ScriptedServer, **settings: Any) -> Any:
    return [piece async for piece in chat(server, **settings).astream("Hi")]


def streaming_invoke(server: ScriptedServer, **settings: Any) -> Any:
    return chat(server, streaming=True, **settings).invoke("Hi")


def batch(server: ScriptedServer, **settings: Any) -> Any:
    return chat(server, **settings).batch(["Hi"])


def complete(server: ScriptedServer, **settings: Any) -> Any:
    return llm(server, **settings).complete("Hi")


async def acomplete(server: ScriptedServer, **settings: Any) -> Any:
    return await llm(server, **settings).acomplete("Hi")


def llama_index_stream(server: ScriptedServer, **settings: Any) -> Any:
    return list(llm(server, **settings).stream_complete("Hi"))


async def llama_index_astream(server: ScriptedServer, **settings: Any) -> Any:
    return [piece async for piece in await llm(server, **settings).astream_complete("Hi")]


def embed_query(server: ScriptedServer, **settings: Any) -> Any:
    return AIMLAPIEmbeddings(model=MODEL, base_url=server.base_url, api_key="k", max_retries=0).embed_query("Hi")


async def aembed_documents(server: ScriptedServer, **settings: Any) -> Any:
    made = AIMLAPIEmbeddings(model=MODEL, base_url=server.base_url, api_key="k", max_retries=0)
    return await made.aembed_documents(["Hi"])


def text_embedding(server: ScriptedServer, **settings: Any) -> Any:
    made = AIMLAPIEmbedding(MODEL, api_base=server.base_url, api_key="k", max_retries=0)
    return made.get_text_embedding_batch(["Hi"])


async def query_embedding(server: ScriptedServer, **settings: Any) -> Any:
    made = AIMLAPIEmbedding(MODEL, api_base=server.base_url, api_key="k", max_retries=0)
    return await made.aget_query_embedding("Hi")


LANGCHAIN = [invoke, ainvoke, langchain_stream, langchain_astream, streaming_invoke, batch]
LLAMA_INDEX = [complete, acomplete, llama_index_stream, llama_index_astream]
EMBEDDINGS = [embed_query, aembed_documents, text_embedding, query_embedding]
CHATS: list[Callable[..., Any]] = [*LANGCHAIN, *LLAMA_INDEX]
ALL: list[Callable[..., Any]] = [*CHATS, *EMBEDDINGS]


def asked(form: Callable[..., Any], server: ScriptedServer, **settings: Any) -> Any:
    done = form(server, **settings)
    return asyncio.run(done) if inspect.isawaitable(done) else done  # type: ignore[arg-type]  # a coroutine


def budget(form: Callable[..., Any], usd: float | None) -> Any:
    ours: list[Any] = [*LANGCHAIN, embed_query, aembed_documents]
    return get_aimlapi_usage_callback(budget_usd=usd) if form in ours else get_aimlapi_usage(budget_usd=usd)


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("price", [None, "0.0000001"])
def test_what_a_model_costs_is_known_by_the_id_that_was_asked(form: Callable[..., Any], price: str | None) -> None:
    """Whatever the reply calls itself: of a model without a price, the second call of a dollar would pass a budget of 1.5."""
    with host(listing(price)) as server, budget(form, 1.5) as used:
        asked(form, server)
        if price is not None:  # what was spent is below the budget, and what comes is known to be little
            asked(form, server)
        with pytest.raises(BudgetExceededError, match="It was not sent"):
            asked(form, server)
        assert (used.cost_usd, sent(server)) == ((1.0, 1) if price is None else (2.0, 2))


@pytest.mark.parametrize("form", CHATS)
@pytest.mark.parametrize("responses", [False, True])
def test_a_high_output_limit_is_no_sure_cost(form: Callable[..., Any], responses: bool) -> None:
    """A hundred thousand tokens may come, for $100: a call that costs a dollar is not refused for it."""
    with host(listing("0.001")) as server, budget(form, 5.0):
        asked(form, server, max_tokens=100_000, use_responses_api=responses)
        assert sent(server) == 1


@pytest.mark.parametrize("form", CHATS)
def test_pictures_are_no_tokens_of_text(form: Callable[..., Any]) -> None:
    from aimlapi_transport.token_estimate import estimated_tokens_of_body

    url = "data:image/png;base64," + "A" * 400_000
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    assert estimated_tokens_of_body({"messages": [{"role": "user", "content": parts}]}) < 100


@pytest.mark.parametrize("form", ALL)
def test_a_reply_without_a_cost_counts_as_what_was_set_aside(form: Callable[..., Any]) -> None:
    costs_nothing = {**WHOLE, "meta": None}
    last = {**costs_nothing, "choices": []}
    streamed = stream(chunk("Hello", finish="stop", model=SERVED), event(last), DONE)
    other = {embed: reply(body={**VECTOR, "meta": None}) for embed in EMBEDDINGS}.get(form)  # type: ignore[call-overload]
    act = other or (streamed if "stream" in form.__name__ else reply(body=costs_nothing))
    with host(listing("0.2"), act) as server, budget(form, 8.0) as used:
        asked(form, server, max_tokens=5)
        assert used.cost_usd is None
        with pytest.raises(BudgetExceededError):
            for _ in range(20):
                asked(form, server, max_tokens=5)


@pytest.mark.parametrize("form", ALL)
def test_a_failed_call_gives_back_what_was_set_aside(form: Callable[..., Any]) -> None:
    kept: list[BaseException] = []  # also while its error lives
    with host(listing("0.2"), reply(500), reply(400), reply(500)) as server, budget(form, 6.0):
        for _ in range(3):
            with pytest.raises(Exception, match="status") as caught:
                asked(form, server, max_tokens=2)
            kept.append(caught.value)
        asked(form, server, max_tokens=2)


# -- looking prices up ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ALL)
def test_a_failed_look_up_is_not_kept(form: Callable[..., Any]) -> None:
    with host(reply(400, body={"message": "Not now"})) as server, budget(form, 100.0):
        asked(form, server)
        asked(form, server)
        assert looked_up(server) == 2


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("known", [True, False])
def test_a_price_is_asked_for_once(form: Callable[..., Any], known: bool) -> None:
    catalogue = listing("0.0000001") if known else reply(body={"data": []})
    with host(catalogue) as server, budget(form, 100.0):
        asked(form, server)
        asked(form, server)
        assert looked_up(server) == 1


@pytest.mark.parametrize("form", ALL)
def test_many_at_once_ask_for_a_price_once(form: Callable[..., Any]) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await listing("0.0000001")(writer)

    with host(slow) as server, budget(form, 100.0):
        if inspect.iscoroutinefunction(form):

            async def together() -> None:
                await asyncio.gather(*(form(server) for _ in range(8)))

            asyncio.run(together())
        else:
            from contextvars import copy_context

            threads = [threading.Thread(target=copy_context().run, args=(form, server)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert (looked_up(server), sent(server)) == (1, 8)


@pytest.mark.parametrize("form", [form for form in ALL if inspect.iscoroutinefunction(form)])
def test_an_event_loop_is_not_blocked(form: Callable[..., Any]) -> None:
    """The loop runs other tasks while the catalogue is slow: it answers when one has run."""
    came, has_run = threading.Event(), threading.Event()

    async def run(server: ScriptedServer) -> None:
        async def tick() -> None:
            await asyncio.to_thread(came.wait, 20)
            has_run.set()

        ticking = asyncio.create_task(tick())
        await form(server)
        ticking.cancel()

    async def slow(writer: asyncio.StreamWriter) -> None:
        came.set()
        assert await asyncio.to_thread(has_run.wait, 20)
        await listing(None)(writer)

    with host(slow) as server, budget(form, 100.0):
        asyncio.run(run(server))
        assert came.is_set() and has_run.is_set()


@pytest.mark.parametrize("form", [*LANGCHAIN, *LLAMA_INDEX])
def test_a_price_is_asked_for_with_the_models_own_headers(form: Callable[..., Any]) -> None:
    with host(listing(None)) as server, budget(form, 100.0):
        asked(form, server, default_headers={"x-team": "search"})
        assert [request.headers.get("x-team") for request in server.received] == ["search"] * 2


def test_a_price_is_asked_for_by_the_models_own_client() -> None:
    import httpx

    with host(listing(None)) as server:
        paths: list[str] = []
        own = httpx.Client(event_hooks={"request": [lambda request: paths.append(request.url.path)]})
        with own, get_aimlapi_usage_callback(budget_usd=100):
            chat(server, http_client=own).invoke("Hi")
        assert paths == ["/v1/models", "/v1/chat/completions"]


# -- how a refusal ends --------------------------------------------------------------------------------------------------


class Tracer(BaseTracer):
    """Keeps the runs that ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.ended.append(run)


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream", "batch"])
@pytest.mark.parametrize("passed", [False, True], ids=["around", "in callbacks"])
def test_a_refusal_closes_its_run(way: str, passed: bool, caplog: pytest.LogCaptureFixture) -> None:
    tracer, handler = Tracer(), AIMLAPIUsageCallbackHandler(budget_usd=0.5)
    config: Any = {"callbacks": [tracer, handler] if passed else [tracer]}

    async def asynchronously(model: ChatAIMLAPI) -> None:
        if way == "ainvoke":
            await model.ainvoke("Hi", config)
        else:
            async for _ in model.astream("Hi", config):
                pass

    def ask(model: ChatAIMLAPI) -> None:
        if way in ("invoke", "batch"):
            model.invoke("Hi", config) if way == "invoke" else model.batch(["Hi"], config)
        elif way == "stream":
            list(model.stream("Hi", config))
        else:
            asyncio.run(asynchronously(model))

    with host(listing(None)) as server, caplog.at_level(logging.WARNING):
        with get_aimlapi_usage_callback(budget_usd=None if passed else 0.5):
            ask(chat(server))
            with pytest.raises(LangChainBudgetExceededError, match="It was not sent"):
                ask(chat(server))
        assert sent(server) == 1
    assert not tracer.run_map
    assert "BudgetExceededError" in str(tracer.ended[-1].error)
    assert not caplog.records
    assert not handler._open and not handler._reserved


def test_nothing_is_sent_by_who_asks_on_after_a_refusal() -> None:
    """`_astream` of its own, without LangChain's generator around it, which ends by itself."""
    handler = AIMLAPIUsageCallbackHandler(budget_usd=0.5)
    handler.reserve("another call", MODEL, 0.5)
    run: Any = SimpleNamespace(handlers=[handler], run_id=uuid4())

    async def ask_on(model: ChatAIMLAPI) -> list[Any]:
        chunks = model._astream([HumanMessage("Hi")], run_manager=run)
        with pytest.raises(LangChainBudgetExceededError):
            await anext(chunks)
        return [chunk async for chunk in chunks]

    with host(listing(None)) as server:
        assert asyncio.run(ask_on(chat(server))) == []
        assert sent(server) == 0


def test_a_run_that_a_cache_answered_is_no_budget_of_the_next_call() -> None:
    from langchain_core.caches import InMemoryCache

    with host(listing(None)) as server:
        cached = chat(server, cache=InMemoryCache())
        with get_aimlapi_usage_callback(budget_usd=0.5):
            cached.invoke("Hi")
            cached.invoke("Hi")  # costs nothing
        list(chat(server).stream("Hi"))  # has no budget


@pytest.mark.parametrize("form", LLAMA_INDEX)
def test_callbacks_of_llama_index_hear_of_a_refusal(form: Callable[..., Any]) -> None:
    handler = LlamaDebugHandler(print_trace_on_end=False)
    with host(listing(None)) as server, get_aimlapi_usage(budget_usd=0.5):
        asked(form, server)
        with pytest.raises(BudgetExceededError):
            asked(form, server, callback_manager=CallbackManager([handler]))
    ends = [end.payload or {} for _, end in handler.get_llm_inputs_outputs()]
    assert [type(payload.get(EventPayload.EXCEPTION)) for payload in ends] == [BudgetExceededError]


@pytest.mark.parametrize("budget", [0, -1, float("nan"), True, "1", [1]], ids=str)
@pytest.mark.parametrize("counting", [get_aimlapi_usage_callback, get_aimlapi_usage], ids=["langchain", "llama_index"])
def test_what_is_no_amount_is_no_budget(counting: Callable[..., Any], budget: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"`budget_usd` is .*: pass US dollars"), counting(budget_usd=budget):
        pass


# -- abandoned calls -----------------------------------------------------------------------------------------------------


def test_a_call_that_is_collected_while_another_is_set_aside_does_not_hang() -> None:
    """The collector may run within `reserve`, and end a stream that was dropped: that waits for no lock."""
    totals = UsageTotals(budget_usd=1.0)
    totals.reserve("dropped", "m", 0.1)
    done: list[bool] = []

    class Dropped:
        def __del__(self) -> None:
            totals.release("dropped")
            done.append(True)

    class Collecting(dict[Any, Any]):
        def copy(self) -> Any:
            gc.collect()
            return super().copy()

    totals._reserved = Collecting(totals._reserved)
    one: Any = Dropped()
    one.itself = one
    del one
    thread = threading.Thread(target=totals.reserve, args=("next", "m", 0.2), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and done == [True]
    assert {name: kept.cost for name, kept in totals._reserved.items()} == {"next": 0.2}


def test_a_call_that_is_counted_is_not_under_way_any_more() -> None:
    totals = UsageTotals(budget_usd=1.0)
    totals.reserve("a", "m", 0.5)
    totals.add("served", ModelUsage(calls=1, cost_usd=0.4), call="a")
    totals.reserve("b", "m", 0.5)  # 0.4 are spent, not 0.9
    with pytest.raises(BudgetExceededError, match=r"\$0\.400000 are spent, \$0\.500000 under way"):
        totals.reserve("c", "m", 0.5)


@pytest.mark.parametrize("form", ["langchain", "llama_index"])
def test_a_stream_that_is_left_gives_back_what_was_set_aside(form: str) -> None:
    pieces = stream(chunk("He", model=SERVED), end="open")
    with host(listing("0.2"), pieces, pieces) as server:
        if form == "langchain":
            with get_aimlapi_usage_callback(budget_usd=6.0) as used:
                for _ in range(2):
                    next(iter(chat(server, max_tokens=2).stream("Hi")))
                gc.collect()
                assert not used._reserved
        else:
            with get_aimlapi_usage(budget_usd=6.0) as counted:
                for _ in range(2):
                    next(iter(llm(server, max_tokens=2).stream_complete("Hi")))
                gc.collect()
                assert not counted._reserved


def test_a_price_is_kept_for_an_hour() -> None:
    from aimlapi_transport.http.blocking import run_blocking
    from aimlapi_transport.service.prices import PriceBook

    now, asked_for = [0.0], []

    async def look_up() -> None:
        asked_for.append(now[0])

    book = PriceBook(lambda: now[0])
    for now[0] in (0.0, 3599.0, 3601.0):
        assert run_blocking(book.price(("host", "m"), look_up)) is None
    assert asked_for == [0.0, 3601.0]
    assert time.monotonic() > 0


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_price_is_looked_up_once_for_all_who_ask_meanwhile(is_async: bool, fails: bool) -> None:
    """A failed look-up, too: a hundred who wait do not each wait for a dead catalogue."""
    from aimlapi_transport.errors import APIConnectionError
    from aimlapi_transport.http.blocking import run_blocking
    from aimlapi_transport.service.prices import PriceBook

    ticks, asked_for = itertools.count(1), []
    all_wait = threading.Event()

    def clock() -> float:
        tick = next(ticks)
        if tick == 8:
            all_wait.set()
        return tick

    async def look_up() -> None:
        asked_for.append(1)
        if is_async and not all_wait.is_set():
            await asyncio.sleep(0)  # the other tasks begin
        assert all_wait.wait(20)
        if fails:
            raise APIConnectionError("No answer.")

    book = PriceBook(clock)

    async def ask_all() -> list[Any]:
        return await asyncio.gather(*(book.price(("host", "m"), look_up, is_async=True) for _ in range(8)))

    def ask(_: int) -> Any:
        return run_blocking(book.price(("host", "m"), look_up))

    if is_async:
        prices = asyncio.run(ask_all())
    else:
        with ThreadPoolExecutor(8) as threads:
            prices = list(threads.map(ask, range(8)))
    assert (prices, len(asked_for)) == ([None] * 8, 1)
    gc.collect()
    assert not book._task_locks, "an event loop that has ended is kept"
    run_blocking(book.price(("host", "m"), look_up))
    assert len(asked_for) == (2 if fails else 1)
