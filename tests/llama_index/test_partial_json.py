"""The object that JSON text spells so far."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama_index_aimlapi._partial_json import PartialObject

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)


@settings(deadline=None)
@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_the_whole_text_spells_the_object(value: dict[str, Any], escaped: bool, indent: Any) -> None:
    assert PartialObject(json.dumps(value, ensure_ascii=escaped, indent=indent)).value == value


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=4), st.text() | st.integers() | st.booleans() | st.none(), max_size=4))
def test_a_beginning_spells_no_more_than_the_object_holds(value: dict[str, Any]) -> None:
    """Strings as far as they go, all else only when it is complete."""
    text = json.dumps(value, ensure_ascii=False)
    for end in range(len(text)):
        for key, part in PartialObject(text[:end]).value.items():
            whole = value[key]
            assert whole.startswith(part) if isinstance(part, str) else part == whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("{", {}),
        ('{"ci', {}),
        ('{"city": ', {}),
        ('{"city": "Par', {"city": "Par"}),
        ('{"city": "Par\\u00', {"city": "Par"}),
        ('{"n": 12', {}),
        ('{"n": 12,', {"n": 12}),
        ('{"a": [1, {"b": "x', {"a": [1, {"b": "x"}]}),
        ('{"a": "\\ud83d\\ude00', {"a": "😀"}),
        ('{"a": "\\ud83d', {"a": ""}),
        ('{"a": "at: 12', {"a": "at: 12"}),
        ('{"a": "\\\\\\" 12', {"a": '\\" 12'}),
        ('{"a": true', {}),
        ('{"a": -1.5e', {}),
        ('{"a": 1}]', {"a": 1}),
        ('{"a": nonsense, "b": 1}', {}),
        ('[1, {"a": 1}]', {}),
        ('"text"', {}),
        ('{"a": 1, 2: 3}', {}),
    ],
)
def test_what_is_open_counts_as_far_as_it_goes(text: str, value: dict[str, Any]) -> None:
    assert PartialObject(text).value == value
