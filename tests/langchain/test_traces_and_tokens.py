"""What traces show, how tokens are counted, what `stream_usage=False` does, and models by LangChain's words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, trim_messages
from langchain_core.runnables import ConfigurableField
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from aimlapi_emulator import EmulatorServer
from aimlapi_transport.token_estimate import estimated_tokens
from langchain_aimlapi import ChatAIMLAPI, init_chat_model
from langchain_aimlapi.errors import InvalidRequestError
from llama_index_aimlapi import AIMLAPI


class Tracer(BaseTracer):
    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.runs.append(run)


def model(server: EmulatorServer, **settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(**{"model": "openai/gpt-4o", "base_url": server.base_url, "api_key": "k", **settings})


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize(
    ("settings", "call", "shown"),
    [
        ({"stop": ["END"]}, {}, ["END"]),
        ({"stop": "END"}, {}, ["END"]),
        ({"stop_sequences": ["END"]}, {}, ["END"]),
        ({"model_kwargs": {"stop_sequences": ["END"]}}, {}, ["END"]),
        ({"stop": ["END"]}, {"stop": ["STOP"]}, ["STOP"]),
        ({"stop": ["END"]}, {"stop_sequences": ["STOP"]}, ["STOP"]),
        ({}, {}, None),
    ],
)
def test_a_trace_shows_the_stop_sequences_that_are_set(
    server: EmulatorServer, way: str, settings: dict[str, Any], call: dict[str, Any], shown: Any
) -> None:
    tracer = Tracer()
    config: Any = {"callbacks": [tracer]}
    llm = model(server, **settings)

    async def stream() -> None:
        async for _ in llm.astream("Hi", config, **call):
            pass

    if way == "invoke":
        llm.invoke("Hi", config, **call)
    elif way == "stream":
        list(llm.stream("Hi", config, **call))
    elif way == "ainvoke":
        asyncio.run(llm.ainvoke("Hi", config, **call))
    else:
        asyncio.run(stream())
    (run,) = tracer.runs
    assert run.extra["invocation_params"]["stop"] == shown
    assert run.extra["metadata"].get("ls_stop") == shown


def test_llama_index_shows_them_to_observers() -> None:
    assert AIMLAPI("some/model", additional_kwargs={"stop": "END"}).to_payload()["stop"] == ["END"]
    assert "stop" not in AIMLAPI("some/model").to_payload()


# -- tokens --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("x" * 9, 3, 3),
        ("これは日本語の文章です。", 12, 12),
        ("한국어 문장", 5, 7),
        ("Привет, мир", 6, 9),
        ("👋🏽", 2, 4),
        ("mixed 漢字 text", 4, 6),
    ],
)
def test_a_cjk_character_is_at_least_a_token(text: str, least: int, most: int) -> None:
    assert least <= estimated_tokens(text) <= most
    assert ChatAIMLAPI(model="some/model").get_num_tokens(text) == estimated_tokens(text)
    assert estimated_tokens("half \ud83d") >= 2


def test_messages_are_counted_as_their_texts_are() -> None:
    llm = ChatAIMLAPI(model="some/model")
    text = "これは日本語の文章です。" * 10
    assert llm.get_num_tokens_from_messages([HumanMessage(text)]) >= len(text)
    history = [HumanMessage(text), AIMessage(text), HumanMessage(text)]
    kept = trim_messages(history, max_tokens=len(text) + 20, token_counter=llm, strategy="last")
    assert len(kept) == 1


def test_a_tokenizer_of_yours_counts() -> None:
    llm = ChatAIMLAPI(model="some/model", custom_get_token_ids=lambda text: [ord(letter) for letter in text])
    assert llm.get_token_ids("ab") == [97, 98] and llm.get_num_tokens("ab") == 2
    with pytest.raises(NotImplementedError, match="`custom_get_token_ids`"):
        ChatAIMLAPI(model="some/model").get_token_ids("ab")


# -- counts of streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["set", "call"])
def test_a_stream_is_not_asked_for_its_counts(server: EmulatorServer, where: str) -> None:
    """Nor are there any, where the host sends none unasked; under /v1/responses they always come. The price stays."""
    settings, call = ({"stream_usage": False}, {}) if where == "set" else ({}, {"stream_usage": False})
    llm = model(server, **settings)
    other = AIMLAPI("openai/gpt-4o", api_base=server.base_url, api_key="k", **settings)

    async def stream() -> None:
        async for _ in llm.astream("Hi", **call):
            pass
        async for _ in await other.astream_complete("Hi", **call):
            pass

    list(llm.stream("Hi", **call))
    list(other.stream_complete("Hi", **call))
    asyncio.run(stream())
    bodies: list[Any] = [request.json for request in server.requests[-4:]]
    assert not any("stream_options" in body or "stream_usage" in body for body in bodies)
    list(model(server).stream("Hi"))
    list(other.stream_complete("Hi", stream_usage=True))
    asked: list[Any] = [request.json for request in server.requests[-2:]]
    assert [body["stream_options"] for body in asked] == [{"include_usage": True}] * 2


# -- models by LangChain's words -----------------------------------------------------------------------------------------


def test_init_chat_model_makes_a_model() -> None:
    made = init_chat_model("aimlapi:openai/gpt-4o", temperature=0.5)
    assert made == ChatAIMLAPI(model="openai/gpt-4o", temperature=0.5)
    assert init_chat_model("openai/gpt-4o", model_provider="aimlapi") == ChatAIMLAPI(model="openai/gpt-4o")
    with pytest.raises(InvalidRequestError, match=r"langchain\.chat_models\.init_chat_model"):
        init_chat_model("gpt-4o", model_provider="openai")
    with pytest.raises(InvalidRequestError, match="'temprature', which is not a setting"):
        init_chat_model("openai/gpt-4o", configurable_fields=("temprature",))


@pytest.mark.parametrize(
    ("fields", "prefix", "config"),
    [
        (("model", "temperature"), None, {"model": "deepseek/deepseek-chat", "temperature": 0.1}),
        (("model", "temperature"), "first", {"first_model": "deepseek/deepseek-chat", "first_temperature": 0.1}),
        ("any", "first_", {"first_model": "deepseek/deepseek-chat", "first_temperature": 0.1}),
    ],
)
def test_a_config_names_the_model(server: EmulatorServer, fields: Any, prefix: Any, config: Any) -> None:
    made = init_chat_model(
        "openai/gpt-4o", configurable_fields=fields, config_prefix=prefix, base_url=server.base_url, api_key="k"
    )
    made.invoke("Hi", {"configurable": config})
    made.invoke("Hi")
    bodies: list[Any] = [request.json for request in server.requests[-2:]]
    assert [(body["model"], body.get("temperature")) for body in bodies] == [
        ("deepseek/deepseek-chat", 0.1),
        ("openai/gpt-4o", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({}, "model"),
        ({"configurable_fields": ("model",)}, "model"),
        ({"configurable_fields": "any", "config_prefix": "first"}, "first_model"),
    ],
)
def test_a_config_names_the_model_of_one_made_without(server: EmulatorServer, arguments: Any, key: str) -> None:
    """As LangChain's own `init_chat_model`: it is made without, and each call needs one."""
    made = init_chat_model(**arguments, base_url=server.base_url, api_key="k")
    before = len(server.requests)
    with pytest.raises(InvalidRequestError, match=f"No model: pass its id in the config.*{key}"):
        made.invoke("Hi", {"configurable": {"other": 1}})
    config: Any = {"configurable": {key: "aimlapi:deepseek/deepseek-chat"}}

    async def streamed() -> str:
        return "".join([str(chunk.content) async for chunk in made.astream("Hi", config)])

    assert made.invoke("Hi", config).content and asyncio.run(streamed())
    assert made.with_config(config).batch(["Hi", "Hi"])
    assert [request.json["model"] for request in server.requests[before:]] == ["deepseek/deepseek-chat"] * 4  # type: ignore[index]


