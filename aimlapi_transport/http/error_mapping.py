"""Errors of httpx, httpx2 and httpcore -> errors of ours, with nothing left in them that holds the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

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
    from aimlapi_transport.http.proxies import Proxy
    from aimlapi_transport.http.timeouts import TimeLimits

CONNECTION_FAILED = "The connection to the provider failed: "
_STEPS = {"ConnectTimeout": "connect", "PoolTimeout": "pool", "WriteTimeout": "write", "ReadTimeout": "read"}
_TRANSPORT_ERRORS = ("TransportError", "NetworkError", "ProtocolError", "ProxyError", "UnsupportedProtocol")


def to_aimlapi_error(
    error: Exception,
    scrub: Callable[[str], str],
    time_limits: TimeLimits | None = None,
    proxy: Proxy | None = None,
    *,
    has_begun: bool = False,
) -> AIMLAPIError:
    """The error of ours for one of httpx, httpx2 or httpcore: their classes have the same names.

    Theirs hold the request, and so the key: it is taken out of them.

    Args:
        time_limits: of the call; a timeout names the setting that was reached.
        has_begun: whether an event of the stream came before.
    """
    error.request = None  # type: ignore[attr-defined]  # httpx's hold it, and in it the key
    error.__traceback__ = error.__cause__ = error.__context__ = None
    names = error_names(error)
    is_of_connecting = not names.isdisjoint(("ConnectError", "ConnectTimeout", "ProxyError"))
    through = f" (through the proxy {proxy.name})" if proxy is not None and is_of_connecting else ""
    if "TimeoutException" in names:
        step = next((step for name, step in _STEPS.items() if name in names), "read")
        what = "connect" if step == "connect" else "answer"
        reason = "" if time_limits is None else f": {time_limits.reached(step, has_begun=has_begun)}"
        name = type(error).__name__
        timeout = APITimeoutError(scrub(f"The provider did not {what} in time ({name}){through}{reason}."))
        timeout.is_unsent = step in ("connect", "pool")
        return timeout
    if "DecodingError" in names or isinstance(error, BrokenEncodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if not names.isdisjoint(_TRANSPORT_ERRORS):
        text = scrub(f"{str(error).rstrip('.') or type(error).__name__}{through}")
        if "UnsupportedProtocol" in names:
            return InvalidRequestError(f"The address cannot be used: {text}.")
        untrusted = "certificate" in text.lower()
        advice = " Check the network and the address." if is_of_connecting else ""
        if untrusted:
            advice = " If a proxy of yours signs certificates, set `SSL_CERT_FILE` to its certificate."
        failure = APIConnectionError(f"{CONNECTION_FAILED}{text}.{advice}", is_retryable=not untrusted)
        failure.is_unsent = is_of_connecting
        return failure
    if "InvalidURL" in names:
        return InvalidRequestError(scrub(f"The address is not a valid URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def without_traceback(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


def is_broken(error: Exception) -> bool:
    """Whether an error is of httpx or beneath, or a body is not packed as it says."""
    return isinstance(error, BrokenEncodingError) or bool(error_names(error))
