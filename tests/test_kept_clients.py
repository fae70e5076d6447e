"""An instance keeps its client between calls, and no call is made with settings of before."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from aimlapi_transport.errors import AuthenticationError, InvalidRequestError
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

CLASSES: list[Callable[..., Any]] = [ChatAIMLAPI, AIMLAPIEmbeddings, AIMLAPI, AIMLAPIEmbedding]
KEY = "sk-of-the-environment"
SECRET = "of-somebody"
WAYS = ("invoke", "complete", "embed_query", "get_text_embedding")


def made(cls: Callable[..., Any], **settings: Any) -> Any:
    return cls(model="m", default_headers={"x-a": "1"}, default_query={"q": ["1"]}, **settings)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)


@pytest.mark.parametrize("get", [lambda model: model._client(), lambda model: model._async_client()])
@pytest.mark.parametrize("cls", CLASSES)
def test_a_client_serves_until_a_setting_changes(
    cls: Callable[..., Any], get: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = made(cls)
    assert get(model) is get(model)
    model.max_retries = 7
    assert get(model).retry.max_retries == 7
    model.default_headers["x-a"] = "2"
    model.default_query["q"].append("2")
    assert (get(model).headers, get(model).query) == ({"x-a": "2"}, {"q": ["1", "2"]})
    monkeypatch.setenv("AIMLAPI_BASE_URL", "http://127.0.0.1:9/v1")
    assert get(model).base_url == "http://127.0.0.1:9/v1"
    monkeypatch.delenv("AIMLAPI_BASE_URL")
    assert get(model).base_url == "https://api.aimlapi.com/v1"
    monkeypatch.setenv("AIMLAPI_API_KEY", "sk-another")
    assert get(model).read_key().value == "sk-another"


@pytest.mark.parametrize("cls", CLASSES)
def test_another_http_client_is_used_at_once(cls: Callable[..., Any]) -> None:
    used: list[str] = []

    def client(name: str) -> httpx.Client:
        def refuse(request: httpx.Request) -> httpx.Response:
            used.append(name)
            return httpx.Response(401)

        return httpx.Client(transport=httpx.MockTransport(refuse))

    model = made(cls)
    for name in ("first", "second"):
        model.http_client = client(name)
        for _ in range(2):
            with pytest.raises(AuthenticationError):
                model._client().balance()
    assert used == ["first", "first", "second", "second"]


@pytest.mark.parametrize("cls", CLASSES)
def test_copies_and_pickles_have_no_client_and_no_key_of_the_environment(cls: Callable[..., Any]) -> None:
    model = made(cls)
    model._client().read_key()
    asyncio.run(model._async_client().aread_key())
    written = pickle.dumps(model)
    assert KEY.encode() not in written and b"AsyncClient" not in written
    for other in (copy.deepcopy(model), pickle.loads(written)):
        assert other == model
        assert other._client() is not model._client()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("default_headers", 5), ("default_headers", SECRET), ("default_query", [SECRET])),
        *(("http_client", 5), ("http_client", SECRET), ("http_client", httpx.AsyncClient())),
    ],
)
@pytest.mark.parametrize("cls", CLASSES)
def test_a_wrong_value_that_is_assigned_is_named_at_the_next_call(
    cls: Callable[..., Any], name: str, value: Any
) -> None:
    model = made(cls, max_retries=0)
    model._client()
    setattr(model, name, value)
    ask = next(filter(None, (getattr(model, way, None) for way in WAYS)))
    with pytest.raises(InvalidRequestError, match=f"`{name}` is of type .*: pass an? ") as caught:
        ask("Hi")
    assert SECRET not in str(caught.value)
