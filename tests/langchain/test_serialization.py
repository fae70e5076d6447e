"""A model is a value: written by LangChain's own means and read back, pickled and copied, never with a key."""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import warnings
from typing import Any

import cloudpickle
import httpx
import pytest
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.prompts import ChatPromptTemplate, HumanMessagePromptTemplate, PromptTemplate
from langchain_core.runnables import RunnableBinding, RunnableSequence
from pydantic import BaseModel

from langchain_aimlapi import ChatAIMLAPI
from tests.langchain.host import KEY, Host, whole

HEADER = "header-secret-0123456789"
FULL: dict[str, Any] = {
    "model": "openai/gpt-4o",
    "api_key": KEY,
    "temperature": 0.5,
    "stop": ["x"],
    "timeout": (3.0, 5.0),
    "model_kwargs": {"top_a": 0.1},
    "extra_body": {"a": 1},
    "replay_reasoning": True,
    "parse_think": False,
}
HERE = {"valid_namespaces": ["langchain_aimlapi"]}


class Person(BaseModel):
    """A person."""

    name: str


def add(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


@pytest.fixture(autouse=True)
def _beta() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `load` is beta
        yield


def test_what_is_written_is_read_back() -> None:
    model, allowed = ChatAIMLAPI(**FULL), [ChatAIMLAPI]
    again = loads(dumps(model), allowed_objects=allowed, secrets_map={"AIMLAPI_API_KEY": KEY}, **HERE)
    assert again == model
    assert load(dumpd(model), allowed_objects=allowed, **HERE).api_key is None  # read again where it arrives


@pytest.mark.parametrize(
    ("settings", "variable"), [({}, "AIMLAPI_API_KEY"), ({"preset": "powertokens"}, "POWERTOKENS_API_KEY")]
)
def test_the_key_is_written_as_the_name_of_its_variable(settings: dict[str, Any], variable: str) -> None:
    for key in (KEY, lambda: KEY):
        written = dumpd(ChatAIMLAPI(model="m", api_key=key, **settings))
        assert written["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": [variable]}


def test_pydantics_json_hides_a_key_and_has_no_form_for_a_function() -> None:
    told = [
        ChatAIMLAPI(model="m", api_key=key).model_dump_json(include={"api_key"}) for key in (KEY, lambda: KEY, None)
    ]
    assert told == ['{"api_key":"**********"}', '{"api_key":null}', '{"api_key":null}']


def test_what_a_subclass_adds_is_written() -> None:
    class Own(ChatAIMLAPI):
        team: str | None = "search"

        @property
        def lc_secrets(self) -> dict[str, str]:
            return {"openai_organization": "ORGANIZATION"}

    kwargs: Any = Own(model="m", team=None, openai_organization="us").to_json()["kwargs"]
    assert kwargs["team"] is None
    assert kwargs["openai_organization"] == {"lc": 1, "type": "secret", "id": ["ORGANIZATION"]}


def test_a_timeout_of_httpx_is_written_as_two_numbers() -> None:
    model = ChatAIMLAPI(model="m", timeout=httpx.Timeout(7, connect=2))
    assert loads(dumps(model), allowed_objects=[ChatAIMLAPI], **HERE).timeout == (2, 7)
    assert ChatAIMLAPI.model_validate_json(model.model_dump_json()).timeout == (2, 7)
    assert model.model_dump()["request_timeout"] == httpx.Timeout(7, connect=2)


def test_bound_and_chained_models_are_written_and_read_back() -> None:
    model = ChatAIMLAPI(**FULL, default_headers={"X-Key": HEADER})
    chain = ChatPromptTemplate.from_messages([("human", "{question}")]) | model
    allowed = [
        *(ChatAIMLAPI, RunnableBinding, RunnableSequence),
        *(ChatPromptTemplate, HumanMessagePromptTemplate, PromptTemplate),
    ]
    bound = loads(dumps(model.bind_tools([add])), allowed_objects=allowed, **HERE)
    assert bound.kwargs == model.bind_tools([add]).kwargs  # type: ignore[attr-defined]  # a RunnableBinding, though it says Runnable
    assert loads(dumps(chain), allowed_objects=allowed, **HERE).last.model_name == "openai/gpt-4o"
    structured = [dumps(model.with_structured_output(schema)) for schema in (Person, Person.model_json_schema())]
    for text in (dumps(model), dumps(model.bind_tools([add])), dumps(chain), *structured):
        assert (KEY in text, HEADER in text) == (False, False)
        json.loads(text)


@pytest.mark.parametrize("used", [False, True])
def test_pickles_and_copies_before_and_after_use(used: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none holds a key of the environment."""
    secret = "sk-of-the-environment-0123456789"
    monkeypatch.setenv("AIMLAPI_API_KEY", secret)
    host = Host(whole({"content": '{"name": "Ada"}'}))
    model = host.model(api_key=None)
    answers = [model.with_structured_output(Person, include_raw=raw) for raw in (False, True)]
    runnables: list[Any] = [model, model.bind_tools([add]), *answers]
    if used:
        for runnable in runnables:
            runnable.invoke("Hi")
            runnable.invoke("Hi", model="other")
    for runnable in runnables:
        for write in (pickle.dumps, cloudpickle.dumps):
            data = write(runnable)
            assert secret.encode() not in data
            assert type(pickle.loads(data)) is type(runnable)
        assert type(copy.deepcopy(runnable)) is type(runnable)
    other = model.model_copy(update={"temperature": 1.0})
    assert dumpd(other)["kwargs"]["temperature"] == 1.0
    assert (other.invoke("Hi").text, host.bodies[-1]["temperature"]) == ('{"name": "Ada"}', 1.0)
    assert secret not in dumps(model)


def test_a_copy_is_not_traced_as_its_original() -> None:
    model = Host(whole({"content": "x"})).model()
    model.invoke("Hi")
    assert model._serialized["kwargs"]["model_name"] == "some/new-model"
    assert model.model_copy(update={"model_name": "other"})._serialized["kwargs"]["model_name"] == "other"


def test_importing_changes_nothing_of_langchains() -> None:
    code = (
        "import langchain_aimlapi, langchain_aimlapi.chat_models\n"
        "from langchain_core.load.mapping import SERIALIZABLE_MAPPING as known\n"
        "from langchain_core.messages.block_translators import PROVIDER_TRANSLATORS as translators\n"
        "assert 'aimlapi' not in translators and not [path for path in known if 'langchain_aimlapi' in path]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


def test_a_key_that_was_passed_is_in_nothing_that_is_written() -> None:
    model = ChatAIMLAPI(model="m", openai_api_key=KEY, user=None, model_kwargs={"user": "b"})
    assert KEY not in f"{model} {model.model_dump()} {model.model_dump_json()}"
