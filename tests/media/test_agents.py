"""Agents of both frameworks make pictures, order films and use transcripts; each call goes to the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ImageBlock

from aimlapi_emulator.media import pictures
from aimlapi_emulator.server.run import EmulatorServer
from aimlapi_transport import Client
from aimlapi_transport.media.generations import Generation
from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.tools import AIMLAPIToolkit
from llama_index_aimlapi import AIMLAPI
from llama_index_aimlapi.tools import AIMLAPIToolSpec

SAID = "The ferry leaves at nine."


def only(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


@pytest.fixture
def settings(server: EmulatorServer) -> dict[str, Any]:
    return {"api_key": "any-key", "base_url": server.base_url}


@pytest.fixture
def talk(settings: dict[str, Any]) -> str:
    """The address of a sound."""
    return str(Client(**settings).speech("openai/tts-1", SAID).files[0].url)


class LangChainAgent:
    """An agent that answers one question after the other."""

    def __init__(self, tools: list[BaseTool], settings: dict[str, Any]) -> None:
        self._agent = create_agent(ChatAIMLAPI(model="openai/gpt-4o", **settings), tools)

    async def ask(self, question: str, is_async: bool) -> tuple[ToolMessage, str]:
        """What the tool answered, and then the agent."""
        asked = {"messages": [("user", question)]}
        state = await self._agent.ainvoke(asked) if is_async else self._agent.invoke(asked)  # type: ignore[arg-type]
        *_, called, answer = state["messages"]
        assert isinstance(called, ToolMessage) and isinstance(answer, AIMessage)
        return called, answer.text


class LlamaIndexAgent:
    """An agent that answers one question after the other."""

    def __init__(self, spec: AIMLAPIToolSpec, server: EmulatorServer) -> None:
        llm = AIMLAPI(model="openai/gpt-4o", api_key="any-key", api_base=server.base_url)
        self._agent = FunctionAgent(tools=list(spec.to_tool_list()), llm=llm)

    async def ask(self, question: str) -> tuple[Any, str]:
        """What the tool answered, and then the agent."""
        handler = self._agent.run(question)
        outputs = [event.tool_output async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
        return outputs[-1], str(await handler)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_langchain_agent_makes_a_picture(settings: dict[str, Any], tmp_path: Path, is_async: bool) -> None:
    kit = AIMLAPIToolkit(include=("image",), models={"image": "flux/dev"}, save_to=str(tmp_path), **settings)
    called, answer = await LangChainAgent(kit.get_tools(), settings).ask("Generate an image of a cat.", is_async)
    [path] = only(tmp_path)
    assert pictures.size_of(path.read_bytes()) and str(path) in str(called.content) and str(path) in answer
    assert [block["type"] for block in called.artifact] == ["image"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_langchain_agent_uses_a_transcript(settings: dict[str, Any], talk: str, is_async: bool) -> None:
    tools = AIMLAPIToolkit(include=("transcript",), models={"transcript": "nova-3"}, **settings).get_tools()
    called, answer = await LangChainAgent(tools, settings).ask(f"Transcribe the audio {talk}", is_async)
    assert called.content == SAID and called.artifact == [] and SAID in answer


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_langchain_agent_orders_a_film_and_asks_for_it(settings: dict[str, Any], is_async: bool) -> None:
    tools = AIMLAPIToolkit(include=("video",), wait=False, **settings).get_tools()
    assert [tool.name for tool in tools] == ["submit_video", "generation_status"]
    agent = LangChainAgent(tools, settings)
    called, answer = await agent.ask("Order a short film of a cat.", is_async)
    generation = Generation.from_json(called.artifact[0]["text"])
    assert generation.reference in answer and json.loads(generation.to_json())["operation"] == "video"
    said = [
        (await agent.ask(f"Check the generation status of the reference {generation.reference}", is_async))[0]
        for _ in range(3)
    ]
    assert [message.content.partition(":")[0] for message in said] == [  # type: ignore[union-attr]  # a text
        "Not done yet (queued). Ask again later.",
        "Not done yet (generating). Ask again later.",
        "1 film",
    ]
    assert said[-1].artifact[0]["type"] == "video" and said[-1].artifact[0]["url"].startswith("http")


async def test_a_llama_index_agent_makes_a_picture(
    server: EmulatorServer, settings: dict[str, Any], tmp_path: Path
) -> None:
    spec = AIMLAPIToolSpec(image_model="flux/dev", include=["image"], save_to=str(tmp_path), **settings)
    output, answer = await LlamaIndexAgent(spec, server).ask("Generate an image of a cat.")
    [path] = only(tmp_path)
    assert pictures.size_of(path.read_bytes()) and str(path) in answer
    assert isinstance(output.blocks[1], ImageBlock) and not output.is_error


async def test_a_llama_index_agent_uses_a_transcript(
    server: EmulatorServer, settings: dict[str, Any], talk: str
) -> None:
    spec = AIMLAPIToolSpec(transcript_model="nova-3", include=["transcript"], **settings)
    output, answer = await LlamaIndexAgent(spec, server).ask(f"Transcribe the audio {talk}")
    assert output.content == SAID and SAID in answer


async def test_a_llama_index_agent_orders_a_film_and_asks_for_it(
    server: EmulatorServer, settings: dict[str, Any]
) -> None:
    spec = AIMLAPIToolSpec(include=["video"], wait=False, blocks=[], **settings)  # this LLM takes no films
    agent = LlamaIndexAgent(spec, server)
    ordered, answer = await agent.ask("Order a short film of a cat.")
    reference = ordered.content.rpartition(" ")[2]
    assert reference in answer
    question = f"Check the generation status of the reference {reference}"
    outputs = [(await agent.ask(question))[0] for _ in range(3)]
    assert ["queued" in outputs[0].content, "generating" in outputs[1].content] == [True, True]
    assert outputs[2].content.startswith("1 film: http") and len(outputs[2].blocks) == 1
