"""An answer as it comes, and what is said of one that is cut, filtered, refused, a call of a tool, empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aimlapi_cli.streams import printable


@dataclass
class Answer:
    """What came of an answer; the completion is None where it ended early."""

    text: str = ""
    reasoning: str = ""
    completion: Any = None

    @classmethod
    def of(cls, completion: Any) -> Answer:
        """A whole one."""
        return cls(completion.text, completion.reasoning or "", completion)

    def add(self, delta: Any) -> None:
        """Another piece; of several answers, the first is read."""
        if delta.choice == 0:
            self.text += delta.text
            self.reasoning += delta.reasoning
        self.completion = delta.completion or self.completion

    @property
    def usd(self) -> float:
        """What it cost, as far as that is known."""
        return self.completion.cost.usd if self.completion is not None and self.completion.cost else 0.0

    def message(self, calls: Sequence[Any] = ()) -> dict[str, Any]:
        """As the history of a conversation has it, with the calls of tools that were run."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or (None if calls else "")}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if calls:
            message["tool_calls"] = [call.to_wire() for call in calls]
        return message

    def fields(self) -> dict[str, Any]:
        """All that is known of it, for programs."""
        if self.completion is None:
            return {"text": self.text, "reasoning": self.reasoning or None}
        usage, cost = self.completion.usage, self.completion.cost
        return {
            "text": self.text,
            "reasoning": self.reasoning or None,
            "refusal": self.completion.refusal or None,
            "tool_calls": [call.to_wire() for call in self.completion.tool_calls] or None,
            "model": self.completion.model,
            "finish_reason": self.completion.finish_reason,
            "input_tokens": usage and usage.input,
            "output_tokens": usage and usage.output,
            "cost_usd": cost and cost.usd,
            "inference_id": self.completion.inference_id,
        }


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
