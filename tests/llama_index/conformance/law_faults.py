"""The fault law: whatever goes wrong with a call reaches who asked an index, a chat engine or a property graph.

LlamaIndex goes on without an answer where an LLM raises a ValueError or a TypeError: a query is answered "Empty
Response", a property graph comes out empty. So no failure of a call may be one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, PropertyGraphIndex
from llama_index.core.chat_engine import CondensePlusContextChatEngine, SimpleChatEngine
from llama_index.core.indices.property_graph import SchemaLLMPathExtractor, SimpleLLMPathExtractor

from .answers import chunk
from .consumers_rag import WAYS, index, spoken
from .integration import Integration, needs, user
from .server import Drop, Reply, Server, Stream

FULL = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."


def refused(status: int, message: str = "Not so") -> Reply:
    return Reply(status, {"error": {"message": message, "type": "error"}})


FAULTS: Mapping[str, Any] = {
    **{str(status): refused(status) for status in (400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 503)},
    "a full context": refused(400, FULL),
    "no answer": Drop(),
    "a page": Reply(200, b"<html>Sign in</html>"),
    "not JSON": Reply(200, b'{"choices": ['),
    "nothing": Reply(200, b""),
    "an error": Reply(200, {"error": {"message": "Not now"}}),
}
CUT = Stream([chunk(content="a")], end="cut")
SAID = Stream([chunk(content="a"), {"error": {"message": "Not so", "code": 400}}])
# DynamicLLMPathExtractor is not among them: it passes over every exception, unless it is made with `raise_on_error`.
EXTRACTORS: Mapping[str, Callable[[Any], Any]] = {
    "simple": lambda llm: SimpleLLMPathExtractor(llm=llm, num_workers=1),
    "schema": lambda llm: SchemaLLMPathExtractor(llm=llm, num_workers=1),
}


class FaultLaw(Integration):
    """No failure of a call is taken for an answer that says nothing."""

    @needs("error_replies")
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("way", ["query", "aquery", "streaming"])
    def test_a_query_fails(self, server: Server, way: str, fault: str) -> None:
        server.play(FAULTS[fault])
        with pytest.raises(self.errors) as caught:
            self._query(self.llm(server, max_retries=0), way)
        assert not isinstance(caught.value, (ValueError, TypeError))

    @needs("error_replies")
    @pytest.mark.parametrize("stream", [CUT, SAID], ids=["cut", "said"])
    def test_a_streamed_query_fails(self, server: Server, stream: Stream) -> None:
        server.play(stream)
        with pytest.raises(self.errors):
            self._query(self.llm(server, max_retries=0), "streaming")

    @needs("refuses_before_sending")
    @pytest.mark.parametrize("way", ["query", "aquery", "streaming"])
    def test_a_setting_that_is_refused_fails_the_query(self, server: Server, way: str) -> None:
        with pytest.raises(self.errors, match="temperature"):
            self._query(self.llm(server, temperature=3), way)
        assert not server.requests

    # A streaming chat engine raises twice: to its reader, and in the thread that writes its history.
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    @needs("error_replies")
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("way", WAYS)
    def test_a_chat_engine_fails(self, server: Server, way: str, fault: str) -> None:
        engines = (
            lambda llm: SimpleChatEngine.from_defaults(llm=llm),
            lambda llm: CondensePlusContextChatEngine.from_defaults(
                retriever=index().as_retriever(), llm=llm, chat_history=[user("Hi")]
            ),
        )
        for engine in engines:
            server.play(FAULTS[fault])
            with pytest.raises(self.errors):
                spoken(engine(self.llm(server, max_retries=0)), way, "What is far?")

    @needs("error_replies")
    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("extractor", EXTRACTORS)
    def test_a_property_graph_fails(self, server: Server, extractor: str, fault: str) -> None:
        server.play(FAULTS[fault])
        llm = self.llm(server, max_retries=0)
        with pytest.raises(self.errors):
            PropertyGraphIndex.from_documents(
                [Document(text="The moon is far.")],
                llm=llm,
                kg_extractors=[EXTRACTORS[extractor](llm)],
                embed_model=MockEmbedding(8),
            )

    def _query(self, llm: Any, way: str) -> str:
        engine = index().as_query_engine(llm=llm, streaming=way == "streaming")
        if way == "aquery":
            return str(asyncio.run(engine.aquery("What is far?")))
        return str(engine.query("What is far?"))
