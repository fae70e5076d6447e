"""Whole programs, as written for other chat models: agents with middleware, chains, graphs, batches, events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core import exceptions as core
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

from aimlapi_transport import AIMLAPIError
from aimlapi_transport.client import UnlistedParameterWarning
from langchain_aimlapi import ChatAIMLAPI, errors
from tests.langchain.host import Host, call, whole

MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-4.5", "alibaba/qwen3-32b", "minimax/m2", "deepseek/deepseek-v4-pro"]

pytestmark = pytest.mark.usefixtures("on_the_emulator")


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


def programs() -> Any:
    """Whatever class is asked for: the programs are as written for ChatOpenAI, only its name differs."""
    return ChatAIMLAPI(model=MODELS[0], temperature=0, max_tokens=200)


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


STRUCTURED = {"city": "Oslo", "degrees": 18}


@pytest.mark.parametrize("strategy", [ProviderStrategy(Weather), ToolStrategy(Weather), Weather])
def test_an_agent_answers_in_a_shape(strategy: Any) -> None:
    agent: Any = create_agent(programs(), [get_weather], response_format=strategy)
    state = agent.invoke({"messages": [("user", "What is the weather in Oslo?")]})
    assert isinstance(state["structured_response"], Weather)
    assert state["structured_response"].city.startswith("Oslo")


def test_a_forced_call_is_the_models_choice_where_the_host_takes_no_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks, an agent or the user: with one warning, or an error where parameters are strict."""
    monkeypatch.setattr("aimlapi_transport.user_warnings._warned", set())
    wanted = call(0, "a", "Weather", '{"city": "Oslo", "degrees": 18}')
    host = Host(whole({"content": None, "tool_calls": [wanted]}, "tool_calls"))
    glm = host.model(model="glm-4.6", preset="powertokens")
    agent: Any = create_agent(glm, [get_weather], response_format=ToolStrategy(Weather))
    with pytest.warns(UnlistedParameterWarning, match="'required' is sent as 'auto'") as told:
        assert agent.invoke({"messages": [("user", "Oslo?")]})["structured_response"] == Weather(**STRUCTURED)
        glm.bind_tools([get_weather], tool_choice="any").invoke("Oslo?")
    assert len(told) == 1
    assert [body["tool_choice"] for body in host.bodies] == ["auto", "auto"]
    other = host.model(model="qwen3-max", preset="powertokens")
    agent = create_agent(other, [get_weather], response_format=ToolStrategy(Weather))
    agent.invoke({"messages": [("user", "Oslo?")]})
    assert host.bodies[2]["tool_choice"] == "required"
    strict = host.model(model="glm-4.6", preset="powertokens", strict_parameters=True)
    with pytest.raises(errors.InvalidRequestError, match="PowerTokens does not accept `tool_choice`"):
        strict.bind_tools([get_weather], tool_choice="any").invoke("Oslo?")


@pytest.mark.parametrize(
    ("status", "message", "requests"),
    [(503, "busy", 2), (400, "no", 1), (402, "no", 1), (413, "no", 1), (429, "quota", 1)],
)
def test_the_retry_middleware_retries_what_may_pass(status: int, message: str, requests: int) -> None:
    host = Host({"message": message}, status=status)
    retry = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False, on_failure="error")
    agent: Any = create_agent(host.model(max_retries=0), [get_weather], middleware=[retry])
    with pytest.raises(AIMLAPIError):
        agent.invoke({"messages": [("user", "Hi")]})
    assert len(host.bodies) == requests


def test_the_summarization_middleware_trusts_our_counts() -> None:
    host = Host(whole({"content": "short"}))
    middleware = SummarizationMiddleware(model=host.model(), trigger=("messages", 3), keep=("messages", 1))
    agent: Any = create_agent(host.model(), [], middleware=[middleware])
    history = [("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four"), ("user", "five")]
    state = agent.invoke({"messages": history})
    assert len(host.bodies) == 2  # the summary, then the answer
    assert "short" in str(host.bodies[1]["messages"][0]["content"])
    assert state["messages"][-1].content == "short"


