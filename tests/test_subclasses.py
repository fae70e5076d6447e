"""Classes on top of ours: the defaults that they give to fields count as if they were passed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from pydantic import Field

from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding
from tests.scripted import answer

MODEL = "openai/gpt-4o"
EMBEDDING = "text-embedding-3-small"


class Chat(ChatAIMLAPI):
    model_name: str = MODEL
    temperature: float | None = 0.5
    max_tokens: int | None = 7
    max_retries: int = 0


class ChatByAlias(ChatAIMLAPI):
    model_name: str = Field(default=MODEL, alias="model")
    temperature: float | None = 0.5
    max_tokens: int | None = 7


class Embeddings(AIMLAPIEmbeddings):
    model: str = EMBEDDING
    dimensions: int | None = 3


class Llm(AIMLAPI):
    model: str = MODEL
    temperature: float | None = 0.5
    max_tokens: int | None = 7


class Embedding(AIMLAPIEmbedding):
    model_name: str = EMBEDDING
    dimensions: int | None = 3


CHATS: list[Any] = [Chat, ChatByAlias, Llm]
EMBEDDINGS: list[Any] = [Embeddings, Embedding]


def sent(made: Any, **settings: Any) -> dict[str, Any]:
    """What an instance of a class with these settings sends."""
    bodies: list[dict[str, Any]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        data = [{"index": 0, "embedding": [0.5, 0.5, 0.5]}]
        is_chat = "messages" in bodies[-1]
        return httpx.Response(200, json=answer() if is_chat else {"object": "list", "data": data, "model": "m"})

    own = httpx.Client(transport=httpx.MockTransport(reply))
    instance = made(api_key="k", http_client=own, **settings)
    ask = next(
        getattr(instance, name)
        for name in ("invoke", "complete", "embed_query", "get_text_embedding")
        if hasattr(instance, name)
    )
    ask("Hi")
    return {name: value for name, value in bodies[0].items() if name not in ("messages", "input")}


@pytest.mark.parametrize("made", CHATS)
def test_the_defaults_of_a_subclass_are_sent(made: Any) -> None:
    assert sent(made) == {"model": MODEL, "temperature": 0.5, "max_tokens": 7}
    assert sent(made, model="m", temperature=0.1) == {"model": "m", "temperature": 0.1, "max_tokens": 7}


@pytest.mark.parametrize("made", CHATS)
def test_none_takes_a_default_of_a_subclass_back(made: Any) -> None:
    assert sent(made, temperature=None) == {"model": MODEL, "max_tokens": 7}


@pytest.mark.parametrize("made", EMBEDDINGS)
def test_the_defaults_of_a_subclass_for_embeddings_are_sent(made: Any) -> None:
    assert sent(made).items() >= {"model": EMBEDDING, "dimensions": 3}.items()
    assert sent(made, model="m").items() >= {"model": "m", "dimensions": 3}.items()


@pytest.mark.parametrize("made", [*CHATS, *EMBEDDINGS])
def test_an_empty_model_is_refused_whatever_the_default(made: Any) -> None:
    with pytest.raises(ValueError, match="`model` is empty"):
        made(model=" ")


def test_caches_and_tracers_tell_the_defaults_of_a_subclass_apart() -> None:
    assert (
        Chat(api_key="k")._get_llm_string()
        == ChatAIMLAPI(model=MODEL, temperature=0.5, max_tokens=7, api_key="k")._get_llm_string()
    )
    assert Chat()._get_ls_params()["ls_temperature"] == 0.5
