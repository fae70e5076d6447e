"""JSON in a model's text: all of it, fenced, or between words; a fence inside a string is a part of the string."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.structured.json_text import json_answer, json_values

ADA = {"name": "Ada", "code": "```json\n{}\n```\n{", "n": [1, {"x": "```"}]}
TEXT = json.dumps(ADA)
PRETTY = json.dumps(ADA, indent=2)


@pytest.mark.parametrize("spelled", [TEXT, PRETTY, json.dumps(TEXT)], ids=["compact", "indented", "encoded twice"])
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "```json\n{}\n```",
        "```\n{}```",
        "```json {} ```",
        "~~~json\n{}\n~~~",
        "````\n{}\n````",
        "  ```JSON\n\n{}\n\n  ```\n",
        "```json\n{}",
        "Here it is:\n```json\n{}\n```\nAnything else?",
        "```python\nprint({{}})\n```\nso\n```json\n{}\n```",
    ],
)
def test_a_fenced_block_in_a_string_does_not_cut_the_value(form: str, spelled: str) -> None:
    assert next(json_values(form.replace("{{}}", "1").replace("{}", spelled))) == ADA


@pytest.mark.parametrize("form", ["Sure: {} Fine?", "{}\n\nFor example:\n```json\n[1]\n```", "a {b} c {}"])
def test_an_object_between_words_is_read_whole(form: str) -> None:
    assert json_answer(form.replace("{}", PRETTY)) == ADA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ada",
        '{"name": "Ada", "list": "```[1]```"',
        '{"name": "Ada", "list": "```json\\n[1]\\n```"',
        '```json\n{"name": "A\n```',
        "```json\n{'name': 1}\n```",
        "[" * 300 + "]" * 300,
        "```\n[1, 2\n```",
        '{"kids": [{"name": "Ada"}',
        'So: {"kids": [{"name": "Ada"}], }',
        '```json\n{"kids": [{"name": "Ada"}, ]}\n```',
        '{"code": "\n```json\n[1]\n```\n"}',
    ],
)
def test_what_is_broken_is_not_repaired_and_its_strings_are_not_searched(text: str) -> None:
    assert list(json_values(text)) == []
    with pytest.raises(ValueError, match="not JSON"):
        json_answer(text)


def test_the_first_value_with_the_required_keys_is_the_answer_with_its_strings_coerced() -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array"}},
        "required": ["name"],
    }
    text = 'From {"input": 1} follows\n```json\n{"name": "Ada", "tags": "[1]"}\n```'
    assert json_answer(text, schema) == {"name": "Ada", "tags": [1]}
    assert json_answer('{"input": 1} is all', schema) == {"input": 1}
    assert json_answer(json.dumps("plain")) == "plain"
    assert json_answer('["a"]', {"type": "array"}) == ["a"]


VALUES = st.dictionaries(
    st.text(max_size=6), st.text() | st.lists(st.sampled_from(["```", "\n```\n", '"', "\\", "{", "}"])), max_size=4
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_any_object_is_read_out_of_a_fence_and_out_of_words(value: Any, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    for form in (text, f"```json\n{text}\n```", f"So:\n```\n{text}\n```\n.", f"So: {text}."):
        assert next(json_values(form)) == value
