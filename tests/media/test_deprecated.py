"""The class names of the older distribution: they warn once, and give what their successors give."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import langchain_aimlapi
from aimlapi_emulator.server.run import EmulatorServer
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI, deprecated
from tests.media.test_langchain_tools import Host


@pytest.fixture(scope="module")
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer() as running:
        yield running


@pytest.fixture(autouse=True)
def nobody_was_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecated, "_warned", set())


@pytest.mark.parametrize("name", deprecated.__all__)
def test_each_warns_once_and_names_its_successor(name: str) -> None:
    make = getattr(langchain_aimlapi, name)
    settings = {"api_key": "k", "model": "openai/gpt-4o"}
    with pytest.warns(DeprecationWarning, match=f"`{name}` is the name of an older package: use `") as caught:
        make(**settings)
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        make(**settings)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_chats_and_embeddings_answer_as_their_successors(server: EmulatorServer) -> None:
    settings: dict[str, Any] = {"api_key": "any", "base_url": server.base_url}
    new = ChatAIMLAPI(model="openai/gpt-4o", **settings).invoke("Hello")
    old = deprecated.ChatAimlapi(model="openai/gpt-4o", **settings)
    assert old.invoke("Hello").content == new.content and isinstance(old, ChatAIMLAPI)
    text = deprecated.AimlapiLLM(model="openai/gpt-4o", **settings)
    assert text.invoke("Hello") == await text.ainvoke("Hello") == "".join(text.stream("Hello")) == new.content
    assert "".join([piece async for piece in text.astream("Hello")]) == new.content
    vectors = deprecated.AimlapiEmbeddings(**settings).embed_query("Hello")
    assert vectors == AIMLAPIEmbeddings(model="text-embedding-3-small", **settings).embed_query("Hello")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_pictures_and_films_are_addresses() -> None:
    host = Host()
    pictures = deprecated.AimlapiImageModel(model="flux/dev", **host.settings)
    assert pictures.invoke("A cat") == await pictures.ainvoke("A cat") == "https://cdn.test/cat.png"
    assert pictures.generate_images("A cat", n=2, size="64x64") == ["https://cdn.test/cat.png"]
    assert host.bodies[-1]["num_images"] == 2 and host.bodies[-1]["image_size"] == {"width": 64, "height": 64}
    host.replies["POST /v1/images/generations"] = {"data": [{"b64_json": "iVBORw0KGgo="}]}
    pictures = deprecated.AimlapiImageModel(**host.settings)
    assert pictures.generate_images("A cat", response_format="b64_json") == ["iVBORw0KGgo="]
    films = deprecated.AimlapiVideoModel(base_url="https://api.aimlapi.com/v2", provider="google", **host.settings)
    assert films.invoke("A cat") == await films.ainvoke("A cat") == "https://cdn.test/film.mp4"
    assert films.generate_videos("A cat", n=2, poll_interval=1, timeout=9) == ["https://cdn.test/film.mp4"] * 2
