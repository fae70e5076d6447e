"""What is recorded from the emulator, because nobody ever published it: tools, limits, choices, errors.

`REQUESTS` are single requests, replayed through both integrations. `LOOPS` are conversations of two requests that
call a tool: each integration holds its own recording, as each writes an earlier reply back in its own words.
To record another one, add a row and run `make record-emulated`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from cassette_files import Cassette
from cassette_recorder import record

Json = dict[str, Any]
KEY = "emulated-key"


def _tool(name: str, description: str, parameter: str) -> Json:
    schema = {"type": "object", "properties": {parameter: {"type": "string"}}, "required": [parameter]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


WEATHER = _tool("get_weather", "The weather in a city", "city")
ONE = "What is the weather in Paris?"
TWO = "What is the weather in Paris and in Rome?"


def _asks(model: str, question: str, **parameters: Any) -> Json:
    return {"model": model, "messages": [{"role": "user", "content": question}], **parameters}


SEA = "How deep is the sea?"
REQUESTS: dict[str, Json] = {
    "finish-length": _asks("openai/gpt-4o", SEA, max_tokens=3),
    "finish-length-streamed": _asks("anthropic/claude-sonnet-4.5", SEA, max_tokens=3, stream=True),
    "two-choices": _asks("openai/gpt-4o", SEA, n=2),
    "logprobs": _asks("openai/gpt-4o", SEA, logprobs=True, top_logprobs=2, max_tokens=3),
    "logprobs-streamed": _asks("openai/gpt-4o", SEA, logprobs=True, top_logprobs=2, max_tokens=3, stream=True),
    "done-and-cost-streamed": _asks("deepseek/deepseek-r1", SEA, stream=True, stream_options={"include_usage": True}),
    "think-streamed": _asks("minimax/m2", SEA, stream=True),
    "parallel-tool-calls": _asks("openai/gpt-4o", TWO, tools=[WEATHER]),
    "parallel-tool-calls-streamed": _asks("openai/gpt-4o", TWO, tools=[WEATHER], stream=True),
    "parallel-tool-calls-streamed-claude": _asks("anthropic/claude-sonnet-4.5", TWO, tools=[WEATHER], stream=True),
    "error-400": _asks("openai/gpt-4o", SEA),
    "error-401": _asks("openai/gpt-4o", SEA),
    "error-403": _asks("openai/gpt-4o", SEA),
    "error-404": _asks("openai/no-such-model", SEA),
    "error-429": _asks("openai/gpt-4o", SEA),
    "error-in-stream": _asks("openai/gpt-4o", SEA, stream=True),
    "end-missing-streamed": _asks("openai/gpt-4o", SEA, stream=True),
}
# Of /v1/responses, which these models are served under, and under nothing else.
RESPONSES: dict[str, Json] = {
    "responses-text": _asks("openai/gpt-5-pro", SEA, reasoning={"summary": "auto"}),
    "responses-text-streamed": _asks("openai/gpt-5-pro", SEA, reasoning={"summary": "auto"}, stream=True),
    "responses-calls": _asks("openai/gpt-5-1-codex", TWO, tools=[WEATHER]),
    "responses-calls-streamed": _asks("openai/gpt-5-1-codex", TWO, tools=[WEATHER], stream=True),
    "responses-search": _asks("openai/gpt-5-pro", SEA, tools=[{"type": "web_search"}]),
    "responses-search-streamed": _asks("openai/gpt-5-pro", SEA, tools=[{"type": "web_search"}], stream=True),
    "responses-cut-streamed": _asks("openai/gpt-5-pro", SEA, max_tokens=16, stream=True),
}
# Asked of the emulator by a header, so that the body is one the provider would get.
FAULTS = {
    "error-400": "fault-400",
    "error-401": "fault-401",
    "error-403": "fault-403",
    "error-429": "fault-429-always",
    "error-in-stream": "fault-sse-error-event",
    "end-missing-streamed": "fault-eof-no-finish",
}

LOOP_MODELS = {
    "gpt-4o": "openai/gpt-4o",
    "claude": "anthropic/claude-sonnet-4.5",
    "gemini": "google/gemini-3-1-pro-preview",
    "glm": "zhipu/glm-5",
    "minimax": "minimax/m2",
    "nemotron": "nvidia/nemotron-3-nano-30b-a3b",
}
RESULT = "It is 18 degrees in Paris and the sky is clear."


def langchain_model(model: str, **settings: Any) -> Any:
    """ChatAIMLAPI with the tool bound."""
    from langchain_aimlapi import ChatAIMLAPI

    return ChatAIMLAPI(model=model, **settings).bind_tools([WEATHER])


def langchain_messages(reply: Any = None) -> list[Any]:
    """The question; or, once the model replied, the question, the reply and the tool's result."""
    from langchain_core.messages import HumanMessage, ToolMessage

    if reply is None:
        return [HumanMessage(ONE)]
    return [HumanMessage(ONE), reply, ToolMessage(RESULT, tool_call_id=reply.tool_calls[0]["id"])]


