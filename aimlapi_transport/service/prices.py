"""What a request will cost, before it is sent: its tokens, estimated, at the catalogue's prices.

A price is looked up by the client that sends the request, once for all that ask meanwhile, and kept for an hour. A
look-up that failed is not kept.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.json_codec import loads
from aimlapi_transport.token_estimate import estimated_tokens_of_body

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.service.calls import ServiceCalls
    from aimlapi_transport.service.catalogue import Pricing

TYPICAL_OUTPUT = 500  # tokens
_KEPT_SECONDS = 3600.0
_LOOKUP_SECONDS = 5.0  # of silence: an estimate is not worth a longer wait
_OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")

_Key = tuple[str, str]  # address of the host, id of the model


class _Entry(NamedTuple):
    """The answer to a look-up; `pricing` is None where the catalogue has no price, or did not answer.

    Attributes:
        until: the time until which it is kept: that of the answer itself where the catalogue did not answer.
    """

    until: float
    pricing: Pricing | None


class PriceBook:
    """The prices that were looked up, for all clients of the process.

    Args:
        clock: seconds that only grow; injected in tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[_Key, _Entry] = {}
        self._thread_locks: dict[_Key, threading.Lock] = {}
        self._task_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, asyncio.Lock]] = WeakKeyDictionary()

    async def price(
        self, key: _Key, look_up: Callable[[], Awaitable[Pricing | None]], *, is_async: bool = False
    ) -> Pricing | None:
        """The prices of a model; those who ask while one looks them up wait for its answer.

        Args:
            is_async: whether tasks of the running event loop ask. By default threads do, and nothing may suspend.
        """
        began = self._clock()
        entry = self._kept.get(key)
        if entry is not None and began < entry.until:
            return entry.pricing
        async with AsyncExitStack() as stack:
            if is_async:
                locks: dict[_Key, Any] = self._task_locks.setdefault(asyncio.get_running_loop(), {})
                await stack.enter_async_context(locks.setdefault(key, asyncio.Lock()))
            else:
                locks = self._thread_locks
                stack.enter_context(locks.setdefault(key, threading.Lock()))
            entry = self._kept.get(key)
            if entry is None or entry.until < began:  # else it came while this one waited
                try:
                    entry = self._kept[key] = await self._entry(look_up)
                finally:
                    locks.pop(key, None)  # who waits has it: a lock that is kept here would keep its event loop
        return entry.pricing

    async def _entry(self, look_up: Callable[[], Awaitable[Pricing | None]]) -> _Entry:
        try:
            pricing, kept = await look_up(), _KEPT_SECONDS
        except AIMLAPIError:
            pricing, kept = None, 0.0
        return _Entry(self._clock() + kept, pricing)


PRICES = PriceBook()
"""What clients keep and share."""


async def look_up(service: ServiceCalls, model: str) -> Pricing | None:
    """The prices of a model as the catalogue has them now, by one request; None where it has none.

    Raises:
        AIMLAPIError: the catalogue did not answer.
    """
    models = await service.models({"id": [model], "include": ["pricing"]}, _LOOKUP_SECONDS, retries=False)
    named = [one for one in models if one.id == model] or [one for one in models if one.is_named(model)]
    return named[0].pricing if named else None


def cost_of(pricing: Pricing | None, request: Request, output_tokens: int | None = None) -> Decimal | None:
    """US dollars that a request will cost; None where the model has no price for tokens.

    Args:
        output_tokens: how long the answer will be; by default as long as the request allows, or 500 tokens.
    """
    if pricing is None:
        return None
    body = loads(request.body)
    if output_tokens is None:
        output_tokens = _output_limit(body, TYPICAL_OUTPUT)
    return pricing.cost(estimated_tokens_of_body(body), output_tokens)


def sure_cost(pricing: Pricing | None, request: Request) -> float | None:
    """US dollars that a budget sets aside for a request; None where the model has no price for tokens.

    Its input, and as much output as its limit allows, up to 500 tokens: a high limit says little of what will come, and
    no limit nothing.
    """
    if pricing is None:
        return None
    body = loads(request.body)
    output_tokens = min(_output_limit(body, 0), TYPICAL_OUTPUT)
    cost = pricing.cost(estimated_tokens_of_body(body), output_tokens)
    return None if cost is None else float(cost)


def _output_limit(body: Any, default: int) -> int:
    limits = [body[name] for name in _OUTPUT_LIMITS if isinstance(body.get(name), int)]
    return min(limits, default=default)
