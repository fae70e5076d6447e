"""A Request -> httpx's request; a response's head -> what it says about redirects, encoding and ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx

from aimlapi_transport.config.settings import Secret
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.http.timeouts import TimeLimits
from aimlapi_transport.version import __version__

if TYPE_CHECKING:
    from aimlapi_transport.request import Request

MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)


def to_httpx(
    client: httpx.Client | httpx.AsyncClient,
    base_url: str,
    request: Request,
    key: Secret,
    time_limits: TimeLimits,
    url: httpx.URL | None,
) -> httpx.Request:
    """The request as its client builds it: with the headers, cookies and query of the client's own.

    Args:
        url: where to send it instead, after a redirect.
    """
    url_class: Any = type(client.base_url)  # httpx2 takes no URL of httpx
    if url is None:
        base = re.sub(r"/v\d+$", "", base_url) if request.at_root else base_url
        address = _url(url_class, base + request.path)
    else:
        address = url_class(str(url))
    headers = {
        "authorization": f"Bearer {key.value}",
        "content-type": "application/json",
        "accept": "text/event-stream" if request.stream else "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": f"aimlapi-integrations/{__version__}",
    }
    if not request.needs_key:
        del headers["authorization"]
    for name, value in request.headers:
        headers[name.lower()] = value
    query: Any = list(request.query) or None
    return client.build_request(
        request.method,
        address,
        params=query,
        headers=headers,
        content=request.body,
        timeout=time_limits.timeouts(),
    )


@lru_cache(maxsize=256)
def _url(url_class: Any, address: str) -> Any:
    """The URL of an address, parsed once."""
    return url_class(address)


def host_of(base_url: str) -> str | None:
    """The host of an address, with its port where one is set, without user and password; None where it has none."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return None
    return url.netloc.decode("ascii", "replace") or None


def redirect(response: httpx.Response, scrub: Callable[[str], str]) -> httpx.URL:
    """Where to send the request again; only within the same origin."""
    here = httpx.URL(str(response.request.url))  # httpx2's are other objects
    try:
        target = here.join(response.headers.get("location", ""))
    except (httpx.InvalidURL, ValueError):
        raise BadResponseError(
            "The provider redirected to an invalid address.", status_code=response.status_code
        ) from None
    if (target.scheme, target.host, target.port) != (here.scheme, here.host, here.port):
        raise BadResponseError(
            f"The provider redirected to another host ({scrub(target.host)[:200]}); the key was not sent there.",
            status_code=response.status_code,
        )
    if response.status_code not in (307, 308):
        raise BadResponseError(
            f"The provider redirected with {response.status_code}, which would drop the request's body.",
            status_code=response.status_code,
        )
    return target
