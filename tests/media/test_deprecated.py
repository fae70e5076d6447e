"""The class names of the older distribution: they warn once, and give what their successors give."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import langchain_aimlapi
from aimlapi_emulator.server.run import EmulatorServer
from aimlapi_transport.media.operations import OPERATIONS
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


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("chat_models", "ChatAimlapi"),
        ("llms", "AimlapiLLM"),
        ("embeddings", "AimlapiEmbeddings"),
        ("image_models", "AimlapiImageModel"),
        ("video_models", "AimlapiVideoModel"),
        ("constants", "AIMLAPI_HEADERS"),
    ],
)
def test_names_are_where_the_older_distribution_has_them(module: str, name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            value = getattr(importlib.import_module(f"langchain_aimlapi.{module}"), name)
            assert value == getattr(langchain_aimlapi, name)
    assert len(caught) == (name == "AIMLAPI_HEADERS")  # a class warns where it is used


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_older_headers_are_settings_of_a_model() -> None:
    headers = langchain_aimlapi.AIMLAPI_HEADERS
    assert headers["X-Title"] == "LangChain" and ChatAIMLAPI(model="m", api_key="k", default_headers=headers)


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


# The programs of the older package's README (0.1.3) and docs folder.
# Source: https://pypi.org/project/langchain-aimlapi/, https://github.com/D1m7asis/langchain-aimlapi
PROGRAMS: dict[str, Callable[[], Any]] = {
    "ChatAimlapi": lambda: langchain_aimlapi.ChatAimlapi().invoke("Sing a ballad of LangChain.").text,
    "ChatAimlapi of docs/chat": lambda: (
        langchain_aimlapi.ChatAimlapi(model="gpt-3.5-turbo", temperature=0).invoke("Hello!").text
    ),
    "AimlapiEmbeddings": lambda: langchain_aimlapi.AimlapiEmbeddings().embed_query("What is the meaning of life?"),
    "AimlapiEmbeddings of docs/embeddings": lambda: langchain_aimlapi.AimlapiEmbeddings(
        model="text-embedding-ada-002"
    ).embed_query("What is LangChain?"),
    "AimlapiLLM": lambda: langchain_aimlapi.AimlapiLLM().invoke("The meaning of life is"),
    "AimlapiLLM of docs/llm": lambda: langchain_aimlapi.AimlapiLLM(
        model="gpt-4o", temperature=0.0, max_tokens=None, api_key="k"
    ).invoke("I love it."),
    "AimlapiLLM by its other name of the model": lambda: langchain_aimlapi.AimlapiLLM(
        model_name="gpt-4o", stop=["\n"], timeout=5, max_retries=1
    ).invoke("I love it."),
    "AimlapiImageModel": lambda: langchain_aimlapi.AimlapiImageModel(
        model="stable-diffusion-v3-medium", size="512x512", n=1
    ).invoke("A lake"),
    "AimlapiImageModel of docs/image": lambda: langchain_aimlapi.AimlapiImageModel(model="dall-e-3").invoke("A robot"),
    "AimlapiVideoModel": lambda: langchain_aimlapi.AimlapiVideoModel(model="veo2").invoke("City lights at night"),
    "AimlapiVideoModel of docs/video": lambda: langchain_aimlapi.AimlapiVideoModel(
        model="google/veo3", provider="google"
    ).generate_videos("A cat", n=1, response_format="url", poll_interval=0.01, timeout=360.0)[0],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_documented_program_works_with_one_warning(
    server: EmulatorServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", "any-key")
    monkeypatch.setenv("AIMLAPI_API_BASE", server.base_url)
    monkeypatch.setitem(OPERATIONS, "video", OPERATIONS["video"]._replace(first_pause=0.0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            found = PROGRAMS[name]()
    assert found and (name[:12] not in ("AimlapiImage", "AimlapiVideo") or found.startswith("http"))
    old = name.partition(" ")[0]
    assert [(item.category, str(item.message).partition(" is ")[0]) for item in caught] == [
        (DeprecationWarning, f"`{old}`")
    ]


async def test_settings_of_the_constructor_are_sent(server: EmulatorServer) -> None:
    host = Host()
    with pytest.warns(DeprecationWarning):
        pictures = deprecated.AimlapiImageModel(model="flux/dev", size="64x32", n=2, **host.settings)
    assert await pictures.agenerate_images("A cat") == pictures.generate_images("A cat")
    assert [body["image_size"] for body in host.bodies] == [{"width": 64, "height": 32}] * 2
    with pytest.warns(DeprecationWarning):
        films = deprecated.AimlapiVideoModel(duration=4, **host.settings)
    assert await films.agenerate_videos("A cat", n=2) == films.generate_videos("A cat", n=2)
    assert [body["duration"] for body in host.bodies[2:]] == [4] * 4


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
