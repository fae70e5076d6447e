"""HTTP clients that a user brings along: checked, and each with a retry budget of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aimlapi_transport.config.retry import RetryBudget
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.http._compat import is_client

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.http.proxies import Proxy

_retry_budgets: WeakKeyDictionary[httpx.Client | httpx.AsyncClient, RetryBudget] = WeakKeyDictionary()


def check_http_clients(**clients: object) -> None:
    """Refuses, as an InvalidRequestError, what is no client of httpx or httpx2: an async one where the name says so."""
    for name, client in clients.items():
        if client is not None:
            wanted = "AsyncClient" if "async" in name else "Client"
            if not is_client(client, wanted):
                kind = f"{type(client).__module__.partition('.')[0]}.{type(client).__name__}"
                raise InvalidRequestError(f"`{name}` is of type {kind}: pass an httpx.{wanted}.")


class UserClient:
    """The client of a user, in the place of a pool's."""

    proxy: Proxy | None = None  # the client's own business

    def __init__(self, client: Any) -> None:
        self.client = client
        self.retry_budget = _retry_budgets.setdefault(client, RetryBudget())

    def async_client(self) -> Any:
        return self.client
