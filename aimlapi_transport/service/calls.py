"""The calls of the service endpoints, each written once, as a coroutine; the clients give them their methods.

To add an endpoint, add its values beside `catalogue`, `billing` or `keys`, a call here, and a method to both clients.
Source: https://docs.aimlapi.com/api-references/service-endpoints
"""

from __future__ import annotations

import difflib
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from typing_extensions import TypedDict

from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.error_bodies import beginning
from aimlapi_transport.errors import (
    AIMLAPIError,
    BadResponseError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from aimlapi_transport.json_codec import JsonError, dumps, loads
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import query_pairs, request_headers
from aimlapi_transport.service import billing, catalogue, keys
from aimlapi_transport.service.etag_cache import EtagCache
from aimlapi_transport.surrogates import whole_text

if TYPE_CHECKING:
    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.http.timeouts import Timeout

T = TypeVar("T")
Words = str | Sequence[str] | None

INCLUDES = ("pricing", "modalities", "capabilities", "all")
MAX_METRICS = 100  # models in one request
PAGE = 100  # rows of a page, the most there are
LOG_RATE = 200, 60.0  # requests and seconds


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


# A filter -> what a model has of it.
_VALUES: Mapping[str, Callable[[catalogue.Model], Iterable[str]]] = {
    "id": lambda model: (model.id, *model.aliases),
    "type": lambda model: (model.type,),
    "tags": lambda model: model.tags,
    "modalities": lambda model: (*model.input_modalities, *model.output_modalities),
    "input_modalities": lambda model: model.input_modalities,
    "output_modalities": lambda model: model.output_modalities,
    "capabilities": lambda model: model.capabilities,
}


class ServiceCalls:
    """What a client does at the service endpoints.

    Args:
        client: whose settings, key and connections are used.
        cache: keeps the catalogue; by default on disk.
        clock: seconds that only grow; injected in tests.
    """

    def __init__(
        self, client: Caller, *, cache: EtagCache | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._cache = cache or EtagCache()
        self._clock = clock
        self._asked: deque[float] = deque(maxlen=LOG_RATE[0])

    @property
    def base_url(self) -> str:
        """Of the host that is asked."""
        return self._client.base_url

    # -- catalogue -----------------------------------------------------------------------------------------------------

    async def models(self, timeout: Timeout = None, **filters: Any) -> list[catalogue.Model]:
        for word in _words("include", filters.get("include")):
            if word not in INCLUDES:
                raise InvalidRequestError(f"`include` is {word!r}: pass some of {', '.join(INCLUDES)}.")
        found = await self.listed(filters, timeout)
        chosen = {name: _words(name, value) for name, value in filters.items() if name != "include" and value}
        if not found and chosen:
            await self._check_filters(chosen, timeout)
        return found

    async def listed(
        self, filters: Mapping[str, Any], timeout: Timeout, *, retries: bool = True
    ) -> list[catalogue.Model]:
        """The models these filters leave, by one request; none where a filter's value is unknown."""
        query = [(name, ",".join(words)) for name, value in filters.items() if (words := _words(name, value))]
        return catalogue.read_models(await self._cached("/models", query, timeout, retries=retries))

    async def _check_filters(self, chosen: Mapping[str, list[str]], timeout: Timeout) -> None:
        """Raises for a filter's value that no model has, which finds nothing for another reason than the others."""
        every = catalogue.read_models(await self._cached("/models", [("include", "all")], timeout))
        for name, words in chosen.items():
            known = sorted({value for model in every for value in _VALUES[name](model)})
            missing = [word for word in words if word.lower() not in {value.lower() for value in known}]
            if missing:
                raise InvalidRequestError(f"No model has the `{name}` {missing[0]!r}. {_nearest(missing[0], known)}")

    async def model(self, name: str, timeout: Timeout = None) -> catalogue.Model:
        request = service_request(
            f"/model/{quote(whole_text(name), safe='/')}", [("include", "all")], at_root=True, keyless=True
        )
        try:
            return catalogue.read_item(await self._json(request, timeout))
        except NotFoundError as error:
            every = catalogue.read_models(await self._cached("/models", [("include", "all")], timeout))
            known = [value for model in every for value in (model.id, *model.aliases)]
            raise NotFoundError(
                f"There is no model {name!r}. {_nearest(name, known)}", status_code=404, request_id=error.request_id
            ) from None

    async def metrics(self, names: Sequence[str], timeout: Timeout = None) -> list[catalogue.ModelMetrics]:
        found: list[catalogue.ModelMetrics] = []
        for start in range(0, len(names), MAX_METRICS):
            query = [("aliases", name) for name in names[start : start + MAX_METRICS]]
            request = service_request("/models/metrics", query, at_root=True, keyless=True)
            found += catalogue.read_metrics(await self._json(request, timeout))
        return found

    # -- account -------------------------------------------------------------------------------------------------------

    async def balance(self, timeout: Timeout = None) -> billing.Balance:
        try:
            return billing.read_balance(await self._json(service_request("/v2/billing", at_root=True), timeout))
        except (NotFoundError, PermissionDeniedError):  # the older endpoint, which tells credits
            return billing.read_balance(await self._json(service_request("/billing/balance"), timeout))

    async def usage(
        self,
        period: str | None,
        start: Any,
        end: Any,
        group_by: str | Sequence[str] | None,
        tz: str | None,
        key_prefix: str | None,
        timeout: Timeout,
    ) -> billing.UsageReport:
        query = [*billing.window(period, start, end), *billing.grouping(group_by, tz)]
        query += [("key_prefix", key_prefix)] if key_prefix else []
        return billing.read_usage(await self._json(service_request("/v2/usage/detail", query, at_root=True), timeout))

    async def transactions(
        self, filters: Sequence[tuple[str, str]], cursor: str | None, timeout: Timeout
    ) -> tuple[list[billing.Transaction], str | None]:
        """A page, and the cursor of the next."""
        query = [*filters, ("limit", str(PAGE)), *([("cursor", cursor)] if cursor else [])]
        payload = await self._json(service_request("/v2/billing/transactions", query, at_root=True), timeout)
        return billing.read_transactions(payload)

    async def logs(
        self, filters: Sequence[tuple[str, str]], offset: int, timeout: Timeout
    ) -> tuple[list[billing.LogEntry], bool]:
        """A page, and whether there are more; within the documented rate."""
        most, seconds = LOG_RATE
        if len(self._asked) == most and (wait := self._asked[0] + seconds - self._clock()) > 0:
            await self._client._pause(wait)
        self._asked.append(self._clock())
        query = [*filters, ("limit", str(PAGE)), ("offset", str(offset))]
        return billing.read_logs(await self._json(service_request("/v2/logs", query, at_root=True), timeout))

    # -- keys ----------------------------------------------------------------------------------------------------------

    async def key(self, timeout: Timeout = None) -> keys.Key:
        return keys.read_key(await self._json(service_request("/key"), timeout))

    async def list_keys(self, timeout: Timeout = None) -> list[keys.Key]:
        return keys.read_keys(await self._json(service_request("/keys"), timeout))

    async def create_key(self, body: Mapping[str, Any], timeout: Timeout = None) -> keys.NewKey:
        return keys.read_new_key(await self.send_without_retry("POST", "/keys", body, timeout))

    async def update_key(self, prefix: str, body: Mapping[str, Any], timeout: Timeout = None) -> keys.Key:
        return keys.read_key(await self.send_without_retry("PATCH", _key_path(prefix), body, timeout))

    async def delete_key(self, prefix: str, timeout: Timeout = None) -> bool:
        payload = await self.send_without_retry("DELETE", _key_path(prefix), None, timeout)
        row = payload.get("data") if isinstance(payload, dict) else None
        return isinstance(row, dict) and row.get("deleted") is True

    # -- sending -------------------------------------------------------------------------------------------------------

    async def send_without_retry(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout: Timeout = None
    ) -> Any:
        """A request that changes something: never sent again where it may have been done.

        Errors keep nothing of a reply, which may hold a new key.
        """
        request = service_request(path, method=method, body=body)
        return await self._json(request, timeout, again=lambda error: isinstance(error, RateLimitError), secret=True)

    async def raw(self, request: Request, timeout: Timeout = None) -> bytes:
        """The body of a reply as it came."""

        async def read(exchange: Exchange) -> bytes:
            return bytes(await exchange.read_all())

        return await self._client._call(self._with_settings(request), timeout, read)

    def _with_settings(self, request: Request) -> Request:
        """The request with the client's own headers and query, as every other of its requests."""
        headers = request_headers(self._client.headers, None)
        query = query_pairs(self._client.query)
        return request._replace(headers=headers + request.headers, query=request.query + query)

    async def _json(
        self,
        request: Request,
        timeout: Timeout,
        *,
        again: Callable[[AIMLAPIError], bool] = lambda error: True,
        secret: bool = False,
    ) -> Any:
        async def read(exchange: Exchange) -> Any:
            return read_json(await exchange.read_all(), exchange.scrub, secret=secret)

        return await self._client._call(self._with_settings(request), timeout, read, again)

    async def _cached(
        self, path: str, query: Sequence[tuple[str, str]], timeout: Timeout, *, retries: bool = True
    ) -> Any:
        """What the catalogue says; where it is as it was, what was kept of it."""
        url = f"{self._client.base_url}{path}?{urlencode(query)}"
        kept = self._cache.find(url)
        headers = {"if-none-match": kept[0]} if kept else {}
        request = service_request(path, query, keyless=True, headers=headers)

        async def read(exchange: Exchange) -> Any:
            data = bytes(await exchange.read_all())
            if exchange.status == 304 and kept:
                return read_json(kept[1], exchange.scrub)
            payload = read_json(data, exchange.scrub)
            if etag := exchange.headers().get("etag"):
                self._cache.keep(url, etag, data)
            return payload

        return await self._client._call(self._with_settings(request), timeout, read, lambda error: retries)


def service_request(
    path: str,
    query: Sequence[tuple[str, str]] = (),
    *,
    method: str = "GET",
    body: Mapping[str, Any] | None = None,
    at_root: bool = False,
    keyless: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request of a service endpoint.

    Args:
        at_root: whether the path is beside `/v1`.
        keyless: whether the key stays here: the catalogue is public.
    """
    return Request(
        model="",
        profile=profile_for(""),
        body=b"" if body is None else dumps(dict(body)),
        path=path,
        query=tuple(query),
        method=method,
        at_root=at_root,
        needs_key=not keyless,
        headers=request_headers(headers, None),
    )


def read_json(data: bytes | bytearray, scrub: Callable[[str], str], *, secret: bool = False) -> Any:
    """The JSON of a reply.

    Raises:
        BadResponseError: it is none: the page of a proxy or a captive portal, say.
    """
    try:
        return loads(data)
    except JsonError:
        kind = "an HTML page" if data.lstrip()[:1] == b"<" else "something that is not JSON"
        body = None if secret else beginning(data, 200, scrub)
        raise BadResponseError(f"The provider answered with {kind}.", body=body) from None


def _words(name: str, value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else list(value or ())
    if name != "include" and name not in _VALUES:
        raise InvalidRequestError(f"`{name}` is no filter of models: pass some of {', '.join(_VALUES)}.")
    return [word for word in words if word]


def _nearest(name: str, known: Sequence[str]) -> str:
    """A sentence that names the three nearest."""
    known = sorted(set(known))
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known[:3]
    return f"The nearest: {', '.join(found)}." if found else "There are none."


def _key_path(prefix: str) -> str:
    if not isinstance(prefix, str) or not prefix.strip():
        raise InvalidRequestError("The prefix of a key is missing: pass its first 8 characters.")
    return f"/keys/{quote(whole_text(prefix.strip()), safe='')}"
