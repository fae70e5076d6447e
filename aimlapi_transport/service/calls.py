"""Requests to the service endpoints: how they are built, sent, read and kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.error_bodies import beginning
from aimlapi_transport.errors import AIMLAPIError, BadResponseError, RateLimitError
from aimlapi_transport.json_codec import JsonError, dumps, loads
from aimlapi_transport.request import Request
from aimlapi_transport.request_options import RequestOptions, request_of
from aimlapi_transport.service.catalogue import Model, filter_words, read_models
from aimlapi_transport.service.etag_cache import EtagCache

if TYPE_CHECKING:
    from aimlapi_transport.http.caller import Caller
    from aimlapi_transport.http.exchange import Exchange
    from aimlapi_transport.http.timeouts import Timeout

LOG_RATE = 200, 60.0  # requests and seconds


class ServiceCalls:
    """How a client sends requests to the service endpoints.

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
        self._log_requests: deque[float] = deque(maxlen=LOG_RATE[0])

    @property
    def base_url(self) -> str:
        """Of the host that is asked."""
        return self._client.base_url

    async def models(self, filters: Mapping[str, Any], timeout: Timeout, *, retries: bool = True) -> list[Model]:
        """The models these filters leave, by one request; none where a filter's value is unknown.

        The catalogue is kept on disk, and asked for by its ETag.
        """
        query = [(name, ",".join(words)) for name, value in filters.items() if (words := filter_words(name, value))]
        url = f"{self._client.base_url}/models?{urlencode(query)}"
        cached = self._cache.find(url)
        headers = (("if-none-match", cached[0]),) if cached else ()
        request = service_request("/models", query, needs_key=False, headers=headers)

        async def read(exchange: Exchange) -> Any:
            data = bytes(await exchange.read_all())
            if exchange.status == 304 and cached:
                return read_json(cached[1], exchange.scrub)
            payload = read_json(data, exchange.scrub)
            if (etag := exchange.headers.get("etag")) and etag.isascii() and etag.isprintable():
                self._cache.keep(url, etag, data)
            return payload

        payload = await self._client._call(self._with_settings(request), timeout, read, lambda error: retries)
        return read_models(payload)

    async def wait_for_log_rate(self) -> None:
        """Waits until the documented rate of /v2/logs allows another request, and counts it."""
        requests, seconds = LOG_RATE
        times = self._log_requests
        if len(times) == requests and (wait := times[0] + seconds - self._clock()) > 0:
            await self._client._pause(wait)
        times.append(self._clock())

    async def send_without_retry(
        self, method: str, path: str, body: Mapping[str, Any] | None, timeout: Timeout = None
    ) -> Any:
        """A request that changes something: never sent again where it may have been done.

        Errors keep nothing of a reply, which may hold a new key.
        """
        request = service_request(path, method=method, body=body)
        return await self._json(request, timeout, again=lambda error: isinstance(error, RateLimitError), secret=True)

    async def raw(self, request: Request, timeout: Timeout = None) -> bytes:
        """The body of a reply unchanged."""

        async def read(exchange: Exchange) -> bytes:
            return bytes(await exchange.read_all())

        return await self._client._call(self._with_settings(request), timeout, read)

    async def get(
        self,
        path: str,
        query: Sequence[tuple[str, str]],
        timeout: Timeout,
        *,
        at_root: bool = False,
        needs_key: bool = True,
    ) -> Any:
        """The JSON of an endpoint; see `service_request`."""
        request = service_request(path, query, at_root=at_root, needs_key=needs_key)
        return await self._json(request, timeout)

    async def _json(
        self,
        request: Request,
        timeout: Timeout,
        *,
        again: Callable[[AIMLAPIError], bool] = lambda error: True,
        secret: bool = False,
    ) -> Any:
        """The JSON of a reply.

        Args:
            again: whether an error is one after which the request may be sent again.
            secret: whether the reply may hold one, so that no error shows what it was.
        """

        async def read(exchange: Exchange) -> Any:
            return read_json(await exchange.read_all(), exchange.scrub, secret=secret)

        return await self._client._call(self._with_settings(request), timeout, read, again)

    def _with_settings(self, request: Request) -> Request:
        """The request with the client's own headers and query, as every other of its requests."""
        own = request_of("", b"", RequestOptions.for_host(self._client))
        return request._replace(headers=own.headers + request.headers, query=request.query + own.query)


def service_request(
    path: str,
    query: Sequence[tuple[str, str]] = (),
    *,
    method: str = "GET",
    body: Mapping[str, Any] | None = None,
    at_root: bool = False,
    needs_key: bool = True,
    headers: tuple[tuple[str, str], ...] = (),
) -> Request:
    """A request of a service endpoint.

    Args:
        at_root: whether the path is beside `/v1`.
        needs_key: whether the key is sent: the catalogue is public.
    """
    return Request(
        model="",
        profile=profile_for(""),
        body=b"" if body is None else dumps(dict(body)),
        path=path,
        query=tuple(query),
        method=method,
        at_root=at_root,
        needs_key=needs_key,
        headers=headers,
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
