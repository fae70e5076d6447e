"""Budgets, estimates and the live catalogue, through AIMLAPI."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aimlapi_emulator import EmulatorServer
from aimlapi_transport.errors import BudgetExceededError
from llama_index_aimlapi import AIMLAPI, get_aimlapi_usage

PROMPT = "Say something about the sea."


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def model(server: EmulatorServer, **settings: Any) -> AIMLAPI:
    given = {"model": "openai/gpt-4o", "api_base": server.base_url, "api_key": "k", "max_tokens": 50, **settings}
    return AIMLAPI(**given)


@pytest.mark.parametrize("form", ["complete", "stream_complete", "acomplete", "astream_complete"])
def test_the_call_that_would_pass_the_budget_is_not_sent(server: EmulatorServer, form: str) -> None:
    llm = model(server)
    estimate = llm.estimate_cost(PROMPT)
    assert estimate is not None

    async def asynchronously() -> None:
        if form == "acomplete":
            await llm.acomplete(PROMPT)
        else:
            async for _ in await llm.astream_complete(PROMPT):
                pass

    def ask() -> None:
        if form == "complete":
            llm.complete(PROMPT)
        elif form == "stream_complete":
            list(llm.stream_complete(PROMPT))
        else:
            asyncio.run(asynchronously())

    with get_aimlapi_usage(budget_usd=estimate * 1.1) as used:
        with pytest.raises(Exception, match="429"):
            model(server, max_retries=0).complete(PROMPT, extra_headers={"x-emulator-fault": "fault-429-always"})
        ask()
        before = len(server.requests)
        with pytest.raises(BudgetExceededError, match="It was not sent"):
            ask()
        assert all(request.path == "/v1/models" for request in server.requests[before:])
        assert used.calls == 1 and abs((used.cost_usd or 0) - estimate) < 0.01


def test_models_are_listed_and_limits_refreshed(server: EmulatorServer) -> None:
    assert len(AIMLAPI.list_models(api_base=server.base_url)) > 300
    llm = model(server, model="openai/gpt-5-pro")
    found = llm.refresh_profile()
    assert llm.metadata.context_window == found.context_length
    assert model(server, context_window=7).refresh_profile() and llm.metadata.is_function_calling_model
