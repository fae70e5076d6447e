"""The framework around the LLM: agents, RAG, structured output, observers, and streams left early."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, PromptTemplate, VectorStoreIndex
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from llama_index_aimlapi import AIMLAPI
from tests.llama_index.host import DONE, USAGE, Host, call, chunk, gathered, last, piece, whole

EXTRA = {"google": {"thought_signature": "sig"}}
CALLING = whole(
    None,
    "tool_calls",
    reasoning_content="I should add",
    tool_calls=[call("add", '{"a": 1, "b": 2}', extra_content=EXTRA)],
)
CALLING_STREAM = [
    chunk(reasoning_content="I should "),
    chunk(reasoning_content="add"),
    chunk(tool_calls=[piece('{"a": 1,', "add", id="call_1", extra_content=EXTRA)]),
    chunk("tool_calls", tool_calls=[piece(' "b": 2}')]),
    last(),
    DONE,
]
ANSWERING = whole("It is 3.", reasoning_content="Easy")
ANSWERING_STREAM = [chunk(reasoning_content="Easy"), chunk(content="It is "), chunk("stop", content="3."), last(), DONE]


class Song(BaseModel):
    """A song."""

    title: str
    verses: int = 0


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_calls_a_tool_and_answers(streaming: bool) -> None:
    """Two steps; the second request returns reasoning, signature and result; thinking is streamed."""
    host = Host([CALLING_STREAM, ANSWERING_STREAM] if streaming else [CALLING, ANSWERING])
    agent = FunctionAgent(llm=host.llm("google/gemini-3-pro"), tools=[add], streaming=streaming)
    running = agent.run("What is 1 + 2?")
    events = [event async for event in running.stream_events() if isinstance(event, AgentStream)]
    output = await running
    assert str(output) == "It is 3."
    assert [(c.tool_name, c.tool_kwargs, c.tool_output.content) for c in output.tool_calls] == [
        ("add", {"a": 1, "b": 2}, "3")
    ]
    assert host.bodies[1]["messages"] == [
        {"role": "user", "content": "What is 1 + 2?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [call("add", '{"a": 1, "b": 2}', extra_content=EXTRA)],
            "reasoning_content": "I should add",
        },
        {"role": "tool", "content": "3", "tool_call_id": "call_1"},
    ]
    if streaming:
        assert [event.thinking_delta for event in events if event.thinking_delta] == ["I should ", "add", "Easy"]
        assert "".join(event.delta for event in events) == "It is 3."


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_runs_no_tool_with_half_its_arguments(streaming: bool) -> None:
    ran = []

    def pay(amount: int = 1_000_000) -> str:
        """Pay."""
        ran.append(amount)
        return "paid"

    half = '{"amount": 1'
    stream = [chunk(tool_calls=[piece(half, "pay", id="c1")]), chunk("length"), DONE]
    host = Host([stream if streaming else whole(None, "length", tool_calls=[call("pay", half, "c1")])])
    agent = FunctionAgent(llm=host.llm(), tools=[pay], streaming=streaming)
    with pytest.raises(Exception, match="call of `pay`"):
        await agent.run("Pay 10")
    assert ran == []
    assert len(host.requests) == 1


async def test_an_agents_memory_restored_from_json_keeps_reasoning_and_signatures() -> None:
    host = Host([CALLING_STREAM, ANSWERING_STREAM, ANSWERING_STREAM])
    llm = host.llm("google/gemini-3-pro", replay_reasoning=True)
    agent = FunctionAgent(llm=llm, tools=[add])
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    await agent.run("What is 1 + 2?", memory=memory)
    restored = [ChatMessage.model_validate_json(message.model_dump_json()) for message in memory.get_all()]
    await agent.run("Sure?", memory=ChatMemoryBuffer.from_defaults(chat_history=restored, llm=llm))
    before, after = host.bodies[1]["messages"], host.bodies[2]["messages"]
    assert after[: len(before)] == before
    assert after[len(before) :] == [
        {"role": "assistant", "content": "It is 3.", "reasoning_content": "Easy"},
        {"role": "user", "content": "Sure?"},
    ]


@pytest.mark.parametrize("streaming", [True, False])
async def test_reasoning_alone_is_an_agents_answer(streaming: bool) -> None:
    """Not where it was cut, and not of a plain call: there it stays a thought."""
    events = [chunk(reasoning_content="It is "), chunk(reasoning_content="3."), chunk("stop"), last(), DONE]
    host = Host([events if streaming else whole("", reasoning_content="It is 3.")])
    agent = FunctionAgent(tools=[add], llm=host.llm(), streaming=streaming)
    handler = agent.run("1 + 2?")
    deltas = [event.delta async for event in handler.stream_events() if isinstance(event, AgentStream)]
    output = await handler
    assert str(output) == "It is 3."
    assert [block.block_type for block in output.response.blocks] == ["thinking", "text"]
    assert "".join(deltas) == ("It is 3." if streaming else "")
    cut = Host([whole("", "length", reasoning_content="It is")]).llm()
    assert [
        block.block_type for block in cut.chat_with_tools([FunctionTool.from_defaults(add)], "1 + 2?").message.blocks
    ] == ["thinking"]


async def test_an_agent_gives_its_answer_a_shape() -> None:
    shaped = whole(None, "tool_calls", tool_calls=[call("Song", '{"title": "Moon"}')])
    host = Host([ANSWERING_STREAM, shaped])
    output = await FunctionAgent(llm=host.llm(), tools=[add], output_cls=Song).run("Sing")
    assert output.structured_response == {"title": "Moon", "verses": 0}


async def test_agents_hand_over_to_each_other() -> None:
    handing = [
        chunk("tool_calls", tool_calls=[piece('{"to_agent": "b", "reason": "sums"}', "handoff", id="c1")]),
        DONE,
    ]
    host = Host([handing, CALLING_STREAM, ANSWERING_STREAM])
    llm = host.llm()
    one = FunctionAgent(name="a", description="talks", llm=llm, tools=[], can_handoff_to=["b"])
    other = FunctionAgent(name="b", description="adds", llm=llm, tools=[add])
    assert str(await AgentWorkflow(agents=[one, other], root_agent="a").run("What is 1 + 2?")) == "It is 3."
    assert len(host.requests) == 3


async def test_a_tool_whose_result_is_the_answer_ends_the_run() -> None:
    host = Host([CALLING_STREAM, ANSWERING_STREAM])
    llm = host.llm()
    memory = ChatMemoryBuffer.from_defaults(llm=llm)
    agent = FunctionAgent(llm=llm, tools=[FunctionTool.from_defaults(add, return_direct=True)])
    assert str(await agent.run("What is 1 + 2?", memory=memory)) == "3"
    await agent.run("Sure?", memory=memory)
    assert [message["role"] for message in host.bodies[1]["messages"]] == [
        "user", "assistant", "tool", "assistant", "user",
    ]  # fmt: skip
    assert host.bodies[1]["messages"][3] == {"role": "assistant", "content": "3"}


async def test_an_agents_first_choice_of_a_tool_is_sent_once() -> None:
    host = Host([CALLING_STREAM, ANSWERING_STREAM])
    await FunctionAgent(llm=host.llm(), tools=[add], initial_tool_choice="add").run("Go")
    named = {"type": "function", "function": {"name": "add"}}
    assert [body["tool_choice"] for body in host.bodies] == [named, "auto"]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_react_agent_acts_on_text_alone(streaming: bool) -> None:
    act = 'Thought: I need a tool.\nAction: add\nAction Input: {"a": 1, "b": 2}'
    answer = "Thought: I can answer.\nAnswer: It is 3."
    steps = [act, answer]
    streams = [[chunk(content=f"<think>hm</think>{s}"), chunk("stop"), DONE] for s in steps]
    host = Host(streams if streaming else [whole(f"<think>hm</think>{s}") for s in steps])
    agent = ReActAgent(llm=host.llm("minimax/m2"), tools=[add], streaming=streaming)
    assert str(await agent.run("What is 1 + 2?")) == "It is 3."
    assert "Observation: 3" in str(host.bodies[1]["messages"])


@pytest.mark.parametrize("form", ["query", "aquery"])
async def test_a_rag_answer_is_one_call_with_its_sources(form: str) -> None:
    host = Host([whole("The moon.")])
    index = VectorStoreIndex.from_documents([Document(text="The moon is far.")], embed_model=MockEmbedding(8))
    engine = index.as_query_engine(llm=host.llm(), response_mode="compact")
    response = engine.query("What is far?") if form == "query" else await engine.aquery("What is far?")
    assert str(response) == "The moon."
    assert [node.node.get_content() for node in response.source_nodes] == ["The moon is far."]
    assert len(host.requests) == 1
    assert "The moon is far." in host.bodies[0]["messages"][-1]["content"]


def test_a_streamed_rag_answer_comes_in_pieces() -> None:
    host = Host([[chunk(content="The "), chunk("stop", content="moon."), DONE]])
    index = VectorStoreIndex.from_documents([Document(text="The moon is far.")], embed_model=MockEmbedding(8))
    response = index.as_query_engine(llm=host.llm(), streaming=True).query("What is far?")
    assert [piece for piece in response.response_gen if piece] == ["The ", "moon."]


def test_a_chat_engine_remembers() -> None:
    from llama_index.core.chat_engine import SimpleChatEngine

    host = Host([whole("One"), [chunk("stop", content="Two"), DONE]])
    llm = host.llm()
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=ChatMemoryBuffer.from_defaults(llm=llm))
    assert str(engine.chat("a")) == "One"
    assert "".join(engine.stream_chat("b").response_gen) == "Two"
    assert [message["content"] for message in host.bodies[1]["messages"]] == ["a", "One", "b"]


@pytest.mark.parametrize("form", ["structured_predict", "astructured_predict"])
async def test_structured_output_comes_through_a_required_call(form: str) -> None:
    host = Host([whole(None, "tool_calls", tool_calls=[call("Song", '{"title": "Moon", "verses": 2}')])])
    predicted = getattr(host.llm(), form)(Song, PromptTemplate("About {topic}"), topic="the moon")
    song = await predicted if form.startswith("a") else predicted
    assert song == Song(title="Moon", verses=2)
    assert host.bodies[0]["tool_choice"] == "required"
    assert host.bodies[0]["parallel_tool_calls"] is False


def test_structured_output_of_a_model_without_tools_comes_from_its_text() -> None:
    host = Host([whole('```json\n{"title": "Moon"}\n```')])
    llm = host.llm(is_function_calling_model=False)
    assert llm.structured_predict(Song, PromptTemplate("Sing")) == Song(title="Moon")
    assert "tools" not in host.bodies[0]


def test_a_structured_stream_gives_partial_objects() -> None:
    fragments = ['{"ti', 'tle": "Mo', 'on", "ver', 'ses": 2}']
    events = [chunk(tool_calls=[piece("", "Song", id="c")]), *(chunk(tool_calls=[piece(f)]) for f in fragments)]
    host = Host([[*events, chunk("tool_calls"), DONE]])
    songs = list(host.llm().stream_structured_predict(Song, PromptTemplate("Sing")))
    titles = [song.title for song in songs]
    assert titles[-1] == "Moon"
    assert "Mo" in titles
    assert songs[-1] == Song(title="Moon", verses=2)


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat", "complete", "stream_complete"])
async def test_token_counts_are_the_servers(form: str) -> None:
    counter = TokenCountingHandler()
    host = Host([ANSWERING_STREAM if "stream" in form else ANSWERING])
    llm = host.llm(callback_manager=CallbackManager([counter]))
    await gathered(form, llm, [ChatMessage("Hi")] if "chat" in form else "Hi")
    counts = (counter.prompt_llm_token_count, counter.completion_llm_token_count)
    assert counts == (USAGE["prompt_tokens"], USAGE["completion_tokens"])


@pytest.mark.parametrize("form", ["stream_chat", "astream_chat", "stream_complete", "astream_complete"])
@pytest.mark.parametrize("running", [None, {"prompt_tokens": 90, "completion_tokens": 70}])
async def test_a_stream_left_early_is_counted_and_ends_for_its_observers(form: str, running: Any) -> None:
    """By the server's counts where they came with the pieces, else by what came."""
    counter = TokenCountingHandler()
    events = [{**chunk(content=word), "usage": running} for word in ("One ", "two ", "three ", "four")]
    host = Host([[*events, chunk("stop"), last(), DONE]])
    llm = host.llm(callback_manager=CallbackManager([counter]))
    observer = Events()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(observer)
    try:
        stream = getattr(llm, form)([ChatMessage("Count up")] if "chat" in form else "Count up")
        if form.startswith("a"):
            stream = await stream
            await anext(stream)
            await anext(stream)
            await stream.aclose()
        else:
            next(stream)
            next(stream)
            stream.close()
    finally:
        dispatcher.event_handlers.remove(observer)
    (counted,) = counter.llm_token_counts
    counts = (counted.prompt_token_count, counted.completion_token_count)
    assert counts == (90, 70) if running else min(counts) > 0
    assert "One two" in counted.completion
    names = [name for name in observer.names if name.startswith("LLM") or name == "ExceptionEvent"]
    kind = "Chat" if "chat" in form else "Completion"
    assert names == [f"LLM{kind}StartEvent", *[f"LLM{kind}InProgressEvent"] * 2, f"LLM{kind}EndEvent"]
    assert host.streams[0].is_closed


