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
@given(OBJECTS, st.lists(st.integers(0, 400)), st.booleans(), st.sampled_from([None, 1]))
def test_any_cut_spells_the_same_object(value: dict[str, Any], cuts: list[int], escaped: bool, indent: Any) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    partial = PartialObject()
    for cut in sorted(min(cut, len(text)) for cut in cuts):
        partial.value_of(text[:cut])
    assert partial.value_of(text) == value


@settings(deadline=None)
@given(OBJECTS)
def test_no_earlier_answer_changes(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    partial = PartialObject()
    answers = [partial.value_of(text[:end]) for end in range(len(text) + 1)]
    fresh = [PartialObject().value_of(text[:end]) for end in range(len(text) + 1)]
    assert answers == fresh


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
        ('{"a": 1}]', {"a": 1}),
        ('{"a": nonsense, "b": 1}', {}),
        ('[1, {"a": 1}]', {}),
        ('"text"', {}),
        ('{"a": 1, 2: 3}', {"a": 1}),
    ],
)
def test_what_is_open_counts_as_far_as_it_goes(text: str, value: dict[str, Any]) -> None:
    assert PartialObject().value_of(text) == value


def test_shorter_text_than_before_is_read_anew() -> None:
    partial = PartialObject()
    assert partial.value_of('{"a": "xyz"}') == {"a": "xyz"}
    assert partial.value_of('{"a": "x') == {"a": "x"}
