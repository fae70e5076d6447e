"""Media calls of the frameworks: counted, kept within budgets, and answered to the language model of an agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aimlapi_transport import usage_totals
from aimlapi_transport.client_methods import Async, Blocking, client_method
from aimlapi_transport.errors import AIMLAPIError
from aimlapi_transport.media.methods import MediaMethods

if TYPE_CHECKING:  # imported by the first call
    import os

    from aimlapi_transport.media.tool_answers import Outcome, ToolAnswer
    from aimlapi_transport.media.values import MediaResult
    from aimlapi_transport.usage_totals import CountedCall

T = TypeVar("T")


class CountedMethods(MediaMethods):
    """The media methods, and those that count."""

    @client_method
    async def make_media(
        self,
        operation: str,
        model: str,
        arguments: Mapping[str, Any],
        *,
        call: CountedCall,
        wait_timeout: float | None = None,
    ) -> MediaResult:
        """What the method `operation` gives, counted by a framework and kept within its budget.

        Args:
            call: counts it; also what was paid where it failed, or where it is not waited for any longer.
        """
        return await self._counted(operation, model, arguments, call, wait_timeout)

    @client_method
    async def answer_tool(
        self,
        operation: str,
        model: str,
        chosen: Mapping[str, Any],
        *,
        parameters: Mapping[str, Any],
        call: CountedCall,
        waits: bool = True,
        wait_timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> ToolAnswer:
        """What a tool of an agent answers, counted by a framework.

        Args:
            chosen: what the language model chose: it may name files of this machine only in `save_to`.
            parameters: what is sent beside it.
            waits: whether what takes minutes is waited for; otherwise it is ordered, and counted at its quoted cost.
        """
        from aimlapi_transport.media.tool_arguments import check_addresses

        check_addresses(chosen, save_to)
        arguments = {**parameters, **chosen}
        if waits:
            return await self._answered(await self._counted(operation, model, arguments, call, wait_timeout), save_to)
        with call:
            await self._reserve(call, model, arguments)
            order = await self._media.submit(operation, model, arguments)
            call.count(model, usage_totals.used_by_order(order))
        return await self._answered(order, save_to)

    @client_method
    async def answer_status(self, reference: str, *, save_to: str | os.PathLike[str] | None = None) -> ToolAnswer:
        """What a tool of an agent answers that asks how far an order is."""
        from aimlapi_transport.media.generations import Generation

        return await self._answered(await self._media.status(Generation.from_reference(reference)), save_to)

    async def _answered(self, outcome: Outcome, save_to: str | os.PathLike[str] | None) -> ToolAnswer:
        from aimlapi_transport.media.tool_answers import result_of, tool_answer

        result = result_of(outcome)
        if save_to is None or result is None or not result.files:
            return tool_answer(outcome)
        try:
            return tool_answer(outcome, await self._media.save(result, save_to))
        except AIMLAPIError as error:
            return tool_answer(outcome, error=error)

    async def _counted(
        self, operation: str, model: str, arguments: Mapping[str, Any], call: CountedCall, wait_timeout: float | None
    ) -> MediaResult:
        with call:
            await self._reserve(call, model, arguments)
            result = await self._media.make(operation, model, arguments, wait_timeout=wait_timeout)
            call.count(model, usage_totals.used_by_media(result))
            return result

    async def _reserve(self, call: CountedCall, model: str, arguments: Mapping[str, Any]) -> None:
        """Sets aside what a call will cost, as far as the catalogue knows it."""
        if call.has_budget:
            from aimlapi_transport.media.prices import media_cost

            cost = media_cost(await self._pricing(model), arguments)
            call.reserve(None if cost is None else float(cost))


class SyncMedia(CountedMethods, Blocking):
    """The media endpoints of a `Client`."""

    async def _run(self, work: Callable[[], T]) -> T:
        return work()


class AsyncMedia(CountedMethods, Async):
    """The media endpoints of an `AsyncClient`."""

    async def _run(self, work: Callable[[], T]) -> T:
        import asyncio

        return await asyncio.to_thread(work)
