"""The methods of both clients for the service endpoints; what they do is in `calls`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from aimlapi_transport.http.blocking import run_blocking

if TYPE_CHECKING:  # imported by the first call
    from decimal import Decimal

    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.http.timeouts import Timeout
    from aimlapi_transport.service.billing import Balance, LogEntry, Transaction, UsageReport
    from aimlapi_transport.service.calls import ModelFilters, ServiceCalls, Words
    from aimlapi_transport.service.catalogue import Model, ModelMetrics, Pricing
    from aimlapi_transport.service.keys import Key, KeyLimit, NewKey


class _Service:
    @cached_property
    def _service(self) -> ServiceCalls:
        from aimlapi_transport.service.calls import ServiceCalls

        return ServiceCalls(self)  # type: ignore[arg-type]  # a client, of which this is a part


class SyncService(_Service):
    """The service endpoints of a `Client`."""

    def models(self, *, timeout: Timeout = None, **filters: Unpack[ModelFilters]) -> list[Model]:
        """The models of the catalogue; needs no key. What was read once is kept on disk, and asked for by its ETag.

        Raises:
            InvalidRequestError: a filter that is none, or a value that no model has.
        """
        return run_blocking(self._service.models(timeout, **filters))

    def model(self, name: str, *, timeout: Timeout = None) -> Model:
        """One model, by its id or an alias, with all its fields; needs no key.

        Raises:
            NotFoundError: there is none of this name; it names the three nearest.
        """
        return run_blocking(self._service.model(name, timeout))

    def metrics(self, names: Sequence[str], *, timeout: Timeout = None) -> list[ModelMetrics]:
        """How fast these models answered everyone lately, a value for each endpoint; needs no key.

        Args:
            names: ids or aliases, as they are written in the catalogue.
        """
        return run_blocking(self._service.metrics(names, timeout))

    def pricing(self, model: str) -> Pricing | None:
        """The prices of a model; None where the catalogue does not tell them, or did not answer. Kept for an hour."""
        from aimlapi_transport.service.prices import PRICES, look_up

        service = self._service
        return PRICES.price((service.base_url, model), lambda: run_blocking(look_up(service, model)))

    def estimate_cost(self, request: Request, *, output_tokens: int | None = None) -> Decimal | None:
        """US dollars that a request will cost, at the catalogue's prices; None where the model has none for tokens.

        Args:
            request: of `request(...)`; its tokens are estimated, without those of pictures, sound and files.
            output_tokens: how long the answer will be; by default as long as the request allows, or 500 tokens.
        """
        from aimlapi_transport.service.prices import cost_of

        return cost_of(self.pricing(request.model), request, output_tokens)

    def sure_cost(self, request: Request) -> float | None:
        """US dollars that a budget sets aside for a request; None where the model has no price for tokens.

        Its input, and as much output as its limit allows, up to 500 tokens.
        """
        from aimlapi_transport.service.prices import sure_cost

        return sure_cost(self.pricing(request.model), request)

    def balance(self, *, timeout: Timeout = None) -> Balance:
        """What is left on the account, in US dollars."""
        return run_blocking(self._service.balance(timeout))

    def usage(
        self,
        period: str | None = None,
        *,
        start: Any = None,
        end: Any = None,
        group_by: str | Sequence[str] | None = None,
        tz: str | None = None,
        key_prefix: str | None = None,
        timeout: Timeout = None,
    ) -> UsageReport:
        """What the key spent in a window of at most 92 days, the last 30 by default.

        Args:
            period: the last hours or days: `24h`, `7d`.
            start, end: in its place, times in ISO 8601, or `date` and `datetime`; without a zone they are UTC.
            group_by: `day`, `model` or both.
            tz: the zone in which days begin and end, `Europe/Berlin` for example.
            key_prefix: of another key; needs a management key.

        Raises:
            InvalidRequestError: two windows, a window of more than 92 days, an unknown zone.
        """
        return run_blocking(self._service.usage(period, start, end, group_by, tz, key_prefix, timeout))

    def transactions(
        self,
        *,
        start: Any = None,
        end: Any = None,
        direction: str | None = None,
        type: str | None = None,
        timeout: Timeout = None,
    ) -> Iterator[Transaction]:
        """The money that came in and went out, page after page.

        Args:
            start, end: times in ISO 8601, or `date` and `datetime`.
            direction: `TOPUP` or `CHARGE`.
            type: PAYMENT, BONUS, REFUND, ADJUSTMENT, MODEL_USAGE, CREDITS_EXPIRED or INIT.
        """
        from aimlapi_transport.service.billing import transaction_filters

        filters = transaction_filters(start, end, direction, type)
        page, cursor = run_blocking(self._service.transactions(filters, None, timeout))
        yield from page
        while cursor is not None:
            page, cursor = run_blocking(self._service.transactions(filters, cursor, timeout))
            yield from page

    def logs(
        self,
        period: str | None = None,
        *,
        start: Any = None,
        end: Any = None,
        model: Words = None,
        status: Words = None,
        key_prefix: str | None = None,
        timeout: Timeout = None,
    ) -> Iterator[LogEntry]:
        """The key's requests, page after page, within the provider's rate of 200 requests a minute.

        Args:
            period, start, end, key_prefix: as in `usage`.
            model: ids or aliases.
            status: `succeeded` or `failed`.
        """
        from aimlapi_transport.service.billing import log_filters, window

        filters = [*window(period, start, end), *log_filters(model, status, key_prefix)]
        offset, more = 0, True
        while more:
            page, more = run_blocking(self._service.logs(filters, offset, timeout))
            yield from page
            offset += len(page)
            more = more and bool(page)

    def key(self, *, timeout: Timeout = None) -> Key:
        """What is known of the key that is used, but its secret."""
        return run_blocking(self._service.key(timeout))

    @property
    def keys(self) -> Keys:
        """The account's keys: needs a management key."""
        return Keys(self._service)


