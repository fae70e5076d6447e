"""What calls used and what they cost, summed by model: a context manager, and a handler to pass in `callbacks`.

with get_aimlapi_usage_callback() as used:
    chain.invoke("Hello")
print(used)
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from aimlapi_transport.usage_totals import CountedCall, ModelUsage, UsageTotals, counting
from langchain_aimlapi._budget import note_start

__all__ = ["AIMLAPIUsageCallbackHandler", "ModelUsage", "get_aimlapi_usage_callback"]

_REMEMBERED = 4096  # runs already counted


class AIMLAPIUsageCallbackHandler(UsageTotals, BaseCallbackHandler):
    """Sums what the calls used it is passed to: `model.invoke("Hi", config={"callbacks": [handler]})`.

    It may be shared between threads and event loops. A call that failed is not counted: nothing says what it used.

    Attributes:
        by_model: the sums of each model, by the name its replies give.
        usage_metadata: the same in the form of LangChain's own `UsageMetadataCallbackHandler`.
    """

    run_inline = True  # a sum needs no thread, and is whole when the call returns

    def __init__(self, *, around: AIMLAPIUsageCallbackHandler | None = None, budget_usd: float | None = None) -> None:
        super().__init__(around=around, budget_usd=budget_usd)
        self._seen: dict[UUID, None] = {}
        self._heard_around = around
        self._open: set[Hashable] = set()

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
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Notes which run begins; the call sets aside what it will cost, where there is a budget."""
        if self.has_budget:
            self._open.add(run_id)
            note_start(self, run_id)

    def is_open(self, call: Hashable) -> bool:
        """Whether a run that began has not ended."""
        return call in self._open

    def release(self, call: Hashable) -> None:
        """Ends a run: gives back what is set aside for it. Takes no lock."""
        self._open.discard(call)
        super().release(call)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID | None = None, **kwargs: Any) -> None:
        """Adds one call."""
        message = _message(response)
        try:
            if message is not None:
                self._count(message, response, run_id)
        finally:
            self.release(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID | None = None, **kwargs: Any) -> None:
        """Gives back what a budget had set aside for the call; an answer that did not fit its class was paid, too."""
        answer = getattr(error, "answer", None)
        if isinstance(answer, AIMessage):
            self._count(answer, LLMResult(generations=[[ChatGeneration(message=answer)]]), run_id)
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
        self._add_here(message.response_metadata.get("model_name"), used_by_message(message), run_id)


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


def counted_call(model: str) -> CountedCall:
    """A request for embeddings or media, counted in the contexts around it: LangChain has no callbacks for these."""
    return CountedCall(model, _innermost.get())


def get_aimlapi_usage_callback(
    *, budget_usd: float | None = None
) -> AbstractContextManager[AIMLAPIUsageCallbackHandler]:
    """Sums what all calls inside used: in chains, agents, threads of LangChain's own (`batch`) and asyncio tasks.

    Requests of `AIMLAPIEmbeddings` count, too: one call for each batch of texts.

    Contexts nest: a call counts in each that is open around it. Threads you start yourself begin without contexts:
    run them in `contextvars.copy_context()`, or pass the handler in `callbacks`.

    Args:
        budget_usd: US dollars that the calls inside may cost, embeddings too: the one that would pass them raises
            `BudgetExceededError` before it is sent. What it will surely cost is counted, at the catalogue's prices.
    """
    return counting(_innermost, lambda around: AIMLAPIUsageCallbackHandler(around=around, budget_usd=budget_usd))


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
