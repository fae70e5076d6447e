"""A lone surrogate never travels: every body is JSON to a reader as strict as orjson, on every endpoint."""

from __future__ import annotations

import json
from typing import Any

import httpx
import orjson
import pytest

from aimlapi_transport.chat.request import chat_request
from aimlapi_transport.client import Client
from aimlapi_transport.config.model_families import _survey
from aimlapi_transport.json_codec import dumps
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPIEmbedding
from tests.ways import FOUR_WAYS, Host, Way

HALF, WHOLE = "page \ud83d end", "page \ufffd end"


def strictly(raw: bytes) -> Any:
    value = orjson.loads(raw)
    assert "\ud83d" not in json.dumps(value, ensure_ascii=False)
    return value


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_half_a_character_is_one_replacement_character_wherever_it_stands(way: Way) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": json.dumps({"q": HALF})}}
    messages = [
        {"role": "system", "content": HALF},
        {"role": "user", "content": [{"type": "text", "text": HALF}]},
        {"role": "assistant", "content": HALF, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": HALF},
    ]
    schema = {"type": "object", "properties": {"q": {"type": "string", "description": HALF}}}
    tool = {"type": "function", "function": {"name": "f", "description": HALF, "parameters": schema}}
    host = Host()
    host.ask(
        way, messages, [tool], extra_query={"q": HALF}, extra_body={"metadata": {HALF: HALF, "n": 2**70}}, user=HALF
    )
    body = strictly(host.raw[0])
    sent = json.dumps(body, ensure_ascii=False)
    assert "ud83d" not in sent and sent.count("\ufffd") + sent.count("\\ufffd") == 10
    assert body["metadata"][WHOLE] == WHOLE


def test_an_escape_of_half_a_character_in_arguments_is_one_of_a_replacement_character() -> None:
    """Arguments are JSON in a text: a host that reads them strictly refuses the escape, too."""
    written = r'{"a": "\ud83d\ude00 \ud83d \uDE00x \\ud83d"}'
    for kind, field in (("function", "arguments"), ("custom", "input")):
        call = {"id": "c", "type": kind, kind: {"name": "f", field: written}}
        history = [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ]
        sent = strictly(chat_request("some/new-model", history).body)["messages"][0]["tool_calls"][0][kind][field]
        assert sent == (r'{"a": "\ud83d\ude00 \ufffd \ufffdx \\ud83d"}' if kind == "function" else written)


def test_embeddings_and_service_calls_are_strict_json() -> None:
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        row = {"object": "embedding", "index": 0, "embedding": [1.0]}
        return httpx.Response(200, json={"object": "list", "data": [row], "model": "m"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    settings: dict[str, Any] = {"api_key": "k", "http_client": client}
    AIMLAPIEmbeddings(model="text-embedding-3-small", **settings).embed_query(HALF)
    AIMLAPIEmbedding(model_name="text-embedding-3-small", **settings).get_text_embedding(HALF)
    assert [strictly(raw)["input"] for raw in bodies] == [[WHOLE], [WHOLE]]
    with pytest.raises(Exception, match="reply"):
        Client(**settings).keys.create(name=HALF)
    assert strictly(bodies[-1])["name"] == WHOLE


@pytest.mark.parametrize("value", [HALF, [HALF], (HALF, 2**70), {"a": {HALF: [1, None]}}, {1: HALF}])
def test_what_is_written_is_read_by_orjson(value: Any) -> None:
    assert b"\\ud83d" not in dumps(value)
    orjson.loads(dumps(value))


@pytest.mark.parametrize("settings", [{"tool_choice": "none"}, {"tool_choice": "auto"}, {"parallel_tool_calls": False}])
@pytest.mark.filterwarnings("ignore")
def test_a_setting_of_tools_without_tools_is_sent_alike_for_every_model(settings: dict[str, Any]) -> None:
    """Whether it is sent must not hang on whether the model takes cache marks."""
    host = Host()
    transport = httpx.MockTransport(host)
    sent = set()
    for model in _survey()[0]["models"]:
        llm = ChatAIMLAPI(
            model=model, api_key="k", http_client=httpx.Client(transport=transport), use_responses_api=False
        )
        llm.invoke("hi", **settings)
        sent.add(json.dumps({name: host.bodies[-1].get(name) for name in settings}))
    assert sent == {json.dumps(settings)}


@pytest.mark.parametrize("way", FOUR_WAYS, ids=str)
@pytest.mark.parametrize("is_nested", [True, False])
def test_a_tool_without_a_type_gets_it(way: Way, is_nested: bool) -> None:
    inner = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    host = Host()
    host.ask(way, [{"role": "user", "content": "Hi"}], [{"function": inner} if is_nested else inner])
    (tool,) = host.bodies[0]["tools"]
    assert tool == (
        {"type": "function", "function": inner}
        if way.endpoint == "chat"
        else {"type": "function", **inner, "strict": False}
    )
