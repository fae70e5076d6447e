"""AIMLAPI under /v1/responses: agents, blocks, the provider's tools, and what goes back."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from pydantic import BaseModel

from aimlapi_emulator import EmulatorServer
from llama_index_aimlapi import AIMLAPI

TOOLS = [{"type": "web_search"}, {"type": "code_interpreter"}, {"type": "image_generation"}]
GPT = "openai/gpt-5-pro"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def model(server: EmulatorServer, **settings: Any) -> AIMLAPI:
    return AIMLAPI(**{"model": GPT, "api_base": server.base_url, "api_key": "k", **settings})


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


@pytest.mark.parametrize("name", [GPT, "openai/gpt-5-1-codex", "openai/o3-pro"])
def test_models_served_only_there_just_work(server: EmulatorServer, name: str) -> None:
    llm, before = model(server, model=name), len(server.requests)
    assert llm.complete("hi").text == list(llm.stream_complete("hi"))[-1].text != ""
    assert llm.complete("hi").additional_kwargs["cost_usd"] > 0

    async def asked() -> str:
        return str(await FunctionAgent(tools=[get_weather], llm=llm).run("What is the weather in Paris?"))

    assert "Sunny in Paris" in asyncio.run(asked())
    assert llm.as_structured_llm(Person).complete("Ann is 30 years old").raw == Person(name="Ann", age=30)
    assert {request.path for request in server.requests[before:]} == {"/v1/responses"}


def test_the_provider_s_tools_are_blocks_and_go_back(server: EmulatorServer) -> None:
    llm = model(server, built_in_tools=TOOLS, reasoning_options={"summary": "auto"})
    whole, streamed = llm.chat([user("What is 6 * 7?")]), list(llm.stream_chat([user("What is 6 * 7?")]))
    for message in (whole.message, streamed[-1].message):
        assert [type(block) for block in message.blocks] == [ThinkingBlock, TextBlock, CitationBlock, ImageBlock]
        built_in = message.additional_kwargs["built_in_tool_calls"]
        assert [item["type"] for item in built_in] == [
            *("web_search_call", "code_interpreter_call", "image_generation_call"),
        ]
        assert message.blocks[0].additional_information["type"] == "reasoning"  # type: ignore[union-attr]
    shown = [piece.additional_kwargs.get("built_in_tool_calls") for piece in streamed[:-1]]
    assert [items[0]["type"] for items in shown if items] == [item["type"] for item in built_in]
    sent = []
    stored = ChatMessage.model_validate_json(whole.message.model_dump_json())
    for message in (whole.message, streamed[-1].message, stored, pickle.loads(pickle.dumps(whole.message))):
        llm.chat([user("What is 6 * 7?"), message, user("Sure?")])
        sent.append(server.requests[-1].json["input"])
    assert [item.get("type") for item in sent[0]] == [
        *(None, "reasoning", "web_search_call", "code_interpreter_call", "image_generation_call", None, None),
    ]
    assert sent[1:] == sent[:1] * 3


def test_calls_go_back_by_their_ids(server: EmulatorServer) -> None:
    from llama_index.core.tools import FunctionTool

    llm = model(server)
    tools = [FunctionTool.from_defaults(get_weather)]
    response = llm.chat_with_tools(tools, "What is the weather in Paris?")
    (call,) = llm.get_tool_calls_from_response(response)
    assert call.tool_kwargs == {"city": "Paris"}
    (block,) = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    result = ChatMessage(role="tool", content="Sunny", additional_kwargs={"tool_call_id": block.tool_call_id})
    answer = llm.chat_with_tools(tools, chat_history=[user("What is the weather in Paris?"), response.message, result])
    assert "Sunny" in (answer.message.content or "")
    kinds = [item.get("type") for item in server.requests[-1].json["input"]]
    assert kinds[-2:] == ["function_call", "function_call_output"]


def test_an_instance_continues_its_last_response(server: EmulatorServer) -> None:
    llm = model(server, track_previous_responses=True)
    first = llm.complete("My name is Ann.")
    llm.complete("Who am I?")
    body = server.requests[-1].json
    assert (body["previous_response_id"], body["store"]) == (first.additional_kwargs["id"], True)
    assert body["input"] == [{"role": "user", "content": "Who am I?"}]
    answer = llm.chat([user("Hi")])
    llm.chat([user("Hi"), answer.message, user("And?")])
    body = server.requests[-1].json
    assert (body["previous_response_id"], len(body["input"])) == (answer.message.additional_kwargs["response_id"], 1)


def test_names_of_openai_responses_have_their_meaning(server: EmulatorServer) -> None:
    llm = model(
        server,
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=50,
        reasoning_options={"effort": "low"},
        include=["code_interpreter_call.outputs"],
        instructions="Be brief.",
        store=True,
        truncation="auto",
        user="ann",
        call_metadata={"a": "b"},
        built_in_tools=[{"type": "web_search"}],
    )
    llm.complete("hi")
    body = server.requests[-1].json
    assert {name: body[name] for name in body if name not in ("model", "input")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "include": ["code_interpreter_call.outputs"],
        "instructions": "Be brief.",
        "store": True,
        "truncation": "auto",
        "user": "ann",
        "metadata": {"a": "b"},
        "tools": [{"type": "web_search"}],
    }
