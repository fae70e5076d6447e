"""Embeddings, the catalogue, the account, the other hosts and the published replies are as documented."""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aimlapi_emulator.mind.regex_text import example
from aimlapi_emulator.mind.schema import Filler
from aimlapi_emulator.mind.tokens import count, pieces
from aimlapi_emulator.server.embeddings import MODELS, vector
from aimlapi_emulator.server.recordings import _rows
from aimlapi_emulator.server.run import EmulatorServer
from tests.emulator.conftest import WEATHER, asking, chunks_of, folded


def near(one: str, other: str, size: int = 1536) -> float:
    return math.fsum(a * b for a, b in zip(vector(one, size), vector(other, size), strict=True))


@pytest.mark.parametrize("size", [8, 256, 1536, 3072])
def test_a_vector_has_unit_length(size: int) -> None:
    for text in ("a cat sat on a mat", "猫", "!!!", " "):
        assert math.isclose(math.fsum(v * v for v in vector(text, size)), 1, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("query", "close", "far"),
    [
        ("Who is the CEO of Acme?", "The CEO of Acme is Jane Roe.", "Bananas are yellow and grow in the tropics."),
        ("How tall is the Eiffel Tower?", "The Eiffel Tower is 330 metres tall.", "The weather in Paris is mild."),
        ("vacation days", "Employees get 25 days of vacation a year.", "The office opens at nine."),
    ],
)
def test_similar_texts_are_near(query: str, close: str, far: str) -> None:
    assert near(query, close) > near(query, far) + 0.1


def test_dimensions_and_base64_give_the_same_numbers(client: httpx.Client) -> None:
    body = {"model": "text-embedding-3-small", "input": ["a cat", "a dog"], "dimensions": 64}
    floats = client.post("/embeddings", json=body).json()
    packed = client.post("/embeddings", json={**body, "encoding_format": "base64"}).json()
    for one, other in zip(floats["data"], packed["data"], strict=True):
        assert len(one["embedding"]) == 64
        assert list(struct.unpack("<64f", base64.b64decode(other["embedding"]))) == one["embedding"]
    assert [row["index"] for row in floats["data"]] == [0, 1]
    assert floats["usage"] == packed["usage"]


@pytest.mark.parametrize("model", MODELS)
def test_every_embedding_model_answers_with_its_size(client: httpx.Client, model: str) -> None:
    reply = client.post("/embeddings", json={"model": model, "input": "a"})
    assert reply.status_code == MODELS[model].status
    assert len(reply.json()["data"][0]["embedding"]) == MODELS[model].size


def test_usage_varies_as_recorded(client: httpx.Client) -> None:
    def usage(model: str) -> Any:
        return client.post("/embeddings", json={"model": model, "input": "a"}).json()["usage"]

    assert usage("togethercomputer/m2-bert-80M-32k-retrieval") is None
    assert usage("voyage-2")["prompt_tokens"] is None
    assert usage("BAAI/bge-base-en-v1.5")["completion_tokens"] == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"input": [1, 2, 3]}, "input[0]"),
        ({"input": [[1, 2]]}, "input[0]"),
        ({"input": ""}, "input[0]"),
        ({"input": []}, "input"),
        ({}, "input"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "dimensions": 4000}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "surprise": 1}, "surprise"),
    ],
)
def test_an_invalid_embedding_request_names_its_field(client: httpx.Client, fields: Any, field: str) -> None:
    reply = client.post("/embeddings", json={"model": "text-embedding-3-small", **fields})
    assert reply.status_code == 400
    assert reply.json()["message"].startswith(f"Body validation error\n{field}: ")


@pytest.mark.parametrize(
    ("model", "fields", "says"),
    [
        ("voyage-2", {"input": ["a", "a" * 801]}, "input: Too big: expected items of at most 800 characters"),
        ("voyage-2", {"input": "a" * 8001}, "input: Too big: expected at most 8000 characters"),
        ("voyage-2", {"input": "a" * 801}, None),
        ("voyage-2", {"input": ["a" * 800], "input_type": "document"}, None),
        ("voyage-2", {"input": "a", "input_type": "query"}, "input_type: Invalid enum value"),
        ("text-multilingual-embedding-002", {"input": "a", "task_type": "RETRIEVAL_QUERY"}, None),
        ("text-multilingual-embedding-002", {"input": "a", "task_type": "query"}, "task_type: Invalid enum value"),
        ("text-multilingual-embedding-002", {"input": "a", "task_type": 3}, "task_type: Invalid enum value"),
    ],
)
def test_a_family_has_limits_of_its_own(client: httpx.Client, model: str, fields: Any, says: str | None) -> None:
    reply = client.post("/embeddings", json={"model": model, **fields})
    assert (says in reply.json()["message"], reply.status_code == 400) if says else reply.status_code == 200


def models(client: httpx.Client, query: str, **headers: str) -> httpx.Response:
    return client.get(f"/models?{query}", headers=headers)


