"""Streams that are odd in a way the contract's table does not name: found by fuzzing."""

from __future__ import annotations

import pytest

from tests.reliability.forms import FORMS, Form
from tests.scripted import DONE, event, scripted, stream


def piece(text: str, index: int, finish: str | None = None) -> bytes:
    return event({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]})


@pytest.mark.parametrize("form", [form for form in FORMS if form.kind == "stream"], ids=str)
def test_an_answer_under_another_number_is_the_answer(form: Form) -> None:
    with scripted(stream(piece("He", 1), piece("llo", 1, "stop"), DONE)) as server:
        came = form.came(form.make("m", server.base_url))
    assert (came.text, came.finish) == ("Hello", "stop")


@pytest.mark.parametrize("form", [form for form in FORMS if form.kind == "stream"], ids=str)
def test_of_several_answers_one_is_streamed(form: Form) -> None:
    pieces = [piece("He", 0), piece("No", 1), piece("llo", 0, "stop"), piece("pe", 1, "stop"), DONE]
    with scripted(stream(*pieces)) as server:
        came = form.came(form.make("m", server.base_url))
    assert (came.text, came.finish) == ("Hello", "stop")


@pytest.mark.parametrize("form", [form for form in FORMS if form.kind == "whole"], ids=str)
def test_counts_that_are_no_numbers_do_no_harm(form: Form) -> None:
    choice = {"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": [1], "completion_tokens": {"a": 1}, "total_tokens": "many"}
    with scripted(stream(event({"choices": [choice], "usage": usage}).removeprefix(b"data: "))) as server:
        assert form.came(form.make("m", server.base_url)).text == "Hello"
