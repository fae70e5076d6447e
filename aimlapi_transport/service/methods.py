"""The service endpoints of both clients, each method written once: `Client` blocks, `AsyncClient` awaits.

To add an endpoint, add its values beside `catalogue`, `billing` or `keys`, and a method here.
Source: https://docs.aimlapi.com/api-references/service-endpoints
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from typing_extensions import TypedDict, Unpack

from aimlapi_transport import service
from aimlapi_transport.client_methods import Async, Blocking, PageReader, client_method, paged_method
from aimlapi_transport.errors import NotFoundError, PermissionDeniedError
from aimlapi_transport.surrogates import whole_text

if TYPE_CHECKING:  # imported by the first call
    from decimal import Decimal

    from aimlapi_transport.chat.request import Request
    from aimlapi_transport.http.timeouts import Timeout
    from aimlapi_transport.service.billing import Balance, LogEntry, Transaction, UsageReport
    from aimlapi_transport.service.calls import ServiceCalls
    from aimlapi_transport.service.catalogue import Model, ModelMetrics, Pricing
    from aimlapi_transport.service.keys import Key, KeyLimit, NewKey

Words = str | Sequence[str] | None

MAX_METRICS = 100  # models in one request
PAGE = 100  # rows of a page, the most there are


class ModelFilters(TypedDict, total=False):
    """What chooses among the models: OR within one, AND across them, whatever the case.

    Attributes:
        id: ids or aliases.
        type: endpoint types, `openai/chat-completions` for example.
        tags, capabilities: `playground:video`, `tools`, ...
        modalities: of input or of output; `input_modalities` and `output_modalities` of one of them.
        include: `pricing`, `modalities`, `capabilities`, or `all` for further fields of each.
    """

    id: Words
    type: Words
    tags: Words
    modalities: Words
    input_modalities: Words
    output_modalities: Words
    capabilities: Words
    include: Words


class ServiceMethods:
    """The service endpoints of a client."""

    @cached_property
    def _service(self) -> ServiceCalls:
        return service.calls.ServiceCalls(self)  # type: ignore[arg-type]  # a client, of which this is a part

    @client_method
    async def models(self, *, timeout: Timeout = None, **filters: Unpack[ModelFilters]) -> list[Model]:
        """The models of the catalogue; needs no key. What was read once is kept on disk, and asked for by its ETag.

        Raises:
            InvalidRequestError: a filter that is none, or a value that no model has.
        """
        models = await self._service.models(filters, timeout)
        if not models and filters.keys() - {"include"}:  # a value that no model has finds nothing, too
            service.catalogue.check_filters(filters, await self._service.models({"include": "all"}, timeout))
        return models

    @client_method
    async def model(self, name: str, *, timeout: Timeout = None) -> Model:
        """One model, by its id or an alias, with all its fields; needs no key.

        Raises:
            NotFoundError: there is none of this name; it names the three nearest.
        """
        path = f"/model/{quote(whole_text(name), safe='/')}"
        try:
            payload = await self._service.get(path, [("include", "all")], timeout, at_root=True, needs_key=False)
            return service.catalogue.read_item(payload)
        except NotFoundError as error:
            models = await self._service.models({"include": "all"}, timeout)
            nearest = service.catalogue.nearest(name, (one for model in models for one in (model.id, *model.aliases)))
            raise NotFoundError(
                f"There is no model {name!r}. {nearest}", status_code=404, request_id=error.request_id
            ) from None

    @client_method
    async def metrics(self, names: Sequence[str], *, timeout: Timeout = None) -> list[ModelMetrics]:
        """How fast these models answered everyone lately, a value for each endpoint; needs no key.

        Args:
            names: ids or aliases, as they are written in the catalogue.
        """
        metrics: list[ModelMetrics] = []
        for start in range(0, len(names), MAX_METRICS):
            query = [("aliases", name) for name in names[start : start + MAX_METRICS]]
            payload = await self._service.get("/models/metrics", query, timeout, at_root=True, needs_key=False)
            metrics += service.catalogue.read_metrics(payload)
        return metrics

    @client_method
    async def pricing(self, model: str) -> Pricing | None:
        """The prices of a model; None where the catalogue does not tell them, or did not answer. Kept for an hour."""
        calls, prices = self._service, service.prices
        look_up = partial(prices.look_up, calls, model)
        return await prices.PRICES.price((calls.base_url, model), look_up, is_async=isinstance(self, Async))

    _pricing = pricing.asynchronous

    @client_method
    async def estimate_cost(self, request: Request, *, output_tokens: int | None = None) -> Decimal | None:
        """US dollars that a request will cost, at the catalogue's prices; None where the model has none for tokens.

        Args:
            request: of `request(...)`; its tokens are estimated, without those of pictures, sound and files.
            output_tokens: how long the answer will be; by default as long as the request allows, or 500 tokens.
        """
        return service.prices.cost_of(await self._pricing(request.model), request, output_tokens)

    @client_method
    async def sure_cost(self, request: Request) -> float | None:
        """US dollars that a budget sets aside for a request; None where the model has no price for tokens.

        Its input, and as much output as its limit allows, up to 500 tokens.
        """
        return service.prices.sure_cost(await self._pricing(request.model), request)

    _sure_cost = sure_cost.asynchronous

    @client_method
    async def balance(self, *, timeout: Timeout = None) -> Balance:
        """What is left on the account, in US dollars."""
        try:
            payload = await self._service.get("/v2/billing", (), timeout, at_root=True)
        except (NotFoundError, PermissionDeniedError):  # the older endpoint, which tells credits
            payload = await self._service.get("/billing/balance", (), timeout)
        return service.billing.read_balance(payload)

    @client_method
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
        query = [*service.billing.window(period, start, end), *service.billing.grouping(group_by, tz)]
        query += [("key_prefix", key_prefix)] if key_prefix else []
        payload = await self._service.get("/v2/usage/detail", query, timeout, at_root=True)
        return service.billing.read_usage(payload)

    @paged_method
    def transactions(
        self,
        *,
        start: Any = None,
        end: Any = None,
        direction: str | None = None,
        type: str | None = None,
        timeout: Timeout = None,
    ) -> PageReader[Transaction]:
        """The money that came in and went out, page after page.

        Args:
            start, end: times in ISO 8601, or `date` and `datetime`.
            direction: `TOPUP` or `CHARGE`.
            type: PAYMENT, BONUS, REFUND, ADJUSTMENT, MODEL_USAGE, CREDITS_EXPIRED or INIT.
        """
        filters = service.billing.transaction_filters(start, end, direction, type)

        async def read_page(cursor: str | None) -> tuple[list[Transaction], str | None]:
            query = [*filters, ("limit", str(PAGE)), *([("cursor", cursor)] if cursor else [])]
            payload = await self._service.get("/v2/billing/transactions", query, timeout, at_root=True)
            return service.billing.read_transactions(payload)

        return read_page

    @paged_method
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
    ) -> PageReader[LogEntry]:
        """The key's requests, page after page, within the provider's rate of 200 requests a minute.

        Args:
            period, start, end, key_prefix: as in `usage`.
            model: ids or aliases.
            status: `succeeded` or `failed`.
        """
        filters = [
            *service.billing.window(period, start, end),
            *service.billing.log_filters(model, status, key_prefix),
        ]

        async def read_page(offset: int | None) -> tuple[list[LogEntry], int | None]:
            await self._service.wait_for_log_rate()
            query = [*filters, ("limit", str(PAGE)), ("offset", str(offset or 0))]
            payload = await self._service.get("/v2/logs", query, timeout, at_root=True)
            rows, has_more = service.billing.read_logs(payload)
            return rows, (offset or 0) + len(rows) if has_more and rows else None

        return read_page

    @client_method
    async def key(self, *, timeout: Timeout = None) -> Key:
        """What is known of the key that is used, but its secret."""
        return service.keys.read_key(await self._service.get("/key", (), timeout))


class SyncService(ServiceMethods, Blocking):
    """The service endpoints of a `Client`."""

    @property
    def keys(self) -> Keys:
        """The account's keys: needs a management key."""
        return Keys(self._service)


