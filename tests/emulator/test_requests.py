"""What goes wrong with a request is said in the provider's words, and whatever comes, the server stands."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aimlapi_emulator.server.run import EmulatorServer
from tests.emulator.conftest import ACCEPTED, WEATHER, asking

HI = [{"role": "user", "content": "Hi"}]


def refused(client: httpx.Client, body: Any, path: str = "/chat/completions") -> tuple[int, str]:
    response = client.post(path, json=body)
    error = response.json()
    assert set(error) == {"requestId", "statusCode", "timestamp", "path", "message"}
    assert error["statusCode"] == response.status_code
    assert error["path"].endswith(path)
    assert response.headers["x-inference-id"]
    return response.status_code, error["message"]


@pytest.mark.parametrize(
    ("field", "received", "body"),
    [
        ("body", "array", []),
        ("model", "undefined", {"messages": HI}),
        ("messages", "undefined", {"model": "gpt-4o"}),
        ("messages", "0", {"model": "gpt-4o", "messages": []}),
        ("messages[0]", "number", {"model": "gpt-4o", "messages": [1]}),
        ("messages[0].role", "'king'", {"model": "gpt-4o", "messages": [{"role": "king", "content": "x"}]}),
        ("messages[0].content", "undefined", {"model": "gpt-4o", "messages": [{"role": "user"}]}),
        ("messages[0].content", "number", {"model": "gpt-4o", "messages": [{"role": "user", "content": 1}]}),
        (
            "messages[0].content[0].type",
            "'banana'",
            {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "banana"}]}]},
        ),
        (
            "messages[0].content[0].image_url",
            "string",
            {"model": "gpt-4o", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        ),
        ("messages[0].tool_call_id", "undefined", {"model": "gpt-4o", "messages": [{"role": "tool", "content": "x"}]}),
        ("temperature", "string", asking("Hi", temperature="hot")),
        ("temperature", "2.5", asking("Hi", temperature=2.5)),
        ("temperature", "1.5", asking("Hi", "anthropic/claude-opus-4-6", temperature=1.5)),
        ("top_p", "0", asking("Hi", top_p=0)),
        ("seed", "0", asking("Hi", seed=0)),
        ("n", "0", asking("Hi", n=0)),
        ("max_tokens", "0", asking("Hi", max_tokens=0)),
        ("stream", "string", asking("Hi", stream="yes")),
        ("stop", "number", asking("Hi", stop=1)),
        ("stream_options.include_usage", "undefined", asking("Hi", stream_options={})),
        ("tools", "object", asking("Hi", tools={})),
        ("tools", "129", asking("Hi", tools=[WEATHER] * 129)),
        (
            "tools[0].function.name",
            "'no spaces'",
            asking("Hi", tools=[{"type": "function", "function": {"name": "no spaces"}}]),
        ),
        ("tool_choice", "'always'", asking("Hi", tools=[WEATHER], tool_choice="always")),
        (
            "tool_choice.function.name",
            "'other'",
            asking("Hi", tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "other"}}),
        ),
        ("response_format.type", "'xml'", asking("Hi", response_format={"type": "xml"})),
        ("logprobs", "none", asking("Hi", top_logprobs=2)),
        ("reasoning_effort", "'extreme'", asking("Hi", "openai/gpt-5-5", reasoning_effort="extreme")),
        (
            "thinking.budget_tokens",
            "10",
            asking("Hi", "anthropic/claude-opus-4-6", thinking={"type": "enabled", "budget_tokens": 10}),
        ),
        ("enable_thinking", "true", asking("Hi", "alibaba/qwen3-32b", enable_thinking=True)),
    ],
)
def test_an_invalid_body_names_the_field_and_what_was_expected(
    client: httpx.Client, field: str, received: str, body: Any
) -> None:
    status, message = refused(client, body)
    assert status == 400
    assert re.match(
        rf"Body validation error\n{re.escape(field)}: .+\. Expected .+, received {re.escape(received)}$", message
    )


def test_a_role_the_model_does_not_know_is_refused_in_the_documented_words(client: httpx.Client) -> None:
    body = {"model": "o1-mini", "messages": [{"role": "system", "content": "x"}, *HI]}
    words = "Unsupported value: 'messages[0].role' does not support 'system' with this model."
    assert refused(client, body) == (400, words)


def test_an_unknown_model_and_an_unknown_path_are_404(client: httpx.Client) -> None:
    assert refused(client, asking("Hi", "nobody/nothing"))[0] == 404
    assert refused(client, {"model": "nothing", "input": "x"}, "/embeddings")[0] == 404
    assert client.get("/nowhere").json()["message"] == "Cannot GET /v1/nowhere"
    assert refused(client, asking("Hi", "openai/gpt-5-pro")) == (
        404,
        "Model 'openai/gpt-5-pro' is not served by /v1/chat/completions, only by /v1/responses.",
    )


def test_dots_and_hyphens_are_different_models(client: httpx.Client) -> None:
    assert client.post("/chat/completions", json=asking("Hi", "openai/gpt-5.4-pro")).status_code in ACCEPTED
    assert refused(client, asking("Hi", "openai/gpt-5-4-pro"))[0] == 404


def test_too_long_a_prompt_is_refused(client: httpx.Client) -> None:
    status, message = refused(client, asking("word " * 140_000))
    assert status == 400
    assert "maximum context length" in message


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Basic abc"])
def test_without_a_key_there_is_no_answer(server: EmulatorServer, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = httpx.post(f"{server.base_url}/chat/completions", json=asking("Hi"), headers=headers)
    assert response.status_code == 401
    assert response.json()["message"].startswith("This request requires a valid API key.")


def test_the_catalogue_needs_no_key(server: EmulatorServer) -> None:
    assert httpx.get(f"{server.base_url}/models?id=gpt-4o").status_code == 200


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'"\\ud800"', b"[" * 100_000, b'{"model": NaN}'])
def test_what_is_no_json_is_400(client: httpx.Client, raw: bytes) -> None:
    response = client.post("/chat/completions", content=raw)
    assert response.status_code == 400
    assert response.json()["message"].startswith("Body validation error\nbody: ")


@pytest.mark.parametrize("depth", [99, 150, 900])
def test_deep_nesting_is_answered_or_refused(client: httpx.Client, depth: int) -> None:
    nested: Any = {"type": "string"}
    for _ in range(depth // 3):
        nested = {"type": "object", "properties": {"x": nested}, "required": ["x"]}
    body = json.dumps(
        asking("Hi", response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": nested}})
    )
    assert client.post("/chat/completions", content=body).status_code in (200, 400)


def test_a_body_over_32_mb_is_413_and_the_connection_lives(client: httpx.Client) -> None:
    parts = (b"x" * 1024 * 1024 for _ in range(33))
    assert client.post("/chat/completions", content=parts).status_code == 413
    assert client.post("/chat/completions", json=asking("Hi")).status_code == 200


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
FIELDS = (
    "messages", "tools", "tool_choice", "response_format", "stop", "stream", "n", "seed", "max_tokens", "thinking", "audio",
    "modalities", "logprobs", "top_logprobs", "reasoning", "reasoning_effort", "stream_options", "system", "temperature",
)  # fmt: skip
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "tool_use", "tool_result", "file", "document"])},
    optional=dict.fromkeys(
        ("text", "image_url", "file", "source", "input", "content", "tool_use_id", "id", "name"), JSON
    ),
)
MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["user", "assistant", "system", "tool"]),
        "content": st.text(max_size=40) | st.lists(PART, max_size=3),
    },
    optional={"tool_calls": JSON, "tool_call_id": JSON, "name": JSON},
)
SCHEMA_WORDS = (
    "type", "properties", "required", "items", "enum", "const", "anyOf", "allOf", "oneOf", "$ref", "pattern", "format",
    "minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "default",
)  # fmt: skip
KINDS = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null", "odd"])
SCHEMA = st.recursive(
    st.dictionaries(st.sampled_from(SCHEMA_WORDS), JSON | KINDS, max_size=5),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS, "properties": st.dictionaries(st.text(max_size=6), inner, max_size=3), "items": inner,
            "anyOf": st.lists(inner, max_size=3), "required": st.lists(st.text(max_size=6), max_size=2), "$ref": st.just("#"),
            "minimum": st.floats(-5, 5), "multipleOf": st.floats(0, 3), "minItems": st.integers(0, 99),
        },
    ),
    max_leaves=6,
)  # fmt: skip
TOOL = st.fixed_dictionaries(
    {"type": st.just("function"), "function": st.fixed_dictionaries({"name": st.just("call_me"), "parameters": SCHEMA})}
)


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "anthropic/claude-opus-4-6", "minimax/m2-5-20260218", "fault-tool-ok"]
)
@settings(
    max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    messages=st.lists(MESSAGE, min_size=1, max_size=4),
    odd=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2),
    tools=st.lists(TOOL, max_size=2),
    schema=st.none() | SCHEMA,
    forced=st.booleans(),
    stream=st.booleans(),
)
def test_no_json_makes_it_fail(
    client: httpx.Client, model: str, messages: Any, odd: Any, tools: Any, schema: Any, forced: bool, stream: bool
) -> None:
    body: dict[str, Any] = {"model": model, "messages": messages, "tools": tools, "stream": stream}
    if schema is not None:
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    if forced and tools:
        body["tool_choice"] = "required"
    response = client.post("/chat/completions", json={**body, **odd})
    assert response.status_code in (200, 400), response.text
    assert response.status_code == 400 or "choices" in response.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JSON, path=st.sampled_from(["/chat/completions", "/embeddings"]))
def test_any_json_at_all_is_refused_politely(client: httpx.Client, body: Any, path: str) -> None:
    assert client.post(path, json=body).status_code in (400, 404)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.fixed_dictionaries(
        {"model": st.just("text-embedding-3-small"), "input": JSON}, optional={"dimensions": JSON}
    )
)
def test_no_embedding_request_makes_it_fail(client: httpx.Client, body: Any) -> None:
    assert client.post("/embeddings", json=body).status_code in (200, 400)


def test_odd_values_where_a_text_may_stand_are_read_as_their_json(client: httpx.Client) -> None:
    odd: dict[str, Any] = {"type": ["x"], "source": {}}
    messages = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [odd]}]}]
    body = {"model": "anthropic/claude-opus-4-6", "messages": messages, "system": odd}
    assert client.post("/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        ("order-8f21c4", True),
        ("a" * 128, True),
        ("A.b:c_d-9", True),
        ("a" * 129, False),
        ("has space", False),
        ("é", False),
    ],
)
def test_a_client_request_id_is_echoed_if_valid(client: httpx.Client, sent: str, echoed: bool) -> None:
    for path, body in (("/chat/completions", asking("Hi")), ("/chat/completions", asking("Hi", "nobody/nothing"))):
        reply = client.post(path, json=body, headers={b"X-Client-Request-Id": sent.encode("latin-1")})
        assert reply.headers.get("x-client-request-id") == (sent if echoed else None)


def test_cost_headers_come_with_whole_replies_only(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi"))
    usage = whole.json()["meta"]["usage"]
    assert usage["usd_spent"] == usage["credits_used"] / 2_000_000
    assert whole.headers["x-aimlapi-credits-used"] == str(usage["credits_used"])
    assert float(whole.headers["x-aimlapi-usd-spent"]) == usage["usd_spent"]
    streamed = client.post("/chat/completions", json=asking("Hi", stream=True))
    assert "x-aimlapi-credits-used" not in streamed.headers
    assert streamed.headers["content-type"].startswith("text/event-stream")


def test_limits_shape_the_answer(client: httpx.Client) -> None:
    def choice(**fields: Any) -> Any:
        return client.post("/chat/completions", json=asking("Tell me something.", **fields)).json()["choices"][0]

    full = choice()["message"]["content"]
    short = choice(max_tokens=4)
    assert short["finish_reason"] == "length"
    assert full.startswith(short["message"]["content"])
    stopped = choice(stop=["emulator", "never there"])
    assert (stopped["message"]["content"], stopped["finish_reason"]) == (full[: full.index("emulator")], "stop")
    assert choice(seed=1)["message"]["content"] == choice(seed=1)["message"]["content"]
    assert choice(seed=1)["message"]["content"] != choice(seed=2)["message"]["content"]
    tokens = choice(logprobs=True, top_logprobs=2)["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == full
    assert {len(token["top_logprobs"]) for token in tokens} == {2}


def test_several_choices_differ_and_are_all_counted(client: httpx.Client) -> None:
    one = client.post("/chat/completions", json=asking("Tell me something.")).json()
    three = client.post("/chat/completions", json=asking("Tell me something.", n=3)).json()
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in three["choices"]}) == 3
    assert three["usage"]["completion_tokens"] > 2 * one["usage"]["completion_tokens"]


def test_reasoning_may_use_up_the_whole_limit(client: httpx.Client) -> None:
    body = asking("Hi", "deepseek/deepseek-v4-pro", max_tokens=5)
    choice = client.post("/chat/completions", json=body).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")


def test_audio_answers_are_a_wav_with_a_transcript(client: httpx.Client) -> None:
    body = asking(
        "Hello", "gpt-4o-audio-preview", modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    )
    message = client.post("/chat/completions", json=body).json()["choices"][0]["message"]
    assert message["content"] is None
    assert message["audio"]["transcript"]
    assert message["audio"]["data"].startswith("UklGR")  # RIFF
