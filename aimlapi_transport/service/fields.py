"""Fields of replies of the service endpoints, read without trust in their types: what is of another type is no value.

The values are dataclasses. Their annotations say where a field is in a reply, and Pydantic reads it from there.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeAlias

from pydantic import AliasChoices, AliasPath, Field, PlainValidator

Json: TypeAlias = dict[str, Any]


def path(*names: str | tuple[str, ...]) -> Any:
    """Where a field is in a reply: its name, after those of the objects around it; or one of several names."""
    *objects, last = names
    choices = [AliasPath(*map(str, objects), name) for name in ([last] if isinstance(last, str) else last)]
    return Field(validation_alias=AliasChoices(*choices))


def with_raw(row: Json) -> Json:
    """A row of a reply that keeps itself, for its field `raw`."""
    return {**row, "raw": row}


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


def count(value: Any) -> int | None:
    """A count, None for what is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if is_number else None


def money(value: Any) -> Decimal:
    """An amount to the cent and beyond, 0 for what is none."""
    try:
        amount = Decimal(str(value)) if not isinstance(value, bool) and value is not None else Decimal(0)
    except InvalidOperation:
        return Decimal(0)
    return amount if amount.is_finite() else Decimal(0)


def moment(value: Any) -> datetime | None:
    """A time with its zone: UTC where none is written; None for what is no time."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


# Nothing is validated but what these functions do: a reply of another shape is no error of its reader.
OptionalText: TypeAlias = Annotated[str | None, PlainValidator(text)]
Text: TypeAlias = Annotated[str, PlainValidator(lambda value: text(value) or "")]
Texts: TypeAlias = Annotated[tuple[str, ...], PlainValidator(texts)]
OptionalCount: TypeAlias = Annotated[int | None, PlainValidator(count)]
Count: TypeAlias = Annotated[int, PlainValidator(lambda value: count(value) or 0)]
Object: TypeAlias = Annotated[Json, PlainValidator(an_object)]
Money: TypeAlias = Annotated[Decimal, PlainValidator(money)]
Moment: TypeAlias = Annotated[datetime | None, PlainValidator(moment)]