class Keys:
    """The keys of an account. Making, changing and deleting one is never tried again where it may have been done."""

    def __init__(self, service: ServiceCalls) -> None:
        self._service = service

    def list(self, *, timeout: Timeout = None) -> list[Key]:
        """All keys, without their secrets."""
        return run_blocking(self._service.list_keys(timeout))

    def create(
        self,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        limit: KeyLimit | None = None,
        timeout: Timeout = None,
    ) -> NewKey:
        """A new key; its `secret` is given this once, and is in no repr, log or exception.

        Args:
            scopes: `model:chat`, `model:embeddings`, ...; None for everything.
            limit: how much it may spend.
        """
        from aimlapi_transport.service.keys import key_body

        return run_blocking(self._service.create_key(key_body(name, scopes, limit), timeout))

    def update(
        self,
        prefix: str,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        limit: KeyLimit | None = None,
        disabled: bool | None = None,
        timeout: Timeout = None,
    ) -> Key:
        """Changes what is given of a key; the rest stays as it is."""
        from aimlapi_transport.service.keys import key_body

        body = key_body(name, scopes, limit, disabled=disabled)
        return run_blocking(self._service.update_key(prefix, body, timeout))

    def delete(self, prefix: str, *, timeout: Timeout = None) -> bool:
        """Deletes a key, also the one that is used; whether it is gone."""
        return run_blocking(self._service.delete_key(prefix, timeout))


