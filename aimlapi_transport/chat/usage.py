"""Token counts and prices, in every shape vendors send them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aimlapi_transport.chat.wire_types import Json

_MOST = 10**15  # what is larger is no count
CREDITS_PER_USD = 2_000_000  # source: https://docs.aimlapi.com/faq/how-can-i-track-my-funds


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; input includes cached, output includes reasoning.

    Attributes:
        cache_read, cache_write: input tokens read from, and written to, the provider's cache.
        reasoning: output tokens spent on reasoning.
        raw: the counts, unchanged.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    raw: Json | None = None

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output

    @property
    def says_something(self) -> bool:
        """Whether any count is above zero."""
        return self.input > 0 or self.output > 0

    def merged(self, later: Usage) -> Usage:
        """Counts that came in parts: the larger of each."""
        return Usage(
            input=max(self.input, later.input),
            output=max(self.output, later.output),
            cache_read=_larger(self.cache_read, later.cache_read),
            cache_write=_larger(self.cache_write, later.cache_write),
            reasoning=_larger(self.reasoning, later.reasoning),
            input_audio=_larger(self.input_audio, later.input_audio),
            output_audio=_larger(self.output_audio, later.output_audio),
            raw={**(self.raw or {}), **{k: v for k, v in (later.raw or {}).items() if v}},
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """What the provider charged for a call: US dollars, and its credits (2,000,000 to the dollar)."""

    usd: float
    credits: int | None = None


def usage_from(value: Any) -> Usage | None:
    """The counts of a `usage` object of OpenAI's or Anthropic's shape; None where it is none.

    The output is `total - prompt` where a vendor leaves reasoning out of `completion_tokens`.
    """
    if not isinstance(value, dict):
        return None
    prompt = _count(value.get("prompt_tokens"))
    completion = _count(value.get("completion_tokens"))
    details_in = _object(value, "prompt_tokens_details") or _object(value, "input_tokens_details")
    details_out = _object(value, "completion_tokens_details") or _object(value, "output_tokens_details")
    get = value.get
    read = _first(details_in.get("cached_tokens"), get("prompt_cache_hit_tokens"), get("cache_read_input_tokens"))
    write = _first(details_in.get("cache_write_tokens"), get("cache_creation_input_tokens"), get("cache_write_tokens"))
    if prompt is None and "input_tokens" in value:
        prompt = _count(value.get("input_tokens"))
        if prompt is not None and "input_tokens_details" not in value:
            # Anthropic counts cached tokens beside input_tokens, everyone else inside.
            prompt += (read or 0) + (write or 0)
    if completion is None:
        completion = _count(value.get("output_tokens"))
    total = _count(value.get("total_tokens"))
    if total is not None:
        if prompt is None:
            prompt = max(total - (completion or 0), 0)
        completion = max(completion or 0, total - prompt)
    return Usage(
        input=prompt or 0,
        output=completion or 0,
        cache_read=read,
        cache_write=write,
        reasoning=_first(details_out.get("reasoning_tokens"), get("reasoning_tokens")),
        input_audio=_count(details_in.get("audio_tokens")),
        output_audio=_count(details_out.get("audio_tokens")),
        raw=value,
    )


def cost_from(source: Any) -> Cost | None:
    """The price in a reply's `meta` object or in its headers; None where neither names one.

    Late in 2025 the credits were called `tokens_used`.
    Source: https://docs.aimlapi.com/capabilities/request-tracing-and-cost
    """
    if not isinstance(source, Mapping):
        return None
    usage = source.get("usage")
    if isinstance(usage, dict):
        credits, usd = usage.get("credits_used"), usage.get("usd_spent")
        credits = usage.get("tokens_used") if credits is None else credits
    else:
        credits, usd = source.get("x-aimlapi-credits-used"), source.get("x-aimlapi-usd-spent")
    spent, dollars = _number(credits), _number(usd)
    if dollars is None:
        if spent is None:
            return None
        dollars = spent / CREDITS_PER_USD
    return Cost(usd=dollars, credits=None if spent is None else round(spent))


def _object(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _first(*values: Any) -> int | None:
    """The first of the values that is a count."""
    for value in values:
        if value is not None and (count := _count(value)) is not None:
            return count
    return None


def _larger(one: int | None, other: int | None) -> int | None:
    return max(one or 0, other or 0) if one is not None or other is not None else None


def _count(value: Any) -> int | None:
    if value is None or (value.__class__ is int and 0 <= value < _MOST):
        return value
    number = _number(value)
    return None if number is None else max(int(number), 0)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < _MOST else None  # nan and infinity are no counts
