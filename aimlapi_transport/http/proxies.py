"""How to connect by a route: proxy, TLS, socket options; and what the environment says of it."""

from __future__ import annotations

import importlib.util
import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from aimlapi_transport.config.settings import PROXY_SCHEMES
from aimlapi_transport.errors import InvalidRequestError

if TYPE_CHECKING:
    from aimlapi_transport.config.settings import Route

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_VARIABLES = (*_PROXIES, *(name.upper() for name in _PROXIES), *_CERTIFICATES)


class Proxy(NamedTuple):
    """A proxy that requests go through.

    Attributes:
        url: may hold a password.
        source: what names it: a variable of the environment, or `proxy`.
    """

    url: str
    source: str

    def __repr__(self) -> str:
        return f"Proxy({self.name!r}, {self.source!r})"

    @property
    def name(self) -> str:
        """For people to read: its address without credentials, and what names it."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}, set by {self.source}"


def connection_variables() -> tuple[str | None, ...]:
    """What httpx reads from the environment when it connects: a pool made under other values is another one."""
    return tuple([os.environ.get(name) for name in _VARIABLES])


def transport_options(route: Route, proxy: Proxy | None) -> dict[str, Any]:
    """The arguments of httpx's transports for a route."""
    import httpx

    from aimlapi_transport.http.connections import IDLE_SECONDS

    return {
        "verify": _tls_for(*(os.environ.get(name) for name in _CERTIFICATES)),
        "limits": httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS),
        "proxy": None if proxy is None else proxy.url,
        "socket_options": route.socket_options or None,
    }


@lru_cache(maxsize=4)
def _tls_for(*files: str | None) -> ssl.SSLContext:
    """One TLS context for all pools: reading the certificates costs more than a hundred requests."""
    import httpx

    try:
        return httpx.create_ssl_context()
    except OSError as error:  # which names no file; an ssl.SSLError is one, too
        given = {name: value for name, value in zip(_CERTIFICATES, files, strict=True) if value}
        named = [name for name, value in given.items() if not os.path.exists(value)] or list(given)
        if not named:
            raise
        reason = error.strerror or error
        raise InvalidRequestError(f"{' or '.join(named)} names certificates that cannot be read: {reason}.") from None


def proxy_for(route: Route) -> Proxy | None:
    """The proxy of a route: its own, or the one that the environment or the system names for its address.

    Raises:
        InvalidRequestError: it cannot be used; the message names the variable and what to do.
    """
    proxy = Proxy(route.proxy, "`proxy`") if route.proxy else environment_proxy(route.address)
    problem = None if proxy is None else proxy_problem(proxy)
    if problem is not None:
        raise InvalidRequestError(problem)
    return proxy


def environment_proxy(address: str) -> Proxy | None:
    """The proxy that the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) or the system names for an address.

    Source: https://docs.python.org/3/library/urllib.request.html#urllib.request.getproxies
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = urlsplit(address)
    kind = next((kind for kind in (url.scheme, "all") if proxies.get(kind)), None)
    if kind is None or proxy_bypass(url.netloc.rpartition("@")[2]) or proxy_bypass(url.hostname or ""):
        return None
    proxy = proxies[kind]
    return Proxy(proxy if "://" in proxy else f"http://{proxy}", _variable(f"{kind}_proxy", os.environ))


def _variable(name: str, environment: Mapping[str, str]) -> str:
    """The name under which a variable is set, in lower or upper case; else the system's settings name the proxy."""
    return next((each for each in (name, name.upper()) if environment.get(each)), "the system's settings")


def proxy_problem(proxy: Proxy) -> str | None:
    """Why a proxy cannot be used and what to do, as one sentence for people to read; None where it can."""
    try:
        url = urlsplit(proxy.url)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    if not host:
        return f"{proxy.source} names a proxy without a host: set it to a URL such as http://proxy.example.com:3128."
    if url.scheme not in PROXY_SCHEMES:
        instead = "socks5" if url.scheme.startswith("socks") else "http"
        return (
            f"{proxy.source} names a proxy by {url.scheme}://, which cannot be used: write {instead}:// in its place, "
            f"or another of {', '.join(f'{scheme}://' for scheme in PROXY_SCHEMES)}; or unset it."
        )
    if url.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        return (
            f"{proxy.source} names a SOCKS proxy, which needs the package socksio: "
            'install it with `pip install "httpx[socks]"`, or unset it.'
        )
    return None
