"""What people write out of habit: addresses copied with their endpoint, names of other classes, `dir()`."""

from __future__ import annotations

import importlib
import json
from typing import Any

import httpx
import pytest

from aimlapi_transport import Client
from aimlapi_transport.errors import InvalidRequestError
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding
from tests.scripted import answer
from tests.ways import FOUR_WAYS, Host, Way

KEY = "sk-test-0123456789"
HOST = "https://host.example/v1"


def asked(made: Any, **settings: Any) -> str:
    """The address that a class with these settings posts to."""
    seen: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        texts = json.loads(request.content).get("input")
        if texts is None:
            return httpx.Response(200, json=answer())
        count = len(texts) if isinstance(texts, list) else 1
        data = [{"index": place, "embedding": [0.5]} for place in range(count)]
        return httpx.Response(200, json={"object": "list", "data": data, "model": "m"})

    own = httpx.Client(transport=httpx.MockTransport(reply))
    instance = made(api_key=KEY, http_client=own, **settings)
    if made is Client:
        instance.chat("m", [{"role": "user", "content": "Hi"}])
    elif made is ChatAIMLAPI:
        instance.invoke("Hi")
    elif made is AIMLAPI:
        instance.complete("Hi")
    elif made is AIMLAPIEmbeddings:
        instance.embed_query("Hi")
    else:
        instance.get_text_embedding("Hi")
    (address,) = seen
    return address


CLASSES = [
    (Client, {}, ("base_url",), "/chat/completions"),
    (ChatAIMLAPI, {"model": "m"}, ("base_url", "openai_api_base", "aimlapi_api_base"), "/chat/completions"),
    (AIMLAPI, {"model": "m"}, ("api_base", "base_url"), "/chat/completions"),
    (AIMLAPIEmbeddings, {"model": "m"}, ("base_url", "openai_api_base", "aimlapi_api_base"), "/embeddings"),
    (AIMLAPIEmbedding, {"model": "m"}, ("api_base", "base_url"), "/embeddings"),
]
NAMED = [(made, settings, name, path) for made, settings, names, path in CLASSES for name in names]


@pytest.mark.parametrize("end", ["", "/", "/chat/completions", "/responses/", "/embeddings", "/Chat/Completions", " "])
@pytest.mark.parametrize(("made", "settings", "name", "path"), NAMED)
def test_an_address_copied_with_its_endpoint_works(made: Any, settings: Any, name: str, path: str, end: str) -> None:
    assert asked(made, **settings, **{name: HOST + end}) == HOST + path


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize(("made", "settings", "name", "path"), NAMED)
def test_a_blank_address_is_as_if_none_was_given(
    made: Any, settings: Any, name: str, path: str, blank: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIMLAPI_API_BASE", raising=False)
    assert asked(made, **settings, **{name: blank}) == "https://api.aimlapi.com/v1" + path
    monkeypatch.setenv("AIMLAPI_API_BASE", HOST + "/chat/completions")
    assert asked(made, **settings, **{name: blank}) == HOST + path
    monkeypatch.setenv("AIMLAPI_API_BASE", blank)
    assert asked(made, **settings) == "https://api.aimlapi.com/v1" + path


@pytest.mark.parametrize("mark", ["?", "#"])
def test_an_address_with_more_than_a_path_is_refused_without_showing_it(mark: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"`base_url`.*up to `/v1`") as raised:
        Client(api_key=KEY, base_url=f"{HOST}/chat/completions{mark}key={KEY}")
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("made", [ChatAIMLAPI, AIMLAPIEmbeddings])
def test_key_and_address_are_read_by_the_names_of_other_classes(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = made(model="m", api_key=KEY, base_url=HOST)
    for name in ("aimlapi_api_key", "openai_api_key"):
        assert getattr(given, name).get_secret_value() == KEY
    assert given.aimlapi_api_base == given.openai_api_base == given.base_url == HOST
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-of-the-environment")
    monkeypatch.delenv("AIMLAPI_API_BASE", raising=False)
    found = made(model="m")
    assert found.openai_api_key.get_secret_value() == "sk-of-the-environment"
    assert found.openai_api_base == "https://api.aimlapi.com/v1"
    assert "sk-of" not in repr(found) + found.model_dump_json()


@pytest.mark.parametrize(
    "package",
    [
        *("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_emulator"),
        *("llama_index.llms.aimlapi", "llama_index.embeddings.aimlapi"),
    ],
)
def test_dir_lists_the_public_names_and_only_those(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        getattr(module, name)  # imports the modules they are in
    listed = [name for name in dir(module) if not (name.startswith("__") and name.endswith("__"))]
    assert listed == sorted(name for name in module.__all__ if not name.startswith("__"))


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ({"a": ["1", "2"], "b": ("x",)}, "?a=1&a=2&b=x"),
        ({"a": True, "b": 1, "c": None, "d": []}, "?a=true&b=1"),
        ({"a": None}, ""),
    ],
)
@pytest.mark.parametrize("made", [ChatAIMLAPI, AIMLAPI, AIMLAPIEmbeddings, AIMLAPIEmbedding])
def test_a_query_of_lists_and_booleans_is_sent_as_queries_are(made: Any, query: dict[str, Any], sent: str) -> None:
    assert asked(made, model="m", base_url=HOST, default_query=query).partition("?")[2] == sent.lstrip("?")


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "name": "c"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_a_tool_choice_has_the_form_of_the_endpoint(way: Way, nested: Any, flat: Any) -> None:
    host = Host()
    tools = [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}},
        {"type": "custom", "custom": {"name": "c"}},
    ]
    for choice in (nested, flat):
        host.ask(way, [{"role": "user", "content": "Hi"}], tools, tool_choice=choice)
        assert host.bodies[-1]["tool_choice"] == (flat if way.endpoint == "responses" else nested)
