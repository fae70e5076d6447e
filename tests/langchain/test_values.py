"""ChatAIMLAPI as a value: copies, pickles, caches; its key shows nowhere."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps

from langchain_aimlapi import ChatAIMLAPI
from tests.langchain.host import KEY, Host, whole


@pytest.mark.parametrize("name", ["aimlapi_api_key", "openai_api_key", "api_key"])
def test_the_key_shows_nowhere(name: str) -> None:
    class Tracer(BaseCallbackHandler):
        seen = ""

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            self.seen += repr((serialized, messages, kwargs))

        def on_llm_end(self, response: Any, **kwargs: Any) -> None:
            self.seen += repr((response, kwargs))

    tracer = Tracer()
    host = Host(whole({"content": "x"}))
    transport = httpx.MockTransport(host.answer)
    model = ChatAIMLAPI(model="m", http_client=httpx.Client(transport=transport), **{name: KEY})
    model.invoke("Hi", config={"callbacks": [tracer]})
    assert host.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [repr(model), str(model), f"{model}", repr(vars(model)), dumps(model), str(model.asdict()), tracer.seen]
    shown += [
        model.model_dump_json(exclude={"metadata"}),
        repr(model._get_ls_params()),
        repr(model._identifying_params),
    ]
    assert [text for text in shown if KEY in text] == []


def test_a_key_of_the_environment_is_in_no_pickle(monkeypatch: Any) -> None:
    monkeypatch.setenv("AIMLAPI_API_KEY", KEY)
    model = ChatAIMLAPI(model="m")
    data = pickle.dumps(model)
    assert KEY.encode() not in data
    assert pickle.loads(data) == copy.deepcopy(model) == model


def test_copies_work_after_use() -> None:
    host = Host(whole({"content": "x"}))
    model = host.model()
    model.invoke("Hi")
    other = model.model_copy(update={"model_name": "other", "temperature": 1.0})
    assert other.invoke("Hi").content == "x"
    assert (host.bodies[-1]["model"], host.bodies[-1]["temperature"]) == ("other", 1.0)


def test_a_model_with_a_client_of_ones_own_is_copied_and_pickled() -> None:
    host = Host(whole({"content": "x"}))
    model = host.model()
    twin = copy.deepcopy(model)
    assert twin.http_client is model.http_client
    assert twin.invoke("Hi").content == "x"
    assert pickle.loads(pickle.dumps(model)).http_client is None


@pytest.mark.parametrize(
    "other",
    [
        {"extra_body": {"a": 1}},
        {"preset": "powertokens"},
        {"default_query": {"a": "1"}},
        {"default_headers": {"X-A": "1"}},
        {"replay_reasoning": True},
        {"parse_think": False},
        {"temperature": 0.5},
    ],
)
def test_a_cache_tells_models_of_other_settings_apart(other: dict[str, Any]) -> None:
    host = Host(whole({"content": "x"}))
    cache = InMemoryCache()
    for differing in ({}, {}, other, other):
        host.model(cache=cache, **differing).invoke("Hi")
    assert len(host.bodies) == 2
