"""Budgets, estimates and the live catalogue, through ChatAIMLAPI."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.prompt_values import StringPromptValue

from aimlapi_emulator import EmulatorServer
from aimlapi_transport.errors import BudgetExceededError, InvalidRequestError
from langchain_aimlapi import AIMLAPIUsageCallbackHandler, ChatAIMLAPI, get_aimlapi_usage_callback
from langchain_aimlapi.errors import NotFoundError

PROMPT = "Say something about the sea."


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def model(server: EmulatorServer, **settings: Any) -> ChatAIMLAPI:
    given = {"model": "openai/gpt-4o", "base_url": server.base_url, "api_key": "k", "max_tokens": 50, **settings}
    return ChatAIMLAPI(**given)


def chats(server: EmulatorServer) -> int:
    return sum(request.path == "/v1/chat/completions" for request in server.requests)


def test_an_estimate_is_the_cost_to_a_cent(server: EmulatorServer) -> None:
    llm = model(server)
    estimate = llm.estimate_cost(PROMPT)
    cost = llm.invoke(PROMPT).response_metadata["cost_usd"]
    assert estimate is not None and abs(estimate - cost) < 0.01
    assert llm.estimate_cost(PROMPT, output_tokens=1_000_000) > 1  # type: ignore[operator]


def test_an_estimate_takes_what_a_call_takes(server: EmulatorServer) -> None:
    llm = model(server)
    same = [PROMPT, [("user", PROMPT)], [HumanMessage(PROMPT)], StringPromptValue(text=PROMPT)]
    assert len({llm.estimate_cost(asked) for asked in same}) == 1
    with pytest.raises(InvalidRequestError, match="`input` is of type dict"):
        llm.estimate_cost({"role": "user", "content": PROMPT})  # type: ignore[arg-type]  # what is refused


def test_a_model_without_a_price_has_no_estimate(server: EmulatorServer) -> None:
    assert model(server, model="nobody/knows").estimate_cost(PROMPT) is None


@pytest.mark.parametrize("form", ["invoke", "stream", "ainvoke", "astream"])
def test_the_call_that_would_pass_the_budget_is_not_sent(server: EmulatorServer, form: str) -> None:
    llm, before = model(server), chats(server)
    budget = llm.estimate_cost(PROMPT)
    assert budget is not None

    async def asynchronously() -> None:
        if form == "ainvoke":
            await llm.ainvoke(PROMPT)
        else:
            async for _ in llm.astream(PROMPT):
                pass

    def ask() -> None:
        if form == "invoke":
            llm.invoke(PROMPT)
        elif form == "stream":
            list(llm.stream(PROMPT))
        else:
            asyncio.run(asynchronously())

    with get_aimlapi_usage_callback(budget_usd=budget) as used:
        ask()
        with pytest.raises(BudgetExceededError, match="It was not sent"):
            ask()
        assert used.calls == 1 and used.cost_usd is not None and used.cost_usd <= budget
    assert chats(server) - before == 1
    ask()  # outside it is free


def test_threads_do_not_pass_it_together(server: EmulatorServer) -> None:
    llm, before = model(server), chats(server)
    cost = llm.estimate_cost(PROMPT)
    assert cost is not None
    handler = AIMLAPIUsageCallbackHandler(budget_usd=cost * 3.5)

    def ask(_: int) -> bool:
        try:
            llm.invoke(PROMPT, config={"callbacks": [handler]})
        except BudgetExceededError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = sum(pool.map(ask, range(24)))
    assert answered == chats(server) - before == handler.calls
    assert answered >= 3 and (handler.cost_usd or 0) <= cost * 3.5


def test_a_call_that_fails_gives_back_what_was_set_aside(server: EmulatorServer) -> None:
    llm = model(server, max_retries=0)
    budget = llm.estimate_cost(PROMPT)
    assert budget is not None
    with get_aimlapi_usage_callback(budget_usd=budget * 1.2):
        for _ in range(3):
            with pytest.raises(Exception, match="429"):
                llm.invoke(PROMPT, extra_headers={"x-emulator-fault": "fault-429-always"})
        next(iter(llm.stream(PROMPT)))  # left early
        llm.invoke(PROMPT)


def test_budgets_nest(server: EmulatorServer) -> None:
    llm = model(server)
    cost = llm.estimate_cost(PROMPT) or 0
    with get_aimlapi_usage_callback(budget_usd=cost) as outer:
        with get_aimlapi_usage_callback(budget_usd=100):
            llm.invoke(PROMPT)
            with pytest.raises(BudgetExceededError):
                llm.invoke(PROMPT)
        assert outer.calls == 1
    with pytest.raises(InvalidRequestError, match="`budget_usd` is 0"), get_aimlapi_usage_callback(budget_usd=0):
        pass


def test_models_are_listed_and_a_profile_is_refreshed(server: EmulatorServer) -> None:
    found = ChatAIMLAPI.list_models(base_url=server.base_url, capabilities="tools", include="pricing")
    assert found and found[0].pricing is not None
    llm = model(server, model="openai/gpt-5-pro")
    before = dict(llm.profile or {})
    assert "max_input_tokens" not in before
    profile = llm.refresh_profile()
    assert profile == llm.profile and profile is not None
    assert profile["max_input_tokens"] == 128_000 and profile["max_output_tokens"] == 16_384
    assert {key: profile.get(key) for key in before} == before
    with pytest.raises(NotFoundError, match="The nearest"):
        model(server, model="openai/gpt-5-prp").refresh_profile()
