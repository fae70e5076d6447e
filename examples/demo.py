"""The main job in both frameworks: a streamed answer with its reasoning, an agent, RAG, a picture and a transcript.

    make demo

Without a key it runs on the local emulator and says so; with AIMLAPI_API_KEY set, on the provider itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

REASONER = "alibaba/qwen3-32b"
AGENT = "openai/gpt-4o"
READER = "google/gemini-2.5-flash"

PAINTER = "flux/schnell"
SPEAKER = "openai/tts-1"
LISTENER = "nova-3"

DOCUMENTS = {
    "billing.md": "One US dollar buys 2,000,000 credits. The charge for a call lands after its answer.",
    "tracing.md": "Every reply carries the header x-inference-id. Quote it when you write to support.",
    "streaming.md": "The cost of a streamed answer stands in the last event, under meta.usage.",
    "limits.md": "A request may hold up to 128 tools. A tool's name may have up to 64 characters.",
}
STREAMED = (
    "Context: When you write to support, quote the header x-inference-id of the reply.\n"
    "Question: Which header do I quote to support?"
)
QUESTION = "How many credits does one dollar buy?"
PICTURE = "A red cat on a roof"
TALK = "The ferry to the island leaves at nine."
TASK = "What is the weather in Lisbon, and what time is it there?"


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"18 degrees and sunny in {city}"


def get_time(city: str) -> str:
    """The local time in a city."""
    return f"14:05 in {city}"


def word_vector(text: str) -> list[float]:
    """A text as a unit vector of its words: enough to find the right one of four documents, and needs no model."""
    vector = [0.0] * 512
    for word in re.findall(r"[a-z]{3,}", text.lower()):
        vector[sum(ord(letter) * 31**place for place, letter in enumerate(word.rstrip("s"))) % 512] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def tokens_and_cost(tokens: dict[str, int], cost: float | None) -> str:
    """One line of a bill."""
    price = f"${cost:.6f}" if cost is not None else "unknown"
    return f"   [{tokens['in']} tokens in, {tokens['out']} out, cost {price}]"


def langchain_stream() -> None:
    from langchain_aimlapi import ChatAIMLAPI

    model = ChatAIMLAPI(model=REASONER, model_kwargs={"enable_thinking": True})
    thinking, total = True, None
    print("   thinking: ", end="")
    for chunk in model.stream(STREAMED):
        print(chunk.additional_kwargs.get("reasoning_content", ""), end="", flush=True)
        if chunk.content and thinking:
            print("\n   answer:   ", end="")
            thinking = False
        print(chunk.content, end="", flush=True)
        total = chunk if total is None else total + chunk
    print("\n" + langchain_bill(total))


def langchain_agent() -> None:
    from langchain.agents import create_agent

    from langchain_aimlapi import ChatAIMLAPI

    agent = create_agent(ChatAIMLAPI(model=AGENT), [get_weather, get_time])
    messages = agent.invoke({"messages": [("user", TASK)]})["messages"]
    for message in messages[1:]:
        for call in getattr(message, "tool_calls", ()):
            print(f"   calls     {call['name']}({', '.join(f'{k}={v!r}' for k, v in call['args'].items())})")
        if message.type == "tool":
            print(f"   result    {message.content}")
    print("   answer:   " + messages[-1].content.replace("\n", "\n             "))
    print(langchain_bill(*(message for message in messages if message.type == "ai")))


def langchain_rag() -> None:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.vectorstores import InMemoryVectorStore

    from langchain_aimlapi import ChatAIMLAPI

    class WordVectors(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [word_vector(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return word_vector(text)

    store = InMemoryVectorStore(WordVectors())
    store.add_documents([Document(text, metadata={"source": name}) for name, text in DOCUMENTS.items()])
    found = store.similarity_search(QUESTION, k=2)
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Answer from this context only.\n\nContext:\n{context}"), ("user", "{question}")]
    )
    chain = prompt | ChatAIMLAPI(model=READER)
    answer = chain.invoke({"context": "\n".join(doc.page_content for doc in found), "question": QUESTION})
    print(f"   question: {QUESTION}\n   answer:   {answer.content}\n   source:   {found[0].metadata['source']}")
    print(langchain_bill(answer))


def langchain_bill(*messages: Any) -> str:
    usages = [message.usage_metadata or {} for message in messages]
    costs = [message.response_metadata.get("cost_usd") for message in messages]
    counts = {
        "in": sum(u.get("input_tokens", 0) for u in usages),
        "out": sum(u.get("output_tokens", 0) for u in usages),
    }
    return tokens_and_cost(counts, None if None in costs else sum(costs))


def llama_index_stream() -> None:
    from llama_index.core.llms import ChatMessage

    from llama_index_aimlapi import AIMLAPI

    llm = AIMLAPI(model=REASONER, additional_kwargs={"enable_thinking": True})
    thinking = True
    print("   thinking: ", end="")
    for chunk in llm.stream_chat([ChatMessage(STREAMED)]):
        print(chunk.additional_kwargs.get("thinking_delta") or "", end="", flush=True)
        if chunk.delta and thinking:
            print("\n   answer:   ", end="")
            thinking = False
        print(chunk.delta or "", end="", flush=True)
    print("\n" + llama_index_bill([chunk]))


def llama_index_agent() -> None:
    from llama_index.core.agent.workflow import AgentOutput, FunctionAgent, ToolCallResult

    from llama_index_aimlapi import AIMLAPI

    async def run() -> None:
        agent = FunctionAgent(tools=[get_weather, get_time], llm=AIMLAPI(model=AGENT))
        handler = agent.run(TASK)
        turns = []
        async for event in handler.stream_events():
            if isinstance(event, ToolCallResult):
                arguments = ", ".join(f"{k}={v!r}" for k, v in event.tool_kwargs.items())
                print(f"   calls     {event.tool_name}({arguments})")
                print(f"   result    {event.tool_output.content}")
            elif isinstance(event, AgentOutput):
                turns.append(event)
        print("   answer:   " + str(await handler).replace("\n", "\n             "))
        print(llama_index_bill(turns))

    asyncio.run(run())


def llama_index_rag() -> None:
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.callbacks import CallbackManager
    from llama_index.core.schema import TextNode

    from llama_index_aimlapi import AIMLAPI

    class WordVectors(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return word_vector(text)

        def _get_query_embedding(self, query: str) -> list[float]:
            return word_vector(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return word_vector(query)

    nodes = [  # with ids of their own: ties are broken by id, and made-up ids would differ from run to run
        TextNode(id_=name, text=text, metadata={"source": name}, excluded_embed_metadata_keys=["source"])
        for name, text in DOCUMENTS.items()
    ]
    index = VectorStoreIndex(nodes, embed_model=WordVectors(callback_manager=CallbackManager()))
    bills: list[Any] = []
    with noted(bills):
        engine = index.as_query_engine(llm=AIMLAPI(model=READER), similarity_top_k=2, response_mode="compact")
        response = engine.query(QUESTION)
    source = response.source_nodes[0].metadata["source"]
    print(f"   question: {QUESTION}\n   answer:   {response}\n   source:   {source}")
    print(llama_index_bill(bills))


def langchain_media() -> None:
    from langchain_aimlapi.document_loaders import AIMLAPITranscriptLoader
    from langchain_aimlapi.tools import AIMLAPIImageTool, AIMLAPISpeechTool

    with TemporaryDirectory() as folder:
        picture = AIMLAPIImageTool(model=PAINTER, save_to=folder).invoke({"prompt": PICTURE})
        show_picture(picture)
        sound = AIMLAPISpeechTool(model=SPEAKER, save_to=folder).invoke({"text": TALK})
        [document] = AIMLAPITranscriptLoader(saved_path(sound), model=LISTENER).load()
        show_transcript(document.page_content, document.metadata)


def llama_index_media() -> None:
    from llama_index_aimlapi.readers import AIMLAPITranscriptReader
    from llama_index_aimlapi.tools import AIMLAPIToolSpec

    with TemporaryDirectory() as folder:
        spec = AIMLAPIToolSpec(image_model=PAINTER, speech_model=SPEAKER, blocks=[], save_to=folder)
        tools = {tool.metadata.name: tool for tool in spec.to_tool_list()}
        show_picture(tools["generate_image"](prompt=PICTURE).content)
        sound = tools["text_to_speech"](text=TALK).content
        [document] = AIMLAPITranscriptReader(LISTENER).load_data(saved_path(sound))
        show_transcript(document.text, document.metadata)


def saved_path(answer: str) -> str:
    """The path in what a media tool answers: `1 picture: /tmp/cat.png`."""
    return answer.partition(": ")[2]


def show_picture(answer: str) -> None:
    data = Path(saved_path(answer)).read_bytes()
    size = (
        f", {int.from_bytes(data[16:20], 'big')} x {int.from_bytes(data[20:24], 'big')}" if data[1:4] == b"PNG" else ""
    )
    print(f"   asked for:  {PICTURE}\n   saved:      a picture of {len(data):,} bytes{size}")


def show_transcript(text: str, metadata: dict[str, Any]) -> None:
    print(f"   spoken:     {TALK}\n   transcript: {text}")
    print(f"   [{metadata['start_seconds']:.1f} s to {metadata['end_seconds']:.1f} s]")


@contextmanager
def noted(bills: list[Any]) -> Iterator[None]:
    """Collects the replies a query engine keeps to itself, as LlamaIndex's instrumentation reports them."""
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers import BaseEventHandler
    from llama_index.core.instrumentation.events.llm import LLMChatEndEvent

    class Note(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            if isinstance(event, LLMChatEndEvent) and event.response is not None:
                bills.append(event.response)

    handlers = get_dispatcher().event_handlers
    handlers.append(Note())
    try:
        yield
    finally:
        handlers.pop()


def llama_index_bill(replies: list[Any]) -> str:
    raws = [reply.raw or {} for reply in replies]
    usages = [raw.get("usage") or {} for raw in raws]
    costs = [((raw.get("meta") or {}).get("usage") or {}).get("usd_spent") for raw in raws]
    counts = {
        "in": sum(u.get("prompt_tokens", 0) for u in usages),
        "out": sum(u.get("completion_tokens", 0) for u in usages),
    }
    return tokens_and_cost(counts, None if None in costs else sum(costs))


STEPS = (
    (f"A streamed answer with its reasoning ({REASONER})", langchain_stream, llama_index_stream),
    (f"A tool-calling agent ({AGENT})", langchain_agent, llama_index_agent),
    (f"A RAG answer with its source ({READER})", langchain_rag, llama_index_rag),
    (f"A picture and a transcript ({PAINTER}, {SPEAKER}, {LISTENER})", langchain_media, llama_index_media),
)


@contextmanager
def provider() -> Iterator[str]:
    """Where the demo runs: the provider if there is a key, else the emulator."""
    if os.environ.get("AIMLAPI_API_KEY") or os.environ.get("AIML_API_KEY"):
        yield "LIVE: a key is set, so every answer comes from the provider and is paid for."
        return
    from aimlapi_emulator import emulator

    with emulator() as server:
        os.environ["AIMLAPI_API_BASE"] = server.base_url
        os.environ["AIMLAPI_API_KEY"] = "emulator"
        yield (
            f"OFFLINE: AIMLAPI_API_KEY is not set, so the emulator on this machine answers ({server.base_url}). "
            "Its words, token counts and prices are made up, deterministically; set the key for the real thing."
        )


def main() -> None:
    warnings.filterwarnings("ignore", module="(langchain|llama_index).*")
    logging.disable(logging.INFO)
    with provider() as where:
        print(where)
        for title, in_langchain, in_llama_index in STEPS:
            for framework, step in (("LangChain", in_langchain), ("LlamaIndex", in_llama_index)):
                print(f"\n== {title} | {framework}")
                step()


if __name__ == "__main__":
    main()
