"""Fields of replies of the service endpoints, read without trust in their types. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

Json = dict[str, Any]


def objects(value: Any) -> list[Json]:
    """The objects in a list; none of what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def an_object(value: Any) -> Json:
    """An object; an empty one for what is none."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> tuple[str, ...]:
    """The texts in a list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, (list, tuple)) else ()


def text(value: Any) -> str | None:
    """A text that says something."""
    return value if isinstance(value, str) and value else None


def number(value: Any) -> int:
    """A count, 0 for what is none."""
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def count(value: Any) -> int | None:
    """A count, None for what is none."""
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def money(value: Any) -> Decimal:
    """An amount to the cent and beyond, 0 for what is none."""
    try:
        found = Decimal(str(value)) if not isinstance(value, bool) and value is not None else Decimal(0)
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def moment(value: Any) -> datetime | None:
    """A time with its zone: UTC where none is written; None for what is no time."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def rest(value: Mapping[str, Any], known: frozenset[str]) -> Json:
    """The fields nobody reads."""
    return {name: item for name, item in value.items() if name not in known}
