"""What a media call will cost, at the catalogue's prices: by picture, second, character or call. Pure.

Source: https://docs.aimlapi.com/api-references/service-endpoints/complete-model-list (`pricing`)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aimlapi_transport.service.catalogue import Price, Pricing

_COUNTED = ("image", "picture", "video", "generation", "request", "call", "file", "song", "track")


def media_cost(pricing: Pricing | None, arguments: Mapping[str, Any]) -> Decimal | None:
    """US dollars; None where the catalogue has no price for it, or counts what is not known beforehand.

    Where prices depend on an argument that is not set, the most expensive of them.

    Args:
        arguments: of the call, by common names or the model's own.
    """
    if pricing is None:
        return None
    costs = [
        units * price.each
        for price in pricing.prices
        if _applies(price, arguments) and (units := _units(price.unit, arguments)) is not None
    ]
    return max(costs, default=None)


def _applies(price: Price, arguments: Mapping[str, Any]) -> bool:
    return all(
        arguments.get(name) is None or str(arguments[name]).lower() == str(value).lower()
        for name, value in price.when.items()
    )


def _units(unit: str, arguments: Mapping[str, Any]) -> Decimal | None:
    """How many of a unit; None where it is not known before it is made."""
    if unit in _COUNTED:
        return _number(arguments.get("n") or arguments.get("num_images") or 1)
    if unit in ("second", "seconds"):
        return _number(arguments.get("duration"))
    if unit in ("character", "characters"):
        text = arguments.get("text") or arguments.get("script") or arguments.get("prompt")
        return Decimal(len(text)) if isinstance(text, str) else None
    return None


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None and not isinstance(value, bool) else None
    except ArithmeticError:
        return None