def test_filters_are_or_inside_and_across(client: httpx.Client) -> None:
    def ids(query: str) -> set[str]:
        return {entry["id"] for entry in models(client, query).json()["data"]}

    everything, tools, vision = ids(""), ids("capabilities=tools"), ids("capabilities=VISION")
    assert ids("capabilities=tools,vision") == ids("capabilities=tools&capabilities=vision") == tools | vision
    assert ids("capabilities=tools&input_modalities=image") == tools & ids("input_modalities=image")
    assert tools < everything
    assert ids("type=openai/embeddings") == set(MODELS)
    made = ids("output_modalities=image,video,audio,3d") | ids("type=internal/speech-to-text/submit,internal/ocr")
    assert ids("type=openai/embeddings,openai/chat-completions,openai/responses") | made == everything
    assert "openai/gpt-4o" in ids("id=gpt-4o")
    assert ids("id=no-such-model") == set()


def test_includes_add_fields_and_unknown_ones_are_ignored(client: httpx.Client) -> None:
    def fields(query: str) -> set[str]:
        return set(models(client, f"id=openai/gpt-4o&{query}").json()["data"][0])

    plain = {"id", "aliases", "type", "info", "tags"}
    assert fields("include=nonsense") == plain
    assert fields("include=pricing,capabilities") == plain | {"pricing", "capabilities"}
    assert fields("include=all") == fields("details=true") == plain | {"pricing", "capabilities", "modalities"}


def test_an_unchanged_list_is_304_without_a_body(client: httpx.Client) -> None:
    first = models(client, "include=pricing")
    again = models(client, "include=pricing", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert first.headers["etag"].startswith('W/"')
    assert models(client, "include=modalities").headers["etag"] != first.headers["etag"]


def test_one_model_is_found_by_id_and_alias(server: EmulatorServer) -> None:
    found = httpx.get(f"{server.url}/model/anthropic/claude-opus-4-6?include=capabilities").json()
    assert (found["object"], found["data"]["id"]) == ("model", "anthropic/claude-opus-4-6")
    assert "tools" in found["data"]["capabilities"]
    assert httpx.get(f"{server.url}/model/nobody/nothing").status_code == 404


def test_the_account_tells_what_is_documented(server: EmulatorServer) -> None:
    headers = {"Authorization": "Bearer k"}
    paths = {"/v2/billing": "current_balance", "/v1/billing/balance": "balance", "/v1/key": "data"}
    for path, field in paths.items():
        assert field in httpx.get(server.url + path, headers=headers).json()
        assert httpx.get(server.url + path).status_code == 401


def host(server: EmulatorServer, name: str, body: Any) -> httpx.Response:
    return httpx.post(f"{server.host_url(name)}/chat/completions", json=body, headers={"Authorization": "Bearer k"})


GLM, QWEN = "glm-4.7-flash", "qwen3.6-flash"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("powertokens", asking("Hi", GLM, stop=["a", "b"])),
        ("powertokens", asking("Hi", GLM, stop="a")),
        ("powertokens", asking("Hi", GLM, temperature=1.5)),
        ("powertokens", asking("Hi", GLM, max_tokens=200_000)),
        ("powertokens", asking("Hi", GLM, tools=[WEATHER], tool_choice="required")),
        ("powertokens", {"model": GLM, "messages": [{"role": "system", "content": "x"}]}),
        (
            "powertokens",
            asking(
                "Hi",
                "qwen3-max",
                tools=[WEATHER],
                tool_choice={"type": "function", "function": {"name": "get_weather"}},
            ),
        ),
        ("anyfast", asking("Hi", QWEN, max_tokens=10)),
        ("anyfast", asking("Hi", QWEN, max_completion_tokens=70_000)),
        ("anyfast", asking("Hi", QWEN, stop="x")),
        ("anyfast", asking("Hi", QWEN, frequency_penalty=3)),
    ],
)
def test_a_host_refuses_what_it_documents_to_refuse(server: EmulatorServer, name: str, body: Any) -> None:
    reply = host(server, name, body)
    assert reply.status_code == 400
    assert "Body validation error\n" in reply.json()["message"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("powertokens", asking("Hi", GLM, stream=False, stop=["a"], tools=[WEATHER], tool_choice="auto")),
        ("powertokens", asking("Hi", "qwen3-max", temperature=2, top_p=0, tool_choice="required", tools=[WEATHER])),
        ("anyfast", asking("Hi", QWEN, max_completion_tokens=65536, stop=["x", "y"], enable_thinking=True)),
    ],
)
def test_a_host_answers_what_it_documents(server: EmulatorServer, name: str, body: Any) -> None:
    assert host(server, name, body).json()["object"] == "chat.completion"


