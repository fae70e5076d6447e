"""AIMLAPIEmbedding: every form gives the same vectors, in order; a value that travels without its key."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.async_utils import asyncio_run
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.rate_limiter import BaseRateLimiter, TokenBucketRateLimiter
from llama_index.core.storage.kvstore import SimpleKVStore

from aimlapi_transport.errors import AuthenticationError, BadResponseError, InvalidRequestError, RateLimitError
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding, EmbeddingUsageEvent, embedding_usage
from tests.scripted import reply, scripted

ROOT = Path(__file__).parents[2]
KEY = "sk-of-the-environment-1"


@pytest.fixture(autouse=True)
def _use(on_the_emulator: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)


def numbered(request: httpx.Request) -> httpx.Response:
    """A host that embeds a number as itself, and answers in the wrong order."""
    given = json.loads(request.content)["input"]
    texts = [given] if isinstance(given, str) else given
    data = [{"index": n, "embedding": [float(text)]} for n, text in enumerate(texts)]
    meta = {"usage": {"credits_used": 2000}}
    return httpx.Response(200, json={"data": data[::-1], "usage": {"total_tokens": len(texts)}, "meta": meta})


class Host:
    """Keeps the bodies it was sent."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] = numbered) -> None:
        self.answer = answer
        self.bodies: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        return self.answer(request)

    def embedding(self, model: str = "some/model", **settings: Any) -> AIMLAPIEmbedding:
        transport = httpx.MockTransport(self)
        return AIMLAPIEmbedding(
            model=model,
            http_client=httpx.Client(transport=transport),
            async_http_client=httpx.AsyncClient(transport=transport),
            **settings,
        )


def test_it_is_a_base_embedding() -> None:
    assert BaseEmbedding.__name__ in [base.__name__ for base in AIMLAPIEmbedding.__mro__]
    assert AIMLAPIEmbedding.class_name() == "AIMLAPIEmbedding"


@pytest.mark.parametrize("workers", [None, 3])
def test_batches_keep_the_order_of_the_texts(workers: int | None) -> None:
    texts, expected = [str(n) for n in range(25)], [[float(n)] for n in range(25)]
    host = Host()
    embedding = host.embedding(embed_batch_size=4, num_workers=workers)
    assert embedding.get_text_embedding_batch(texts) == expected
    assert [len(body["input"]) for body in host.bodies] == [4] * 6 + [1]
    assert asyncio.run(embedding.aget_text_embedding_batch(texts)) == expected
    assert len(host.bodies) == 14
    assert embedding.get_text_embedding_batch([]) == []


@pytest.mark.parametrize(
    ("model", "settings", "query", "text"),
    [
        ("text-multilingual-embedding-002", {}, {"task_type": "RETRIEVAL_QUERY"}, {"task_type": "RETRIEVAL_DOCUMENT"}),
        ("text-multilingual-embedding-002", {"task_type": "CLUSTERING"}, *[{"task_type": "CLUSTERING"}] * 2),
        ("voyage-2", {}, {}, {"input_type": "document"}),
        ("text-embedding-3-large", {"dimensions": 4}, *[{"dimensions": 4, "encoding_format": "base64"}] * 2),
        ("some/model", {"additional_kwargs": {"user": "me", "extra_body": {"x": 1}}}, *[{"user": "me", "x": 1}] * 2),
    ],
)
async def test_all_forms_ask_in_the_familys_words_and_keep_newlines(
    model: str, settings: Any, query: Any, text: Any
) -> None:
    host = Host(lambda request: numbered(httpx.Request("POST", "http://x", json={"input": ["1"]})))
    embedding = host.embedding(model, **settings)
    embedding.get_query_embedding("a\nb")
    await embedding.aget_query_embedding("a\nb")
    embedding.get_text_embedding("a\nb")
    await embedding.aget_text_embedding("a\nb")
    embedding.get_text_embedding_batch(["a\nb"])
    await embedding.aget_text_embedding_batch(["a\nb"])
    alone: Any = "a\nb" if model == "voyage-2" else ["a\nb"]
    one = {"model": model, "input": alone}
    many = {"model": model, "input": ["a\nb"], **text}
    assert host.bodies == [{**one, **query}] * 2 + [{**one, **text}] * 2 + [many] * 2