class AsyncService(ServiceMethods, Async):
    """The service endpoints of an `AsyncClient`."""

    @property
    def keys(self) -> AsyncKeys:
        """The account's keys: needs a management key."""
        return AsyncKeys(self._service)


class KeyMethods:
    """The keys of an account. Making, changing and deleting one is never retried where it may have been done."""

    def __init__(self, calls: ServiceCalls) -> None:
        self._calls = calls

    @client_method
    async def list(self, *, timeout: Timeout = None) -> list[Key]:
        """All keys, without their secrets."""
        return service.keys.read_keys(await self._calls.get("/keys", (), timeout))

    @client_method
    async def create(
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
        body = service.keys.key_body(name, scopes, limit)
        return service.keys.read_new_key(await self._calls.send_without_retry("POST", "/keys", body, timeout))

    @client_method
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
        """Changes what is given of a key; the rest stays as it is."""
        path, body = service.keys.key_path(prefix), service.keys.key_body(name, scopes, limit, disabled=disabled)
        return service.keys.read_key(await self._calls.send_without_retry("PATCH", path, body, timeout))

    @client_method
    async def delete(self, prefix: str, *, timeout: Timeout = None) -> bool:
        """Deletes a key, also the one that is used; whether it is gone."""
        path = service.keys.key_path(prefix)
        return service.keys.read_deleted(await self._calls.send_without_retry("DELETE", path, None, timeout))


class Keys(KeyMethods, Blocking):
    """The keys of an account, of a `Client`."""


class AsyncKeys(KeyMethods, Async):
    """The keys of an account, of an `AsyncClient`."""
