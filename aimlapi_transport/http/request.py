"""A Request -> httpx's request; a response's head -> what it says of redirects, encoding and ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import httpx

from aimlapi_transport.chat.request import Request
from aimlapi_transport.config.settings import Secret, Settings
from aimlapi_transport.errors import BadResponseError
from aimlapi_transport.http._compat import content_encoding
from aimlapi_transport.http.timeouts import TimeLimits
from aimlapi_transport.version import __version__

MAX_REDIRECTS = 5
_ENCODINGS = ("", "identity", "gzip", "x-gzip", "deflate")  # what we ask for; one alone unpacks a thousandfold at most


def to_httpx(
    settings: Settings,
    own: httpx.Client | httpx.AsyncClient | None,
    request: Request,
    key: Secret,
    time_limits: TimeLimits,
    url: httpx.URL | None,
) -> httpx.Request:
    base = re.sub(r"/v\d+$", "", settings.base_url) if request.at_root else settings.base_url
    url = url or _url(base + request.path)
    if request.query:
        url = url.copy_merge_params(list(request.query))
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
    time_limits.check()
    limits = time_limits.timeouts()
    if own is not None:  # with the headers, cookies and query of its own
        query: Any = list(request.query) or None
        seconds = (limits.connect, limits.read, limits.write, limits.pool)  # as a tuple, httpx2 takes them as well
        return own.build_request(
            request.method, str(url), params=query, headers=headers, content=request.body, timeout=seconds
        )
    return httpx.Request(
        request.method, url, headers=headers, content=request.body, extensions={"timeout": limits.as_dict()}
    )


_url = lru_cache(maxsize=64)(httpx.URL)  # 30 us a call


def redirect(response: httpx.Response, scrub: Callable[[str], str]) -> httpx.URL | None:
    """Where to send the request again, None if this is no redirect; only within the same origin."""
    if response.status_code not in (301, 302, 303, 307, 308):
        return None
    here = httpx.URL(str(response.request.url))  # httpx2's are other objects
    try:
        target = here.join(response.headers.get("location", ""))
    except (httpx.InvalidURL, ValueError):
        raise BadResponseError(
            "The provider redirected to something that is no address.", status_code=response.status_code
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


def can_unpack(response: httpx.Response) -> bool:
    """Whether the body is packed in a way we asked for, and once: in layers, a kilobyte unpacks to a terabyte."""
    return content_encoding(response) in _ENCODINGS


def check_encoding(response: httpx.Response, scrub: Callable[[str], str]) -> None:
    """Raises `BadResponseError` for a body that is not to be unpacked."""
    if not can_unpack(response):
        name = scrub(response.headers["content-encoding"])[:80]
        raise BadResponseError(f"The reply's content-encoding is {name!r}; gzip or deflate, once, was asked for.")


def request_id_of(response: httpx.Response, scrub: Callable[[str], str]) -> str | None:
    found = response.headers.get("x-inference-id") or response.headers.get("x-request-id")
    return scrub(found) if found else None


def headers_of(response: httpx.Response) -> dict[str, str]:
    """The reply's headers, names in lower case; httpx's own mapping guesses the encoding at every look."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
