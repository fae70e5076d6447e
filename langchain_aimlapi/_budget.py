"""What a call will surely cost, set aside in the budgets among its callbacks: in its run, which a refusal ends."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from aimlapi_transport.usage_totals import UsageTotals

if TYPE_CHECKING:
    from langchain_core.callbacks.manager import BaseRunManager

    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.client import AsyncClient, Client

Budgets: TypeAlias = "tuple[tuple[UsageTotals, UUID], ...]"
"""The totals with a budget that hear of a run, and the run."""

# LangChain's `stream` gives `_stream` no run manager: a handler notes here which run begins, just before.
_begun: ContextVar[Budgets] = ContextVar("aimlapi_begun", default=())


def note_start(totals: UsageTotals, run_id: UUID) -> None:
    """Notes that a run begins of which these totals hear."""
    same = tuple(entry for entry in _begun.get() if entry[1] == run_id)
    _begun.set((*same, (totals, run_id)))


def reserve(run: BaseRunManager | None, client: Client, request: Request) -> None:
    """Sets aside what the call will cost in the budgets of the run that begins here; handlers give it back at its end.

    Asked for once, before anything else begins.

    Raises:
        BudgetExceededError: a budget would be passed.
    """
    if budgets := _budgets_of(run):
        _reserve(budgets, request.model, client.sure_cost(request))


async def areserve(run: BaseRunManager | None, client: AsyncClient, request: Request) -> None:
    """As `reserve`; the price is looked up without blocking."""
    if budgets := _budgets_of(run):
        _reserve(budgets, request.model, await client.sure_cost(request))


def _budgets_of(run: BaseRunManager | None) -> Budgets:
    noted = _begun.get()
    if noted:
        _begun.set(())
    if run is None:  # a run that ended without a call, as one that a cache answered, is none any more
        return tuple((totals, run_id) for totals, run_id in noted if totals.is_open(run_id)) if noted else ()
    return tuple((each, run.run_id) for each in run.handlers if isinstance(each, UsageTotals) and each.has_budget)


def _reserve(budgets: Budgets, model: str, cost: float | None) -> None:
    for totals, run_id in budgets:
        totals.reserve(run_id, model, cost)
