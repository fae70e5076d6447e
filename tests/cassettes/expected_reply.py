"""What a recorded reply says, read by a reader that shares no code with the package.

Deliberately dumb: one dictionary look-up per value, whole bodies and streams apart, no tolerance. The replay tests
hold both integrations against it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from cassette_files import Cassette

CREDITS_PER_USD = 2_000_000
# Vendors' words for the end of an answer, as far as they were recorded.
FINISH = {"stop": "stop", "end_turn": "stop", "length": "length", "max_tokens": "length", "tool_calls": "tool_calls"}
_THINK = re.compile(r"\s*<think>\s*(.*?)\s*</think>\s*", re.DOTALL)
_SEEN = ("role", "content", "reasoning_content", "reasoning", "refusal", "tool_calls", "function_call")
_SEEN_BESIDE = ("index", "message", "delta", "finish_reason", "native_finish_reason", "logprobs")


@dataclass
class Expected:
    """The values of one recorded answer; `extra` and `top` hold what has no field of its own."""

    id: str
    model: str
    text: str
    reasoning: str
    finish_reason: str
    native_finish_reason: str
    input: int | None
    output: int | None
    usd: float | None
    extra: dict[str, Any] = field(default_factory=dict)
    top: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def expected_reply(cassette: Cassette) -> Expected:
    """What the cassette's first reply says."""
    expected = _stream(cassette.reply) if cassette.is_stream else _whole(json.loads(cassette.reply))
    headers = cassette.data["interactions"][0]["response"]["headers"]
    if expected.usd is None and "x-aimlapi-usd-spent" in headers:
        expected.usd = float(headers["x-aimlapi-usd-spent"][0])
    return expected


def _whole(body: dict[str, Any]) -> Expected:
    choice = body["choices"][0]
    message = choice["message"]
    reasoning, text = _split(message["content"] or "")
    reasoning = reasoning or message.get("reasoning_content") or message.get("reasoning") or ""
    usage = body.get("usage")
    return Expected(
        id=body["id"],
        model=body["model"],
        text=text,
        reasoning=reasoning,
        finish_reason=FINISH.get(choice["finish_reason"], choice["finish_reason"]),
        native_finish_reason=choice.get("native_finish_reason") or choice["finish_reason"],
        input=usage["prompt_tokens"] if usage else None,
        output=usage["total_tokens"] - usage["prompt_tokens"] if usage else None,
        usd=_usd(body.get("meta")),
        extra={
            **{name: value for name, value in message.items() if name not in _SEEN and value not in (None, [], "")},
            **{name: value for name, value in choice.items() if name not in _SEEN_BESIDE and value is not None},
        },
        top={
            name: value
            for name, value in body.items()
            if name not in ("id", "object", "created", "model", "choices", "usage") and value is not None
        },
        body=body,
    )


def _stream(reply: str) -> Expected:
    events = [json.loads(line[6:]) for line in reply.split("\n") if line.startswith("data: {")]
    states = [event["state"] for event in events if "state" in event]
    chunks = [event["event"] if "state" in event else event for event in events]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    deltas = [choice["delta"] for choice in choices if "delta" in choice]
    reasoning, text = _split("".join(delta.get("content") or "" for delta in deltas))
    reasoning = reasoning or "".join(delta.get("reasoning_content") or "" for delta in deltas)
    words = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    if states:
        usages = [state["usage"] for state in states if state.get("usage")]
        counts = [max(_count(usage, side) for usage in usages) for side in ("input", "output")]
        native = [state["finishReason"] for state in states if state.get("finishReason")][-1]
    else:
        said = [chunk["usage"] for chunk in chunks if chunk.get("usage") and chunk["usage"]["total_tokens"]]
        counts = [said[-1]["prompt_tokens"], said[-1]["total_tokens"] - said[-1]["prompt_tokens"]] if said else []
        native = words[-1]
    return Expected(
        id=chunks[0]["id"],
        model=chunks[0]["model"],
        text=text,
        reasoning=reasoning,
        finish_reason=FINISH.get(words[-1], words[-1]),
        native_finish_reason=native,
        input=counts[0] if counts else None,
        output=counts[1] if counts else None,
        usd=_usd(next((chunk["meta"] for chunk in chunks if chunk.get("meta")), None)),
    )


def _split(content: str) -> tuple[str, str]:
    """Inline reasoning and the text after it; a closing tag alone at the end says nothing."""
    found = _THINK.match(content)
    if found:
        return found[1], content[found.end() :]
    return "", re.sub(r"</think>\s*$", "", content)


def _count(usage: dict[str, Any], side: str) -> int:
    value = usage.get(f"{side}_tokens", 0)
    assert isinstance(value, int)
    return value


def _usd(meta: dict[str, Any] | None) -> float | None:
    if not meta:
        return None
    usage = meta["usage"]
    if "usd_spent" in usage:
        return float(usage["usd_spent"])
    return float(usage["credits_used"] if "credits_used" in usage else usage["tokens_used"]) / CREDITS_PER_USD
