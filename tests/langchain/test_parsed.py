"""`additional_kwargs["parsed"]`: what an answer to a call's `response_format` says, whole and streamed, sync and async."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, field_validator
from typing_extensions import TypedDict

from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.usage import get_aimlapi_usage_callback
from tests.langchain.host import Host as ChatHost
from tests.langchain.host import whole
from tests.ways import WAYS, Host, Way

Json = dict[str, Any]
LANGCHAIN = [way for way in WAYS if way.framework == "langchain"]
HI: list[Json] = [{"role": "user", "content": "Hi"}]


class City(BaseModel):
    name: str


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it is odd")
        return value


class CityDict(TypedDict):
    name: str


def kwargs_of(way: Way, text: str, schema: Any, **message: Any) -> Json:
    host = Host(lambda body: {"content": text, **message})
    found: Json = host.ask(way, HI, response_format=schema).message.additional_kwargs
    return found


@pytest.mark.parametrize("way", LANGCHAIN, ids=str)
def test_an_answer_is_an_instance_of_its_class_or_a_dict(way: Way) -> None:
    text = '{"name": "Oslo"}'
    assert kwargs_of(way, text, City)["parsed"] == City(name="Oslo")
    for schema in (
        CityDict,
        City.model_json_schema(),
        {"type": "json_schema", "json_schema": {"name": "c", "schema": {}}},
    ):
        assert kwargs_of(way, text, schema)["parsed"] == {"name": "Oslo"}


@pytest.mark.parametrize("way", LANGCHAIN, ids=str)
def test_what_is_no_answer_adds_nothing(way: Way) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    assert "parsed" not in kwargs_of(way, "", City, tool_calls=[call])
    assert "parsed" not in kwargs_of(way, "Let me look.", City, tool_calls=[call])
    assert "parsed" not in kwargs_of(way, '{"name": 1', CityDict)
    assert "parsed" not in kwargs_of(way, '{"name": "Oslo"}', {"type": "json_object"})
    if way.endpoint == "chat" and not way.is_streamed:
        assert "parsed" not in kwargs_of(way, "", City, refusal="No.")


@pytest.mark.parametrize("way", LANGCHAIN, ids=str)
def test_an_answer_that_does_not_fit_its_class_is_an_error_with_the_reply(way: Way) -> None:
    for schema, text in ((Even, '{"number": 3}'), (City, '{"name": "Os'), (City, "Oslo")):
        with pytest.raises(OutputParserException) as caught:
            kwargs_of(way, text, schema)
        error: Any = caught.value
        assert error.llm_output == text
        assert error.response.status_code == 200
        assert text in json.dumps(error.response.json()).replace('\\"', '"')
        assert error.answer.usage_metadata["total_tokens"] == 5


def test_a_cut_answer_is_an_error_too() -> None:
    host = ChatHost(whole({"content": '{"name": "Oslo"}'}, "length"))
    with pytest.raises(OutputParserException, match="cut at its limit"):
        host.model().invoke("Hi", response_format=City)


def test_an_answer_that_does_not_fit_is_counted() -> None:
    """It was paid."""
    host = ChatHost(whole({"content": "{}"}))
    with get_aimlapi_usage_callback() as usage, pytest.raises(OutputParserException):
        host.model().invoke("Hi", response_format=City)
    assert (usage.total.total_tokens, usage.total.calls) == (18, 1)


def test_the_class_of_the_constructor_counts_too() -> None:
    host = ChatHost(whole({"content": '{"name": "Oslo"}'}))
    model = host.model(response_format=City)
    assert isinstance(model, ChatAIMLAPI)
    message = model.invoke("Hi")
    assert message.additional_kwargs["parsed"] == City(name="Oslo")
    assert pickle.loads(pickle.dumps(message)) == message
    host.model().invoke(["Hi", message, "And?"])
    assert host.bodies[-1]["messages"][1] == {"role": "assistant", "content": '{"name": "Oslo"}'}
