"""JSON that is nested deeper than 200 levels is refused, however long it is and whatever stands in its texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.json_codec import JsonError, is_too_deep, loads

BESIDE = st.sampled_from(["", "x", "[" * 300, '"{' * 150, "\\[", '\\"[', "é\u2028]", "x" * 20_000, "[x" * 10_000])


@given(
    depth=st.sampled_from([1, 2, 3, 199, 200, 201, 202, 250]),
    objects=st.booleans(),
    beside=st.lists(BESIDE, max_size=3),
    flat=st.sampled_from([0, 0, 199, 500]),
)
def test_what_is_too_deep_is_told_by_its_nesting_alone(depth: int, objects: bool, beside: list[str], flat: int) -> None:
    value: Any = [*beside, *[[]] * flat] if depth > 2 else beside  # the lists beside are one level more
    levels = 1 + (depth > 2 and flat > 0)
    for _ in range(depth - levels):
        value = {"a": value} if objects else [value]
    text = json.dumps(value)
    deep = depth > 200
    assert [is_too_deep(form) for form in (text, text.encode(), bytearray(text, "utf-8"))] == [deep] * 3
    if deep:
        with pytest.raises(JsonError):
            loads(text)
    else:
        assert loads(text) == loads(text.encode()) == loads(bytearray(text, "utf-8")) == value