def test_a_configured_model_is_the_one_that_tools_and_schemas_are_bound_to(server: EmulatorServer) -> None:
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    for made in (
        init_chat_model(base_url=server.base_url, api_key="k"),
        init_chat_model("openai/gpt-4o", configurable_fields=("model",), base_url=server.base_url, api_key="k"),
    ):
        config: Any = {"configurable": {"model": "anthropic/claude-sonnet-4.5"}}
        schema = {"title": "Sum", "type": "object", "properties": {"sum": {"type": "integer"}}}
        made.bind_tools([add]).invoke("Hi", config)
        made.with_structured_output(schema).with_config(config).invoke("Hi")
        sent: list[Any] = [request.json for request in server.requests[-2:]]
        assert [body["model"] for body in sent] == ["anthropic/claude-sonnet-4.5"] * 2
        assert sent[0]["tools"][0]["function"]["name"] == "add"
        assert "response_format" in sent[1] or "tools" in sent[1]


def test_configurable_fields_without_the_model_need_one() -> None:
    with pytest.raises(InvalidRequestError, match="`model` is missing"):
        init_chat_model(configurable_fields=("temperature",))


def test_configurable_fields_take_the_models_name(server: EmulatorServer) -> None:
    made: Any = model(server).configurable_fields(model=ConfigurableField(id="model"))
    message = made.invoke("Hi", {"configurable": {"model": "deepseek/deepseek-chat"}})
    assert message.response_metadata["model_name"] == "deepseek/deepseek-chat-v3-0324"
