"""Whole programs on the emulator: an agent of two steps, a RAG chain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

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
