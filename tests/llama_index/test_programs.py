"""Whole programs on the emulator: agents of two steps, and RAG, in LlamaIndex."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ReActAgent
from pydantic import BaseModel

from llama_index_aimlapi import AIMLAPI

MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-4.5", "alibaba/qwen3-32b", "minimax/m2", "deepseek/deepseek-v4-pro"]
QUESTION = "What is the weather in Lisbon?"

pytestmark = pytest.mark.usefixtures("on_the_emulator")


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees in {city}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streaming", [True, False])
def test_an_agent_calls_its_tool_and_answers_from_the_result(model: str, streaming: bool) -> None:
    called = []

    def weather(city: str) -> str:
        """The weather in a city."""
        called.append(city)
        return get_weather(city)

    async def run() -> str:
        return str(await FunctionAgent(tools=[weather], llm=AIMLAPI(model=model), streaming=streaming).run(QUESTION))

    assert "18 degrees in Lisbon" in asyncio.run(run())
    assert called == ["Lisbon"]


def test_an_agents_observers_see_the_reasoning() -> None:
    async def run() -> str:
        llm = AIMLAPI(model="deepseek/deepseek-v4-pro")
        handler = FunctionAgent(tools=[get_weather], llm=llm).run(QUESTION)
        events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
        await handler
        return "".join(event.thinking_delta or "" for event in events)

    assert "Lisbon" in asyncio.run(run())


def test_an_agent_of_text_alone_answers() -> None:
    async def run() -> str:
        return str(await ReActAgent(tools=[get_weather], llm=AIMLAPI(model=MODELS[0])).run(QUESTION))

    assert "18 degrees in Lisbon" in asyncio.run(run())


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize"])
def test_a_query_engine_answers_from_what_it_found(mode: Any) -> None:
    documents = [
        Document(text="One US dollar buys 2,000,000 credits."),
        Document(text="Cats sleep for most of the day."),
    ]
    index = VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=4))
    engine = index.as_query_engine(llm=AIMLAPI(model=MODELS[0]), similarity_top_k=2, response_mode=mode)
    assert "2,000,000 credits" in str(engine.query("How many credits does one dollar buy?"))


def test_an_answer_in_the_shape_of_a_class() -> None:
    class Person(BaseModel):
        """A person."""

        name: str
        age: int

    answer = AIMLAPI(model=MODELS[0]).as_structured_llm(Person).complete("Ada is 36 years old.")
    assert isinstance(answer.raw, Person)
    assert answer.raw.age == 36
