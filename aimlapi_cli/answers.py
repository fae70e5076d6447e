"""What is said of an answer that is not simply one: cut, filtered, refused, a call of a tool, empty."""

from __future__ import annotations

from typing import Any

from aimlapi_cli.streams import printable


def notice(completion: Any) -> str | None:
    """A sentence about an answer that is no whole text; None where it is one."""
    if completion is None:
        return "The answer ended before it was whole."
    reason = completion.finish_reason
    if reason == "length":
        return "The answer was cut at the limit of its tokens: --max-tokens raises it."
    if completion.refusal:
        return f"The model refused: {printable(completion.refusal)}"
    if reason == "content_filter":
        return "The answer was cut by the provider's content filter."
    if completion.tool_calls:
        calls = ", ".join(f"{call.name}({call.arguments})" for call in completion.tool_calls)
        return f"The answer is a tool call, which nothing runs: {printable(calls)[:300]}"
    if not completion.text.strip():
        why = f" (finish reason: {reason})" if reason else ""
        return f"The answer is empty{why}."
    return None


def fields(completion: Any) -> dict[str, Any]:
    """All that is known of an answer, for programs."""
    usage, cost = completion.usage, completion.cost
    return {
        "text": completion.text,
        "reasoning": completion.reasoning or None,
        "refusal": completion.refusal or None,
        "tool_calls": [call.to_wire() for call in completion.tool_calls] or None,
        "model": completion.model,
        "finish_reason": completion.finish_reason,
        "input_tokens": usage and usage.input,
        "output_tokens": usage and usage.output,
        "cost_usd": cost and cost.usd,
        "inference_id": completion.inference_id,
    }
