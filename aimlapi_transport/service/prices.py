"""What a request will cost, before it is sent: its tokens, estimated, at the catalogue's prices."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.json_codec import loads

if TYPE_CHECKING:
    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.service.calls import ServiceCalls
    from aimlapi_transport.service.catalogue import Pricing

BYTES_PER_TOKEN = 4
TYPICAL_OUTPUT = 500  # tokens, where a request sets no limit
_KEPT_SECONDS = 3600.0
OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_known: dict[tuple[str, str], tuple[float, Pricing | None]] = {}


def known_price(model: str) -> Pricing | None:
    """The prices of a model that were asked for lately, at whatever host."""
    return next((kept[1] for (_, name), kept in _known.items() if name == model and kept[1] is not None), None)


async def price_of(service: ServiceCalls, model: str) -> Pricing | None:
    """The prices of a model; None where the catalogue does not tell them, or cannot be asked. Kept for an hour."""
    place = (service.base_url, model)
    kept = _known.get(place)
    if kept is None or time.monotonic() - kept[0] > _KEPT_SECONDS:
        try:
            found = await service.models(id=[model], include=["pricing"])
        except AIMLAPIError:
            found = []
        named = [one for one in found if one.id == model] or [one for one in found if one.is_named(model)]
        kept = _known[place] = time.monotonic(), named[0].pricing if named else None
    return kept[1]


async def estimated_cost(service: ServiceCalls, request: Request, output_tokens: int | None = None) -> Decimal | None:
    """US dollars; None where the model has no price for tokens.

    Args:
        output_tokens: how long the answer will be; by default as long as the request allows, or 500 tokens.
    """
    pricing = await price_of(service, request.model)
    if pricing is None:
        return None
    if output_tokens is None:
        body = loads(request.body)
        limits = [body[name] for name in OUTPUT_LIMITS if isinstance(body.get(name), int)]
        output_tokens = min(limits, default=TYPICAL_OUTPUT)
    return pricing.cost(len(request.body) // BYTES_PER_TOKEN, output_tokens)
