"""Headers, queries and addresses may hold secrets: they are sent, and shown nowhere; caches still tell them apart."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.schema import TextNode
from pydantic import Field

from aimlapi_emulator import EmulatorServer
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

SECRET = "a-secret-value-0123"
HIDDEN: list[dict[str, Any]] = [{"default_headers": {"x-team-key": SECRET}}, {"default_query": {"tenant": SECRET}}]
PASSWORD = {"password": SECRET}  # of the address


def settings(server: EmulatorServer, hidden: dict[str, Any], model: str = "openai/gpt-4o") -> dict[str, Any]:
    hidden = dict(hidden)
    user = f"user:{hidden.pop('password')}@" if "password" in hidden else ""
    return {"model": model, "base_url": server.base_url.replace("//", f"//{user}"), "api_key": "k", **hidden}


def was_sent(server: EmulatorServer) -> bool:
    request = server.requests[-1]
    return SECRET in f"{request.headers} {request.query}"


class Runs(BaseTracer):
    """All that tracers of LangChain are told."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""

    def _persist_run(self, run: Run) -> None:
        self.seen += repr(run.model_dump()) + repr(run.serialized)


class Events(BaseEventHandler):
    """All that observers of LlamaIndex are told."""

    seen: list[str] = Field(default_factory=list)

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(repr(event.model_dump()))


@pytest.mark.parametrize("hidden", [*HIDDEN, PASSWORD])
def test_langchain_shows_them_nowhere(server: EmulatorServer, hidden: dict[str, Any]) -> None:
    tracer = Runs()
    model = ChatAIMLAPI(**settings(server, hidden))
    model.invoke("Hi", {"callbacks": [tracer]})
    assert tracer.seen and (hidden is PASSWORD or was_sent(server))
    list(model.stream("Hi", {"callbacks": [tracer]}, extra_headers={"x-mine": SECRET}, extra_query={"mine": SECRET}))
    embeddings = AIMLAPIEmbeddings(**settings(server, hidden, "text-embedding-3-small"))
    embeddings.embed_query("Hi")
    assert hidden is PASSWORD or was_sent(server)
    shown = [
        *(repr(model), str(model), dumps(model), model.model_dump_json(), str(model.model_dump()), str(model.asdict())),
        *(repr(model._identifying_params), repr(model._get_ls_params()), model._get_llm_string(), tracer.seen),
        model._get_llm_string(extra_headers={"x-mine": SECRET}),
        *(repr(embeddings), embeddings.model_dump_json(), str(embeddings.model_dump())),
    ]
    assert [text for text in shown if SECRET in text] == []
    for one in (model, embeddings):
        assert pickle.loads(pickle.dumps(one)) == one


def test_caches_of_langchain_tell_them_apart(server: EmulatorServer) -> None:
    cache, before = InMemoryCache(), len(server.requests)
    differing = [*HIDDEN, {"default_headers": {"x-team-key": "other"}}, {"default_query": {"tenant": "other"}}, {}]
    differing += [PASSWORD, {"password": "other"}]
    for hidden in differing * 2:
        ChatAIMLAPI(**settings(server, hidden), cache=cache).invoke("Hi")
    assert len(server.requests) - before == len(differing)
    model = ChatAIMLAPI(**settings(server, {}), cache=cache)
    for value in ("one", "two", "one"):
        model.invoke("Hi", extra_query={"mine": value})
    assert len(server.requests) - before == len(differing) + 2


@pytest.mark.parametrize("hidden", [*HIDDEN, PASSWORD])
def test_llama_index_shows_them_nowhere(server: EmulatorServer, hidden: dict[str, Any]) -> None:
    debug, events = LlamaDebugHandler(print_trace_on_end=False), Events()
    dispatcher = get_dispatcher()
    dispatcher.add_event_handler(events)
    try:
        llm = AIMLAPI(**settings(server, hidden), callback_manager=CallbackManager([debug]))
        llm.complete("Hi")
        assert hidden is PASSWORD or was_sent(server)
        list(llm.stream_complete("Hi"))
        embedding = AIMLAPIEmbedding(**settings(server, hidden, "text-embedding-3-small"))
        embedding.get_text_embedding("Hi")
        assert hidden is PASSWORD or was_sent(server)
    finally:
        dispatcher.event_handlers.remove(events)
    seen = [event.payload for event in debug.get_events()]
    assert seen and events.seen
    shown = [str(seen), *events.seen]
    for one in (llm, embedding):
        shown += [repr(one), str(one), one.to_json(), str(one.to_dict()), one.model_dump_json(), str(one.to_payload())]
        assert pickle.loads(pickle.dumps(one)).to_dict() == one.to_dict()
    assert [text for text in shown if SECRET in text] == []


def test_a_pipeline_of_llama_index_tells_them_apart(server: EmulatorServer) -> None:
    """It keeps vectors by what an embedding's `to_dict` says; an embedding that was read from there goes on."""
    pipeline, before = IngestionPipeline(transformations=[]), len(server.requests)
    differing = [*HIDDEN, {"default_headers": {"x-team-key": "other"}}, {"default_query": {"tenant": "other"}}, {}]
    for hidden in differing * 2:
        embedding = AIMLAPIEmbedding(**settings(server, hidden, "text-embedding-3-small"))
        pipeline.transformations = [embedding]
        assert pipeline.run(nodes=[TextNode(id_="a", text="Hi")])[0].embedding
        again = AIMLAPIEmbedding.from_dict(json.loads(json.dumps(embedding.to_dict())))
        assert again.additional_kwargs == {}
    assert len(server.requests) - before == len(differing)