def test_a_host_answers_in_its_own_way(server: EmulatorServer) -> None:
    """It tells no cost in credits, and thinks only when its documentation says so."""
    body = asking("Tell me about Rome", "qwen3.6-flash")
    headers = {"Authorization": "Bearer k"}
    for stream in (False, True):
        reply = httpx.post(
            f"{server.host_url('anyfast')}/chat/completions", json={**body, "stream": stream}, headers=headers
        )
        assert '"meta"' not in reply.text
        assert "x-aimlapi-credits-used" not in reply.headers
        assert "The user wrote" not in reply.text
    thinking = httpx.post(
        f"{server.host_url('anyfast')}/chat/completions", json={**body, "enable_thinking": True}, headers=headers
    )
    assert thinking.json()["choices"][0]["message"]["reasoning_content"]


def test_a_host_serves_its_own_models_only(server: EmulatorServer) -> None:
    assert host(server, "anyfast", asking("Hi", "openai/gpt-4o")).status_code == 404
    assert host(server, "powertokens", asking("Hi", QWEN)).status_code == 404


def test_zhipu_streams_unless_told_not_to(server: EmulatorServer) -> None:
    assert folded(chunks_of(host(server, "powertokens", asking("Hello", GLM))))["text"].startswith("Hello!")
    assert host(server, "powertokens", asking("Hello", "qwen3-max")).json()["object"] == "chat.completion"


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["name"])
def test_a_published_request_gets_its_published_reply(client: httpx.Client, row: dict[str, Any]) -> None:
    reply = client.post(row["endpoint"].removeprefix("/v1"), json=row["request"])
    assert reply.status_code == row["status"]
    if "sse" in row:
        assert [line for line in reply.text.split("\n") if line] == row["sse"]
    else:
        assert reply.json() == row["body"]


def test_another_request_does_not_get_a_published_reply(client: httpx.Client) -> None:
    row = next(row for row in _rows() if row["endpoint"].endswith("completions") and "sse" not in row)
    other = client.post("/chat/completions", json={**row["request"], "max_tokens": 7000})
    assert other.status_code in (200, 201, 400, 404)
    assert other.json() != row["body"]


@given(st.text())
def test_the_pieces_of_a_text_join_to_it(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert count(text) <= max(1, len(text))


@pytest.mark.parametrize(
    "pattern", [r"^\d{3}-\d{4}$", r"^[A-Z]{2,4}$", r"^(red|blue)!$", r"^[^a-z]+$", r"^\w+@\w+\.com$"]
)
def test_a_pattern_is_met(pattern: str) -> None:
    import re

    assert re.search(pattern, example(pattern, "nothing of the kind"))


def test_a_pattern_that_could_match_for_ever_is_not_tried() -> None:
    hostile = {"type": "string", "pattern": "^(a+)+$"}
    assert isinstance(Filler("a" * 200 + "!").fill(hostile), str)


SCHEMAS = st.recursive(
    st.one_of(
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.builds(lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span}, st.integers(-9, 9), st.integers(0, 9)),
        st.builds(lambda low, span: {"type": "number", "exclusiveMinimum": low, "maximum": low + span}, st.integers(-9, 9), st.integers(1, 9)),
        st.builds(lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span}, st.integers(0, 9), st.integers(0, 9)),
        st.builds(lambda options: {"enum": options}, st.lists(st.text(max_size=5), min_size=1, max_size=3)),
        st.builds(lambda value: {"const": value}, st.integers()),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda low, items: {"type": "array", "items": items, "minItems": low, "maxItems": low + 2}, st.integers(0, 3), inner
        ),
        st.builds(
            lambda fields: {"type": "object", "properties": fields, "required": list(fields)},
            st.dictionaries(st.text(max_size=8), inner, max_size=4),
        ),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)  # fmt: skip
SPOKEN = "On 2026-05-01 Alice Smith, 30, paid 12.50 to bob@example.com for 'two books' in Paris; not red. Minus -7."


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, st.sampled_from(["", SPOKEN]) | st.text(max_size=60))
def test_a_filled_schema_is_obeyed(schema: Any, text: str) -> None:
    value = Filler(text).fill(schema)
    assert obeys(json.loads(json.dumps(value)), schema), (value, schema)


def obeys(value: Any, schema: Any) -> bool:
    """A small validator, for exactly the keywords generated above."""
    if "anyOf" in schema:
        return any(obeys(value, option) for option in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "const" in schema:
        return bool(value == schema["const"])
    kind = schema["type"]
    if kind == "object":
        return isinstance(value, dict) and all(
            key in value and obeys(value[key], schema["properties"][key]) for key in schema["required"]
        )
    if kind == "array":
        fits = isinstance(value, list) and schema["minItems"] <= len(value) <= schema["maxItems"]
        return fits and all(obeys(item, schema["items"]) for item in value)
    if kind == "string":
        return isinstance(value, str) and schema["minLength"] <= len(value) <= schema["maxLength"]
    if kind in ("integer", "number"):
        right = isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
        low = schema.get("minimum", schema.get("exclusiveMinimum"))
        return right and low <= value <= schema["maximum"] and value != schema.get("exclusiveMinimum")
    return isinstance(value, bool) if kind == "boolean" else value is None
