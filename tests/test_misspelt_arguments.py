"""A misspelt argument warns with the nearest real name, or raises with `strict_parameters`, wherever it is passed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_transport.chat.validation import nearest_parameter
from aimlapi_transport.config.model_families import documented_parameters
from aimlapi_transport.errors import AIMLAPIError
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
from tests.ways import Host

MODELS = ("openai/gpt-4o", "some/new-model")


def langchain(host: Host, **settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(host)), **settings)


def llama_index(host: Host, **settings: Any) -> AIMLAPI:
    return AIMLAPI(api_key="k", http_client=httpx.Client(transport=httpx.MockTransport(host)), **settings)


PASSED: dict[str, Callable[[Host, dict[str, Any]], Any]] = {
    "langchain made": lambda host, settings: langchain(host, temprature=1, **settings).invoke("Hi"),
    "langchain call": lambda host, settings: langchain(host, **settings).invoke("Hi", temprature=1),
    "langchain bind": lambda host, settings: langchain(host, **settings).bind(temprature=1).invoke("Hi"),
    "langchain kwargs": lambda host, settings: langchain(host, model_kwargs={"temprature": 1}, **settings).invoke("Hi"),
    "llama_index made": lambda host, settings: llama_index(host, temprature=1, **settings).complete("Hi"),
    "llama_index call": lambda host, settings: llama_index(host, **settings).complete("Hi", temprature=1),
    "llama_index kwargs": lambda host, settings: llama_index(
        host, additional_kwargs={"temprature": 1}, **settings
    ).complete("Hi"),
}


@pytest.mark.parametrize("passed", PASSED.values(), ids=PASSED)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("responses", [False, True])
def test_a_misspelt_argument_names_the_nearest(
    passed: Callable[[Host, dict[str, Any]], Any], model: str, responses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    settings = {"model": model, "use_responses_api": responses}
    with pytest.warns(UserWarning, match=r"`temprature`.*id you mean `temperature`\?"):
        passed(Host(), settings)
    host = Host()
    with (
        warnings.catch_warnings(),
        pytest.raises((AIMLAPIError, ValueError), match=r"`temprature`.*Did you mean `temperature`\?"),
    ):
        warnings.simplefilter("error")
        passed(host, {**settings, "strict_parameters": True})
    assert host.bodies == []


def test_options_of_a_call_are_known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    with pytest.warns(UserWarning, match=r"did you mean `use_responses_api`\?"):
        langchain(Host(), model="some/new-model").invoke("Hi", use_response_api=True)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("temprature", "temperature"),
        ("max_token", "max_tokens"),
        ("maxTokens", "max_tokens"),
        ("top_P", "top_p"),
        ("toolChoise", "tool_choice"),
        ("top_a", None),
        ("temperature", None),
        ("sparkle", None),
        ("xy", None),
    ],
)
def test_only_a_slip_has_a_nearest_name(name: str, nearest: str | None) -> None:
    assert nearest_parameter(name) == nearest


def test_no_documented_parameter_is_a_slip_of_another() -> None:
    assert not any(map(nearest_parameter, documented_parameters()))
