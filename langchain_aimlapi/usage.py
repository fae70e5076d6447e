"""What calls used and what they cost, summed by model: a context manager, and a handler to pass in `callbacks`.

with get_aimlapi_usage_callback() as used:
    chain.invoke("Hello")
print(used)
"""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from aimlapi_transport.embeddings import Embeddings

__all__ = ["AIMLAPIUsageCallbackHandler", "ModelUsage", "get_aimlapi_usage_callback"]

_PLACES = 12  # of a sum of dollars: past them is only what floats add to it
_REMEMBERED = 4096  # runs already counted
_UNNAMED = "unknown"  # a model whose reply names none


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What calls of a model used: tokens, and US dollars.

    Attributes:
        calls: answered calls, those LangChain's cache answered included.
        cached_calls: of them, those its cache answered: they used nothing and cost nothing.
        input_tokens, output_tokens, total_tokens: input includes cached, output includes reasoning.
        cache_read_tokens, cache_creation_tokens: of the input, read from and written to the provider's cache.
        reasoning_tokens: of the output.
        cost_usd: None where no call told its cost, 0.0 where those that did were free.
        unpriced_calls: calls that told no cost: `cost_usd` is short by theirs.
    """

    calls: int = 0
    cached_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float | None = None
    unpriced_calls: int = 0

    def __add__(self, other: ModelUsage) -> ModelUsage:
        sums = {name: getattr(self, name) + getattr(other, name) for name in _COUNTS}
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return ModelUsage(**sums, cost_usd=round(sum(costs), _PLACES) if costs else None)


_COUNTS = tuple(field.name for field in fields(ModelUsage) if field.name != "cost_usd")


class AIMLAPIUsageCallbackHandler(BaseCallbackHandler):
    """Sums what the calls used it is passed to: `model.invoke("Hi", config={"callbacks": [handler]})`.

    It may be shared between threads and event loops. A call that failed is not counted: nothing says what it used.

    Attributes:
        by_model: the sums of each model, by the name its replies give.
        usage_metadata: the same in the form of LangChain's own `UsageMetadataCallbackHandler`.
    """

    run_inline = True  # a sum needs no thread, and is whole when the call returns

    def __init__(self, *, around: AIMLAPIUsageCallbackHandler | None = None) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._by_model: dict[str, ModelUsage] = {}
        self._seen: dict[UUID, None] = {}
        self._around = around  # what counts here counts there, too

    @property
    def by_model(self) -> dict[str, ModelUsage]:
        """The sums of each model; a copy."""
        with self._lock:
            return dict(self._by_model)

    @property
    def total(self) -> ModelUsage:
        """The sum over all models."""
        return sum(self.by_model.values(), ModelUsage())

    @property
    def calls(self) -> int:
        """Answered calls."""
        return self.total.calls

    @property
    def input_tokens(self) -> int:
        """Tokens read, cached ones included."""
        return self.total.input_tokens

    @property
    def output_tokens(self) -> int:
        """Tokens written, reasoning included."""
        return self.total.output_tokens

    @property
    def total_tokens(self) -> int:
        """Tokens read and written."""
        return self.total.total_tokens

    @property
    def cost_usd(self) -> float | None:
        """US dollars; None where no call told its cost."""
        return self.total.cost_usd

    @property
    def usage_metadata(self) -> dict[str, dict[str, Any]]:
        """Token counts by model, as LangChain writes them."""
        return {
            model: {
                "input_tokens": used.input_tokens,
                "output_tokens": used.output_tokens,
                "total_tokens": used.total_tokens,
                "input_token_details": {
                    "cache_read": used.cache_read_tokens,
                    "cache_creation": used.cache_creation_tokens,
                },
                "output_token_details": {"reasoning": used.reasoning_tokens},
            }
            for model, used in self.by_model.items()
        }

    def on_llm_end(self, response: LLMResult, *, run_id: UUID | None = None, **kwargs: Any) -> None:
        """Adds one call."""
        message = _message(response)
        if message is None:
            return
        if self._around is not None:
            self._around.on_llm_end(response, run_id=run_id)
        model = str(message.response_metadata.get("model_name") or _UNNAMED)
        with self._lock:
            if run_id in self._seen:
                return  # heard of already, from a context inside this one
            if run_id is not None:
                self._seen[run_id] = None
                if len(self._seen) > _REMEMBERED:
                    del self._seen[next(iter(self._seen))]
            self._by_model[model] = self._by_model.get(model, ModelUsage()) + used_by(message)

    def add(self, model: str, used: ModelUsage) -> None:
        """Adds a call that LangChain tells no handler of, here and in the contexts around."""
        if self._around is not None:
            self._around.add(model, used)
        with self._lock:
            self._by_model[model] = self._by_model.get(model, ModelUsage()) + used

    def __str__(self) -> str:
        return "\n".join(_lines(self._rows()))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:right'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"

    def _rows(self) -> list[tuple[str, ...]]:
        sums = sorted(self.by_model.items())
        if len(sums) != 1:
            sums.append(("total", sum((used for _, used in sums), ModelUsage())))
        return [("model", "calls", "input", "cached", "output", "reasoning", "USD"), *(_row(*item) for item in sums)]


def used_by(message: AIMessage) -> ModelUsage:
    """What the call that gave this message used."""
    usage: dict[str, Any] = dict(message.usage_metadata or {})
    if usage.get("total_cost") == 0:  # LangChain's cache answered: it keeps the first call's counts, but sets this
        return ModelUsage(calls=1, cached_calls=1, cost_usd=0.0)
    inputs, outputs = usage.get("input_token_details") or {}, usage.get("output_token_details") or {}
    cost = message.response_metadata.get("cost_usd")
    return ModelUsage(
        calls=1,
        input_tokens=usage.get("input_tokens", 0),
        output_tokens=usage.get("output_tokens", 0),
        total_tokens=usage.get("total_tokens", 0),
        cache_read_tokens=inputs.get("cache_read") or 0,
        cache_creation_tokens=inputs.get("cache_creation") or 0,
        reasoning_tokens=outputs.get("reasoning") or 0,
        cost_usd=None if cost is None else float(cost),
        unpriced_calls=1 if cost is None else 0,
    )


def count_embeddings(model: str, found: Embeddings) -> None:
    """Adds a request for embeddings to the contexts around it: LangChain has no callbacks for embeddings."""
    handler = _innermost.get()
    if handler is None:
        return
    tokens = found.usage.total if found.usage else 0
    cost = found.cost
    used = ModelUsage(
        calls=1,
        input_tokens=tokens,
        total_tokens=tokens,
        cost_usd=None if cost is None else cost.usd,
        unpriced_calls=1 if cost is None else 0,
    )
    handler.add(found.model or model, used)


@contextmanager
def get_aimlapi_usage_callback() -> Iterator[AIMLAPIUsageCallbackHandler]:
    """Sums what all calls inside used: in chains, agents, threads of LangChain's own (`batch`) and asyncio tasks.

    Requests of `AIMLAPIEmbeddings` count, too: one call for each batch of texts.

    Contexts nest: a call counts in each that is open around it. Threads you start yourself begin without contexts:
    run them in `contextvars.copy_context()`, or pass the handler in `callbacks`.
    """
    handler = AIMLAPIUsageCallbackHandler(around=_innermost.get())
    token = _innermost.set(handler)
    try:
        yield handler
    finally:
        _innermost.reset(token)


# One hook for all contexts: LangChain keeps every hook for the life of the process.
_innermost: ContextVar[AIMLAPIUsageCallbackHandler | None] = ContextVar("aimlapi_usage", default=None)
register_configure_hook(_innermost, inheritable=True)


def _message(response: LLMResult) -> AIMessage | None:
    for generations in response.generations:
        for generation in generations:
            message = getattr(generation, "message", None)
            if isinstance(message, AIMessage):
                return message
    return None


def _row(model: str, used: ModelUsage) -> tuple[str, ...]:
    cost = "unknown" if used.cost_usd is None else f"{used.cost_usd:.6f}" + ("+" if used.unpriced_calls else "")
    counts = (used.calls, used.input_tokens, used.cache_read_tokens, used.output_tokens, used.reasoning_tokens)
    return (model, *(f"{count:,}" for count in counts), cost)


def _lines(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *numbers))
