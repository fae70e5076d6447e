"""ChatAIMLAPI under /v1/responses: agents, blocks in every form, the provider's tools, and conversations that move."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.load import dumpd, load
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.tools import tool
from pydantic import BaseModel

from aimlapi_emulator import EmulatorServer
from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError

ONLY_THERE = (
    *("openai/gpt-5-1-codex", "openai/gpt-5-1-codex-mini", "openai/gpt-5-2-codex", "openai/gpt-5-3-codex"),
    *("openai/gpt-5-2-pro", "openai/gpt-5-4", "openai/gpt-5-4-pro", "openai/gpt-5-5-pro", "openai/gpt-5-pro"),
    "openai/o3-pro",
)
GPT, CHAT = "openai/gpt-5-pro", "openai/gpt-4o"
TOOLS: list[Any] = [
    {"type": "web_search"},
    {"type": "file_search", "vector_store_ids": ["v"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "image_generation"},
    {"type": "mcp", "server_label": "s", "server_url": "https://s.example", "require_approval": "never"},
]
QUESTION = "What is the capital of France?"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}"


def model(server: EmulatorServer, **settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(**{"model": GPT, "base_url": server.base_url, "api_key": "k", **settings})


def joined(chunks: Any) -> Any:
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


def plain(blocks: Any) -> list[dict[str, Any]]:
    """Blocks without the index that joins the pieces of a stream."""
    return [{name: value for name, value in block.items() if name != "index"} for block in blocks]


@pytest.mark.parametrize("name", ONLY_THERE)
def test_models_served_only_there_just_work(server: EmulatorServer, name: str) -> None:
    llm, before = model(server, model=name), len(server.requests)
    answer = llm.invoke("hi")
    assert answer.content == joined(llm.stream("hi")).content != ""
    assert answer.usage_metadata and answer.response_metadata["cost_usd"] > 0
    agent = create_agent(llm, [get_weather])
    messages = agent.invoke({"messages": [HumanMessage("What is the weather in Paris?")]})["messages"]
    assert [type(message).__name__ for message in messages] == [
        "HumanMessage",
        "AIMessage",
        "ToolMessage",
        "AIMessage",
    ]
    assert "Sunny in Paris" in messages[-1].content
    assert llm.with_structured_output(Person).invoke("Ann is 30 years old") == Person(name="Ann", age=30)
    assert {request.path for request in server.requests[before:]} == {"/v1/responses"}


def test_the_provider_s_tools_are_blocks_in_every_form(server: EmulatorServer) -> None:
    settings: dict[str, Any] = {"reasoning": {"summary": "auto"}}
    llm = model(server, **settings).bind_tools(TOOLS)
    whole = llm.invoke(QUESTION)
    assert isinstance(whole.content, str)
    blocks = plain(whole.content_blocks)
    assert [(block["type"], block.get("name")) for block in blocks] == [
        ("reasoning", None),
        ("server_tool_call", "web_search"),
        ("server_tool_result", None),
        ("server_tool_call", "file_search"),
        ("server_tool_result", None),
        ("server_tool_call", "code_interpreter"),
        ("server_tool_result", None),
        ("image", None),
        ("server_tool_call", "mcp_list_tools"),
        ("server_tool_result", None),
        ("server_tool_call", "ask"),
        ("server_tool_result", None),
        ("text", None),
    ]
    assert blocks[0]["extras"]["encrypted_content"] and blocks[0]["id"].startswith("rs_")
    assert blocks[-1]["annotations"][0]["type"] == "citation"
    assert plain(joined(llm.stream(QUESTION)).content_blocks) == blocks
    one = model(server, output_version="v1", **settings).bind_tools(TOOLS)
    assert plain(one.invoke(QUESTION).content) == blocks
    assert plain(joined(one.stream(QUESTION)).content) == blocks
    third = model(server, **settings).stream_events(QUESTION, version="v3", tools=TOOLS)
    for _ in third:
        pass
    assert plain(third.output.content) == blocks

    async def asynchronously() -> Any:
        return joined([chunk async for chunk in llm.astream(QUESTION)]), await llm.ainvoke(QUESTION)

    for message in asyncio.run(asynchronously()):
        assert plain(message.content_blocks) == blocks


def trips(message: AIMessage) -> list[BaseMessage]:
    """The message, and what is left of it after each way to store it."""
    return [
        message,
        *messages_from_dict(json.loads(json.dumps([message_to_dict(message)]))),
        pickle.loads(pickle.dumps(message)),
        load(dumpd(message), allowed_objects="core"),
    ]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("form", ["whole", "stream", "v1", "v1 stream", "v3"])
def test_what_came_goes_back_from_every_form_and_store(server: EmulatorServer, form: str) -> None:
    llm = model(server, output_version="v1" if form.startswith("v1") else None, reasoning={"summary": "auto"})
    bound = llm.bind_tools(TOOLS)
    if form == "v3":
        events = llm.stream_events(QUESTION, version="v3", tools=TOOLS)
        for _ in events:
            pass
        answer = events.output
    else:
        answer = joined(bound.stream(QUESTION)) if "stream" in form else bound.invoke(QUESTION)
    sent = []
    for message in trips(answer):
        bound.invoke([HumanMessage(QUESTION), message, HumanMessage("And of Spain?")])
        sent.append(server.requests[-1].json["input"])
    assert [item.get("type") for item in sent[0]] == [
        *(None, "reasoning", "web_search_call", "file_search_call", "code_interpreter_call"),
        *("image_generation_call", "mcp_list_tools", "mcp_call", None, None),
    ]
    assert all("id" not in item for item in sent[0])
    assert sent[1:] == sent[:1] * 3


def test_a_conversation_moves_between_endpoints_and_models(server: EmulatorServer) -> None:
    first = model(server).bind_tools([get_weather, {"type": "web_search"}])
    chat = model(server, model=CHAT).bind_tools([get_weather])
    messages: list[BaseMessage] = [HumanMessage("What is the weather in Paris?")]
    answer = first.invoke(messages)
    (call,) = answer.tool_calls
    messages += [answer, ToolMessage("Sunny", tool_call_id=call["id"])]
    assert "Sunny" in chat.invoke(messages).text
    path, body = server.requests[-1].path, server.requests[-1].json
    assert path == "/v1/chat/completions"
    assert body["messages"][1]["tool_calls"][0].keys() == {"id", "type", "function"}
    other = chat.invoke("What is the weather in Rome?")
    messages = [HumanMessage("What is the weather in Rome?"), other]
    messages += [ToolMessage("Rainy", tool_call_id=other.tool_calls[0]["id"])]
    assert "Rainy" in first.invoke(messages).text
    assert server.requests[-1].path == "/v1/responses"


def test_a_summary_or_a_built_in_tool_chooses_the_endpoint(server: EmulatorServer) -> None:
    llm = model(server, model=CHAT)
    llm.invoke("hi")
    llm.bind_tools([{"type": "web_search_preview"}]).invoke("hi")
    llm.invoke("hi", use_responses_api=True)
    llm.bind_tools([{"type": "web_search_preview"}]).invoke("hi", use_responses_api=True, tool_choice="none")
    assert [request.path.rpartition("/v1")[2] for request in server.requests[-4:]] == [
        *("/chat/completions", "/responses", "/responses", "/responses"),
    ]


def test_a_built_in_tool_can_be_chosen_by_its_type(server: EmulatorServer) -> None:
    bound = model(server).bind_tools([get_weather, {"type": "web_search"}], tool_choice="web_search")
    bound.invoke(QUESTION)
    assert server.requests[-1].json["tool_choice"] == {"type": "web_search"}


def test_only_what_is_new_is_sent_and_all_of_it_where_the_provider_forgot(server: EmulatorServer) -> None:
    llm = model(server, use_previous_response_id=True)
    messages: list[BaseMessage] = [HumanMessage("My name is Ann.")]
    messages += [llm.invoke(messages), HumanMessage("Who am I?")]
    llm.invoke(messages)
    assert server.requests[-1].json["input"] == [{"role": "user", "content": "Who am I?"}]
    messages[1].response_metadata["id"] = "forgotten"
    for ask in (llm.invoke, lambda given: joined(llm.stream(given))):
        assert ask(messages).content
        first, second = (request.json for request in server.requests[-2:])
        assert (first["previous_response_id"], len(first["input"])) == ("forgotten", 1)
        assert "previous_response_id" not in second and len(second["input"]) == 3


def test_consent_is_asked_for_and_given(server: EmulatorServer) -> None:
    asking = {**TOOLS[-1], "require_approval": "always"}
    bound = model(server).bind_tools([asking])
    answer = bound.invoke("Ask.")
    (request,) = [b["value"] for b in answer.content_blocks if b["type"] == "non_standard"]
    assert request["type"] == "mcp_approval_request"
    consent = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
    done = bound.invoke([HumanMessage("Ask."), answer, HumanMessage([consent])])
    assert "server_tool_result" in [block["type"] for block in done.content_blocks]


def test_a_custom_tool_is_called_with_free_text(server: EmulatorServer) -> None:
    custom = {"type": "custom", "name": "run", "description": "Runs Python code."}
    bound = model(server).bind_tools([custom], tool_choice="run")
    whole, streamed = bound.invoke("Run print(1)"), joined(bound.stream("Run print(1)"))
    (call,) = whole.tool_calls
    assert call["args"].keys() == {"input"}
    assert streamed.tool_calls == whole.tool_calls
    bound.invoke([HumanMessage("Run print(1)"), streamed, ToolMessage("1", tool_call_id=call["id"])])
    kinds = [item.get("type") for item in server.requests[-1].json["input"]]
    assert kinds[-2:] == ["custom_tool_call", "custom_tool_call_output"]


def test_a_schema_beside_tools_is_kept(server: EmulatorServer) -> None:
    llm = model(server).with_structured_output(
        Person, method="json_schema", include_raw=True, strict=True, tools=[get_weather]
    )
    llm.invoke("Ann is 30 years old")
    body = server.requests[-1].json
    assert body["text"]["format"]["name"] == "Person" and body["text"]["format"]["strict"] is True
    assert [tool_["name"] for tool_ in body["tools"]] == ["get_weather"]


def test_a_cut_answer_is_no_structured_one(server: EmulatorServer) -> None:
    from langchain_core.exceptions import OutputParserException

    llm = model(server, max_tokens=16)
    answer = llm.invoke("Tell me a very long story about the sea, please, and about the moon above it.")
    assert answer.response_metadata["finish_reason"] == "length"
    with pytest.raises(OutputParserException, match="cut at its limit"):
        llm.with_structured_output(Person, method="json_schema").invoke(
            "Somebody with a very, very long name (" + "Ann" * 60 + ") is 30 years old"
        )


def test_a_foreign_item_is_named_before_anything_is_sent(server: EmulatorServer) -> None:
    foreign = AIMessage([{"type": "server_tool_call", "name": "web_search", "id": "x", "args": {}}])
    before = len(server.requests)
    with pytest.raises(InvalidRequestError, match="server_tool_call"):
        model(server).invoke([HumanMessage("hi"), foreign, HumanMessage("hi")])
    assert len(server.requests) == before


def test_a_response_in_the_background_is_waited_for(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from aimlapi_transport.client import Client

    waits: list[float] = []
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "sleep", waits.append)
    seen: list[str | None] = []
    answer = model(server).invoke(
        "hi, in the background", background=True, on_progress=lambda c: seen.append(c.native_finish_reason)
    )
    assert answer.content
    assert seen == ["queued", "in_progress", "in_progress"]
    assert waits == [0.5, 0.75, 1.125]


def test_stop_sequences_end_the_answer(server: EmulatorServer) -> None:
    llm = model(server)
    whole = llm.invoke("hi").text
    assert llm.invoke("hi", stop=["help"]).text == whole.partition("help")[0]
    assert joined(llm.stream("hi", stop=["help"])).text == whole.partition("help")[0]