def test_a_chain_with_fallbacks_retries_and_alternatives() -> None:
    wrong = ChatAIMLAPI(model="no/such", max_retries=0)
    prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")])
    chain = prompt | wrong.with_retry(stop_after_attempt=1).with_fallbacks([programs()]) | StrOutputParser()
    text = chain.invoke({"question": "Hello"})
    assert text and "".join(chain.stream({"question": "Hello"})) == text
    choice = programs().configurable_alternatives(
        ConfigurableField(id="which"), default_key="big", small=ChatAIMLAPI(model="gpt-4o-mini")
    )
    served = [
        choice.with_config(configurable={"which": w}).invoke("Hi").response_metadata["model_name"]
        for w in ("big", "small")
    ]
    assert ["mini" in name for name in served] == [False, True]


def test_batches_events_graphs_and_tools_of_runnables() -> None:
    model = programs()
    assert sorted(i for i, _ in model.batch_as_completed(["a", "b", "c"])) == [0, 1, 2]

    async def names() -> list[str]:
        return [event["event"] async for event in (model | StrOutputParser()).astream_events("Hi", version="v2")]

    told = asyncio.run(names())
    assert told.count("on_chat_model_start") == told.count("on_chat_model_end") == 1
    assert told.count("on_chat_model_stream") > 1

    graph: Any = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "model")
    graph = graph.compile()
    question = {"messages": [("user", "Hello")]}
    parts = [chunk.content for chunk, _ in graph.stream(question, stream_mode="messages")]
    assert len(parts) > 1
    assert "".join(parts) == graph.invoke(question)["messages"][-1].content


def test_limits_of_rate_and_of_history_need_no_network() -> None:
    limited = ChatAIMLAPI(
        model=MODELS[0], rate_limiter=InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001)
    )
    assert limited.invoke("Hi").content
    history = [SystemMessage("s"), HumanMessage("one " * 50), AIMessage("two " * 50), HumanMessage("three")]
    kept = trim_messages(history, max_tokens=40, token_counter=programs(), strategy="last", include_system=True)
    assert [message.type for message in kept] == ["system", "human"]


def test_whether_an_answer_is_streamed() -> None:
    def pieces(**settings: Any) -> int:
        return len(list(ChatAIMLAPI(model=MODELS[0], **settings).stream("Hello")))

    assert pieces() > 2
    assert pieces(streaming=True) > 2
    assert pieces(disable_streaming=True) == pieces(streaming=False) == 1
    assert ChatAIMLAPI(model=MODELS[0], streaming=True).invoke("Hello").content == programs().invoke("Hello").content
    several = ChatAIMLAPI(model=MODELS[0], n=2).generate([[HumanMessage("Hello")]])
    assert len(several.generations[0]) == 2


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize(
    ("fault", "status", "theirs"),
    [
        ("fault-401", 401, core.ModelAuthenticationError),
        ("fault-context-length", 400, core.ContextOverflowError),
        ("fault-503-always", 503, core.ModelAPIError),
        ("fault-sse-error-event", None, core.ModelAPIError),
    ],
)
def test_a_tracer_is_told_the_refused_reply(fault: str, status: int | None, theirs: Any, how: str) -> None:
    class Tracer(BaseCallbackHandler):
        told: Any = None

        def on_llm_error(self, error: BaseException, *, response: Any = None, **_: Any) -> None:
            self.told = (error, response)

    async def astream(model: ChatAIMLAPI, config: Any) -> None:
        async for _ in model.astream("Hi", config):
            pass

    if fault == "fault-sse-error-event" and "stream" not in how:
        pytest.skip("it spoils streams only")
    tracer = Tracer()
    model, config = ChatAIMLAPI(model=fault, max_retries=0), {"callbacks": [tracer]}
    with pytest.raises(theirs) as caught:
        if how == "invoke":
            model.invoke("Hi", config)
        elif how == "ainvoke":
            asyncio.run(model.ainvoke("Hi", config))
        elif how == "stream":
            list(model.stream("Hi", config))
        else:
            asyncio.run(astream(model, config))
    error, response = tracer.told
    assert error is caught.value
    *_, last = response.generations  # what had arrived comes first
    metadata = (last[-1] if isinstance(last, list) else last).message.response_metadata
    assert metadata["request_id"] == error.request_id
    assert metadata["status_code"] == status
    assert metadata["headers"]["x-inference-id"]
    assert metadata["body"]
