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
from aimlapi_transport.http._compat import BrokenEncodingError, error_names

if TYPE_CHECKING:
    import httpx

    from aimlapi_transport.chat.reader import ReplyReader
    from aimlapi_transport.chat.request import Request

_TRANSPORT_ERRORS = ("TransportError", "NetworkError", "ProtocolError", "ProxyError", "UnsupportedProtocol")


def read_error(
    error: Exception, reader: ReplyReader, request: Request, scrub: Callable[[str], str]
) -> Exception | None:
    """The error of ours for one while reading a reply; a stream that broke off is incomplete.

    None where the connection broke or fell silent after a complete answer.
    """
    if is_broken(error):
        error = _own(error, scrub)
    if isinstance(error, APIConnectionError):
        if reader.has_answer:
            return None
        if isinstance(error, APITimeoutError):
            error.partial = reader.partial()
        elif request.stream and reader.count:
            return reader.incomplete(f"The connection broke ({error.message})")
    return error


class map_httpx_errors:
    """Turns httpx's errors into ours. Theirs hold the request, and so the key: it is taken out of them first."""

    def __init__(self, scrub: Callable[[str], str], url: httpx.URL | None = None) -> None:
        self._scrub = scrub
        self._url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if not isinstance(error, Exception) or not is_broken(error):
            return
        raise _own(error, self._scrub, self._url) from None


def _own(error: Exception, scrub: Callable[[str], str], url: httpx.URL | None = None) -> AIMLAPIError:
    """The error of ours, and nothing left in theirs that holds the key."""
    if getattr(error, "_request", None) is not None:
        error._request = None  # type: ignore[attr-defined]
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return _ours(error, scrub, url)


def _ours(error: Exception, scrub: Callable[[str], str], url: httpx.URL | None) -> AIMLAPIError:
    """The error of ours for one of httpx, httpx2 or httpcore: their classes have the same names."""
    names = error_names(error)
    if "TimeoutException" in names:
        what = "connect" if "ConnectTimeout" in names else "answer"
        return APITimeoutError(f"The provider did not {what} in time ({type(error).__name__}).")
    if "DecodingError" in names or isinstance(error, BrokenEncodingError):
        return BadResponseError(scrub(f"The reply's compression is broken: {error}."))
    if not names.isdisjoint(_TRANSPORT_ERRORS):
        return _connection_error(error, names, scrub, url)
    if "InvalidURL" in names:
        return InvalidRequestError(scrub(f"The address is no URL: {error}."))
    return APIConnectionError(scrub(f"The reply could not be read: {type(error).__name__}."))


def _connection_error(
    error: Exception, names: frozenset[str], scrub: Callable[[str], str], url: httpx.URL | None
) -> AIMLAPIError:
    text = scrub(str(error)) or type(error).__name__
    if "ConnectError" in names and url is not None:
        text += scrub(f" (on the way to {url.netloc.decode()})")  # the address may be the mistake
    if "UnsupportedProtocol" in names:
        return InvalidRequestError(f"The address cannot be used: {text}")
    untrusted = "certificate" in text.lower()
    return APIConnectionError(f"The connection to the provider failed: {text}", is_retryable=not untrusted)


def without_traceback(error: AIMLAPIError) -> AIMLAPIError:
    """The error without the frames beneath: their variables hold what the server sent, which may repeat the key."""
    return error.with_traceback(None)


def is_broken(error: Exception) -> bool:
    return isinstance(error, BrokenEncodingError) or bool(error_names(error))
