"""The consumer matrix, all but agents: chat engines, RAG, routers, sub-questions, pipelines with workers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, SummaryIndex, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.extractors import SummaryExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from llama_index.core.query_engine import RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.schema import TextNode
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool

from .answers import Answer, call, calling, text
from .integration import KEY, Integration, Song, needs, said, user
from .server import Server

MOON = "The moon is far."
WORDS = 1000  # in each of eight nodes: more than a wrong window holds, far less than a true one


def index(*texts: str) -> VectorStoreIndex:
    return VectorStoreIndex.from_documents([Document(text=t) for t in texts or (MOON,)], embed_model=MockEmbedding(8))


def last_words(body: Any) -> str:
    """All that a request's messages say."""
    return json.dumps(body["messages"], ensure_ascii=False)


def spoken(engine: Any, way: str, question: str) -> str:
    """What a chat engine answers, in one of its four ways."""

    async def asked() -> str:
        if way == "achat":
            return str(await engine.achat(question))
        streaming = await engine.astream_chat(question)
        return "".join([token async for token in streaming.async_response_gen()])

    if way == "chat":
        return str(engine.chat(question))
    if way == "stream_chat":
        return "".join(engine.stream_chat(question).response_gen)
    return asyncio.run(asked())


WAYS = ("chat", "achat", "stream_chat", "astream_chat")


