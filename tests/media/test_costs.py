"""What media calls cost: estimated, counted in totals, and refused by a budget before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from aimlapi_transport import Client
from aimlapi_transport.errors import APITimeoutError, BudgetExceededError, GenerationError
from langchain_aimlapi import get_aimlapi_usage_callback
from langchain_aimlapi.tools import AIMLAPIImageTool, AIMLAPIVideoSubmitTool, AIMLAPIVideoTool
from llama_index_aimlapi import get_aimlapi_usage
from llama_index_aimlapi.tools import AIMLAPIToolSpec
from tests.media.test_langchain_tools import COST, Host
from tests.media.test_llama_index import settings

PRICES = {
    "flux/dev": [{"name": "image", "price": 0.05, "per": 1}],
    "veo2": [{"name": "second", "price": 0.5, "per": 1}],
    "openai/tts-1": [{"name": "character", "price": 15, "per": 1_000_000}],
    "nova-3": [{"name": "minute", "price": 0.01, "per": 1}],
}


def catalogue(request: httpx.Request) -> dict[str, Any]:
    name = request.url.params.get("id", "")
    return {"data": [{"id": name, "pricing": {"units": PRICES[name]}}] if name in PRICES else []}


class Shop(Host):
    """A host with a catalogue of prices.

    Attributes:
        sent: how many requests were paid for.
    """

    def __init__(self, replies: dict[str, Any] | None = None) -> None:
        super().__init__(replies)
        self.sent = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json=catalogue(request))
        self.sent += request.method == "POST"
        return super().__call__(request)


@pytest.mark.parametrize(
    ("model", "arguments", "expected"),
    [
        ("flux/dev", {}, "0.05"),
        ("flux/dev", {"n": 3}, "0.15"),
        ("flux/dev", {"num_images": 3}, "0.15"),
        ("veo2", {"duration": 5}, "2.5"),
        ("veo2", {"duration": "8"}, "4.0"),
        ("veo2", {}, None),  # how long it will be is not known
        ("openai/tts-1", {"text": "x" * 1000}, "0.015"),
        ("nova-3", {"audio": b"x"}, None),
        ("nobody/knows", {"prompt": "A cat"}, None),
    ],
)
def test_an_estimate_is_the_catalogues_price_or_unknown(
    model: str, arguments: dict[str, Any], expected: str | None
) -> None:
    client = Client(api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(Shop())))
    assert client.estimate_media_cost(model, **arguments) == (None if expected is None else Decimal(expected))


@contextmanager
def langchain_totals(budget: float | None) -> Iterator[Any]:
    with get_aimlapi_usage_callback(budget_usd=budget) as used:
        yield used


@contextmanager
def llama_index_totals(budget: float | None) -> Iterator[Any]:
    with get_aimlapi_usage(budget_usd=budget) as used:
        yield used


Call = Callable[..., Any]


def langchain(kind: str, host: Host, **options: Any) -> tuple[Call, Call]:
    classes = {"image": AIMLAPIImageTool, "video": AIMLAPIVideoTool, "order": AIMLAPIVideoSubmitTool}
    model = "flux/dev" if kind == "image" else "veo2"
    tool = classes[kind](model=model, handle_tool_error=False, **host.settings, **options)
    return tool.invoke, tool.ainvoke


def llama_index(kind: str, host: Host, **options: Any) -> tuple[Call, Call]:
    shown = "image" if kind == "image" else "video"
    own: dict[str, Any] = {**settings(host), **options, "include": [shown], "wait": kind != "order"}
    tool = AIMLAPIToolSpec(image_model="flux/dev", video_model="veo2", **own).to_tool_list()[0]
    return (lambda given: tool.call(**given)), (lambda given: tool.acall(**given))


FRAMEWORKS = pytest.mark.parametrize(
    ("framework", "totals"), [(langchain, langchain_totals), (llama_index, llama_index_totals)]
)


@FRAMEWORKS
@pytest.mark.parametrize(
    ("kind", "fits", "exceeds"),
    [
        ("image", {"prompt": "A cat"}, {"prompt": "A cat", "n": 3}),
        ("video", {"prompt": "A cat", "duration": 0.1}, {"prompt": "A cat", "duration": 5}),
        ("order", {"prompt": "A cat", "duration": 0.1}, {"prompt": "A cat", "duration": 5}),
    ],
)
async def test_a_budget_refuses_before_sending(
    framework: Any, totals: Any, kind: str, fits: dict[str, Any], exceeds: dict[str, Any]
) -> None:
    host = Shop()
    call, acall = framework(kind, host)
    with totals(0.1) as used:
        with pytest.raises(Exception, match="budget") as caught:
            call(exceeds)
        assert isinstance(caught.value, BudgetExceededError)
        with pytest.raises(Exception, match="budget"):
            await acall(exceeds)
        assert (host.sent, used.calls) == (0, 0)
        call(fits)
        await acall(fits)
    assert (host.sent, used.calls, used.cost_usd) == (2, 2, 0.08)  # what the replies say that it cost


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_order_that_is_answered_at_once_gives_its_result(is_async: bool) -> None:
    host = Shop({"POST /v2/video/generations": {"status": "completed", "video": {"url": "https://cdn.test/film.mp4"}}})
    for framework in (langchain, llama_index):
        call, acall = framework("order", host)
        answer = await acall({"prompt": "A cat"}) if is_async else call({"prompt": "A cat"})
        assert "1 film: https://cdn.test/film.mp4" in str(answer)


@FRAMEWORKS
def test_without_a_price_a_budget_counts_what_was_spent(framework: Any, totals: Any) -> None:
    host = Shop()
    call, _ = framework("video", host)
    with totals(0.07) as used:
        call({"prompt": "A cat"})  # seconds are not known: so is its price
        with pytest.raises(Exception, match="budget"):
            call({"prompt": "A cat"})  # as dear as the last one
    assert (host.sent, used.calls, used.cost_usd) == (1, 1, 0.04)


@FRAMEWORKS
@pytest.mark.parametrize(
    ("poll", "wait_timeout", "expected", "cost"),
    [
        ({"status": "error", "error": {"message": "broke"}, "meta": COST}, None, GenerationError, 0.04),
        ({"status": "error", "error": {"message": "broke"}}, None, GenerationError, None),
        ({"status": "generating"}, 0.001, APITimeoutError, 0.04),  # it goes on, and will be charged
    ],
)
def test_what_failed_is_counted_where_it_was_paid_for(
    framework: Any, totals: Any, poll: Any, wait_timeout: float | None, expected: type[Exception], cost: float | None
) -> None:
    host = Shop({"GET /v2/video/generations": poll})
    call, _ = framework("video", host, wait_timeout=wait_timeout)
    with totals(None) as used, pytest.raises(Exception, match=r"broke|not done") as caught:
        call({"prompt": "A cat"})
    assert isinstance(caught.value.__cause__ or caught.value, expected)  # LangChain's ToolException has it as its cause
    assert used.cost_usd == cost and used.calls == (cost is not None)
