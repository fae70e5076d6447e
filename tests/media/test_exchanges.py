"""Every published exchange is read as it says, sync and async, and goes where the documentation sends it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aimlapi_transport import AIMLAPIError
from aimlapi_transport.errors import InvalidRequestError, QuotaExceededError
from tests.media.replay import acall, call, differences, exchanges
from tests.media.replay_frameworks import framework_differences

EXCHANGES = {exchange["id"]: exchange for exchange in exchanges()}


@pytest.fixture(params=sorted(EXCHANGES))
def exchange(request: pytest.FixtureRequest) -> dict[str, Any]:
    return EXCHANGES[request.param]


@pytest.mark.filterwarnings("ignore::aimlapi_transport.user_warnings.UnlistedParameterWarning")
async def test_an_exchange_is_read_as_it_says(exchange: dict[str, Any]) -> None:
    result, player = call(exchange)
    awaited, async_player = await acall(exchange)
    assert differences(exchange, result) == []
    if isinstance(result, AIMLAPIError):
        assert isinstance(awaited, type(result)) and awaited.message == result.message
    else:
        assert awaited == result
    paths = [(request.method, str(request.url)) for request in player.requests]
    assert paths == [(request.method, str(request.url)) for request in async_player.requests]
    first = exchange["steps"][0]
    if "json" in first and exchange["model"] and isinstance(first["json"].get("document", {}), dict):
        assert json.loads(player.requests[0].content) == first["json"]
    if "/v2/generate/video/" not in first["path"] and exchange["kind"] != "error":  # the older path still documented
        assert paths[0] == (first["method"], f"https://api.aimlapi.com{first['path']}")


@pytest.mark.filterwarnings("ignore::aimlapi_transport.user_warnings.UnlistedParameterWarning")
async def test_both_frameworks_give_what_it_says(exchange: dict[str, Any]) -> None:
    assert await framework_differences(exchange) == []


def test_what_a_failed_poll_says_is_the_error() -> None:
    result, _ = call(EXCHANGES["klingai-kling-video-v1.6-pro-effects--error-1"])
    assert isinstance(result, InvalidRequestError) and not result.is_retryable
    assert result.generation.id == "50f3e8ae-3d88-482f-95ea-7faa4799f60f:kling-video/v1.6/pro/effects"


def test_a_refused_order_is_the_error_of_its_status() -> None:
    result, _ = call(EXCHANGES["any--error-1"])
    assert isinstance(result, QuotaExceededError) and result.status_code == 429
