"""What calls used and what they cost, summed by model: a context manager, and a handler to pass in `callbacks`.

with get_aimlapi_usage_callback() as used:
    chain.invoke("Hello")
print(used)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import LLMResult
from langchain_core.tracers.context import register_configure_hook

from aimlapi_transport.embeddings import Embeddings
from aimlapi_transport.service.prices import OUTPUT_LIMITS, TYPICAL_OUTPUT, known_price
from aimlapi_transport.usage_totals import ModelUsage, UsageTotals, used_by_embeddings
from langchain_aimlapi.errors import translated

__all__ = ["AIMLAPIUsageCallbackHandler", "ModelUsage", "get_aimlapi_usage_callback"]

_REMEMBERED = 4096  # runs already counted
_SECONDS = 5.0  # for a price


class AIMLAPIUsageCallbackHandler(UsageTotals, BaseCallbackHandler):
    """Sums what the calls used it is passed to: `model.invoke("Hi", config={"callbacks": [handler]})`.

    It may be shared between threads and event loops. A call that failed is not counted: nothing says what it used.

    Attributes:
        by_model: the sums of each model, by the name its replies give.
        usage_metadata: the same in the form of LangChain's own `UsageMetadataCallbackHandler`.
    """

    run_inline = True  # a sum needs no thread, and is whole when the call returns

    raise_error = True  # a budget that is passed stops the call

    def __init__(self, *, around: AIMLAPIUsageCallbackHandler | None = None, budget_usd: float | None = None) -> None:
        super().__init__(around=around, budget_usd=budget_usd)
        self._seen: dict[UUID, None] = {}
        self._heard_around = around

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

    def on_chat_model_start(
        self, serialized: dict[str, Any] | None, messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Sets aside what the call will cost, where there is a budget.

        Raises:
            BudgetExceededError: the call would pass it.
        """
        if not self.has_budget:
            return
        asked = kwargs.get("invocation_params") or {}
        model = str(asked.get("model") or asked.get("model_name") or "")
        pricing = known_price(model)
        if pricing is None:  # asked for once; an estimate is not worth waiting long
            from aimlapi_transport.client import Client  # and httpx with it

            held = (serialized or {}).get("kwargs") or {}
            pricing = Client(base_url=held.get("base_url"), preset=held.get("preset"), timeout=_SECONDS).pricing(model)
        limit = next((asked[name] for name in OUTPUT_LIMITS if isinstance(asked.get(name), int)), TYPICAL_OUTPUT)
        with translated():
            for conversation in messages:
                cost = pricing.cost(count_tokens_approximately(conversation), limit) if pricing else None
                self.reserve(run_id, model, None if cost is None else float(cost))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID | None = None, **kwargs: Any) -> None:
        """Adds one call."""
        message = _message(response)
        try:
            if message is not None:
                self._count(message, response, run_id)
        finally:
            self.release(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID | None = None, **kwargs: Any) -> None:
        """Gives back what a budget had set aside for the call."""
        self.release(run_id)

    def _count(self, message: AIMessage, response: LLMResult, run_id: UUID | None) -> None:
        if self._heard_around is not None:
            self._heard_around.on_llm_end(response, run_id=run_id)
        with self._lock:
            if run_id in self._seen:
                return  # heard of already, from a context inside this one
            if run_id is not None:
                self._seen[run_id] = None
                if len(self._seen) > _REMEMBERED:
                    del self._seen[next(iter(self._seen))]
        self._add_here(message.response_metadata.get("model_name"), used_by_message(message))


def used_by_message(message: AIMessage) -> ModelUsage:
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
    if handler is not None:
        handler.add(found.model or model, used_by_embeddings(found))


@contextmanager
def get_aimlapi_usage_callback(*, budget_usd: float | None = None) -> Iterator[AIMLAPIUsageCallbackHandler]:
    """Sums what all calls inside used: in chains, agents, threads of LangChain's own (`batch`) and asyncio tasks.

    Requests of `AIMLAPIEmbeddings` count, too: one call for each batch of texts.

    Contexts nest: a call counts in each that is open around it. Threads you start yourself begin without contexts:
    run them in `contextvars.copy_context()`, or pass the handler in `callbacks`.

    Args:
        budget_usd: US dollars that the calls inside may cost: the one that would pass them raises
            `BudgetExceededError` before it is sent. What a call will cost is estimated, at the catalogue's prices.
    """
    handler = AIMLAPIUsageCallbackHandler(around=_innermost.get(), budget_usd=budget_usd)
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