class RagMatrix(Integration):
    """What the rest of the framework reads of an LLM."""

    @needs("chat_by_default")
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("thought", [None, "Hm."])
    def test_a_simple_chat_engine_remembers(self, server: Server, way: str, thought: str | None) -> None:
        further = {"reasoning_content": thought} if thought else {}
        server.play(text("One", **further), text("Two", **further))
        memory = ChatMemoryBuffer.from_defaults()
        engine = SimpleChatEngine.from_defaults(llm=self.llm(server), memory=memory)
        assert [spoken(engine, way, "a"), spoken(engine, way, "b")] == ["One", "Two"]
        assert [(m["role"], m["content"]) for m in server.bodies[1]["messages"]] == [
            ("user", "a"),
            ("assistant", "One"),
            ("user", "b"),
        ]
        assert [message.content for message in memory.get_all()] == ["a", "One", "b", "Two"]

    @needs("chat_by_default")
    @pytest.mark.parametrize("way", WAYS)
    def test_a_context_chat_engine_answers_from_the_sources(self, server: Server, way: str) -> None:
        server.play(text("The moon."), text("Very."))
        engine = ContextChatEngine.from_defaults(retriever=index().as_retriever(), llm=self.llm(server))
        assert [spoken(engine, way, "What is far?"), spoken(engine, way, "How?")] == ["The moon.", "Very."]
        assert len(server.requests) == 2
        assert MOON in last_words(server.bodies[0])
        assert "What is far?" in last_words(server.bodies[1])

    @needs("chat_by_default")
    @pytest.mark.parametrize("way", WAYS)
    def test_a_condensing_chat_engine_rewrites_the_question_first(self, server: Server, way: str) -> None:
        server.play(text("The moon."), text("How far is the moon?"), text("Very."))
        engine = CondensePlusContextChatEngine.from_defaults(retriever=index().as_retriever(), llm=self.llm(server))
        assert [spoken(engine, way, "What is far?"), spoken(engine, way, "How?")] == ["The moon.", "Very."]
        assert len(server.requests) == 3
        assert MOON in last_words(server.bodies[2])

    @needs("chat_by_default", "context_windows")
    @pytest.mark.parametrize("mode", ["compact", "tree_summarize", "simple_summarize", "refine"])
    @pytest.mark.parametrize("way", ["query", "aquery"])
    def test_one_synthesis_is_one_call(self, server: Server, mode: str, way: str) -> None:
        """Eight nodes of a thousand words fit a true window; `refine` asks once for each node by design."""
        server.play(text("The moon."))
        model = self.known_model[0] if self.known_model else self.model
        pages = [f"Page {number}. " + "word " * WORDS for number in range(8)]
        engine = index(*pages).as_query_engine(
            llm=self.llm(server, model=model), response_mode=mode, similarity_top_k=8, use_async=False
        )
        answer = engine.query("What is far?") if way == "query" else asyncio.run(engine.aquery("What is far?"))
        assert (str(answer), len(answer.source_nodes)) == ("The moon.", 8)
        assert len(server.requests) == (8 if mode == "refine" else 1)
        asked = "".join(map(last_words, server.bodies))
        assert [number for number in range(8) if f"Page {number}." not in asked] == []

    @needs("chat_by_default")
    def test_a_streamed_answer_comes_in_pieces_and_is_counted(self, server: Server) -> None:
        server.play(text("The moon is far."))
        counter = TokenCountingHandler()
        llm = self.llm(server)
        engine = index().as_query_engine(llm=llm, streaming=True)
        llm.callback_manager = CallbackManager([counter])  # an engine gives its LLM another one
        streaming = engine.query("What is far?")
        pieces = [piece for piece in streaming.response_gen if piece]
        assert ("".join(pieces), len(pieces) > 1) == ("The moon is far.", True)
        if "stream_usage" not in self.lacks:
            assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (9, 7)

    @needs("chat_by_default")
    def test_a_query_answers_in_objects(self, server: Server) -> None:
        server.play(calling(call("Song", '{"title": "Moon", "verses": 2}')))
        engine = index().as_query_engine(llm=self.llm(server).as_structured_llm(Song))
        assert engine.query("Sing").response == Song(title="Moon", verses=2)

    @needs("chat_by_default")
    @pytest.mark.parametrize("selector", ["words", "objects"])
    def test_a_router_chooses_the_engine(self, server: Server, selector: str) -> None:
        llm = self.llm(server)
        chosen: Answer = text('[{"choice": 2, "reason": "far"}]')
        chooses: Any = LLMSingleSelector.from_defaults(llm=llm)
        if selector == "objects":
            chosen = calling(call("SingleSelection", '{"index": 2, "reason": "far"}'))
            chooses = PydanticSingleSelector.from_defaults(
                FunctionCallingProgram.from_defaults(_selection(), "Choose.\n{context_list}\n{query_str}", llm=llm)
            )
        server.play(chosen, text("The moon."))
        near, far = index("The cat is near."), index()
        engine = RouterQueryEngine(
            selector=chooses,
            query_engine_tools=[
                QueryEngineTool.from_defaults(near.as_query_engine(llm=llm), name="near", description="near things"),
                QueryEngineTool.from_defaults(far.as_query_engine(llm=llm), name="far", description="far things"),
            ],
            llm=llm,
        )
        assert str(engine.query("What is far?")) == "The moon."
        assert MOON in last_words(server.bodies[-1])

    @needs("chat_by_default")
    @pytest.mark.parametrize("use_async", [True, False])
    def test_sub_questions_are_asked_one_by_one(self, server: Server, use_async: bool) -> None:
        questions = [{"sub_question": f"What is {place}?", "tool_name": "sky"} for place in ("near", "far")]

        def answer(body: Any) -> Answer:
            words = last_words(body)
            if "sub_question" in words:
                return text(f"```json\n{json.dumps({'items': questions})}\n```")
            return text("Both." if "Sub question" in words else "One.")

        server.play(answer)
        llm = self.llm(server)
        engine = SubQuestionQueryEngine.from_defaults(
            [QueryEngineTool.from_defaults(index().as_query_engine(llm=llm), name="sky", description="the sky")],
            llm=llm,
            question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
            use_async=use_async,
            verbose=False,
        )
        assert str(engine.query("What is near, what is far?")) == "Both."
        assert len(server.requests) == 4

    @needs("chat_by_default")
    def test_programs_of_both_kinds(self, server: Server) -> None:
        server.play(calling(call("Song", '{"title": "Moon"}')), text('{"title": "Moon"}'))
        llm = self.llm(server)
        template = "A song about {topic}"
        made = [
            FunctionCallingProgram.from_defaults(Song, template, llm=llm)(topic="the moon"),
            LLMTextCompletionProgram.from_defaults(output_cls=Song, prompt_template_str=template, llm=llm)(topic="x"),
        ]
        assert made == [Song(title="Moon")] * 2
        assert ["tools" in body for body in server.bodies] == [True, False]

    @needs("chat_by_default")
    def test_a_summary_of_all_nodes(self, server: Server) -> None:
        server.play(text("Far."))
        engine = SummaryIndex.from_documents([Document(text=MOON)]).as_query_engine(
            llm=self.llm(server), response_mode="tree_summarize"
        )
        assert (str(engine.query("What?")), len(server.requests)) == ("Far.", 1)

    @needs("chat_by_default", "pickles")
    @pytest.mark.filterwarnings("ignore")
    def test_a_pipeline_with_workers_carries_the_llm_to_other_processes(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A worker starts anew: it has what was pickled, and the environment."""
        if self.key_variable is None:
            pytest.skip("the integration reads no environment variable")
        monkeypatch.setenv(self.key_variable, KEY)
        server.play(text("In short: far."))
        extractor = SummaryExtractor(llm=self.llm(server, api_key=None), show_progress=False, num_workers=1)
        given = [TextNode(text=MOON), TextNode(text="The sun is hot.")]
        nodes = IngestionPipeline(transformations=[extractor]).run(nodes=given, num_workers=2)
        assert [node.metadata["section_summary"] for node in nodes] == ["In short: far."] * 2
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}

    @needs("chat_by_default")
    def test_an_answer_is_the_same_by_every_door(self, server: Server) -> None:
        """chat, complete and predict say one thing."""
        from llama_index.core import PromptTemplate

        server.play(text("Here"))
        llm = self.llm(server)
        doors = [said(llm, llm.chat([user("Hi")]))["text"], llm.complete("Hi").text, llm.predict(PromptTemplate("Hi"))]
        assert doors == ["Here"] * 3
        assert [body["messages"] for body in server.bodies] == [[{"role": "user", "content": "Hi"}]] * 3


def _selection() -> Any:
    """The class in which a router's selector wants its answer, with the index counted from one."""
    from llama_index.core.base.base_selector import SingleSelection

    return SingleSelection