def test_async_calls_never_use_the_sync_client() -> None:
    def blocked(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a sync request")

    embedding = Host().embedding()
    embedding.http_client = httpx.Client(transport=httpx.MockTransport(blocked))

    async def all_forms() -> list[Any]:
        return [
            await embedding.aget_query_embedding("1"),
            await embedding.aget_text_embedding("2"),
            *await embedding.aget_text_embedding_batch(["3"]),
            *await embedding._aget_text_embeddings(["4"]),
        ]

    assert asyncio.run(all_forms()) == [[1.0], [2.0], [3.0], [4.0]]


@pytest.mark.parametrize(("retries", "requests"), [(0, 1), (2, 3)])
def test_a_batch_takes_at_most_one_request_more_than_retries(
    retries: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aimlapi_transport.config.retry.RetryPolicy.delay", no_wait)
    for kind in ("sync", "async"):
        with scripted(reply(429)) as refusing:
            embedding = AIMLAPIEmbedding(model="m", api_base=refusing.base_url, max_retries=retries)
            with pytest.raises(RateLimitError):
                if kind == "sync":
                    embedding.get_text_embedding_batch(["a", "b"])
                else:
                    asyncio.run(embedding.aget_text_embedding_batch(["a", "b"]))
            assert len(refusing.received) == requests


def no_wait(policy: Any, attempt: int, failure: Any) -> float | None:
    return None if attempt > policy.max_retries or not failure.is_retryable else 0.0


def test_a_short_reply_is_refused() -> None:
    short = Host(lambda request: httpx.Response(200, json={"data": [{"index": 0, "embedding": [1.0]}]}))
    with pytest.raises(BadResponseError, match="1 embeddings for 2 texts"):
        short.embedding(max_retries=0).get_text_embedding_batch(["a", "b"])


def test_a_text_too_long_is_told_before_anything_is_sent() -> None:
    host = Host()
    with pytest.raises(InvalidRequestError, match="801 characters: voyage-2 takes texts of at most 800"):
        host.embedding("voyage-2").get_text_embedding_batch(["1", "1" * 801])
    assert host.bodies == []
    assert len(AIMLAPIEmbedding(model="voyage-2", embed_batch_size=1).get_text_embedding_batch(["1", "1" * 8000])) == 2
    assert len(AIMLAPIEmbedding(model="voyage-2").get_query_embedding("1" * 801)) == 1024


def test_usage_is_summed_up_and_told_to_observers() -> None:
    told: list[EmbeddingUsageEvent] = []

    class Ears(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            if isinstance(event, EmbeddingUsageEvent):
                told.append(event)

    ears = Ears()
    root = get_dispatcher()
    root.add_event_handler(ears)
    try:
        embedding = Host().embedding(embed_batch_size=2)
        with embedding_usage() as spent:
            embedding.get_text_embedding_batch(["1", "2", "3"])
            with embedding_usage() as inner:
                asyncio_run(embedding.aget_text_embedding_batch(["1", "2", "3"]))
    finally:
        root.event_handlers.remove(ears)
    assert (spent.requests, spent.tokens, spent.cost_usd) == (4, 6, 0.004)
    assert (inner.requests, inner.tokens, list(inner.by_model)) == (2, 3, ["some/model"])
    assert (
        sorted((event.texts, event.tokens, event.cost_usd) for event in told)
        == [(1, 1, 0.001)] * 2 + [(2, 2, 0.001)] * 2
    )
    assert KEY not in str(told)


def test_the_cache_and_the_rate_limiter_are_used() -> None:
    taken: list[str] = []

    class Limiter(BaseRateLimiter):
        def acquire(self, num_tokens: int = 0) -> None:
            taken.append("sync")

        async def async_acquire(self, num_tokens: int = 0) -> None:
            taken.append("async")

    host = Host()
    embedding = host.embedding(rate_limiter=Limiter(), embeddings_cache=SimpleKVStore())
    assert embedding.get_text_embedding_batch(["1", "2"]) == embedding.get_text_embedding_batch(["1", "2"])
    assert asyncio.run(embedding.aget_query_embedding("5")) == [5.0]
    assert (len(host.bodies), taken) == (2, ["sync", "sync", "async"])


def test_it_is_written_without_its_key_and_finds_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = AIMLAPIEmbedding(
        model="text-embedding-3-small",
        dimensions=8,
        api_key="sk-in-code-12",
        default_headers={"x": "sk-in-code-12"},
        timeout=(1, 2),
    )
    expected = embedding.get_text_embedding("a")
    shown = (
        repr(embedding) + str(embedding) + embedding.to_json() + str(embedding.to_dict()) + str(embedding.to_payload())
    )
    assert "sk-in-code-12" not in shown
    assert KEY not in shown
    for again in (
        AIMLAPIEmbedding.from_dict(embedding.to_dict()),
        AIMLAPIEmbedding.from_json(embedding.to_json()),
        pickle.loads(pickle.dumps(embedding)),
        copy.deepcopy(embedding),
    ):
        assert (again.model, again.timeout, again.dimensions) == ("text-embedding-3-small", (1, 2), 8)
        assert again.get_text_embedding("a") == expected
        assert asyncio.run(again.aget_text_embedding("a")) == expected
    by_environment = AIMLAPIEmbedding(model_name="text-embedding-3-small")
    by_environment.get_text_embedding("a")
    written = pickle.dumps(by_environment)
    assert KEY.encode() not in written
    assert b"llama_index_aimlapi.embeddings" in written
    monkeypatch.delenv("AIMLAPI_API_KEY")
    with pytest.raises(AuthenticationError, match="AIMLAPI_API_KEY"):
        by_environment.get_text_embedding("a")


def test_a_copy_shares_what_is_no_value() -> None:
    limiter, cache = TokenBucketRateLimiter(requests_per_minute=6000), SimpleKVStore()
    embedding = Host().embedding(rate_limiter=limiter, embeddings_cache=cache)
    copied = copy.deepcopy(embedding)
    assert copied.rate_limiter is limiter
    assert copied.embeddings_cache is cache
    assert copied.http_client is embedding.http_client


def test_threads_with_loops_of_their_own_share_an_embedding() -> None:
    embedding = AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=8, embed_batch_size=1, max_retries=0)
    expected = embedding.get_text_embedding_batch(["a", "b"])

    def run() -> Any:
        return [asyncio.run(embedding.aget_text_embedding_batch(["a", "b"])) for _ in range(3)][-1]

    with ThreadPoolExecutor(6) as pool:
        assert [expected] * 6 == [future.result() for future in [pool.submit(run) for _ in range(6)]]


def test_an_index_finds_the_near_text_and_a_pipeline_runs_in_workers() -> None:
    embedding = AIMLAPIEmbedding(model="text-embedding-3-small")
    documents = [Document(text=text) for text in ("Employees get 25 days of vacation.", "The office opens at nine.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding)
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("How many days of vacation?")
    assert found.text == "Employees get 25 days of vacation."
    nodes = IngestionPipeline(transformations=[embedding]).run(documents=documents, num_workers=2)
    assert [node.embedding for node in nodes] == embedding.get_text_embedding_batch([node.text for node in documents])


def test_other_names_mean_the_same(recwarn: pytest.WarningsRecorder) -> None:
    embedding = AIMLAPIEmbedding(
        model_name="m",
        base_url="http://127.0.0.1:1/v1",
        mode="text_search",
        reuse_client=False,
        api_version="",
        headers={"x": "1"},
    )
    assert [str(warning.message) for warning in recwarn] == []
    assert (embedding.model, embedding.model_name, embedding.api_base) == ("m", "m", "http://127.0.0.1:1/v1")
    assert embedding.default_headers == {"x": "1"}
    with pytest.warns(UserWarning, match="no setting `surprise`") as told:
        AIMLAPIEmbedding("m", surprise=1)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "`model` is None"),
        ({"model": "a", "model_name": "b"}, "passed twice"),
        ({"model": "a", "api_key": 3}, "`api_key` has an invalid value of type int"),
        ({"model": "a", "openai_client": object()}, "`openai_client` cannot be used"),
        ({"model": "a", "http_client": object()}, "pass an httpx.Client"),
        ({"model": "a", "max_retries": -1}, "`max_retries` is -1"),
        ({"model": "a", "api_base": "ftp://x"}, "`base_url` is 'ftp://x'"),
    ],
)
def test_settings_that_cannot_be_used(settings: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        AIMLAPIEmbedding(**settings)


def test_closing_gives_up_the_connections_and_it_may_be_used_again() -> None:
    with AIMLAPIEmbedding(model="text-embedding-3-small", dimensions=4) as embedding:
        first = embedding.get_text_embedding("a")
    assert embedding.get_text_embedding("a") == first


def test_llama_indexs_own_namespace_holds_them_too() -> None:
    """No `__init__.py` above them: it would hide the packages of everybody else."""
    from llama_index.embeddings.aimlapi import AIMLAPIEmbedding as Embedding
    from llama_index.llms.aimlapi import AIMLAPI as Llm

    assert (Embedding, Llm) == (AIMLAPIEmbedding, AIMLAPI)
    assert Llm.__module__.startswith("llama_index_aimlapi.")
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "llama_index").rglob("*")
        if "__pycache__" not in path.parts and path.is_file()
    }
    assert files == {
        f"llama_index/{kind}/aimlapi/{name}"
        for kind in ("llms", "embeddings", "tools", "readers")
        for name in ("__init__.py", "py.typed")
    }


def test_the_namespace_is_importable_first() -> None:
    code = "from llama_index.embeddings.aimlapi import AIMLAPIEmbedding; from llama_index.core.llms import MockLLM; print(AIMLAPIEmbedding.__module__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "llama_index_aimlapi.embeddings"
