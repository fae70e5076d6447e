"""AIMLAPIEmbeddings: order kept over batches, and LangChain's standard suites on the emulator."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core import exceptions as core
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from pydantic import ValidationError

from aimlapi_emulator import EmulatorServer, emulator
from langchain_aimlapi import AIMLAPIEmbeddings


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with emulator() as running:
        yield running


@pytest.fixture(autouse=True)
def _use(server: EmulatorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setenv("AIMLAPI_API_KEY", "emulator")


def numbered(request: httpx.Request) -> httpx.Response:
    """A host that embeds a number as itself, and answers in the wrong order."""
    texts = json.loads(request.content)["input"]
    data = [{"index": n, "embedding": [float(text)]} for n, text in enumerate(texts)]
    return httpx.Response(200, json={"data": data[::-1]})


def embeddings(handler: Any = numbered, **settings: Any) -> AIMLAPIEmbeddings:
    return AIMLAPIEmbeddings(
        model="voyage-2",
        http_client=httpx.Client(transport=httpx.MockTransport(handler)),
        http_async_client=httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        **settings,
    )


def test_batches_keep_the_order_of_the_texts() -> None:
    texts = [str(n) for n in range(25)]
    expected = [[float(n)] for n in range(25)]
    assert embeddings(chunk_size=4).embed_documents(texts) == expected
    assert asyncio.run(embeddings(chunk_size=4).aembed_documents(texts)) == expected
    assert embeddings().embed_documents([]) == []


def test_similar_texts_are_near() -> None:
    model = AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=256)
    query, near, far = model.embed_documents(
        ["how much is a dollar", "how much does a dollar buy", "cats sleep all day"]
    )
    assert len(query) == 256
    assert sum(a * b for a, b in zip(query, near, strict=True)) > sum(a * b for a, b in zip(query, far, strict=True))


def test_failures_are_langchains_too() -> None:
    refused = embeddings(lambda request: httpx.Response(401, json={"message": "no"}), max_retries=0)
    with pytest.raises(core.ModelAuthenticationError):
        refused.embed_query("a")
    with pytest.raises(core.ModelInvalidRequestError, match="not empty"):
        embeddings().embed_query("")


def test_an_unknown_argument_is_refused_and_the_key_is_hidden() -> None:
    with pytest.raises(ValidationError, match="deployment"):
        AIMLAPIEmbeddings(model="voyage-2", deployment="x")  # type: ignore[call-arg]
    model = AIMLAPIEmbeddings(model="voyage-2", api_key="sk-secret-123")  # type: ignore[arg-type]
    assert "sk-secret-123" not in repr(model) + model.model_dump_json()
    assert pickle.loads(pickle.dumps(model)) == model


class TestUnit(EmbeddingsUnitTests):
    """LangChain's standard unit tests."""

    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small"}


class TestIntegration(EmbeddingsIntegrationTests):
    """LangChain's standard integration tests, on the emulator."""

    @property
    def embeddings_class(self) -> type[AIMLAPIEmbeddings]:
        return AIMLAPIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "text-embedding-3-small"}
