"""Errors of httpx, httpx2 and httpcore -> errors of ours, with nothing left in them that holds the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aimlapi_transport.errors import (
    AIMLAPIError,
    APIConnectionError,
    APITimeoutError,
    BadResponseError,
    InvalidRequestError,
)
from aimlapi_transport.http._compat import error_names
from aimlapi_transport.http.decoding import BrokenEncodingError

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.http.proxies import Proxy

_TRANSPORT_ERRORS = ("TransportError", "NetworkError", "ProtocolError", "ProxyError", "UnsupportedProtocol")


class map_httpx_errors:
    """Turns httpx's errors into ours. Theirs hold the request, and so the key: it is taken out of them first.

    Args:
        url: where the request goes, for errors of connecting.
        proxy: what it goes through, for the same.
    """

    def __init__(self, scrub: Callable[[str], str], url: httpx.URL | None = None, proxy: Proxy | None = None) -> None:
        self._scrub = scrub
        self._url = url
        self._proxy = proxy

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and is_broken(error):
            raise to_aimlapi_error(error, self._scrub, self._url, self._proxy) from None


def to_aimlapi_error(
    error: Exception, scrub: Callable[[str], str], url: httpx.URL | None = None, proxy: Proxy | None = None
) -> AIMLAPIError:
    """The error of ours for one of httpx, httpx2 or httpcore: their classes have the same names."""
    error.request = None  # type: ignore[attr-defined]  # httpx's hold it, and in it the key
    error.__traceback__ = error.__cause__ = error.__context__ = None
    names = error_names(error)
    on_the_way = _on_the_way(names, url, proxy)
    if "TimeoutException" in names:
        what = "connect" if "ConnectTimeout" in names else "answer"
        return APITimeoutError(scrub(f"The provider did not {what} in time ({type(error).__name__}){on_the_way}."))
    if "DecodingError" in names or isinstance(error, BrokenEncodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if not names.isdisjoint(_TRANSPORT_ERRORS):
        text = scrub(f"{str(error) or type(error).__name__}{on_the_way}")
        if "UnsupportedProtocol" in names:
            return InvalidRequestError(f"The address cannot be used: {text}")
        untrusted = "certificate" in text.lower()
        return APIConnectionError(f"The connection to the provider failed: {text}", is_retryable=not untrusted)
    if "InvalidURL" in names:
        return InvalidRequestError(scrub(f"The address is no URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def _on_the_way(names: frozenset[str], url: httpx.URL | None, proxy: Proxy | None) -> str:
    """Where connecting failed: the address, or the proxy, may be the mistake."""
    if names.isdisjoint(("ConnectError", "ConnectTimeout", "ProxyError")):
        return ""
    if proxy is not None:
        return f" (through the proxy {proxy.name})"
    return "" if url is None or "ConnectError" not in names else f" (on the way to {url.netloc.decode()})"


def without_traceback(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


def is_broken(error: Exception) -> bool:
    """Whether an error is of httpx or beneath, or a body is not packed as it says."""
    return isinstance(error, BrokenEncodingError) or bool(error_names(error))