def llama_index_model(model: str, **settings: Any) -> Any:
    """AIMLAPI with the tool among its settings."""
    from llama_index_aimlapi import AIMLAPI

    return AIMLAPI(model=model, additional_kwargs={"tools": [WEATHER]}, **settings)


def llama_index_messages(reply: Any = None) -> list[Any]:
    """The question; or, once the model replied, the question, the reply and the tool's result."""
    from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock

    question = ChatMessage(role="user", content=ONE)
    if reply is None:
        return [question]
    (call,) = [block for block in reply.message.blocks if isinstance(block, ToolCallBlock)]
    result = ChatMessage(role="tool", content=RESULT, additional_kwargs={"tool_call_id": call.tool_call_id})
    return [question, reply.message, result]


def _langchain_loop(base_url: str, model: str, stream: bool) -> None:
    bound = langchain_model(model, base_url=base_url, api_key=KEY)
    reply = None
    for _ in range(2):
        messages = langchain_messages(reply)
        reply = _sum(bound.stream(messages)) if stream else bound.invoke(messages)


def _llama_index_loop(base_url: str, model: str, stream: bool) -> None:
    llm = llama_index_model(model, api_base=base_url, api_key=KEY)
    reply = None
    for _ in range(2):
        messages = llama_index_messages(reply)
        reply = list(llm.stream_chat(messages))[-1] if stream else llm.chat(messages)


def _sum(chunks: Iterator[Any]) -> Any:
    whole = next(chunks)
    for chunk in chunks:
        whole = whole + chunk
    return whole


SUITE = "langchain/standard-suites"

LOOPS: dict[str, tuple[Callable[[str, str, bool], None], str, bool]] = {
    f"{framework}/tool-loop-{name}{'-streamed' * stream}": (loop, model, stream)
    for framework, loop in (("langchain", _langchain_loop), ("llama_index", _llama_index_loop))
    for name, model in LOOP_MODELS.items()
    for stream in (False, True)
}


def emulated(name: str) -> Cassette:
    """The cassette of a row."""
    return Cassette(f"emulated/{name}")


def loops(framework: str, *, stream: bool) -> list[Cassette]:
    """The cassettes of one integration's conversations."""
    return [emulated(name) for name, row in LOOPS.items() if name.startswith(framework) and row[2] is stream]


def record_programs(into: Path, only: str = "*") -> int:
    """Records every row whose name fits, from an emulator of its own; removes what no row names. 0 when done."""
    from aimlapi_emulator import emulator

    names = [name for name in (*REQUESTS, *RESPONSES, *LOOPS, SUITE) if fnmatch(name, only)]
    source = {"kind": "emulated", "recorded_from": "aimlapi_emulator"}
    for name in names:
        with (
            emulator() as server,
            record(
                into / f"{name}.yaml",
                {**source, "program": name},
                base_url=server.base_url,
                secrets=[KEY],
                once=name == SUITE,
            ),
        ):
            if name == SUITE:
                _run_suite(server.base_url)
            elif name in LOOPS:
                loop, model, stream = LOOPS[name]
                loop(server.base_url, model, stream)
            else:
                _ask(server.base_url, name)
    stale = {*into.rglob("*.yaml")} - {into / f"{name}.yaml" for name in (*REQUESTS, *RESPONSES, *LOOPS, SUITE)}
    for path in stale:
        path.unlink()
    print(f"{len(names)} emulated cassettes recorded, {len(stale)} removed")
    return 0


def _run_suite(base_url: str) -> None:
    """Runs LangChain's standard suites in this process, where the recorder listens."""
    import pytest

    os.environ["RECORD_SUITE_AT"] = base_url
    try:
        suite = str(Path(__file__).with_name("test_langchain_suite.py"))
        status = pytest.main([suite, "-q", "-k", "not recorded_whole", "-p", "no:cacheprovider", "--benchmark-disable"])
    finally:
        del os.environ["RECORD_SUITE_AT"]
    if status != 0:
        raise SystemExit("The standard suites failed: nothing was recorded.")


def _ask(base_url: str, name: str) -> None:
    """One request, whatever its answer."""
    from aimlapi_transport import AIMLAPIError, Client

    body = dict({**REQUESTS, **RESPONSES}[name])
    model, messages, stream = body.pop("model"), body.pop("messages"), body.pop("stream", False)
    headers = {"x-emulator-fault": FAULTS[name]} if name in FAULTS else {}
    client = Client(base_url=base_url, api_key=KEY, max_retries=0, headers=headers)
    request = client.request(model, messages, parameters=body, stream=stream)
    with suppress(AIMLAPIError):
        if stream:
            list(client.stream(request))
        else:
            client.complete(request)
