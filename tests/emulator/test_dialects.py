"""Each family answers in its own recorded shape, and its stream says what its whole reply says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aimlapi_emulator.dialects.families import DIALECTS, dialect_for, upstream_name
from aimlapi_emulator.server.facts import all_models
from tests.emulator.conftest import WEATHER, asking, chunks_of, folded

ONE_EACH = {
    "openai": "openai/gpt-4o",
    "claude": "anthropic/claude-opus-4-6",
    "qwen": "alibaba/qwen3.7-max",
    "gemini": "google/gemini-3-5-flash",
    "deepseek": "deepseek/deepseek-v4-pro",
    "grok": "x-ai/grok-4-07-09",
    "minimax": "minimax/m2-5-20260218",
    "moonshot": "moonshot/kimi-k2-5",
    "zhipu": "zhipu/glm-5-1",
    "ernie": "baidu/ernie-x1-turbo-32k",
    "seed": "bytedance/seed-1-8",
    "perplexity": "perplexity/sonar",
    "together": "Qwen/Qwen2.5-72B-Instruct-Turbo",
    "gpt-oss": "openai/gpt-oss-120b",
    "routed": "nvidia/nemotron-3-nano-30b-a3b",
}
QUESTION = "What is the weather in Paris and in Rome?"


def test_one_model_of_every_dialect_is_tested_here() -> None:
    assert {name: dialect_for(all_models()[model]).name for name, model in ONE_EACH.items()} == {n: n for n in ONE_EACH}
    assert set(DIALECTS) - set(ONE_EACH) == {"plain"}


@pytest.mark.parametrize("model", ONE_EACH.values())
@pytest.mark.parametrize("tools", [None, [WEATHER]])
def test_a_stream_folds_to_the_whole_reply(client: httpx.Client, model: str, tools: Any) -> None:
    body = asking(QUESTION, model, **({"tools": tools} if tools else {}))
    whole = client.post("/chat/completions", json=body).json()
    streaming = {**body, "stream": True, "stream_options": {"include_usage": True}}
    chunks = chunks_of(client.post("/chat/completions", json=streaming))
    fold, message = folded(chunks), whole["choices"][0]["message"]
    assert fold["text"] == (message["content"] or "")
    assert fold["reasoning"] == (message.get("reasoning_content") or message.get("reasoning") or "")
    calls = [
        {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.get("tool_calls") or []
    ]
    assert list(fold["calls"].values()) == calls
    assert fold["usage"] == whole["usage"]
    assert fold["meta"] == whole["meta"] == chunks[-1]["meta"]
    assert {chunk["id"] for chunk in chunks} - {""} == {whole["id"]}
    finish = {"end_turn": "stop"}.get(whole["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"])
    assert fold["finish"] == finish == ("tool_calls" if calls else "stop")


@pytest.mark.parametrize("model", ONE_EACH.values())
def test_the_same_request_gets_the_same_bytes(client: httpx.Client, model: str) -> None:
    for stream in (False, True):
        body = asking("Tell me something.", model, stream=stream)
        one, other = (client.post("/chat/completions", json=body) for _ in range(2))
        assert one.content == other.content
        assert one.headers["x-inference-id"] == other.headers["x-inference-id"]


def test_a_claude_stream_has_its_recorded_shape(client: httpx.Client) -> None:
    """Id only first, two empty deltas, no finish_reason key before the end, two finishing chunks, the last without delta."""
    chunks = chunks_of(client.post("/chat/completions", json=asking("Hi", ONE_EACH["claude"], stream=True)))
    assert [bool(chunk["id"]) for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks[:2]] == ["", ""]
    assert all("finish_reason" not in chunk["choices"][0] for chunk in chunks[:-2])
    assert all(chunk["choices"][0]["delta"]["role"] == "assistant" for chunk in chunks[:-1])
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-2]["usage"]["total_tokens"] > 0
    assert chunks[-1]["choices"] == [{"index": 0, "finish_reason": "stop"}]
    assert chunks[-1]["usage"] is None


def test_claude_ends_its_turn_whole_and_stops_streamed(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi", ONE_EACH["claude"])).json()
    assert whole["choices"][0]["finish_reason"] == "end_turn"
    assert whole["choices"][0]["message"]["reasoning_content"] == ""


def test_openai_obfuscates_and_sends_usage_in_a_chunk_without_choices(client: httpx.Client) -> None:
    chunks = chunks_of(client.post("/chat/completions", json=asking("Hi", stream=True)))
    assert all(chunk["obfuscation"] for chunk in chunks)
    assert chunks[-1]["choices"] == []
    assert chunks[-2]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    body = asking("Hi", stream=True, stream_options={"include_usage": False})
    assert all(chunk["choices"] for chunk in chunks_of(client.post("/chat/completions", json=body)))


def test_qwen_thinks_with_null_content_then_writes_with_null_reasoning(client: httpx.Client) -> None:
    chunks = chunks_of(client.post("/chat/completions", json=asking("Hi", ONE_EACH["qwen"], stream=True)))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    thinking = [delta for delta in deltas if delta["reasoning_content"] is not None]
    writing = [delta for delta in deltas if delta["reasoning_content"] is None]
    assert deltas == thinking + writing
    assert {delta["content"] for delta in thinking} == {None}
    assert all(isinstance(delta["content"], str) for delta in writing)


@pytest.mark.parametrize("name", ["gemini", "grok"])
def test_reasoning_counted_outside_makes_the_total_exceed_its_parts(client: httpx.Client, name: str) -> None:
    usage = client.post("/chat/completions", json=asking("Hi", ONE_EACH[name])).json()["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert reasoning > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] + reasoning


def test_gemini_signs_its_thoughts(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi", ONE_EACH["gemini"])).json()
    assert whole["choices"][0]["message"]["extra_content"]["google"]["thought_signature"]
    called = client.post("/chat/completions", json=asking(QUESTION, ONE_EACH["gemini"], tools=[WEATHER])).json()
    first, second = called["choices"][0]["message"]["tool_calls"]
    assert "extra_content" in first
    assert "extra_content" not in second


def test_minimax_thinks_inline_and_its_tags_come_cut(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi", ONE_EACH["minimax"])).json()
    content = whole["choices"][0]["message"]["content"]
    assert content.startswith("<think>\n")
    assert "\n</think>\n\n" in content
    assert whole["base_resp"] == {"status_code": 0, "status_msg": ""}
    chunks = chunks_of(client.post("/chat/completions", json=asking("Hi", ONE_EACH["minimax"], stream=True)))
    pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(pieces) == content
    assert not [piece for piece in pieces if "think>" in piece]


def test_routed_models_carry_reasoning_and_its_details(client: httpx.Client) -> None:
    message = client.post("/chat/completions", json=asking("Hi", ONE_EACH["routed"])).json()["choices"][0]["message"]
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": message["reasoning"], "format": "unknown", "index": 0}
    ]


def test_perplexity_cites(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi", ONE_EACH["perplexity"])).json()
    assert whole["citations"] == [result["url"] for result in whole["search_results"]]
    assert whole["usage"]["search_context_size"] == "low"


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("minimax/m2-5-20260218", "MiniMax-M2.5"),
        ("openai/gpt-5-5", "gpt-5.5-2026-04-23"),
    ],
)
def test_a_reply_carries_the_upstream_name(client: httpx.Client, asked: str, answers: str) -> None:
    assert client.post("/chat/completions", json=asking("Hi there", asked)).json()["model"] == answers


@pytest.mark.parametrize(
    ("model", "switch", "reasons"),
    [
        ("anthropic/claude-opus-4-6", {}, False),
        (
            "anthropic/claude-opus-4-6",
            {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
            True,
        ),
        ("zhipu/glm-4.5", {}, True),
        ("zhipu/glm-4.5", {"thinking": {"type": "disabled"}}, False),
        ("alibaba/qwen3.7-plus", {"enable_thinking": True}, True),
        ("alibaba/qwen3.7-plus", {"enable_thinking": False}, False),
        ("x-ai/grok-4-1-fast-non-reasoning", {}, False),
    ],
)
def test_thinking_switches_are_honoured(
    client: httpx.Client, model: str, switch: dict[str, Any], reasons: bool
) -> None:
    message = client.post("/chat/completions", json=asking("Hi", model, **switch)).json()["choices"][0]["message"]
    assert bool(message.get("reasoning_content")) is reasons


def test_openai_reasoning_is_counted_and_never_shown(client: httpx.Client) -> None:
    whole = client.post("/chat/completions", json=asking("Hi", "openai/gpt-5-5")).json()
    assert whole["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert "user wrote" not in str(whole["choices"])


def test_every_served_model_answers_under_some_name() -> None:
    named = {id: upstream_name(facts) for id, facts in all_models().items() if facts.serves_chat}
    assert len(named) > 400
    assert all(named.values())
