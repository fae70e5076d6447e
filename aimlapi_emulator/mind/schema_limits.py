"""What the keywords of a JSON schema allow: the nearest number, the fitting text, one schema out of two.

To honour another keyword that bounds a value, add it where its type is fitted (`within`, `fit`).
"""

from __future__ import annotations

import math
from typing import Any

MAX_LENGTH = 10_000
LARGEST = 2.0**53  # beyond it, neighbouring whole numbers cannot be told apart


def type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if isinstance(kind, str):
        return kind
    if any(key in schema for key in ("properties", "required", "additionalProperties", "minProperties")):
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if any(key in schema for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")):
        return "number"
    return "string"


def merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    merged = {**one, **other}
    for key in ("properties", "$defs"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            merged[key] = {**one[key], **other[key]}
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def within(number: float, schema: dict[str, Any], whole: bool) -> float | int:
    """The nearest number the schema allows."""

    def bound(key: str) -> float | None:
        value = schema.get(key)
        ok = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return float(value) if ok else None  # type: ignore[arg-type]  # `ok` says it is a number

    step = bound("multipleOf") or (1.0 if whole else 0.0)
    nudge = step or 1e-6
    low, high = bound("minimum"), bound("maximum")
    above, below = bound("exclusiveMinimum"), bound("exclusiveMaximum")
    low = above + nudge if above is not None and (low is None or above >= low) else low
    high = below - nudge if below is not None and (high is None or below <= high) else high
    number = max(number, low) if low is not None else number
    number = min(number, high) if high is not None else number
    if step > 0 and abs(number) < LARGEST * step:
        number = (
            math.ceil(number / step - 1e-9) * step
            if low is not None and number <= low
            else math.floor(number / step + 1e-9) * step
        )
    return int(number) if (whole or number.is_integer()) and abs(number) < LARGEST else number


def fit(text: str, schema: dict[str, Any]) -> str:
    least = min(count(schema.get("minLength"), 0), MAX_LENGTH)
    most = count(schema.get("maxLength"), MAX_LENGTH)
    text = text[:most]
    gap = " " if text and "format" not in schema else ""
    return text if len(text) >= least else (text + gap + "x" * least)[:least]


def fits(text: str, schema: dict[str, Any]) -> bool:
    """Whether a text has an allowed length."""
    return count(schema.get("minLength"), 0) <= len(text) <= count(schema.get("maxLength"), MAX_LENGTH)


def count(value: Any, otherwise: int) -> int:
    ok = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**9
    return int(value) if ok else otherwise


def singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def texts(value: Any) -> list[str]:
    """The strings of what ought to be a list of them."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def another(value: Any, at: int) -> Any:
    """A value of the same kind that differs."""
    if isinstance(value, str):
        return f"{value} {at + 1}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value + at
    return value
