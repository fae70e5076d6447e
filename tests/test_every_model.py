"""What is said of a model agrees wherever it is said, for each packaged id: profile, warnings, structure, emulator."""

from __future__ import annotations

import json
import warnings
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from llama_index.core.constants import DEFAULT_CONTEXT_WINDOW
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from aimlapi_emulator import EmulatorServer
from aimlapi_transport.config.model_families import facts_for
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI

ROWS: dict[str, dict[str, Any]] = json.loads(files("aimlapi_transport").joinpath("models.json").read_bytes())["models"]
SERVED = [
    name for name, row in ROWS.items() if {"/v1/chat/completions", "/v1/responses"} & set(row.get("endpoints", ()))
]
SAID = "The city of Lisbon has 500000 people. Give the city."


class City(BaseModel):
    """A city."""

    name: str
    population: int


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return "sunny"


def weather_of(city: str) -> str:
    """The weather in a city."""
    return "sunny"


@pytest.fixture(autouse=True)
def every_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())


def test_there_are_as_many_as_the_page_says() -> None:
    assert len(ROWS) == 487 and len(SERVED) > 450


def test_profile_and_metadata_agree() -> None:
    """What LangChain's `profile` and LlamaIndex's `metadata` say of tools, structured output and the context."""
    for name in ROWS:
        chat, llm = ChatAIMLAPI(model=name), AIMLAPI(name)
        profile: Any = chat.profile or {}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            metadata = llm.metadata
            assert not told  # who asks for something else is not warned
            window = metadata.context_window
        context = profile.get("max_input_tokens")
        assert window == (context or DEFAULT_CONTEXT_WINDOW), name
        assert [f"The context of {name} is not known" in str(one.message) for one in told] == [True] * (not context)
        assert metadata.is_function_calling_model is (profile.get("tool_calling") is not False), name
        assert llm._should_use_structure_outputs() is (profile.get("structured_output") is True), name


def test_a_context_is_known_where_any_packaged_source_names_it() -> None:
    """A name of a model knows what another name of it knows."""
    by_name: dict[str, set[str]] = {}
    for key, row in ROWS.items():
        for name in (key, *row.get("aliases", ())):
            by_name.setdefault(name, set()).add(key)
    for key, row in ROWS.items():
        rows = {other for name in (key, *row.get("aliases", ())) for other in by_name[name]}
        contexts = {ROWS[other]["context_length"] for other in rows if "context_length" in ROWS[other]}
        facts = facts_for(key)
        assert facts is not None and (facts.context_length in contexts if contexts else facts.context_length is None)
    assert (ChatAIMLAPI(model="openai/gpt-4o").profile or {})["max_input_tokens"] == 128_000
    assert "max_input_tokens" not in (ChatAIMLAPI(model="gpt-4").profile or {})


def test_no_fact_contradicts_the_request_schema() -> None:
    for name in ROWS:
        facts = facts_for(name)
        if facts is None or facts.parameters is None:
            continue
        said = {*facts.claims, *facts.capabilities}
        for ability, parameter in (
            ("tools", "tools"),
            ("structured_output", "response_format"),
            ("json_object", "response_format"),
            ("parallel_tool_calls", "parallel_tool_calls"),
        ):
            assert ability not in said or parameter in facts.parameters, (name, ability)


@pytest.mark.parametrize("responses", [None, True])
def test_tools_warn_where_the_profile_says_no(server: EmulatorServer, responses: bool | None) -> None:
    """Each id is asked with a tool: a warning says that tools are not listed exactly where the profile says so."""
    of_llama_index = FunctionTool.from_defaults(weather_of)
    for name in SERVED[:: 1 if responses is None else 25]:
        chat = ChatAIMLAPI(model=name, base_url=server.base_url, api_key="k", use_responses_api=responses)
        llm = AIMLAPI(name, api_base=server.base_url, api_key="k", use_responses_api=responses)
        listed = (chat.profile or {}).get("tool_calling")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            if responses is None or "/v1/responses" in ROWS[name].get("endpoints", ()):
                chat.bind_tools([weather]).invoke([HumanMessage("Hi")])
                llm.chat_with_tools([of_llama_index], "Hi")
        tools = [str(one.message) for one in told if "`tools`" in str(one.message)]
        assert bool(tools) is (listed is False and responses is None), (name, listed, tools)


def test_the_default_way_to_structured_output_works(server: EmulatorServer) -> None:
    """For each id, by both frameworks, without a warning."""
    for name in SERVED:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            chat = ChatAIMLAPI(model=name, base_url=server.base_url, api_key="k", max_retries=0)
            assert isinstance(chat.with_structured_output(City).invoke(SAID), City), name
            llm = AIMLAPI(name, api_base=server.base_url, api_key="k", max_retries=0)
            assert isinstance(llm.structured_predict(City, PromptTemplate(SAID)), City), name


def test_the_rule_is_written_down() -> None:
    page = (Path(__file__).parents[1] / "docs" / "models-and-hosts.md").read_text()
    assert "the model's request schema decides" in page and "deepseek/deepseek-r1" in page
