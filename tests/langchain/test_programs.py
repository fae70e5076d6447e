"""Whole programs on the emulator: an agent of two steps, a RAG chain, and LangChain's own conformance suites."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from aimlapi_emulator import EmulatorServer, emulator
from langchain_aimlapi import ChatAIMLAPI

MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-4.5", "alibaba/qwen3-32b", "minimax/m2", "deepseek/deepseek-v4-pro"]


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def _use(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")


@pytest.fixture(autouse=True)
def _no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite fetches its pictures and papers from the web: here, any bytes do."""
    from langchain_tests.integration_tests import chat_models

    monkeypatch.setattr(
        chat_models.httpx, "get", lambda url, **_: httpx.Response(200, content=b"%PDF-1.4 or a picture")
    )


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream"])
def test_an_agent_calls_its_tool_and_answers_from_the_result(model: str, how: str) -> None:
    agent: Any = create_agent(ChatAIMLAPI(model=model), [get_weather])
    question = {"messages": [("user", "What is the weather in Lisbon?")]}
    if how == "invoke":
        messages = agent.invoke(question)["messages"]
    elif how == "ainvoke":
        messages = asyncio.run(agent.ainvoke(question))["messages"]
    else:
        states = list(agent.stream(question, stream_mode=["values", "messages"]))
        messages = [state for mode, state in states if mode == "values"][-1]["messages"]
    called, result, answer = messages[1:]
    assert [(c["name"], c["args"]) for c in called.tool_calls] == [("get_weather", {"city": "Lisbon"})]
    assert isinstance(result, ToolMessage)
    assert isinstance(answer, AIMessage)
    assert "18 degrees in Lisbon" in answer.content


def test_a_rag_chain_answers_from_what_it_found() -> None:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents(
        [Document("One US dollar buys 2,000,000 credits."), Document("Cats sleep for most of the day.")]
    )
    prompt = ChatPromptTemplate.from_template("Context:\n{context}\n\nQuestion: {question}")
    joined = store.as_retriever() | (lambda documents: "\n".join(document.page_content for document in documents))
    chain = (
        {"context": joined, "question": RunnablePassthrough()}
        | prompt
        | ChatAIMLAPI(model=MODELS[0])
        | StrOutputParser()
    )
    assert chain.invoke("How many credits does a dollar buy?") == "One US dollar buys 2,000,000 credits."
    assert "".join(chain.stream("How many credits does a dollar buy?")) == "One US dollar buys 2,000,000 credits."


class TestUnit(ChatModelUnitTests):
    """LangChain's standard unit tests."""

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-4o"}


class TestIntegration(ChatModelIntegrationTests):
    """LangChain's standard integration tests, on the emulator."""

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-4o"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "gpt-4o-mini"

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True


class TestAudioIntegration(ChatModelIntegrationTests):
    """The same for a model that hears."""

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "gpt-4o-audio-preview"}

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "gpt-4o-mini-audio-preview"
