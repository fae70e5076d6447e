"""What calls used and what they cost, summed by model; and an event of each request for embeddings.

with get_aimlapi_usage() as used:
    index.as_query_engine().query("Hello")
print(used)
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import llama_index_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]  # re-exported there
from llama_index.core.instrumentation.events import BaseEvent

from aimlapi_transport.usage_totals import CountedCall, ModelUsage, UsageTotals, counting, used_by_embeddings

if TYPE_CHECKING:
    from aimlapi_transport.embeddings import Embeddings

__all__ = [
    "AIMLAPIUsage",
    "EmbeddingUsage",
    "EmbeddingUsageEvent",
    "ModelUsage",
    "embedding_usage",
    "get_aimlapi_usage",
]

_dispatcher = get_dispatcher(__name__)


class AIMLAPIUsage(UsageTotals):
    """What calls of `AIMLAPI` and `AIMLAPIEmbedding` used, by model: tokens, and US dollars.

    Printed it is a table, and one in a notebook, too. A call that failed, or a stream that was left before its end, is
    not counted: nothing says what it used.

    Attributes:
        by_model: the sums of each model, by the name its replies give.
        total: the sum over all models.
    """


def get_aimlapi_usage(*, budget_usd: float | None = None) -> AbstractContextManager[AIMLAPIUsage]:
    """Sums what all calls begun inside used: chats, query engines, agents, embeddings (a call for each batch of texts).

    Blocks nest: a call counts in each that is open around it. Threads you start yourself begin without: run them in
    `contextvars.copy_context()`.

    Args:
        budget_usd: US dollars that the calls inside may cost, embeddings too: the one that would pass them raises
            `BudgetExceededError` before it is sent. What it will surely cost is counted, at the catalogue's prices.
    """
    return counting(_innermost, lambda around: AIMLAPIUsage(around=around, budget_usd=budget_usd))


_innermost: ContextVar[AIMLAPIUsage | None] = ContextVar("aimlapi_usage", default=None)


def counted_call(model: str) -> CountedCall:
    """A call, counted in the blocks around it."""
    return CountedCall(model, _innermost.get())


class EmbeddingUsageEvent(BaseEvent):
    """What a request for embeddings took, as the provider reports it: dispatched once for each answered request.

    Attributes:
        model_name: the id that was asked for.
        texts: how many were sent.
        tokens, cost_usd: None where the provider did not record.
        inference_id: the provider's id of the request.
    """

    model_name: str
    texts: int
    tokens: int | None = None
    cost_usd: float | None = None
    inference_id: str | None = None

    @classmethod
    def class_name(cls) -> str:
        """The event's name for LlamaIndex."""
        return "AIMLAPIEmbeddingUsageEvent"


class EmbeddingUsage(UsageTotals):
    """What embeddings alone used, in the same table.

    Attributes:
        by_model: under the id that was asked for.
    """

    @property
    def requests(self) -> int:
        """Requests that were answered."""
        return self.calls

    @property
    def tokens(self) -> int:
        """Tokens of all texts, as far as the provider reports it."""
        return self.total_tokens


_embedding: ContextVar[EmbeddingUsage | None] = ContextVar("aimlapi_embedding_usage", default=None)


def embedding_usage() -> AbstractContextManager[EmbeddingUsage]:
    """Sums up the tokens and the cost of all embeddings made inside, also in tasks and batches started inside.

    Blocks may be nested, and run side by side in threads and tasks: each counts what belongs to it.
    """
    return counting(_embedding, lambda around: EmbeddingUsage(around=around))


def record(model: str, embeddings: Embeddings) -> None:
    """Counts an answered request in every `embedding_usage` block around it, and dispatches the event."""
    if (usage := _embedding.get()) is not None:
        usage.add(model, used_by_embeddings(embeddings))
    _dispatcher.event(
        EmbeddingUsageEvent(
            model_name=model,
            texts=len(embeddings.vectors),
            tokens=embeddings.usage.total if embeddings.usage else None,
            cost_usd=embeddings.cost.usd if embeddings.cost else None,
            inference_id=embeddings.inference_id,
        )
    )