async def test_a_history_with_calls_can_be_counted() -> None:
    counter = TokenCountingHandler()
    host = Host([CALLING, whole(usage=None)])
    llm = host.llm(callback_manager=CallbackManager([counter]))
    message = llm.chat([ChatMessage("Hi")]).message
    llm.chat([ChatMessage("Hi"), message, ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "call_1"})])
    assert counter.llm_token_counts[-1].prompt_token_count > 0


class Events(BaseEventHandler):
    """Keeps the names of the events it sees."""

    names: list[str] = Field(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.names.append(type(event).__name__)


@pytest.mark.parametrize("form", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_observers_see_the_start_the_pieces_and_the_end(form: str) -> None:
    seen = Events()
    root = get_dispatcher()
    root.add_event_handler(seen)
    try:
        host = Host([[chunk(content="a"), chunk("stop"), DONE] if "stream" in form else whole()])
        responses = await gathered(form, host.llm(), [ChatMessage("Hi")])
    finally:
        root.event_handlers.remove(seen)
    pieces = len(responses) if "stream" in form else 0
    llm_events = [name for name in seen.names if name.startswith("LLM")]
    assert llm_events == ["LLMChatStartEvent", *["LLMChatInProgressEvent"] * pieces, "LLMChatEndEvent"]


@pytest.mark.parametrize("form", ["stream_chat", "stream_complete"])
def test_a_stream_left_early_frees_its_connection_at_once(form: str) -> None:
    """Also where a handler keeps the event, and with it everything the generator holds."""
    host = Host([[chunk(content="a"), chunk(content="b"), chunk("stop"), DONE]])
    keeps_all = LlamaDebugHandler(print_trace_on_end=False)
    llm = host.llm(callback_manager=CallbackManager([keeps_all]))
    chunks = getattr(llm, form)([ChatMessage("Hi")] if form == "stream_chat" else "Hi")
    next(chunks)
    assert not host.streams[0].is_closed
    chunks.close()
    assert host.streams[0].is_closed


@pytest.mark.parametrize("form", ["astream_chat", "astream_complete"])
@pytest.mark.parametrize("way", ["aclose", "cancel"])
async def test_an_async_stream_left_early_frees_its_connection_at_once(form: str, way: str) -> None:
    """Law 9."""
    host = Host([[chunk(content="a"), chunk(content="b"), chunk("stop"), DONE]])
    keeps_all = LlamaDebugHandler(print_trace_on_end=False)
    llm = host.llm(callback_manager=CallbackManager([keeps_all]))
    chunks = await getattr(llm, form)([ChatMessage("Hi")] if form == "astream_chat" else "Hi")
    if way == "aclose":
        await anext(chunks)
        await chunks.aclose()
    else:
        started = asyncio.Event()

        async def consume() -> None:
            try:
                async for _ in chunks:
                    started.set()
                    await asyncio.sleep(60)
            finally:
                await chunks.aclose()

        task = asyncio.create_task(consume())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert host.streams[0].is_closed


def test_one_llm_serves_many_short_lived_loops() -> None:
    host = Host([ANSWERING])
    llm = host.llm(max_retries=0)
    for _ in range(3):
        assert asyncio.run(llm.achat([ChatMessage("Hi")])).message.content == "It is 3."


def test_a_thinking_block_counts_its_tokens() -> None:
    llm: AIMLAPI = Host([ANSWERING]).llm()
    block = llm.chat([ChatMessage("Hi")]).message.blocks[0]
    assert isinstance(block, ThinkingBlock)
    assert block.num_tokens == 3
