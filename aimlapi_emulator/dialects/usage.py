"""What a reply costs and how its tokens are reported. To change how a family counts, change its row in `dialects`."""

from __future__ import annotations

from typing import Any

from aimlapi_emulator.dialects.identity import Identity
from aimlapi_emulator.mind.reply import Answer

CREDITS_PER_USD = 2_000_000  # Source: https://docs.aimlapi.com/faq/how-can-i-track-my-funds


def usage_of(answer: Answer) -> dict[str, Any]:
    """The `usage` object. Where reasoning is counted outside, total exceeds prompt + completion."""
    dialect, prompt = answer.dialect, answer.prompt_tokens
    output, reasoning = answer.output_tokens, answer.reasoning_tokens
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": output - reasoning if dialect.outside else output,
        "total_tokens": prompt + output,
    }
    if dialect.details or reasoning:
        usage["prompt_tokens_details"] = {"cached_tokens": 0, "audio_tokens": 0, **dialect.input_details}
        usage["completion_tokens_details"] = {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    computed = {"{prompt}": prompt, "{ticks}": 5000 * credits_of(answer)}
    for key, value in dialect.usage.items():
        usage[key] = computed.get(value, value) if isinstance(value, str) else value
    return usage


def credits_of(answer: Answer) -> int:
    """What the reply costs, in credits: a price per model, derived from its id."""
    return credits_for(answer.facts.id, answer.prompt_tokens, answer.output_tokens)


def credits_for(model: str, prompt_tokens: int, output_tokens: int) -> int:
    price = 1 + Identity("price", model).number("credits", 20)
    return max(1, prompt_tokens * price + output_tokens * price * 4)


def meta_of(answer: Answer) -> dict[str, Any]:
    """`meta` with the cost, as the last chunk and the whole reply carry it; nothing where a host tells none."""
    return {"meta": cost_of(credits_of(answer))} if answer.facts.tells_cost else {}


def cost_of(credits: int) -> dict[str, Any]:
    """The value of `meta`."""
    return {"usage": {"credits_used": credits, "usd_spent": credits / CREDITS_PER_USD}}
