"""How each family answers: one row per dialect. To add a family, add a row to DIALECTS and a rule to RULES.

Rows are read from the provider's published recordings; `finish_whole` and the stream shapes quote them.
Source: https://docs.aimlapi.com/api-references/text-models-llm (pages of the models named in RULES)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aimlapi_emulator.server.facts import Facts

Carrier = Literal["none", "reasoning_content", "reasoning", "think", "signature"]
Thinks = Literal["never", "hidden", "asked", "always"]


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How a reply is cut into chunks.

    `opening` deltas come first; `every` is repeated in each delta. `finish_key` False: the key is absent until
    the end. `nulls`: content is null while reasoning, reasoning null while answering. `closing` is the delta of
    the finishing chunk; `hollow_end` adds Claude's last choice, which has no delta at all.
    """

    opening: tuple[Mapping[str, Any], ...] = ({"role": "assistant", "content": ""},)
    every: Mapping[str, Any] = field(default_factory=dict)
    closing: Mapping[str, Any] = field(default_factory=dict)
    id_once: bool = False
    finish_key: bool = True
    nulls: bool = False
    hollow_end: bool = False
    usage_null: bool = True
    usage_always: bool = False
    usage_in_finish: bool = False
    obfuscation: bool = False
    done: bool = False
    calls: Literal["fragments", "whole", "empty-ids"] = "fragments"
    choice: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One family's reply: ids, where reasoning goes, what stands beside the answer, how usage counts.

    `empty_reasoning` is what `reasoning_content` holds without reasoning (absent if None). `outside`: reasoning
    tokens are in total_tokens but not in completion_tokens.
    """

    name: str
    id: str = "gen-{created}-{b62:20}"
    call_id: str = "call_{b62:24}"
    carrier: Carrier = "none"
    empty_reasoning: str | None = None
    finish_whole: Mapping[str, str] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    choice: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] = field(default_factory=dict)
    details: bool = True
    input_details: Mapping[str, int] = field(default_factory=dict)
    outside: bool = False
    status: int = 200
    stream: StreamShape = field(default_factory=StreamShape)


_LOGPROBS: Mapping[str, Any] = {"logprobs": None}
_ROUTED = Dialect(
    "routed",
    carrier="reasoning",
    message={"refusal": None},
    choice={"logprobs": None, "native_finish_reason": "stop"},
    body={"system_fingerprint": None},
    input_details={"cache_write_tokens": 0, "video_tokens": 0},  # as recorded of nemotron-3, mimo-v2.5 and step-3.7
    stream=StreamShape(choice={"native_finish_reason": None, "logprobs": None}, done=True, usage_null=False),
)
DIALECTS: dict[str, Dialect] = {
    row.name: row
    for row in (
        Dialect(
            "openai",
            id="chatcmpl-{b62:29}",
            message={"refusal": None, "annotations": []},
            choice=_LOGPROBS,
            body={"service_tier": "default", "system_fingerprint": "fp_{hex:10}"},
            stream=StreamShape(
                opening=({"role": "assistant", "content": "", "refusal": None},),
                usage_always=True,
                obfuscation=True,
                choice=_LOGPROBS,
                body={"service_tier": "default", "system_fingerprint": "fp_{hex:10}"},
            ),
        ),
        Dialect(
            "claude",
            id="msg_01{b62:22}",
            call_id="toolu_01{b62:22}",
            carrier="reasoning_content",
            empty_reasoning="",
            finish_whole={"stop": "end_turn"},
            choice=_LOGPROBS,
            details=False,
            stream=StreamShape(
                opening=(
                    {"content": "", "role": "assistant", "refusal": None},
                    {"role": "assistant", "content": "", "refusal": None},
                ),
                every={"role": "assistant", "refusal": None},
                closing={"content": "", "role": "assistant", "refusal": None},
                id_once=True,
                finish_key=False,
                hollow_end=True,
                usage_always=True,
                usage_in_finish=True,
            ),
        ),
        Dialect(
            "qwen",
            id="chatcmpl-{uuid}",
            call_id="call_{hex:22}",
            carrier="reasoning_content",
            empty_reasoning="",
            choice=_LOGPROBS,
            body={"system_fingerprint": None},
            stream=StreamShape(
                opening=({"content": None, "role": "assistant", "refusal": None, "reasoning_content": ""},),
                every={"refusal": None},
                closing={"content": "", "refusal": None, "reasoning_content": None},
                nulls=True,
                usage_always=True,
                calls="empty-ids",
            ),
        ),
        Dialect(
            "gemini",
            id="{b62:22}",
            call_id="function-call-{num:19}",
            carrier="signature",
            choice=_LOGPROBS,
            body={"system_fingerprint": ""},
            usage={"extra_properties": {"google": {"traffic_type": "ON_DEMAND"}}},
            outside=True,
            stream=StreamShape(calls="whole", choice=_LOGPROBS, body={"system_fingerprint": ""}, usage_null=False),
        ),
        Dialect(
            "deepseek",
            id="{uuid}",
            call_id="call_00_{b62:24}",
            carrier="reasoning_content",
            choice=_LOGPROBS,
            body={"system_fingerprint": "fp_{hex:10}_prod0820_fp8_kvcache"},
            usage={"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": "{prompt}"},
            stream=StreamShape(
                nulls=True, done=True, choice=_LOGPROBS, body={"system_fingerprint": "fp_{hex:10}_prod0820_fp8_kvcache"}
            ),
        ),
        Dialect(
            "grok",
            id="{uuid}",
            call_id="call_{num:8}",
            carrier="reasoning_content",
            message={"refusal": None},
            body={"system_fingerprint": "fp_{hex:10}"},
            usage={"num_sources_used": 0, "cost_in_usd_ticks": "{ticks}"},
            outside=True,
            stream=StreamShape(calls="whole", done=True, body={"system_fingerprint": "fp_{hex:10}"}),
        ),
        Dialect(
            "minimax",
            id="{hex:32}",
            call_id="call_function_{b36:12}_1",
            carrier="think",
            message={"name": "MiniMax AI", "audio_content": ""},
            body={
                "input_sensitive": False,
                "output_sensitive": False,
                "input_sensitive_type": 0,
                "output_sensitive_type": 0,
                "output_sensitive_int": 0,
                "base_resp": {"status_code": 0, "status_msg": ""},
            },
            usage={"total_characters": 0},
            stream=StreamShape(
                every={"name": "MiniMax AI", "audio_content": ""},
                done=True,
                usage_always=True,
                body={
                    "input_sensitive": False,
                    "output_sensitive": False,
                    "input_sensitive_type": 0,
                    "output_sensitive_type": 0,
                    "output_sensitive_int": 0,
                    "base_resp": {"status_code": 0, "status_msg": ""},
                },
            ),
        ),
        Dialect(
            "moonshot",
            id="chatcmpl-{hex:24}",
            call_id="{name}:{index}",
            carrier="reasoning_content",
            stream=StreamShape(done=True),
        ),
        Dialect(
            "zhipu",
            id="20260101{hex:22}",
            call_id="call_-{num:19}",
            carrier="reasoning_content",
            body={"request_id": "{id}"},
            stream=StreamShape(calls="whole", done=True, usage_null=False, usage_always=True),
        ),
        Dialect(
            "ernie",
            id="as-{b36:10}",
            carrier="reasoning_content",
            empty_reasoning="",
            choice={"flag": 0},
            stream=StreamShape(done=True),
        ),
        Dialect(
            "seed",
            id="02{num:13}{hex:37}",
            call_id="call_{b36:24}",
            carrier="reasoning_content",
            choice=_LOGPROBS,
            body={"service_tier": "default"},
            stream=StreamShape(done=True, body={"service_tier": "default"}),
        ),
        Dialect(
            "perplexity",
            id="{uuid}",
            choice={"delta": {"role": "assistant", "content": ""}},
            usage={"search_context_size": "low"},
            details=False,
            stream=StreamShape(usage_null=False, usage_always=True, usage_in_finish=True, done=True),
        ),
        Dialect(
            "together",
            id="np{b62:5}-{b62:6}-{hex:16}",
            carrier="think",
            message={"tool_calls": []},
            choice=_LOGPROBS,
            details=False,
            stream=StreamShape(done=True, choice=_LOGPROBS),
        ),
        Dialect(
            "gpt-oss",
            carrier="reasoning_content",
            message={"refusal": None},
            choice=_LOGPROBS,
            stream=StreamShape(done=True, choice=_LOGPROBS),
        ),
        _ROUTED,
        Dialect("plain", id="chatcmpl-{hex:24}", stream=StreamShape(done=True, usage_null=False)),  # what faults spoil
    )
}

# the first rule that fits a model id wins; then its family; then `routed`
RULES: tuple[tuple[str, str], ...] = (
    (r"^(?:Qwen|togethercomputer|NousResearch)/|-Turbo$|-Lite$|Llama-2", "together"),
    (r"^google/gemini-3-flash-preview", "routed"),
)
FAMILIES = {
    "openai": "openai",
    "openai-oss": "gpt-oss",
    "anthropic": "claude",
    "alibaba-qwen": "qwen",
    "google-gemini": "gemini",
    "deepseek": "deepseek",
    "xai": "grok",
    "minimax": "minimax",
    "moonshot": "moonshot",
    "zhipu": "zhipu",
    "baidu": "ernie",
    "bytedance": "seed",
    "perplexity": "perplexity",
}
# which ids reason, and when: the first that fits
THINKERS: tuple[tuple[str, Thinks], ...] = (
    (r"^(?:openai/)?(?:o\d|gpt-5(?!.*chat))", "hidden"),
    (r"gpt-oss", "always"),
    (r"claude", "asked"),
    (r"qwq|qwen3-(?:235b|vl|next|max)[\w-]*thinking|qwen3\.(?:5-(?:flash|plus)|6|7-max)", "always"),
    (r"qwen", "asked"),
    (r"gemini-(?:2\.5-pro|3)", "always"),
    (r"deepseek.*(?:r1|reason|speciale|v4|thinking)", "always"),
    (r"non-reasoning", "never"),
    (r"grok-(?:4|3-mini|code|build)", "always"),
    (r"m(?:inimax-)?[12]\b|minimax-?m|/m[123]|m1", "always"),
    (r"kimi-k2-5|kimi-k2[.-]6|kimi-k3|kimi.*thinking", "always"),
    (r"glm-[45](?!.*preview)", "always"),
    (r"ernie-x1|thinking|reasoner|nemotron-(?:3|nano)|mimo|step-3|seed", "always"),
)
# 40 chat specs declare 201 as their success status, and a client reported "201 Created". The survey does not keep
# which ids those are: these, served by the same upstreams, stand for them, so that a client meets both statuses
CREATED = re.compile(r"^(?:mistralai/|meta-llama/|google/gemma-|Qwen/|nvidia/llama)")


def dialect_for(facts: Facts) -> Dialect:
    """The row a model answers in."""
    for pattern, name in RULES:
        if re.search(pattern, facts.id):
            return DIALECTS[name]
    return DIALECTS[FAMILIES.get(facts.family, "routed")]


def thinks(facts: Facts) -> Thinks:
    """Whether, and when, a model reasons before it answers."""
    for pattern, when in THINKERS:
        if re.search(pattern, facts.id, re.IGNORECASE):
            return when
    return "asked" if {"reasoning", "reasoning_effort", "thinking", "enable_thinking"} & facts.parameters else "never"


def upstream_name(facts: Facts) -> str:
    """The name a reply carries: the upstream's, which is seldom the one that was asked for."""
    if facts.answers_as:
        return facts.answers_as
    if dialect_for(facts).name in ("routed", "together", "gpt-oss", "gemini"):
        return facts.id
    return facts.id.rpartition("/")[2]