class AsyncService(_Service):
    """The service endpoints of an `AsyncClient`: the methods of `Client`, awaited."""

    async def models(self, *, timeout: Timeout = None, **filters: Unpack[ModelFilters]) -> list[Model]:
        """As `Client.models`."""
        return await self._service.models(timeout, **filters)

    async def model(self, name: str, *, timeout: Timeout = None) -> Model:
        """As `Client.model`."""
        return await self._service.model(name, timeout)

    async def metrics(self, names: Sequence[str], *, timeout: Timeout = None) -> list[ModelMetrics]:
        """As `Client.metrics`."""
        return await self._service.metrics(names, timeout)

    async def pricing(self, model: str) -> Pricing | None:
        """As `Client.pricing`."""
        from aimlapi_transport.service.prices import PRICES, look_up

        service = self._service
        return await PRICES.aprice((service.base_url, model), lambda: look_up(service, model))

    async def estimate_cost(self, request: Request, *, output_tokens: int | None = None) -> Decimal | None:
        """As `Client.estimate_cost`."""
        from aimlapi_transport.service.prices import cost_of

        return cost_of(await self.pricing(request.model), request, output_tokens)

    async def sure_cost(self, request: Request) -> float | None:
        """As `Client.sure_cost`."""
        from aimlapi_transport.service.prices import sure_cost

        return sure_cost(await self.pricing(request.model), request)

    async def balance(self, *, timeout: Timeout = None) -> Balance:
        """As `Client.balance`."""
        return await self._service.balance(timeout)

    async def usage(
        self,
        period: str | None = None,
        *,
        start: Any = None,
        end: Any = None,
        group_by: str | Sequence[str] | None = None,
        tz: str | None = None,
        key_prefix: str | None = None,
        timeout: Timeout = None,
    ) -> UsageReport:
        """As `Client.usage`."""
        return await self._service.usage(period, start, end, group_by, tz, key_prefix, timeout)

    async def transactions(
        self,
        *,
        start: Any = None,
        end: Any = None,
        direction: str | None = None,
        type: str | None = None,
        timeout: Timeout = None,
    ) -> AsyncIterator[Transaction]:
        """As `Client.transactions`."""
        from aimlapi_transport.service.billing import transaction_filters

        filters = transaction_filters(start, end, direction, type)
        page, cursor = await self._service.transactions(filters, None, timeout)
        for one in page:
            yield one
        while cursor is not None:
            page, cursor = await self._service.transactions(filters, cursor, timeout)
            for one in page:
                yield one

    async def logs(
        self,
        period: str | None = None,
        *,
        start: Any = None,
        end: Any = None,
        model: Words = None,
        status: Words = None,
        key_prefix: str | None = None,
        timeout: Timeout = None,
    ) -> AsyncIterator[LogEntry]:
        """As `Client.logs`."""
        from aimlapi_transport.service.billing import log_filters, window

        filters = [*window(period, start, end), *log_filters(model, status, key_prefix)]
        offset, more = 0, True
        while more:
            page, more = await self._service.logs(filters, offset, timeout)
            for one in page:
                yield one
            offset += len(page)
            more = more and bool(page)

    async def key(self, *, timeout: Timeout = None) -> Key:
        """As `Client.key`."""
        return await self._service.key(timeout)

    @property
    def keys(self) -> AsyncKeys:
        """The account's keys: needs a management key."""
        return AsyncKeys(self._service)


class AsyncKeys:
    """As `Keys`, awaited."""

    def __init__(self, service: ServiceCalls) -> None:
        self._service = service

    async def list(self, *, timeout: Timeout = None) -> list[Key]:
        """As `Keys.list`."""
        return await self._service.list_keys(timeout)

    async def create(
        self,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        limit: KeyLimit | None = None,
        timeout: Timeout = None,
    ) -> NewKey:
        """As `Keys.create`."""
        from aimlapi_transport.service.keys import key_body

        return await self._service.create_key(key_body(name, scopes, limit), timeout)

    async def update(
        self,
        prefix: str,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
        limit: KeyLimit | None = None,
        disabled: bool | None = None,
        timeout: Timeout = None,
    ) -> Key:
        """As `Keys.update`."""
        from aimlapi_transport.service.keys import key_body

        return await self._service.update_key(prefix, key_body(name, scopes, limit, disabled=disabled), timeout)

    async def delete(self, prefix: str, *, timeout: Timeout = None) -> bool:
        """As `Keys.delete`."""
        return await self._service.delete_key(prefix, timeout)
