"""How httpx's transports are made for a route: proxy, TLS, limits of idle connections."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from aimlapi_transport.http.connections import IDLE_SECONDS
from aimlapi_transport.http.environment import CERTIFICATES

if TYPE_CHECKING:
    from aimlapi_transport.config.settings import Route


def transport_options(route: Route) -> dict[str, Any]:
    """The arguments of httpx's transports for a route."""
    limits = httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS)
    proxy = route.proxy or _environment_proxy(route.address)
    return {"verify": _tls(), "limits": limits, "proxy": proxy, "socket_options": route.socket_options or None}


def _environment_proxy(address: str) -> str | None:
    """URL of the proxy that the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY) or the system names for an address.

    Source: https://docs.python.org/3/library/urllib.request.html#urllib.request.getproxies
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    url = urlsplit(address)
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.rpartition("@")[2]) or proxy_bypass(url.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _tls() -> ssl.SSLContext:
    return _tls_for(*(os.environ.get(name) for name in CERTIFICATES))


@lru_cache(maxsize=4)
def _tls_for(*files: str | None) -> ssl.SSLContext:
    """One TLS context for all pools: reading the certificates costs more than a hundred requests."""
    return httpx.create_ssl_context()
